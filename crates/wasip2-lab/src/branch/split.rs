//! Which patches depend on which, and a branch for each of them.
//!
//! A patch depends on earlier ones that the series names (`needs`), and on
//! those without which it conflicts. These are found by trying: first on the
//! release with nothing but what it needs; if that conflicts, then on all
//! earlier patches, of which one after the other is left out, the newest
//! first, for as long as there is no conflict. What then is left is a set that
//! the patch merges upon, and from which nothing can be taken.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, bail, ensure};

use super::repository::{BASE, BRANCH, Branch, Repository};
use wasip2_ground::Console;
use wasip2_series::{Patch, Series};

/// Patches by their place in the series. With each patch, the sets that occur
/// here hold all that it depends on.
type Set = BTreeSet<usize>;

/// Finds dependences, with the commits that were made for it.
struct Splitter<'a> {
    repository: &'a Repository,
    console: &'a Console,
    /// What each patch depends on, directly or not.
    below: Vec<Set>,
    /// The commit that has the patches of a set, or none if they conflict.
    commits: HashMap<Set, Option<String>>,
}

/// Makes a branch for each patch of the series.
pub fn branches(
    series: &Series,
    patches: &[Patch],
    repository: &Repository,
    console: &Console,
) -> Result<Vec<Branch>> {
    let mut splitter = Splitter {
        repository,
        console,
        below: Vec::new(),
        commits: HashMap::new(),
    };
    let names: Vec<String> = patches.iter().map(name).collect();
    let mut branches = Vec::new();
    for (index, patch) in patches.iter().enumerate() {
        let needs = needed(series, patch, patches)?;
        let below = splitter.dependences(index, &needs)?;
        splitter.below.push(below.clone());
        let direct = splitter.direct(&below);
        let Some(commit) = splitter.commit(&with(&below, index))? else {
            bail!("{} conflicts with its own dependences", patch.subject);
        };
        repository.branch(&names[index], &commit, console)?;
        branches.push(Branch {
            name: names[index].clone(),
            commit,
            on: splitter.stack(&direct, &names),
            depends: direct.iter().map(|&other| names[other].clone()).collect(),
            patches: vec![patch.number.clone()],
            pull_request: None,
        });
    }
    Ok(branches)
}

/// A branch's name: `wasip2-0001-what-it-does`.
pub fn name(patch: &Patch) -> String {
    format!("{BRANCH}-{}-{}", patch.number, patch.slug())
}

/// What the series itself says that a patch needs.
fn needed(series: &Series, patch: &Patch, patches: &[Patch]) -> Result<Set> {
    let Some(note) = series.notes.get(&patch.number) else {
        return Ok(Set::new());
    };
    let mut needed = Set::new();
    for number in &note.needs {
        let place = patches.iter().position(|other| other.number == *number);
        ensure!(
            place.is_some() && *number < patch.number,
            "the series.toml of {series} says that {} needs {number}, which is not an earlier patch",
            patch.number
        );
        needed.extend(place);
    }
    Ok(needed)
}

impl Splitter<'_> {
    /// The patches below `index`: those in `needs`, and what else it conflicts
    /// without.
    fn dependences(&mut self, index: usize, needs: &Set) -> Result<Set> {
        let needs = self.closed(needs);
        if self.merges(index, &needs)? {
            return Ok(needs);
        }
        let mut below: Set = (0..index).collect();
        for left_out in (0..index).rev() {
            if !below.contains(&left_out) || needs.contains(&left_out) {
                continue;
            }
            let fewer: Set = below
                .iter()
                .copied()
                .filter(|&other| other != left_out && !self.below[other].contains(&left_out))
                .collect();
            if needs.is_subset(&fewer) && self.merges(index, &fewer)? {
                below = fewer;
            }
        }
        Ok(below)
    }

    /// A set with everything that its members depend on.
    fn closed(&self, set: &Set) -> Set {
        let below = set.iter().flat_map(|&member| &self.below[member]);
        set.iter().chain(below).copied().collect()
    }

    fn merges(&mut self, index: usize, below: &Set) -> Result<bool> {
        Ok(self.commit(&with(below, index))?.is_some())
    }

    /// The commit that has the patches of `set`, in the series' order.
    fn commit(&mut self, set: &Set) -> Result<Option<String>> {
        let Some(&last) = set.last() else {
            return Ok(Some(self.repository.base.clone()));
        };
        if let Some(commit) = self.commits.get(set) {
            return Ok(commit.clone());
        }
        let mut rest = set.clone();
        rest.remove(&last);
        let commit = match self.commit(&rest)? {
            Some(onto) => {
                self.repository
                    .pick(&self.repository.commits[last], &onto, self.console)?
            }
            None => None,
        };
        self.commits.insert(set.clone(), commit.clone());
        Ok(commit)
    }

    /// The members of `below` that no other member depends on.
    fn direct(&self, below: &Set) -> Vec<usize> {
        below
            .iter()
            .copied()
            .filter(|member| {
                !below
                    .iter()
                    .any(|&other| self.below[other].contains(member))
            })
            .collect()
    }

    /// What a branch that depends on `direct` is stacked on.
    fn stack(&self, direct: &[usize], names: &[String]) -> Option<String> {
        match direct {
            [] => Some(BASE.to_owned()),
            [one] => Some(names[*one].clone()),
            _ => None,
        }
    }
}

fn with(set: &Set, member: usize) -> Set {
    let mut set = set.clone();
    set.insert(member);
    set
}
