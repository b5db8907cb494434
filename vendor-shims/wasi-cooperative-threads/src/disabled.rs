//! What there is in programs that are not built for threads.

use crate::StackId;

pub(crate) fn run(_: usize, _: Box<dyn FnOnce()>) -> Result<StackId, Box<dyn FnOnce()>> {
    unreachable!("the program is not built for threads")
}

pub(crate) fn resume(_: StackId) {
    unreachable!("the program is not built for threads")
}

pub(crate) fn suspend() {
    unreachable!("the program is not built for threads")
}

pub(crate) fn current() -> Option<StackId> {
    None
}

pub(crate) fn left() -> Option<usize> {
    None
}
