//! What is said in a rhumba cluster, and the pure state machines that answer it.
//!
//! This crate does nothing by itself: no sockets, no clock, no randomness, no
//! threads. Time and messages are handed in, orders are handed out, so that a
//! cluster of thousands of engines can be simulated from one seed.
//!
//! Read next: [`message`] for the words, [`frame`] for their bytes,
//! [`controller`] for the rules, [`arrivals`] for what an engine owes to them,
//! [`record`] for what is remembered.

pub mod arrivals;
pub mod controller;
pub mod frame;
pub mod id;
pub mod message;
pub mod record;
