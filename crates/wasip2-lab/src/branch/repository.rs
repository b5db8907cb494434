//! The repository: the release where upstream has it, and a commit for each
//! patch.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use wasip2_ground::Console;
use wasip2_ground::process::quoted_tail;
use wasip2_series::git::{git, read};
use wasip2_series::series::PatchFile;
use wasip2_series::{Pristine, Series};

/// The tag of the released source.
pub const BASE: &str = "released";
/// The branch of the whole series.
pub const BRANCH: &str = "wasip2";

/// A repository with the branch of a series.
#[derive(Debug)]
pub struct Repository {
    /// Where it stands.
    pub path: PathBuf,
    /// The commit of the release.
    pub base: String,
    /// The commit of each patch, in order.
    pub commits: Vec<String>,
}

/// A branch of the repository.
#[derive(Clone, Debug, Serialize)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Its newest commit.
    pub commit: String,
    /// The branch or tag that its own commits begin at, or `None` where that
    /// is several branches' commits together.
    pub on: Option<String>,
    /// The branches that it depends on directly.
    pub depends: Vec<String>,
    /// The numbers of the patches that are its own.
    pub patches: Vec<String>,
    /// The file with its pull request's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PathBuf>,
}

impl Repository {
    /// Makes the repository in the empty directory `path`.
    pub fn make(
        path: &Path,
        series: &Series,
        pristine: &Pristine,
        console: &Console,
    ) -> Result<Repository> {
        git(path, ["init", "--quiet"]).read(console)?;
        git(path, ["fetch", "--quiet", "--no-tags"])
            .arg(&pristine.repository)
            .arg(BASE)
            .read(console)?;
        let prefix = prefix(series)?;
        git(path, ["read-tree"])
            .args((!prefix.is_empty()).then(|| format!("--prefix={prefix}/")))
            .arg("FETCH_HEAD")
            .read(console)?;
        let tree = read(path, &["write-tree"], console)?;
        let message = base_message(series, pristine);
        let base = read(path, &["commit-tree", &tree, "-m", &message], console)?;
        read(path, &["tag", BASE, &base], console)?;
        read(path, &["reset", "--quiet", "--hard", &base], console)?;
        read(path, &["checkout", "--quiet", "-b", BRANCH], console)?;
        let mut commits = Vec::new();
        for patch in &series.patches {
            apply(patch, &prefix, path, series, console)?;
            commits.push(read(path, &["rev-parse", "HEAD"], console)?);
        }
        Ok(Repository {
            path: path.to_owned(),
            base,
            commits,
        })
    }

    /// The commit that leads from `commit`'s parent to it, made on `onto`
    /// instead; nothing where the two conflict.
    pub fn pick(&self, commit: &str, onto: &str, console: &Console) -> Result<Option<String>> {
        let parent = read(&self.path, &["rev-parse", &format!("{commit}^")], console)?;
        if parent == onto {
            return Ok(Some(commit.to_owned()));
        }
        let merged = git(
            &self.path,
            [
                "-c",
                "merge.renames=false",
                "merge-tree",
                "--write-tree",
                "--merge-base",
                &parent,
                onto,
                commit,
            ],
        )
        .output(console)?;
        let said = String::from_utf8_lossy(&merged.stdout);
        match (merged.status.code(), said.lines().next()) {
            (Some(0), Some(tree)) => self.commit_as(commit, tree, onto, console).map(Some),
            (Some(1), _) => Ok(None),
            _ => bail!(
                "`git merge-tree` failed; it takes git 2.40{}",
                quoted_tail(&merged.stderr, 12)
            ),
        }
    }

    /// A commit of `tree` on `parent`, with author, date and message of
    /// `commit`.
    fn commit_as(
        &self,
        commit: &str,
        tree: &str,
        parent: &str,
        console: &Console,
    ) -> Result<String> {
        let shown = git(
            &self.path,
            ["show", "--no-patch", "--format=%an%n%ae%n%aI%n%B", commit],
        )
        .read(console)?;
        let mut parts = shown.splitn(4, '\n');
        let mut process = git(&self.path, ["commit-tree", tree, "-p", parent]);
        for field in ["NAME", "EMAIL", "DATE"] {
            let value = parts.next().context("a commit has an author and a date")?;
            process = process.env(format!("GIT_AUTHOR_{field}"), value);
            if field == "DATE" {
                process = process.env("GIT_COMMITTER_DATE", value);
            }
        }
        let message = parts.next().unwrap_or_default();
        let made = process.arg("-m").arg(message.trim_end()).read(console)?;
        Ok(made.trim().to_owned())
    }

    /// Names `commit`.
    pub fn branch(&self, name: &str, commit: &str, console: &Console) -> Result<()> {
        read(&self.path, &["branch", name, commit], console).map(drop)
    }
}

/// The crate's directory in upstream's repository.
fn prefix(series: &Series) -> Result<String> {
    let path = series.upstream.path.trim_matches('/');
    if path.split('/').any(|part| part == ".." || part == ".") {
        bail!(
            "the series.toml of {series} has `{path}` for upstream's path, which is not a directory in a repository"
        );
    }
    Ok(path.to_owned())
}

/// The message of the release's commit.
fn base_message(series: &Series, pristine: &Pristine) -> String {
    let commit = match &pristine.origin.commit {
        Some(commit) => commit.as_str(),
        None => "not named by the package",
    };
    format!(
        "Import {} {} as released\n\nThe source that the registry has, at its place in upstream's \
         repository.\n\nVersion: {}\nChecksum: {}\nUpstream-Repository: {}\nUpstream-Commit: \
         {commit}\n",
        series.name, series.version, series.version, series.checksum, series.upstream.repository
    )
}

fn apply(
    patch: &PatchFile,
    prefix: &str,
    repository: &Path,
    series: &Series,
    console: &Console,
) -> Result<()> {
    let output = git(
        repository,
        [
            "am",
            "--quiet",
            "--keep-cr",
            "--committer-date-is-author-date",
        ],
    )
    .args((!prefix.is_empty()).then(|| format!("--directory={prefix}")))
    .arg(&patch.path)
    .output(console)?;
    if !output.status.success() {
        bail!(
            "the patch {} of {series} does not apply; `cargo wasip2 apply {}` says where{}",
            patch.name,
            series.name,
            quoted_tail(&output.stderr, 12)
        );
    }
    Ok(())
}
