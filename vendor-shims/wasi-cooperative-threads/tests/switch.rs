//! Closures that are suspended in the middle of calls.
#![cfg(all(target_os = "wasi", target_env = "p2"))]
#![cfg_attr(not(wasip2_threads), allow(unused))]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasi_cooperative_threads::{current, left, resume, run, suspend, StackId, ENABLED};

const SIZE: usize = 128 * 1024;

/// What is run here sets no thread-local.
fn start(f: impl FnOnce() + 'static) -> StackId {
    unsafe { run(SIZE, Box::new(f)) }.unwrap_or_else(|_| panic!("no memory"))
}

fn pause() {
    unsafe { suspend() }
}

fn go_on(stack: StackId) {
    unsafe { resume(stack) }
}

#[test]
fn is_enabled_as_it_was_built() {
    assert_eq!(ENABLED, cfg!(wasip2_threads));
    assert_eq!(current(), None);
    assert_eq!(left(), None);
}

/// The names of the built-ins are those that the linker knows, and the opcodes
/// those that the host knows.
#[test]
#[cfg(wasip2_threads)]
fn there_and_back() {
    let count = Rc::new(Cell::new(0));
    let inner = count.clone();
    let stack = start(move || {
        for _ in 0..1000 {
            inner.set(inner.get() + 1);
            pause();
        }
    });
    for expected in 1..=1000 {
        assert_eq!(count.get(), expected);
        go_on(stack);
    }
    assert_eq!(count.get(), 1000);
    assert_eq!(current(), None);
}

#[test]
#[cfg(wasip2_threads)]
fn frames_keep_their_contents() {
    fn recurse(seed: u64, depth: u64) -> u64 {
        let local: [u64; 32] = std::array::from_fn(|at| seed * 1000 + depth * 32 + at as u64);
        let local = std::hint::black_box(local);
        pause();
        let below = if depth > 0 {
            recurse(seed, depth - 1)
        } else {
            0
        };
        pause();
        for (at, value) in local.iter().enumerate() {
            assert_eq!(*value, seed * 1000 + depth * 32 + at as u64);
        }
        below + 1
    }

    let sum = Rc::new(Cell::new(0));
    let stacks: Vec<_> = (1..=4)
        .map(|seed| {
            let sum = sum.clone();
            start(move || {
                let frames = recurse(seed, 50);
                sum.set(sum.get() + frames);
            })
        })
        .collect();
    for _ in 0..102 {
        stacks.iter().for_each(|stack| go_on(*stack));
    }
    assert_eq!(sum.get(), 4 * 51);
}

#[test]
#[cfg(wasip2_threads)]
fn a_stack_is_used_again() {
    let one = start(|| ());
    let other = start(|| ());
    assert_eq!(one, other);

    let suspended = start(pause);
    assert_eq!(suspended, one);
    assert_ne!(start(|| ()), one);
    go_on(suspended);
    assert_eq!(start(|| ()), one);
}

#[test]
#[cfg(wasip2_threads)]
fn a_stack_runs_another_one() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let log = {
        let order = order.clone();
        move |what| order.borrow_mut().push((what, current().is_some()))
    };
    let inner = Rc::new(Cell::new(None));
    let outer = start({
        let (log, inner) = (log.clone(), inner.clone());
        move || {
            let log2 = log.clone();
            inner.set(Some(start(move || {
                log2("inner begins");
                pause();
                log2("inner ends");
            })));
            log("outer is back");
            pause();
            log("outer ends");
        }
    });
    log("main");
    // Not the one that it was run by.
    go_on(inner.get().unwrap());
    go_on(outer);
    let said: Vec<_> = order.borrow().iter().map(|(what, _)| *what).collect();
    assert_eq!(
        said,
        [
            "inner begins",
            "outer is back",
            "main",
            "inner ends",
            "outer ends"
        ]
    );
}

#[test]
#[cfg(wasip2_threads)]
fn what_is_left_is_known() {
    start(|| {
        let left = left().unwrap();
        assert!(left > SIZE / 2 && left < SIZE, "{left}");
    });
}

#[test]
#[cfg(wasip2_threads)]
fn more_than_there_is_memory_for() {
    let job = unsafe { run(usize::MAX / 2, Box::new(|| ())) };
    assert!(job.is_err());
}
