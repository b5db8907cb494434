//! A bump that is under way: a repository with the old release, the series on
//! it, and the new release, to which patch after patch is picked.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::resolution;
use super::shared::Attachment;
use wasip2_ground::files::write_whole;
use wasip2_ground::process::quoted_tail;
use wasip2_ground::{Console, Home, Unfinished};
use wasip2_series::git::{apply, git, read};
use wasip2_series::{Pristine, Release, Series};

/// The tag of the new release.
pub const RELEASED: &str = "released";
/// Where it is kept what other lines are to take.
const ATTACHMENTS: &str = "attachments.json";
/// How much of a conflict is shown.
const SHOWN_LINES: usize = 60;

/// A bump that is under way.
#[derive(Debug)]
pub struct Work {
    /// Its directory.
    directory: PathBuf,
    /// What is kept of it.
    pub state: State,
    /// Keeps other processes out.
    _lock: File,
}

/// What is kept of a bump between two runs of the tool.
#[derive(Debug, Deserialize, Serialize)]
pub struct State {
    /// The crate.
    pub name: String,
    /// The series' directory.
    pub series: PathBuf,
    /// [`Series::digest`] of the series as it was at the start.
    pub digest: String,
    /// The release that the series was for.
    pub from: Version,
    /// The release that it is carried over to.
    pub to: Version,
    /// The new release's checksum.
    pub checksum: String,
    /// The new release's git tree.
    pub tree: String,
    /// The patches' file names and their commits on the old release.
    pub patches: Vec<(String, String)>,
    /// What became of each patch so far.
    pub outcomes: Vec<Outcome>,
    /// The newest commit on the new release.
    pub head: String,
    /// The files in which the next patch conflicts, if it was tried.
    pub conflict: Option<Vec<String>>,
}

/// What became of a patch.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Outcome {
    /// Its file's name.
    pub patch: String,
    /// Whether and how it is on the new release.
    pub outcome: Kind,
}

/// The ways in which a patch can be on the new release.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It merged by itself.
    Applies,
    /// It merged once a conflict was resolved.
    Resolved,
    /// The release has all of it.
    Upstream,
}

impl Work {
    /// An error where a bump of `series` is under way already.
    pub fn refuse_second(series: &Series, home: &Home) -> Result<()> {
        let directory = home.directory("bump")?.join(name(series));
        ensure!(
            !directory.exists(),
            "a bump of {} is under way in {}\n  finish it with `cargo wasip2 bump --continue`, or \
             give it up with `--abort`",
            series.name,
            directory.display()
        );
        Ok(())
    }

    /// Makes the repository.
    pub fn start(
        series: &Series,
        release: &Release,
        old: &Pristine,
        new: &Pristine,
        home: &Home,
        console: &Console,
    ) -> Result<Work> {
        let lock = home.lock(&format!("bump-{}", name(series)), console)?;
        Work::refuse_second(series, home)?;
        console.status("Bumping", format!("{series} to {}", release.version));
        let parent = home.directory("bump")?;
        let unfinished = Unfinished::new(&parent)?;
        let repository = unfinished.whole().join("work");
        let patches = repository_of(series, &repository, old, new, console)?;
        let state = State {
            name: series.name.clone(),
            series: std::path::absolute(&series.directory)?,
            digest: series.digest()?,
            from: series.version.clone(),
            to: release.version.clone(),
            checksum: new.origin.checksum.clone(),
            tree: new.origin.tree.clone(),
            patches,
            outcomes: Vec::new(),
            head: read(&repository, &["rev-parse", "HEAD"], console)?,
            conflict: None,
        };
        save(&unfinished.whole(), &state)?;
        let directory = parent.join(name(series));
        unfinished.put(&directory)?;
        Ok(Work {
            directory,
            state,
            _lock: lock,
        })
    }

