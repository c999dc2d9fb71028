//! What is said between the controller and its clients, engines and hosts.
//!
//! Messages are flat and small: everything large travels beside them as a
//! [`Payload`], which the controller passes on without looking inside; but for what is
//! left out of a namespace that it asked for itself ([`Left`]).
//! How they become bytes is [`crate::frame`]; who answers what is
//! [`crate::controller`]. What is said between it and the processes that work is in
//! [`machine`].

mod machine;

pub use machine::{FromEngine, FromHost, Recipient, Relayed, ToEngine, ToHost, Turn};

use crate::id::{BlobId, ClientId, EngineId, HostId, QueryId, RequestId};
use crate::record::{PieceName, Question, StoreAnswer};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::Arc;

/// The version of the messages and of the frames around them. Both sides must
/// have the same one; a different one is refused with a sentence.
pub const PROTOCOL_VERSION: u16 = 9;

/// Large data beside a message: a snapshot's table first, then its buffers.
/// Cloning it copies references, never bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    pub buffers: Vec<Bytes>,
}

impl Payload {
    /// Returns the bytes of all buffers together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|buffer| buffer.len() as u64).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffers.is_empty()
    }
}

impl From<Vec<Bytes>> for Payload {
    fn from(buffers: Vec<Bytes>) -> Self {
        Self { buffers }
    }
}

/// What every peer says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the speaker.
    pub protocol: u16,
    /// The version of the speaker's bytecode and snapshots. Engines and clients
    /// of one cluster must agree, as functions travel as code.
    pub runtime: String,
    /// The speaker's process id, for people and signals.
    pub pid: u32,
    pub role: Role,
}

/// Who is speaking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// `name` tells people who it is (`login@machine` by default).
    Client {
        name: String,
    },
    /// `host` is the process id of the host that forked it, if one did.
    Engine {
        host: Option<u32>,
    },
    Host,
}

/// What an engine is asked to do with its namespace. Objects are in the payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Runs a cell. `silent` cells get no number and are not displayed.
    /// `stop_on_error`: if it fails, what the same client has queued behind it
    /// on that engine is aborted. The code of all its copies is one.
    Execute {
        #[serde(with = "shared_text")]
        code: Arc<str>,
        silent: bool,
        stop_on_error: bool,
    },
    /// Calls the function named by the work's blob. Payload: `(args, kwargs)`.
    Apply,
    /// Calls the function once per item and returns the list of results.
    /// Payload: a list of argument tuples.
    Map,
    /// Binds names (dotted ones reach into objects). Payload: a dict.
    Push,
    /// Returns one object if `single`, else the list of objects by these names.
    Pull { names: Vec<String>, single: bool },
    /// Empties the namespace.
    Clear,
    /// Writes the namespace into the store, in the place of what is there under
    /// this name. `partial`: what can't be carried is left out and listed.
    Checkpoint { name: String, partial: bool },
    /// Replaces the namespace by a checkpoint; as a whole, or not at all. `partial`: names
    /// that can't be rebuilt are left out and listed.
    Restore { name: String, partial: bool },
    /// Brings back of a checkpoint what can be: the controller asks an engine for it
    /// that takes the place of another. Payload of the result: what can't be rebuilt, and what
    /// the checkpoint goes without, as a pair of lists of [`Left`] in the form of
    /// [`crate::record::encode_flat`].
    Recover { name: String },
    /// Returns the namespace as a payload that [`Operation::PutNamespace`] takes.
    TakeNamespace { partial: bool },
    /// Replaces the namespace by the payload; as a whole, or not at all.
    PutNamespace,
}

/// A text that several have in common; its bytes are those of a text.
mod shared_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(
        text: &Arc<str>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

impl Operation {
    /// Returns the name people see in results and errors, such as `apply`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Execute { .. } => "execute",
            Self::Apply => "apply",
            Self::Map { .. } => "map",
            Self::Push => "push",
            Self::Pull { .. } => "pull",
            Self::Clear => "clear",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Restore { .. } | Self::Recover { .. } => "restore",
            Self::TakeNamespace { .. } => "take_namespace",
            Self::PutNamespace => "put_namespace",
        }
    }
}

