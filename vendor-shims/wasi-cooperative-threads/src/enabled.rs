//! Which stacks there are, and which of them runs.

use crate::stack::{self, Stack};
use crate::{built_ins, StackId, MIN_SIZE};

use std::cell::{Cell, RefCell};
use std::hint::black_box;

type Job = Box<dyn FnOnce()>;

struct Entry {
    stack: Stack,
    state: State,
    /// The thread that has run or resumed this one last.
    resumed_by: u32,
    /// What is to be run next.
    job: Option<Job>,
}

#[derive(Debug, PartialEq)]
enum State {
    /// Waits for a closure.
    Idle,
    Running,
    /// Its closure is suspended.
    Suspended,
}

#[derive(Default)]
struct Stacks {
    entries: RefCell<Vec<Entry>>,
    idle: RefCell<Vec<u32>>,
    current: Cell<Option<u32>>,
}

thread_local! {
    static STACKS: Stacks = Stacks::default();
}

impl Stacks {
    fn entry<R>(&self, id: u32, f: impl FnOnce(&mut Entry) -> R) -> R {
        f(&mut self.entries.borrow_mut()[id as usize])
    }

    /// Finds a stack that is idle, or makes one.
    fn find(&self, size: usize) -> Option<u32> {
        let mut idle = self.idle.borrow_mut();
        let mut entries = self.entries.borrow_mut();
        let is_large = |id: &u32| entries[*id as usize].stack.size >= size;
        if let Some(position) = idle.iter().rposition(is_large) {
            return Some(idle.swap_remove(position));
        }
        let id = u32::try_from(entries.len()).ok()?;
        let stack = Stack::new(size, id)?;
        entries.push(Entry {
            stack,
            state: State::Idle,
            resumed_by: 0,
            job: None,
        });
        Some(id)
    }

    /// Runs the thread until it switches back.
    fn switch_to(&self, id: u32) {
        let this = match self.current.get() {
            Some(current) => self.entry(current, |entry| entry.stack.thread),
            // Each call of an export has a main thread of its own.
            // SAFETY: it only asks.
            None => unsafe { built_ins::index() },
        };
        let thread = self.entry(id, |entry| {
            entry.state = State::Running;
            entry.resumed_by = this;
            entry.stack.thread
        });
        let current = self.current.replace(Some(id));
        stack::switch_to(thread);
        self.current.set(current);
        self.entry(id, |entry| entry.stack.check());
    }

    /// Runs whoever has switched to this thread.
    fn switch_back(&self, id: u32) {
        stack::switch_back(self.entry(id, |entry| entry.resumed_by));
    }
}

pub(crate) fn run(size: usize, job: Job) -> Result<StackId, Job> {
    STACKS.with(|stacks| {
        // Rounded, so that it can be aligned.
        let size = size.max(MIN_SIZE).saturating_add(15) & !15;
        let Some(id) = stacks.find(size) else {
            return Err(job);
        };
        stacks.entry(id, |entry| entry.job = Some(job));
        stacks.switch_to(id);
        Ok(StackId(id))
    })
}

pub(crate) fn resume(stack: StackId) {
    STACKS.with(|stacks| {
        let state = stacks.entry(stack.0, |entry| entry.state == State::Suspended);
        assert!(state, "nothing is suspended on this stack");
        stacks.switch_to(stack.0);
    });
}

pub(crate) fn suspend() {
    STACKS.with(|stacks| {
        let Some(id) = stacks.current.get() else {
            panic!("the main stack cannot be suspended");
        };
        stacks.entry(id, |entry| entry.state = State::Suspended);
        stacks.switch_back(id);
    });
}

pub(crate) fn current() -> Option<StackId> {
    STACKS.with(|stacks| stacks.current.get().map(StackId))
}

pub(crate) fn left() -> Option<usize> {
    let here = 0u8;
    let here = black_box(&raw const here);
    STACKS.with(|stacks| {
        let id = stacks.current.get()?;
        Some(stacks.entry(id, |entry| entry.stack.left(here)))
    })
}

/// What a thread does: closures, one after another.
pub(crate) fn body(id: u32) {
    /// There is nowhere to unwind to.
    struct Abort;

    impl Drop for Abort {
        fn drop(&mut self) {
            std::process::abort();
        }
    }

    let _abort = Abort;
    STACKS.with(|stacks| loop {
        let job = stacks.entry(id, |entry| entry.job.take());
        job.expect("a thread is resumed with a closure")();
        stacks.entry(id, |entry| entry.state = State::Idle);
        stacks.idle.borrow_mut().push(id);
        stacks.switch_back(id);
    });
}