    /// The bump of `krate` that is under way, or the only one.
    pub fn under_way(krate: Option<&str>, home: &Home, console: &Console) -> Result<Work> {
        let mut found = Vec::new();
        for entry in fs::read_dir(home.directory("bump")?)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let wanted = krate.is_none_or(|krate| {
                name == krate
                    || name
                        .split_once('@')
                        .is_some_and(|(crate_, _)| crate_ == krate)
            });
            if wanted && !name.starts_with('.') {
                found.push(name);
            }
        }
        found.sort();
        let name = match found.as_slice() {
            [] => bail!(
                "no bump{} is under way",
                krate
                    .map(|krate| format!(" of {krate}"))
                    .unwrap_or_default()
            ),
            [name] => name,
            several => bail!("several bumps are under way: say {}", several.join(" or ")),
        };
        let lock = home.lock(&format!("bump-{name}"), console)?;
        let directory = home.directory("bump")?.join(name);
        let state = fs::read(directory.join("state.json"))
            .map_err(anyhow::Error::from)
            .and_then(|text| Ok(serde_json::from_slice(&text)?))
            .with_context(|| {
                format!(
                    "the bump in {} cannot go on; remove it",
                    directory.display()
                )
            })?;
        Ok(Work {
            directory,
            state,
            _lock: lock,
        })
    }

    /// The repository, where conflicts are resolved.
    pub fn repository(&self) -> PathBuf {
        self.directory.join("work")
    }

    /// What this bump is about, for a person.
    pub fn title(&self) -> String {
        let State { name, from, to, .. } = &self.state;
        format!("{name} v{from} to v{to}")
    }

    /// Takes the resolution of a conflict, or cleans up after an interruption.
    pub fn resume(&mut self, console: &Console) -> Result<()> {
        self.refuse_changed_series()?;
        let repository = self.repository();
        let _ = fs::remove_file(repository.join(".git/index.lock"));
        let Some(conflict) = self.state.conflict.clone() else {
            read(
                &repository,
                &["reset", "--quiet", "--hard", &self.state.head],
                console,
            )?;
            return Ok(());
        };
        let (patch, commit) = self.state.patches[self.state.outcomes.len()].clone();
        resolution::check(&repository, &conflict, &self.state.head, console)
            .with_context(|| format!("the conflict of {patch} is not resolved"))?;
        let kind = match self.commit(&commit, console)? {
            Kind::Applies => Kind::Resolved,
            other => other,
        };
        self.done(&patch, kind, console)
    }

    /// Picks the patches that are left; gives back the first conflict.
    pub fn advance(&mut self, console: &Console) -> Result<Option<String>> {
        let repository = self.repository();
        while self.state.outcomes.len() < self.state.patches.len() {
            let (patch, commit) = self.state.patches[self.state.outcomes.len()].clone();
            let picked = git(
                &repository,
                [
                    "-c",
                    "merge.conflictStyle=diff3",
                    "cherry-pick",
                    "--no-commit",
                    "--allow-empty",
                    &commit,
                ],
            )
            .output(console)?;
            if picked.status.success() {
                let kind = self.commit(&commit, console)?;
                self.done(&patch, kind, console)?;
                continue;
            }
            let conflict = resolution::conflicted(&repository, console)?;
            ensure!(
                !conflict.is_empty(),
                "git could not pick {patch}{}",
                quoted_tail(&picked.stderr, 12)
            );
            self.state.conflict = Some(conflict);
            save(&self.directory, &self.state)?;
            return self.explain(&patch, console).map(Some);
        }
        Ok(None)
    }

    /// Keeps what other lines are to take, for whoever goes on after an
    /// interruption.
    pub fn keep_attachments(&self, attachments: Vec<Attachment>) -> Result<()> {
        let text = serde_json::to_vec_pretty(&attachments)?;
        write_whole(&self.directory.join(ATTACHMENTS), &text)
    }

    /// What was kept of that.
    pub fn attachments(&self) -> Result<Vec<Attachment>> {
        let path = self.directory.join(ATTACHMENTS);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is not as it was written", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => {
                Err(error).with_context(|| format!("{} could not be read", path.display()))
            }
        }
    }

    /// Removes everything that was made for it; nothing of it is under its name
    /// any more if that is broken off.
    pub fn forget(self) -> Result<()> {
        let parent = self.directory.parent().context("it is in the home")?;
        let gone = Unfinished::new(parent)?;
        fs::rename(&self.directory, gone.scratch("gone"))
            .with_context(|| format!("{} could not be removed", self.directory.display()))
    }

    /// An error where someone has changed the series meanwhile.
    pub fn refuse_changed_series(&self) -> Result<()> {
        let series = Series::read(&self.state.series)?;
        ensure!(
            series.digest()? == self.state.digest,
            "the series in {} has changed since the bump began; give the bump up with `cargo \
             wasip2 bump --abort`, and begin again",
            self.state.series.display()
        );
        Ok(())
    }

    /// Commits what is in the index, as `commit`; nothing if that is nothing.
    fn commit(&self, commit: &str, console: &Console) -> Result<Kind> {
        let repository = self.repository();
        if read(&repository, &["rev-parse", "HEAD"], console)? != self.state.head {
            // Someone has resolved it and committed; the message is theirs.
            return Ok(Kind::Applies);
        }
        let unchanged =
            git(&repository, ["diff", "--cached", "--quiet", "HEAD"]).output(console)?;
        if unchanged.status.success() {
            return Ok(Kind::Upstream);
        }
        read(
            &repository,
            &[
                "commit",
                "--quiet",
                "--no-verify",
                "--reuse-message",
                commit,
            ],
            console,
        )?;
        Ok(Kind::Applies)
    }

    fn done(&mut self, patch: &str, outcome: Kind, console: &Console) -> Result<()> {
        let (verb, word) = match outcome {
            Kind::Applies => ("Applies", ""),
            Kind::Resolved => ("Resolved", ""),
            Kind::Upstream => (
                "Upstream",
                ", which is in the release already, and is dropped",
            ),
        };
        console.status(verb, format!("{patch}{word}"));
        self.state.outcomes.push(Outcome {
            patch: patch.to_owned(),
            outcome,
        });
        self.state.head = read(&self.repository(), &["rev-parse", "HEAD"], console)?;
        self.state.conflict = None;
        save(&self.directory, &self.state)
    }

    /// The conflict, and what to do about it.
    fn explain(&self, patch: &str, console: &Console) -> Result<String> {
        let repository = self.repository();
        let hunks = git(&repository, ["diff", "--diff-filter=U"]).read(console)?;
        let states =
            git(&repository, ["status", "--short", "--untracked-files=no"]).read(console)?;
        let deleted = states
            .lines()
            .filter(|line| line.starts_with("DU") || line.starts_with("UD"));
        let lines: Vec<&str> = deleted.chain(hunks.lines()).collect();
        let mut text = format!(
            "{patch} conflicts with {} v{}:\n",
            self.state.name, self.state.to
        );
        for line in lines.iter().take(SHOWN_LINES) {
            text.push_str(&format!("\n  {line}"));
        }
        if lines.len() > SHOWN_LINES {
            text.push_str(&format!(
                "\n  ... {} more lines: `git diff` shows all",
                lines.len() - SHOWN_LINES
            ));
        }
        text.push_str(&format!(
            "\n\n  resolve it in {}\n  then `cargo wasip2 bump --continue`, or give it up with \
             `cargo wasip2 bump --abort`; the series is unchanged so far",
            repository.display()
        ));
        Ok(text)
    }
}

