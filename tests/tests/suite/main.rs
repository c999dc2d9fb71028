//! What crosses crates, tried on the built executable: real processes, sockets and terminals.
//!
//! Nothing here links the Python runtime: every test runs `rhumba` as a person would. One test
//! executable, so that it is linked once; one module per subject. [`support`] has the rest.

mod support;

mod broadcast;
mod cli;
mod cluster_owners;
mod clusters;
mod configuration;
mod conformance;
mod debugger;
mod embedding;
mod example;
mod examples;
mod hostile;
mod limits;
mod namespaces;
mod store;
mod task_store;
mod terminal;
mod terminal_above;
mod terminal_asking;
mod terminal_editing;
mod terminal_history;
mod terminal_keys;
mod terminal_parallel;
mod terminal_pictures;
mod terminal_transcript;
mod terminal_trouble;
mod terminal_vi;
