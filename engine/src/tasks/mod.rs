//! The task store: what is remembered of every piece, in SQLite.
//!
//! A thread of its own writes in groups and answers questions, so that the
//! controller's loop never waits for a disk: it only hands over. What it hands
//! over is carried out in that order. The backlog is bounded. From some size on
//! clients' work is read later ([`TaskStore::relief`]); beyond another, which a
//! disk that stands still leads to, records are lost, counted, and that is told.
//!
//! Nothing here knows what a piece may do; the words are `rhumba_proto::record`'s.
//! Read next: [`schema`] for the file, [`writer`] for how it is written,
//! [`functions`] for what they name, [`filter`] for how questions become SQL, [`answers`] for what is answered.

mod answers;
mod bundle;
mod error;
mod filter;
mod functions;
mod insert;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use error::TaskStoreError;

use rhumba_proto::id::{ClientId, QueryId, RequestId};
use rhumba_proto::message::{Failure, Operation, Outcome, Payload, TaskName, Terms};
use rhumba_proto::record::{Fetched, PieceName, Question, Record, StoreAnswer};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;
use writer::Writer;

/// The name of the store's file in its cluster's folder.
pub const FILE_NAME: &str = "tasks.sqlite";

/// From this backlog on clients' work is read later.
const PRESSURE_BYTES: u64 = 128 << 20;

/// Beyond this backlog records are lost.
const BACKLOG_BYTES_MAX: u64 = 512 << 20;

/// What a record weighs besides what it points to.
const RECORD_BYTES: u64 = 400;

/// What a text takes besides its letters.
const TEXT_BYTES: usize = size_of::<String>();

/// How long the work of a client is read later at most, each time.
const RELIEF_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of a cluster waits for what is still to be written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(8);

/// Where records are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStoreOptions {
    pub mode: TaskStoreMode,
    /// `None`: as many as is usual for the mode.
    pub records_max: Option<u64>,
    pub bytes_max: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskStoreMode {
    Off,
    Memory,
    #[default]
    File,
    /// In a file that is removed when the cluster is stopped: nobody knows its
    /// name afterwards.
    Temporary,
}

impl Default for TaskStoreOptions {
    fn default() -> Self {
        Self::new(TaskStoreMode::default())
    }
}

impl TaskStoreOptions {
    #[must_use]
    pub fn new(mode: TaskStoreMode) -> Self {
        Self {
            mode,
            records_max: None,
            bytes_max: None,
        }
    }

    fn limits(&self) -> Limits {
        let (records_max, bytes_max) = match self.mode {
            TaskStoreMode::Off => (0, 0),
            TaskStoreMode::Memory => (100_000, 256 << 20),
            TaskStoreMode::File | TaskStoreMode::Temporary => (1_000_000, 2 << 30),
        };
        Limits {
            records_max: self.records_max.unwrap_or(records_max),
            bytes_max: self.bytes_max.unwrap_or(bytes_max),
        }
    }
}

impl TaskStoreMode {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Memory => "memory",
            Self::File => "file",
            Self::Temporary => "temporary",
        }
    }
}

impl FromStr for TaskStoreMode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Off, Self::Memory, Self::File, Self::Temporary];
        let found = all.into_iter().find(|mode| mode.name() == name);
        found.ok_or_else(|| {
            format!("a task store is 'off', in 'memory' or in a 'file', and not {name:?}")
        })
    }
}

/// How much is kept; the oldest that have ended go first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    records_max: u64,
    bytes_max: u64,
}

/// What the store's thread is told.
enum Order {
    /// These happened at this moment, in microseconds since 1970-01-01 UTC.
    Records {
        at_us: u64,
        records: Vec<Record>,
    },
    Ask {
        client: ClientId,
        query: QueryId,
        question: Question,
    },
    Fetch {
        client: ClientId,
        request: RequestId,
        piece: PieceName,
    },
    Close,
}