/// An operation together with the function it calls, if it calls one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    pub operation: Operation,
    /// The function to call. The client stored it before with
    /// [`FromClient::StoreBlob`]; the controller makes sure the engine has it.
    pub function: Option<BlobId>,
}

/// How a task is placed and tried. The default: anywhere, once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How often it is tried again if it fails: on engines where it hasn't
    /// failed as long as there are some, then on all of them anew.
    pub retries: u32,
    /// Among the tasks of one client, those with the highest go first.
    pub priority: i32,
    /// The engines that may run it; any, if there are none.
    pub targets: Vec<EngineId>,
    /// It runs when these have ended.
    pub after: Option<Box<Dependency>>,
    /// It runs when these have ended, on an engine where they ran: all of them,
    /// or any.
    pub follow: Option<Box<Dependency>>,
    /// It fails if no engine has got it by then.
    pub timeout_us: Option<u64>,
    /// It is stopped if it runs longer than this.
    pub time_limit_us: Option<u64>,
}

/// What must have become of others before a task runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub tasks: Vec<TaskName>,
    /// All of them, or any one.
    pub all: bool,
    /// They may have succeeded.
    pub success: bool,
    /// They may have failed.
    pub failure: bool,
}

/// A request or a task of some client, which was sent earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskName {
    pub client: ClientId,
    pub request: RequestId,
}

/// How tasks are spread over engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduling {
    pub placement: Placement,
    /// How many unfinished tasks an engine is given at most. 0: as many as it
    /// needs never to wait, measured by how long they take.
    pub hwm: u32,
}

/// Which of the engines that have room gets a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// The one with the fewest unfinished requests and tasks.
    #[default]
    LeastLoad,
    /// The one whose last task was given to it longest ago.
    Lru,
    /// Any, by chance.
    PlainRandom,
    /// The less loaded of two by chance, where less loaded ones are likelier.
    Weighted,
    /// The less loaded of two by chance.
    TwoBin,
    /// The next one in the order of their numbers, whatever they have to do.
    Pure,
}

impl Placement {
    pub const ALL: [Self; 6] = [
        Self::LeastLoad,
        Self::Lru,
        Self::PlainRandom,
        Self::Weighted,
        Self::TwoBin,
        Self::Pure,
    ];

    /// Returns the name that ipyparallel gives this scheme.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeastLoad => "leastload",
            Self::Lru => "lru",
            Self::PlainRandom => "plainrandom",
            Self::Weighted => "weighted",
            Self::TwoBin => "twobin",
            Self::Pure => "pure",
        }
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no scheme {name:?}: there are {names}")
        })
    }
}

/// When namespaces are saved without being asked, and what happens when an
/// engine dies. The default: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// An engine is checkpointed when it is idle and has finished this many
    /// requests and tasks since it was.
    pub checkpoint_every_requests: Option<u64>,
    /// An engine is checkpointed when it is idle, has finished something since
    /// it was, and that is this long ago.
    pub checkpoint_every_us: Option<u64>,
    /// An engine that dies is replaced by a new one, which gets its namespace
    /// as of its latest checkpoint.
    pub restore_on_death: bool,
}

