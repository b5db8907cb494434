//! How large a patch is.

use serde::Serialize;

use wasip2_series::Patch;

/// A patch may add this many lines to existing files, tests aside, without
/// giving a reason.
pub const MOST_ADDED: usize = 400;
/// The median patch changes fewer existing lines than this.
pub const MEDIAN_TOUCHED: usize = 40;

/// The size of a patch, in lines.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Size {
    /// Existing lines that it changes or removes.
    pub touched: usize,
    /// Lines that it adds, everywhere.
    pub added: usize,
    /// Lines that it adds to files that were there and are not tests.
    pub added_to_existing: usize,
}

/// The size of `patch`.
pub fn of(patch: &Patch) -> Size {
    Size {
        touched: patch.touched(),
        added: patch.added(),
        added_to_existing: patch.added_to_existing(),
    }
}

/// The median of what the patches touch; 0 where there is no patch.
pub fn median_touched(sizes: impl Iterator<Item = Size>) -> usize {
    let mut touched: Vec<usize> = sizes.map(|size| size.touched).collect();
    touched.sort_unstable();
    touched.get(touched.len() / 2).copied().unwrap_or(0)
}
