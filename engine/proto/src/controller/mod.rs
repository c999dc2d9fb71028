//! The controller's rules, as a pure state machine.
//!
//! Hand in what happened with [`Controller::handle`], carry out what
//! [`Controller::poll_action`] orders until it orders nothing, and hand in
//! [`Event::TimeoutReached`] at [`Controller::poll_timeout`]. It never blocks,
//! reads no clock, and never panics on anything a peer sends.

use crate::id::{ConnectionId, Timestamp};
use crate::message::{FromController, Payload, ToController};

/// Limits and intervals. Overload is answered, not absorbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// No engine holds more tasks than this that it hasn't finished.
    pub prefetch_max: u32,
    /// Engines and hosts that were silent for this long are pinged.
    pub heartbeat_interval_us: u64,
    /// An engine or host that left this many pings in a row unanswered is dead.
    pub heartbeat_misses_max: u32,
    /// The payloads of everything unfinished, together.
    pub queued_bytes_max: u64,
    /// Unfinished requests (one per engine) and tasks of one client.
    pub queued_requests_max_per_client: u64,
    pub engines_max: u32,
    pub clients_max: u32,
    /// What one engine is left to remember of functions sent once.
    pub blob_bytes_max_per_engine: u64,
    /// What one client may store of them.
    pub blob_bytes_max_per_client: u64,
    /// What may be stored of them at all, by those who left unfinished work too.
    pub blob_bytes_max: u64,
    /// Requests and their bytes that may be on their way to one engine.
    pub window_requests_max: u32,
    pub window_bytes_max: u64,
    /// A connection must say who it is within this time.
    pub hello_timeout_us: u64,
    /// How long the end of an engine's connection waits for its host to tell
    /// why, and the other way round.
    pub exit_grace_us: u64,
    /// An engine that was told to end and hasn't by then is killed.
    pub shutdown_grace_us: u64,
    /// Engines that were asked for and haven't joined by then aren't waited for.
    pub start_timeout_us: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            prefetch_max: 64,
            heartbeat_interval_us: 3_000_000,
            heartbeat_misses_max: 10,
            queued_bytes_max: 8 << 30,
            queued_requests_max_per_client: 10_000_000,
            engines_max: 65_536,
            clients_max: 1024,
            blob_bytes_max_per_engine: 256 << 20,
            blob_bytes_max_per_client: 1 << 30,
            blob_bytes_max: 4 << 30,
            window_requests_max: 64,
            window_bytes_max: 64 << 20,
            hello_timeout_us: 10_000_000,
            exit_grace_us: 20_000,
            shutdown_grace_us: 5_000_000,
            start_timeout_us: 60_000_000,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    ConnectionOpened {
        connection: ConnectionId,
    },
    MessageReceived {
        connection: ConnectionId,
        message: ToController,
        payload: Payload,
    },
    /// `cause` is a phrase, such as "it closed the connection".
    ConnectionClosed {
        connection: ConnectionId,
        cause: String,
    },
    /// The moment of [`Controller::poll_timeout`] has come.
    TimeoutReached,
}

/// What to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Send {
        connection: ConnectionId,
        message: FromController,
        payload: Payload,
    },
    /// Close it once everything sent before is written. No event is expected
    /// for it afterwards, and none does harm.
    Disconnect {
        connection: ConnectionId,
        reason: String,
    },
    /// The cluster was asked to end: write what was sent, then end.
    Stop,
}

/// The controller of one cluster.
pub struct Controller {
    config: Config,
    runtime: String,
}

impl Controller {
    /// Returns a controller without peers. `runtime` is what every
    /// [`crate::message::Hello::runtime`] must be.
    #[must_use]
    pub fn new(config: Config, runtime: String) -> Self {
        Self { config, runtime }
    }

    /// Takes note of what happened at `now`, which is never before an earlier one.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        let _ = (now, event, &self.config, &self.runtime);
    }

    /// Returns the next thing to do, until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        None
    }

    /// Returns when to hand in [`Event::TimeoutReached`], unless something
    /// happens before that.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }

    /// Checks everything that must hold between two events.
    ///
    /// # Panics
    /// Something doesn't hold; a sentence says what.
    pub fn check_invariants(&self) {}
}
