//! The tables of the README that are made.

use std::fs;
use std::path::Path;

use wasip2_series::{Patch, Series};

/// The repository that this program was built in.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the package is two floors below it")
}

/// Panics unless the README has `made` between the marks of `name`. Set
/// `UPDATE_README` to have it written anew.
pub fn shows(name: &str, made: &str) {
    let path = repository().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (table, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{begin}{made}{end}{after}")).unwrap();
    } else {
        assert_eq!(table, made, "run this test with UPDATE_README=1");
    }
}

#[test]
fn the_readme_shows_the_series() {
    let patches = repository().join("patches");
    let mut made = String::from(
        "| crate | release | patches | what it adds on `wasm32-wasip2` |\n|---|---|---|---|\n",
    );
    for series in Series::all(&patches).unwrap() {
        made.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            series.name,
            series.version,
            series.patches.len(),
            series.adds
        ));
    }
    shows("series", &made);
}

/// Set `UPDATE_README` to have the table written anew.
#[test]
fn the_readme_of_the_patches_shows_them() {
    let directory = repository().join("patches");
    let path = directory.join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once("<!-- patches -->\n").unwrap();
    let (table, after) = rest.split_once("<!-- /patches -->\n").unwrap();
    let mut made = String::from(
        "| crate | release | patch | what it does | part | upstream | closes |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for series in Series::all(&directory).unwrap() {
        for patch in Patch::all(&series).unwrap() {
            let gaps = series
                .notes
                .get(&patch.number)
                .map_or(&[][..], |note| &note.gaps);
            for gap in gaps {
                assert!(
                    readme.contains(&format!("| {gap} | ")),
                    "{series} {} closes {gap}, which the list of gaps does not have",
                    patch.number
                );
            }
            let file = patch.path.strip_prefix(&directory).unwrap().display();
            made.push_str(&row(&series, &patch, &file.to_string(), gaps));
        }
    }
    if std::env::var_os("UPDATE_README").is_some() {
        let readme = format!("{before}<!-- patches -->\n{made}<!-- /patches -->\n{after}");
        fs::write(&path, readme).unwrap();
    } else {
        assert_eq!(table, made, "run this test with UPDATE_README=1");
    }
}

fn row(series: &Series, patch: &Patch, file: &str, gaps: &[String]) -> String {
    let status: Vec<&str> = patch.trailer("Upstream-Status").collect();
    let issues = ["Upstream-Issue", "Refs", "Fixes"]
        .iter()
        .flat_map(|key| patch.trailer(key))
        .map(|issue| format!(" ([issue]({issue}))"))
        .collect::<String>();
    let note = series.notes.get(&patch.number);
    let part = note.and_then(|note| note.part);
    let part = part.map(|part| part.to_string()).unwrap_or_default();
    format!(
        "| {} | {} | [{}]({file}) | {} | {part} | {}{issues} | {} |\n",
        series.name,
        series.version,
        patch.number,
        patch.subject.replace('|', "\\|"),
        status.join(", "),
        gaps.join(", ")
    )
}
