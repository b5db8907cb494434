//! Names in the files of suites and of the matrix.

use wildmatch::WildMatch;

/// Whether a name fits a pattern, in which `*` stands for anything.
pub fn fits(pattern: &str, name: &str) -> bool {
    pattern == name || pattern.contains('*') && WildMatch::new(pattern).matches(name)
}
