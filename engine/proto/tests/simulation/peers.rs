//! Simulated engines, hosts and clients: their state, without the world.

use crate::link::Lane;
use rhumba_proto::arrivals::Arrivals;
use rhumba_proto::id::{BlobId, ConnectionId, EngineId, RequestId, Ticket};
use rhumba_proto::message::{Operation, Outcome, Payload, Relayed, Turn, Work};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whose work a payload belongs to: its first buffer says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub client: ConnectionId,
    pub request: RequestId,
}

impl Mark {
    pub fn payload(self, padding: usize) -> Payload {
        let mut bytes = self.client.0.to_le_bytes().to_vec();
        bytes.extend(self.request.0.to_le_bytes());
        bytes.resize(16 + padding, 0);
        Payload {
            buffers: vec![bytes.into()],
        }
    }

    pub fn of(payload: &Payload) -> Self {
        let number = |from: usize| {
            let bytes = payload.buffers[0][from..from + 8].try_into();
            u64::from_le_bytes(bytes.expect("eight bytes were taken"))
        };
        Self {
            client: ConnectionId(number(0)),
            request: RequestId(number(8)),
        }
    }
}

/// What an engine returns: whose work it was, and by which ticket.
pub fn result_payload(mark: Mark, ticket: Ticket) -> Payload {
    let mut payload = mark.payload(0);
    payload.buffers.push(ticket.0.to_le_bytes().to_vec().into());
    payload
}

pub fn ticket_of_result(payload: &Payload) -> Ticket {
    let bytes = payload.buffers[1][..].try_into();
    Ticket(u64::from_le_bytes(bytes.expect("a ticket has eight bytes")))
}

/// What an engine has been asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    ByClient(Mark),
    ToCheckpoint(String),
    ToRestore(String),
}

impl Asked {
    /// Whose work it is: only the controller itself asks for checkpoints here.
    pub fn of(work: &Work, payload: &Payload) -> Self {
        match &work.operation {
            Operation::Checkpoint { name, .. } => Self::ToCheckpoint(name.clone()),
            Operation::Recover { name } => Self::ToRestore(name.clone()),
            _ => Self::ByClient(Mark::of(payload)),
        }
    }

    pub fn is_duty(&self) -> bool {
        !matches!(self, Self::ByClient(_))
    }
}

pub struct Engine {
    pub pid: u32,
    pub host: Option<ConnectionId>,
    pub id: Option<EngineId>,
    pub arrivals: Arrivals,
    /// From its host.
    pub relayed: Lane<(Turn, Relayed)>,
    /// The latest work that it was given.
    pub latest: Option<Ticket>,
    pub queue: VecDeque<Job>,
    pub running: Option<Running>,
    pub blobs: BTreeSet<BlobId>,
    /// It does nothing and hears nothing, as if suspended.
    pub is_frozen: bool,
    /// It ignores being told to end.
    pub is_stubborn: bool,
    /// Counts what it ran, so that a late end of something else is noticed.
    pub runs: u64,
    /// Numbers what it prints.
    pub outputs: u64,
    /// Its namespace: how much work has been done in it.
    pub namespace: u64,
}

pub struct Job {
    pub ticket: Ticket,
    pub asked: Asked,
    pub function: Option<BlobId>,
}

pub struct Running {
    pub ticket: Ticket,
    pub asked: Asked,
    pub outcome: Outcome,
    pub started_at: u64,
    /// It hears no interrupt.
    pub is_deaf: bool,
    /// It hears no interrupt and has no end.
    pub is_endless: bool,
    /// Its end came while the engine was frozen.
    pub is_due: bool,
}

pub struct Host {
    pub pid: u32,
    pub engines: BTreeMap<u32, ConnectionId>,
    /// Engines that it can't pass anything on to any more.
    pub cut: BTreeSet<u32>,
}

pub struct Client {
    pub acts_left: u64,
    pub next_request: u64,
    pub next_query: u64,
    pub blobs: BTreeSet<BlobId>,
    pub has_left: bool,
}
