//! The tables of the README that are made.

use std::fs;
use std::path::Path;

/// Panics unless the README has `made` between the marks of `name`. Set
/// `UPDATE_README` to have it written anew.
pub fn shows(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
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