/// What it says.
pub(crate) enum Reply {
    Answered {
        client: ClientId,
        query: QueryId,
        answer: StoreAnswer,
        payload: Payload,
    },
    Fetched {
        client: ClientId,
        request: RequestId,
        fetched: Result<Fetched, Failure>,
        payload: Payload,
    },
}

/// What is on its way to the disk.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: AtomicU64,
    lost: AtomicU64,
    relieved: Notify,
}

impl Backlog {
    /// Takes note that so much is written.
    fn release(&self, bytes: u64) {
        let before = self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        if before >= PRESSURE_BYTES && before - bytes < PRESSURE_BYTES {
            self.relieved.notify_waiters();
        }
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits while too much is on its way, for some seconds at most.
    pub(crate) async fn relief(&self) {
        let relieved = self.relieved.notified();
        if self.bytes.load(Ordering::Acquire) >= PRESSURE_BYTES {
            // A disk that stands still must not stop the cluster.
            let _ = tokio::time::timeout(RELIEF_TIMEOUT, relieved).await;
        }
    }
}

/// The controller's side of the task store.
pub(crate) struct TaskStore {
    orders: mpsc::Sender<Order>,
    backlog: Arc<Backlog>,
    /// Not handed over yet, and when the first of them was taken: before an
    /// engine can have been told of it.
    records: Vec<Record>,
    at_us: u64,
    ended: mpsc::Receiver<()>,
}

impl TaskStore {
    /// Starts the thread that keeps a store for the cluster of this file.
    /// Whether its own file can be used shows when it is asked something.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start(
        options: &TaskStoreOptions,
        cluster_file: &Path,
        reply: impl Fn(Reply) + Send + 'static,
    ) -> std::io::Result<Self> {
        let place = match options.mode {
            TaskStoreMode::Off | TaskStoreMode::Memory => Place::Memory,
            TaskStoreMode::File | TaskStoreMode::Temporary => Place::File {
                path: cluster_file.with_file_name(FILE_NAME),
                is_temporary: options.mode == TaskStoreMode::Temporary,
            },
        };
        let (orders, arriving) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let backlog = Arc::new(Backlog::default());
        let limits = options.limits();
        let writer = Writer::new(place, cluster_file, limits, Arc::clone(&backlog));
        std::thread::Builder::new()
            .name("task-store".into())
            .spawn(move || {
                let mut writer = writer;
                let running = AssertUnwindSafe(|| writer.run(&arriving, &reply));
                if std::panic::catch_unwind(running).is_err() {
                    refuse(&arriving, &reply, &writer.backlog);
                }
                // Nobody may wait for it any more.
                let _ = ending.send(());
            })?;
        Ok(Self {
            orders,
            backlog,
            records: Vec::new(),
            at_us: 0,
            ended,
        })
    }

    pub(crate) fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }

    /// Takes a record, to be handed over with those that follow at once.
    pub(crate) fn record(&mut self, mut record: Record) {
        insert::omit(&mut record);
        let bytes = weight(&record);
        let before = self.backlog.bytes.fetch_add(bytes, Ordering::AcqRel);
        if before + bytes > BACKLOG_BYTES_MAX {
            self.backlog.release(bytes);
            if self.backlog.lost.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::warn!(
                    "{} MiB wait to be written to the task store: until there are fewer, what \
                     happens is not recorded",
                    before >> 20
                );
            }
            return;
        }
        if self.records.is_empty() {
            self.at_us = now_us();
        }
        self.records.push(record);
    }

    /// Hands over what was recorded.
    pub(crate) fn hand_over(&mut self) {
        if !self.records.is_empty() {
            let records = std::mem::take(&mut self.records);
            let at_us = self.at_us;
            self.order(Order::Records { at_us, records });
        }
    }

    pub(crate) fn ask(&mut self, client: ClientId, query: QueryId, question: Question) {
        self.hand_over();
        self.order(Order::Ask {
            client,
            query,
            question,
        });
    }

    pub(crate) fn fetch(&mut self, client: ClientId, request: RequestId, piece: PieceName) {
        self.hand_over();
        self.order(Order::Fetch {
            client,
            request,
            piece,
        });
    }

    fn order(&self, order: Order) {
        // It ends only when it is told to.
        let _ = self.orders.send(order);
    }

    /// Writes what is still to be written, and waits for it, for some seconds at
    /// most.
    pub(crate) fn close(mut self) {
        self.hand_over();
        self.order(Order::Close);
        if self.ended.recv_timeout(CLOSE_TIMEOUT).is_err() {
            tracing::warn!("the task store was not written to its end in time");
        }
    }
}