/// How a request to several engines is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// Where an engine is another client's alone, it waits; else it fails.
    pub waits: bool,
    /// The answers of all engines are told together: see [`ToClient::Gathered`].
    pub gathers: bool,
    /// It goes out as a tree: to each host once, which passes it on to its engines.
    pub relays: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            waits: true,
            gathers: false,
            relays: false,
        }
    }
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromClient {
    /// The payload becomes known by its content address. Payload: the content.
    /// `name` is what people call it, such as the function's name.
    StoreBlob { blob: BlobId, name: String },
    /// The client won't name this content again without storing it anew.
    ForgetBlob { blob: BlobId },
    /// Work for named engines, answered once per engine. Payload: the operation's.
    Request {
        request: RequestId,
        targets: Vec<EngineId>,
        work: Work,
        manner: Manner,
    },
    /// Work for any engine, answered once. Payload: the operation's.
    Task {
        request: RequestId,
        work: Work,
        terms: Terms,
    },
    /// Aborts what has not started: these, or everything of this client if
    /// empty; on these engines, or wherever it is if empty.
    Abort {
        query: QueryId,
        requests: Vec<RequestId>,
        targets: Vec<EngineId>,
    },
    /// The same, and ends what has started: it is interrupted, and its engine
    /// killed if it doesn't end in time. Answer: [`Answer::Cancelled`], when all
    /// is aborted or interrupted; that it ended is told as its result.
    Cancel {
        query: QueryId,
        requests: Vec<RequestId>,
        targets: Vec<EngineId>,
    },
    /// Delivers a signal to engines, whatever they are doing.
    Signal {
        query: QueryId,
        targets: Vec<EngineId>,
        signal: i32,
    },
    /// Interrupts these if they are running, and only then.
    Interrupt {
        query: QueryId,
        requests: Vec<RequestId>,
    },
    /// Asks how much each engine has queued. Answer: [`Answer::Queues`].
    QueueStatus {
        query: QueryId,
        targets: Vec<EngineId>,
        /// Whose it is and what it is called, too.
        verbose: bool,
    },
    /// Asks who is there. Answer: [`Answer::Cluster`].
    ClusterStatus { query: QueryId },
    /// Asks for `count` more engines. Answer: [`Answer::Done`] or `Refused`.
    StartEngines { query: QueryId, count: u32 },
    /// Stops these engines, and the controller with all engines if `cluster`.
    Shutdown {
        query: QueryId,
        targets: Vec<EngineId>,
        cluster: bool,
    },
    /// From here on this policy is kept. Answer: [`Answer::Done`] or `Refused`.
    SetPolicy { query: QueryId, policy: Policy },
    /// From here on tasks are spread like this. Answer: [`Answer::Done`].
    SetScheduling {
        query: QueryId,
        scheduling: Scheduling,
    },
    /// These engines are to be this client's alone. Answer: [`Answer::Done`] when
    /// they are, or `Refused`.
    Lock {
        query: QueryId,
        targets: Vec<EngineId>,
        /// What for, as others are told.
        label: String,
        /// How long it waits for them; for ever, or not at all if 0.
        wait_us: Option<u64>,
        /// How long they are its own, at most.
        limit_us: Option<u64>,
    },
    /// Ends a lock, named by its query, or the wait for it. Answer:
    /// [`Answer::Done`], or `Refused` if it had ended before.
    Unlock { query: QueryId, lock: QueryId },
    /// This client is told from here on what the work of others does on these
    /// engines, or on all if there are none. Answer: [`Answer::Done`] or `Refused`.
    Watch {
        query: QueryId,
        targets: Vec<EngineId>,
    },
    /// It isn't any more. Answer: [`Answer::Done`].
    Unwatch { query: QueryId },
    /// It has seen so many [`ToClient::Watched`] and [`ToClient::WatchLost`] more.
    WatchSeen { count: u32 },
    /// What is sent from here on has this label in its records.
    SetLabel { label: Option<String> },
    /// Answers the numbers from `first` on with the results of these pieces,
    /// whoever asked for them: at once, or when they end. Answer: for each its
    /// output and a [`ToClient::Result`].
    Fetch {
        first: RequestId,
        pieces: Vec<PieceName>,
    },
    /// Asks the task store. Answer: [`Answer::Store`].
    AskStore { query: QueryId, question: Question },
}

