//! The patched trees as branches of a repository that others fetch from.

use anyhow::Result;
use serde::Serialize;

use wasip2_ground::{Console, Home};
use wasip2_series::placement::SHIMS;
use wasip2_series::remote::{Pushed, Remote};
use wasip2_series::shims::Shims;
use wasip2_series::{Network, Series, tree};

/// A branch that the repository has now.
#[derive(Debug, Serialize)]
pub struct Published {
    branch: String,
    commit: String,
}

/// Pushes the tree of each series, and the shims, to `url`.
pub fn push(
    series: &[Series],
    url: &str,
    network: Network,
    home: &Home,
    console: &Console,
) -> Result<Vec<Published>> {
    let remote = Remote::ask(url, console)?;
    let mut published = Vec::new();
    let (repository, commit) = Shims::find(home)?.repository(home, console)?;
    let mut sources = vec![(SHIMS.to_owned(), repository, commit)];
    for series in series {
        let tree = tree::make(series, network, false, home, console)?;
        let commit = tree::commit(&tree)?;
        sources.push((series.directory_name(), tree, commit));
    }
    for (branch, repository, commit) in sources {
        let verb = match remote.push(&repository, &branch, &commit, console)? {
            Pushed::New => "Pushed",
            Pushed::Moved => "Moved",
            Pushed::Fresh => "Fresh",
        };
        console.status(verb, format!("{branch} ({})", &commit[..12]));
        published.push(Published { branch, commit });
    }
    console.status(
        "Finished",
        format!("{url}: now `cargo wasip2 init --git {url}` in a project"),
    );
    Ok(published)
}
