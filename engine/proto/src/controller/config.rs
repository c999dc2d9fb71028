//! The limits and intervals a controller keeps to. Which rule each of them
//! belongs to is said in the files that use it.

use crate::frame::Limits;
use crate::message::{Policy, Scheduling};

/// Limits and intervals. Overload is answered, not absorbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How tasks are spread over engines, until a client says otherwise.
    pub scheduling: Scheduling,
    /// Where the chances begin that some ways of spreading them take.
    pub seed: u64,
    /// No engine holds more tasks than this that it hasn't finished, as long
    /// as no other number is set.
    pub prefetch_max: u32,
    /// Engines and hosts that were silent for this long are pinged.
    pub heartbeat_interval_us: u64,
    /// An engine or host that left this many pings in a row unanswered is dead.
    pub heartbeat_misses_max: u32,
    /// How large one payload may be. The frames see to it; newcomers are told.
    pub payload_bytes_max: u64,
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
    /// What may be stored of them at all, unfinished work of forgotten ones included.
    pub blob_bytes_max: u64,
    /// Requests that may be on their way to one engine.
    pub window_requests_max: u32,
    /// Bytes of payloads that may be on their way to one engine. A single
    /// larger one travels alone.
    pub window_bytes_max: u64,
    /// A connection must say who it is within this time.
    pub hello_timeout_us: u64,
    /// How long the end of an engine's connection waits for its host to tell
    /// why, and the other way round.
    pub exit_grace_us: u64,
    /// An engine that was told to end and hasn't by then is killed.
    pub shutdown_grace_us: u64,
    /// What was cancelled or ran too long, was interrupted and hasn't ended by
    /// then is ended by killing its engine.
    pub cancel_grace_us: u64,
    /// Engines that were asked for and haven't joined by then aren't waited for.
    pub start_timeout_us: u64,
    /// A host is on its way: engines may be asked for before it has come.
    pub awaits_host: bool,
    /// What is done of itself, until a client sets another policy.
    pub policy: Policy,
    /// What the names of checkpoints begin with that the policy makes.
    pub checkpoint_prefix: String,
    /// A checkpoint or a restore that takes longer is interrupted.
    pub duty_timeout_us: u64,
    /// How many engines are started for one that died, each for the one before,
    /// before its namespace is given up.
    pub restore_attempts_max: u32,
    /// How long the second of them is waited with; twice as long each time more.
    pub restore_pause_us: u64,
    /// An engine that lived for this long didn't die of its namespace.
    pub restore_settle_us: u64,
    /// There is a task store: what happens to pieces is ordered to be recorded,
    /// and what a client leaves unfinished goes on.
    pub keeps_records: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scheduling: Scheduling::default(),
            seed: 0,
            prefetch_max: 64,
            heartbeat_interval_us: 3_000_000,
            heartbeat_misses_max: 10,
            payload_bytes_max: Limits::default().payload_bytes_max,
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
            exit_grace_us: 500_000,
            shutdown_grace_us: 5_000_000,
            cancel_grace_us: 5_000_000,
            start_timeout_us: 60_000_000,
            awaits_host: false,
            policy: Policy::default(),
            checkpoint_prefix: "cluster".to_owned(),
            duty_timeout_us: 600_000_000,
            restore_attempts_max: 5,
            restore_pause_us: 1_000_000,
            restore_settle_us: 30_000_000,
            keeps_records: false,
        }
    }
}