/// Does with orders what can be done where nothing can be written any more: nobody
/// may wait for an answer that never comes, nor for a backlog that never shrinks.
fn refuse(orders: &mpsc::Receiver<Order>, reply: &dyn Fn(Reply), backlog: &Backlog) {
    let failure = || TaskStoreError::Gone.failure();
    while let Ok(order) = orders.recv() {
        match order {
            Order::Records { records, .. } => {
                let lost = records.len() as u64;
                backlog.lost.fetch_add(lost, Ordering::Relaxed);
                backlog.release(records.iter().map(weight).sum());
            }
            Order::Ask { client, query, .. } => reply(Reply::Answered {
                client,
                query,
                answer: StoreAnswer::Failed(failure()),
                payload: Payload::default(),
            }),
            Order::Fetch {
                client, request, ..
            } => reply(Reply::Fetched {
                client,
                request,
                fetched: Err(failure()),
                payload: Payload::default(),
            }),
            Order::Close => return,
        }
    }
}

/// Where a store is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Memory,
    File { path: PathBuf, is_temporary: bool },
}

/// Returns how much memory a record holds on to.
fn weight(record: &Record) -> u64 {
    RECORD_BYTES
        + match record {
            Record::FunctionStored { content, .. } => content.bytes(),
            Record::Accepted(accepted) => {
                let terms = accepted.terms.as_deref().map_or(0, terms_bytes);
                let operation = &accepted.work.operation;
                let code = match operation {
                    Operation::Execute { code, .. } => code.len() as u64,
                    _ => 0,
                };
                // What several pieces have in common is there once.
                let common = accepted.payload.bytes() + code;
                common / u64::from(accepted.shared_by.max(1)) + operation_bytes(operation) + terms
            }
            Record::Ended(ended) => ended.payload.bytes() + outcome_bytes(&ended.outcome),
            Record::Printed { output, .. } => insert::output_bytes(output),
            Record::ClientJoined { .. } => 0,
        }
}

/// Returns what an operation holds on to besides its code.
fn operation_bytes(operation: &Operation) -> u64 {
    let bytes = match operation {
        Operation::Pull { names, .. } => names.iter().map(|name| TEXT_BYTES + name.len()).sum(),
        Operation::Checkpoint { name, .. }
        | Operation::Restore { name, .. }
        | Operation::Recover { name } => name.len(),
        Operation::Execute { .. }
        | Operation::Apply
        | Operation::Map
        | Operation::Push
        | Operation::Clear
        | Operation::TakeNamespace { .. }
        | Operation::PutNamespace => 0,
    };
    bytes as u64
}

fn terms_bytes(terms: &Terms) -> u64 {
    let others = [&terms.after, &terms.follow];
    let others = others
        .into_iter()
        .flatten()
        .map(|others| others.tasks.len());
    let bytes = size_of_val(&terms.targets[..]) + others.sum::<usize>() * size_of::<TaskName>();
    bytes as u64
}

fn outcome_bytes(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Done => 0,
        Outcome::Failed(failure) => {
            let texts = [&failure.exception, &failure.message, &failure.traceback];
            texts.into_iter().map(|text| text.len() as u64).sum()
        }
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}
