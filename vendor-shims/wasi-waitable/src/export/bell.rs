//! What one task of an instance wakes another one by.

use std::ptr;

use crate::abi;

/// A stream of nothing, from this instance to itself.
#[derive(Debug)]
pub(super) struct Bell {
    /// The set that it is in.
    set: u32,
    reader: u32,
    writer: u32,
    /// A read is pending, whose end wakes who waits for the set.
    listening: bool,
}

impl Bell {
    /// A bell that is alone in a set of its own.
    pub(super) fn alone() -> Bell {
        // SAFETY: it has no preconditions.
        let set = unsafe { abi::waitable_set_new() };
        let bell = Bell::new(set);
        // SAFETY: both were made just now.
        unsafe { abi::waitable_join(bell.reader, set) };
        bell
    }

    /// A bell whose [`reader`](Bell::reader) is to join `set`.
    pub(super) fn new(set: u32) -> Bell {
        // SAFETY: it has no preconditions.
        let ends = unsafe { abi::new_unit_stream() };
        Bell {
            set,
            reader: ends as u32,
            writer: (ends >> 32) as u32,
            listening: false,
        }
    }

    pub(super) fn set(&self) -> u32 {
        self.set
    }

    pub(super) fn reader(&self) -> u32 {
        self.reader
    }

    /// Has the next [`ring`](Bell::ring) be heard.
    pub(super) fn listen(&mut self) {
        if !self.listening {
            // SAFETY: it is the reader's only operation, and of no memory.
            let code = unsafe { abi::read_unit(self.reader, ptr::null_mut(), 1) };
            debug_assert_eq!(code, abi::BLOCKED);
            self.listening = true;
        }
    }

    /// Its event has come.
    pub(super) fn heard(&mut self) {
        self.listening = false;
    }

    /// Wakes who waits for it, once until that listens again.
    pub(super) fn ring(&mut self) {
        if self.listening {
            self.listening = false;
            // SAFETY: a read is pending, so it is finished at once, and is of no
            // memory.
            unsafe { abi::write_unit(self.writer, ptr::null(), 1) };
        }
    }
}