/// Whatever reaches the controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToController {
    Hello(Hello),
    Client(FromClient),
    Engine(FromEngine),
    Host(FromHost),
}

/// What the controller tells a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToClient {
    EngineJoined {
        engine: EngineInfo,
    },
    EngineLeft {
        engine: EngineId,
        cause: String,
    },
    /// The one answer to a request at one engine, or to a task. `engine` is
    /// `None` if it never reached one. Payload: the result's snapshot.
    Result {
        request: RequestId,
        engine: Option<EngineId>,
        outcome: Outcome,
        timing: Timing,
    },
    /// Printed or displayed by this client's work.
    Output {
        request: RequestId,
        engine: EngineId,
        output: Output,
    },
    /// Told by this client's work while it runs. Payload: the snapshots of all
    /// parts, one after the other.
    Data {
        request: RequestId,
        engine: EngineId,
        parts: Vec<DataPart>,
    },
    /// The one answer to a query.
    Answer {
        query: QueryId,
        answer: Answer,
    },
    /// An engine that died has been replaced, and its namespace brought back.
    EngineRestored {
        engine: EngineId,
        replaces: EngineId,
        checkpoint: String,
        /// When it was taken, by the wall clock of the engine that died.
        checkpoint_us: u64,
        /// How many requests and tasks it had finished since: what they left in
        /// the namespace is lost.
        requests_lost: u64,
        /// What the namespace goes without.
        left_out: Vec<Left>,
    },
    /// An engine that died has not been restored. `engine`: the one that took
    /// its place with an empty namespace, if one did.
    EngineNotRestored {
        replaces: EngineId,
        engine: Option<EngineId>,
        reason: String,
        requests_lost: u64,
    },
    /// An engine could not be checkpointed, as the policy wants. Told once,
    /// until it can.
    EngineNotCheckpointed {
        engine: EngineId,
        reason: String,
    },
    /// Some of this client's requests wait, as these engines are another's. Told
    /// once for each lock.
    Locked {
        engines: Vec<EngineId>,
        holder: Holder,
    },
    /// Another client's work did something.
    Watched {
        engine: EngineId,
        task: TaskName,
        activity: Activity,
    },
    /// So much was not told, as this client was slow to see it.
    WatchLost {
        count: u64,
    },
    /// The answers of several engines to one request. Payload: the results'
    /// snapshots, one after the other.
    Gathered {
        request: RequestId,
        parts: Vec<GatheredPart>,
    },
}

/// One engine's answer among several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatheredPart {
    pub engine: Option<EngineId>,
    pub outcome: Outcome,
    pub timing: Timing,
    /// How many of the payload's buffers its snapshot has.
    pub buffers: u32,
}

/// Who has engines to itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub client: ClientId,
    pub name: String,
    pub pid: u32,
    /// What for; may be empty.
    pub label: String,
}

/// What work does, as those see it who watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    Started {
        by: ClientInfo,
        /// Such as `execute`.
        operation: String,
        /// Its code, or the name of its function.
        what: String,
    },
    Output(Output),
    /// `failure`: the exception's type and message, if it failed.
    Ended {
        failure: Option<(String, String)>,
        timing: Timing,
    },
}

/// Whatever the controller sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromController {
    /// The answer to a good hello.
    Welcome(Welcome),
    /// The answer to a bad hello, and the last word on this connection.
    Refused {
        reason: String,
    },
    Client(ToClient),
    Engine(ToEngine),
    Host(ToHost),
}

/// What a newcomer is told: who it is, and how large a payload may be, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Welcome {
    Client {
        client: ClientId,
        engines: Vec<EngineInfo>,
        /// The number of the next engine that joins: those with lower ones have been there.
        engine_next: EngineId,
        payload_bytes_max: u64,
    },
    Engine {
        engine: EngineId,
        payload_bytes_max: u64,
    },
    Host {
        host: HostId,
        payload_bytes_max: u64,
    },
}

