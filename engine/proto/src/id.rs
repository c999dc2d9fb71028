//! The identifiers of a cluster, one type each, so that none is taken for another.
//!
//! Nothing here knows how an identifier is made random or looked up; see
//! [`crate::message`] for where each of them travels.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

identifier! {
    /// One connection to the controller, for as long as it lasts. Given by the
    /// process that accepts connections, never used twice.
    ConnectionId(u64)
}
identifier! {
    /// A client, counted up from 0 by the controller, never used twice.
    ClientId(u32)
}
identifier! {
    /// An engine as people see it: counted up from 0, never used twice.
    EngineId(u32)
}
identifier! {
    /// A host: the process that forked a machine's engines and reaps them.
    HostId(u32)
}
identifier! {
    /// A request or a task as its client numbers it: counted up by the client,
    /// unique among that client's requests and tasks.
    RequestId(u64)
}
identifier! {
    /// One piece of work at one engine. A request to four engines is four
    /// tickets; a task that is retried gets a new one each time.
    Ticket(u64)
}
identifier! {
    /// A question of a client to the controller itself, echoed in its answer.
    QueryId(u64)
}

/// The content address of a payload that is sent once and named afterwards:
/// the BLAKE3 hash of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobId(pub [u8; 32]);

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "BlobId({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// A moment, in microseconds of a clock that never goes back. Only differences
/// mean anything; the process around the state machine reads the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Returns the moment `duration_us` microseconds later.
    #[must_use]
    pub fn after_us(self, duration_us: u64) -> Self {
        Self(self.0.saturating_add(duration_us))
    }

    /// Returns the microseconds from `earlier` to here, 0 if it is not earlier.
    #[must_use]
    pub fn since_us(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
