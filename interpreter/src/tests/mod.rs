//! Tests that need an interpreter. They share one executable, and each runs in a process of its
//! own, so that one may be interrupted, forked, or left with threads.

mod cells;
mod completion;
mod conversion;
mod debugger;
mod display;
mod fork;
mod interactive;
mod interface;
mod interrupts;
mod magics;
mod output;
mod programs;
mod shell;
mod sturdiness;
pub(crate) mod support;
mod tracebacks;
mod waiting;