/// An engine as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    pub engine: EngineId,
    pub pid: u32,
}

/// Something that a namespace goes without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Where it was: `namespace['model'].hook`.
    pub path: String,
    /// Why, as the end of a sentence that begins with the path.
    pub reason: String,
}

/// How a piece of work ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The payload holds the result.
    Done,
    Failed(Failure),
}

/// Why a piece of work has no result. Remote failure is data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// The exception's type, such as `ZeroDivisionError`.
    pub exception: String,
    /// The exception's message.
    pub message: String,
    /// The whole traceback as text with line ends, empty if there is none.
    pub traceback: String,
}

/// What kind of failure it is, where that decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// Python raised an exception. A task may be tried again elsewhere.
    Raised,
    /// The engine ended while (or before) it ran.
    EngineDied,
    /// It was aborted before it started, or cancelled while it ran.
    Aborted,
    /// There is no such engine, or none at all for a task.
    NoEngine,
    /// A limit was exceeded; `message` says which and what to do.
    Limit,
    /// The request itself makes no sense; `message` says why.
    Invalid,
    /// What it depends on makes no sense, or can't come true.
    Dependency,
    /// It waited or ran longer than it was given.
    Timeout,
    /// An engine is another client's alone; `message` says whose.
    Locked,
}

/// When a piece of work ran, by the engine's wall clock, in microseconds since
/// 1970-01-01 UTC; all 0 if it never started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    pub started_us: u64,
    pub completed_us: u64,
}

/// Something printed or displayed, in the order in which it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    Stdout(String),
    Stderr(String),
    /// `display(x)`: the object as text by media type (`text/plain` is there).
    Display(Vec<(String, String)>),
    /// The value of a cell's last expression: its number, and its forms as for
    /// `Display`.
    CellResult {
        count: u32,
        data: Vec<(String, String)>,
    },
}

/// One object that is told while something runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPart {
    pub name: String,
    /// How many of the payload's buffers its snapshot has.
    pub buffers: u32,
}

/// What the controller answers to a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Done,
    /// How many pieces of work were aborted.
    Aborted {
        count: u32,
    },
    /// How many pieces of work were aborted before they started, and how many
    /// were interrupted.
    Cancelled {
        aborted: u32,
        interrupted: u32,
    },
    Queues {
        engines: Vec<QueueInfo>,
        unassigned: u32,
        /// What tasks without an engine are called, the first of them, where
        /// that was asked.
        unassigned_names: Vec<TaskName>,
    },
    Cluster {
        engines: Vec<EngineInfo>,
        clients: Vec<ClientInfo>,
        hosts: Vec<u32>,
    },
    /// What the task store says. Payload: as that says.
    Store(StoreAnswer),
    /// It can't be done; a sentence says why.
    Refused {
        reason: String,
    },
}

/// One engine's share of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueInfo {
    pub engine: EngineId,
    /// Requests that wait or run.
    pub queue: u32,
    /// Tasks that wait there or run.
    pub tasks: u32,
    /// Requests and tasks finished since it joined.
    pub completed: u64,
    /// Who has it alone.
    pub holder: Option<Holder>,
    /// How many of those that wait or run are whose, where that was asked.
    pub by_client: Vec<(ClientId, u32)>,
    /// What requests and tasks are called, in the order in which they run, where
    /// that was asked. What a client left behind has no name; beyond
    /// [`QUEUE_NAMES_MAX`] of one answer nothing has.
    pub names: Vec<QueuedName>,
}

/// So many names there are in one answer.
pub const QUEUE_NAMES_MAX: usize = 100_000;

/// What waits or runs at an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedName {
    pub name: TaskName,
    pub is_task: bool,
    /// It is one engine's part of a request to several.
    pub is_part: bool,
}

/// A client as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    pub client: ClientId,
    pub name: String,
    pub pid: u32,
}
