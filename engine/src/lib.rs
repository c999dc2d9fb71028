//! The processes of a rhumba cluster and what they share: sockets, cluster
//! files, and the client's side of a connection.
//!
//! A thin shell around [`rhumba_proto`]: sockets frame bytes and push events,
//! nothing else decides anything. This crate knows no terminal and no Python
//! interface; engines reach Python through [`rhumba_interpreter`].
//!
//! Read next: [`cluster`] starts and stops everything; [`controller`], [`host`]
//! and [`engine`] are the processes; [`client`] is who asks; [`store`] is where
//! namespaces are kept, [`saved`] how they get there. [`shared_memory`] has the
//! allocator that executables install.

pub mod client;
pub mod cluster;
pub mod cluster_file;
pub mod controller;
pub mod engine;
pub mod home;
pub mod host;
mod outbox;
pub mod saved;
pub mod shared_memory;
pub mod socket;
pub mod store;
pub mod tasks;

pub use rhumba_proto as proto;
