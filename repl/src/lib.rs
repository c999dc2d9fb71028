//! The shell on a terminal, the command line, and the facade that Rust programs embed.
//!
//! This is where everything is put together: the interpreter is handed its modules here, and
//! each process of a cluster is this executable, run again. It decides nothing about Python,
//! scheduling or the wire: those are `rhumba_interpreter`, `rhumba_proto` and `rhumba_engine`.
//!
//! Read [`cli`] next for what the executable does, [`shell`] for the terminal, [`embed`] for a
//! console in a program of yours, and [`python`] for how it gets the same Python that the shell
//! has.

pub mod cli;
pub mod configuration;
pub mod embed;
pub mod python;
pub mod shell;
pub mod start;

pub use embed::{Console, ConsoleError};

pub use rhumba_engine as engine;
pub use rhumba_interpreter as interpreter;
pub use rhumba_proto as proto;
