//! Python namespaces on RustPython: cells, output, failures, magics, completion, introspection,
//! and snapshots of objects.
//!
//! It knows no terminal, no home folder and no network: it returns data, and whoever embeds it
//! shows or sends that. What it writes goes through [`output::OutputSink`].
//!
//! Read next: [`runtime`] (one interpreter), [`namespace`], [`cell`] (running source), then
//! [`transform`] (magics, text to text). `python/` holds the part of the shell that reads better
//! in Python; it is frozen into the executable.

mod bridge;
pub mod cell;
pub mod compiling;
pub mod completeness;
pub mod completion;
pub mod configuration;
pub mod conversion;
mod display;
mod docstrings;
mod ending;
mod evaluation;
mod event_loop;
pub mod failure;
mod frozen;
pub mod highlight;
pub mod history;
pub mod interrupt;
mod interruptible;
pub mod introspection;
pub mod leaving;
mod library;
mod lookup;
mod memory;
pub mod namespace;
pub mod output;
mod parsing;
mod preferences;
mod profiler;
pub mod runtime;
mod session;
pub mod snapshot;
mod symbols;
pub mod transform;
mod trees;
mod typed;
mod waiting;

#[cfg(test)]
mod tests;

pub use rustpython_vm;
pub use serde;
