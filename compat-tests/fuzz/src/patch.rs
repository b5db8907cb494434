//! A patch file, as `git format-patch` would have written it.

use wasip2_series::patch;

/// What is counted of a patch are lines that are there.
pub fn read(bytes: &[u8]) {
    let Some(text) = std::str::from_utf8(bytes).ok() else {
        return;
    };
    let Ok(patch) = patch::parse(text) else {
        return;
    };
    let lines = text.lines().count();
    assert!(patch.touched() + patch.added() <= lines);
    assert!(patch.added_to_existing() <= patch.added());
    assert!(patch.changes_as(&patch));
    for file in &patch.files {
        for hunk in &file.hunks {
            assert!(hunk.at <= lines);
        }
    }
    let _ = patch.slug();
    let _ = patch.trailer("Upstream-Status").count();
}