/// The directory's name: `tokio@1.54`.
fn name(series: &Series) -> String {
    format!("{}@{}", series.name, series.line)
}

/// Makes a repository with the old release, the series on it and, checked out,
/// the new release; gives back the patches' commits.
fn repository_of(
    series: &Series,
    repository: &Path,
    old: &Pristine,
    new: &Pristine,
    console: &Console,
) -> Result<Vec<(String, String)>> {
    fs::create_dir(repository)?;
    git(repository, ["init", "--quiet"]).read(console)?;
    for (pristine, tag) in [(old, "released-before"), (new, RELEASED)] {
        git(repository, ["fetch", "--quiet", "--no-tags"])
            .arg(&pristine.repository)
            .arg(format!("refs/tags/released:refs/tags/{tag}"))
            .read(console)?;
    }
    read(
        repository,
        &["checkout", "--quiet", "-b", "before", "released-before"],
        console,
    )?;
    let mut patches = Vec::new();
    for patch in &series.patches {
        if let Some(said) = apply(repository, &patch.path, console)? {
            bail!(
                "the patch {} does not apply to {series}, which it is for; `cargo wasip2 apply \
                 {}` says where{said}",
                patch.name,
                series.name
            );
        }
        let commit = read(repository, &["rev-parse", "HEAD"], console)?;
        patches.push((patch.name.clone(), commit));
    }
    read(
        repository,
        &["checkout", "--quiet", "-b", "wasip2", RELEASED],
        console,
    )?;
    // Whoever builds in there to see what is right leaves these behind.
    fs::create_dir_all(repository.join(".git/info"))?;
    fs::write(
        repository.join(".git/info/exclude"),
        "/target\n/Cargo.lock\n",
    )?;
    Ok(patches)
}

fn save(directory: &Path, state: &State) -> Result<()> {
    write_whole(
        &directory.join("state.json"),
        &serde_json::to_vec_pretty(state)?,
    )
}
