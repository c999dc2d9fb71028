//! What engines and hosts are told and tell: the processes on the machines that work.
//!
//! What clients say is in [`super`].

use super::{DataPart, Outcome, Output, Timing, Work};
use crate::id::{BlobId, Ticket};
use serde::{Deserialize, Serialize};

/// What an engine sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromEngine {
    /// The work is over, one way or the other. Payload: the result's snapshot.
    Finished {
        ticket: Ticket,
        outcome: Outcome,
        timing: Timing,
    },
    /// Something was printed or displayed while this ran (`None`: between).
    Output {
        ticket: Option<Ticket>,
        output: Output,
    },
    /// What runs tells its client something before it is over. Payload: the
    /// snapshots of all parts, one after the other.
    Data {
        ticket: Ticket,
        parts: Vec<DataPart>,
    },
    /// Answers [`ToEngine::Recall`]. `taken`: it had not started and won't.
    Recalled {
        ticket: Ticket,
        taken: bool,
    },
    Pong,
}

/// What a host sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromHost {
    /// A process it forked has ended. `cause` is a phrase: "killed by signal 9".
    /// `output` is what it had written and not told itself.
    EngineExited {
        pid: u32,
        cause: String,
        output: Vec<Output>,
    },
    /// Forking failed.
    StartFailed {
        reason: String,
    },
    /// Nothing more can be passed on to this engine, and some of what should
    /// have been may not have reached it.
    NotRelayed {
        pid: u32,
    },
    Pong,
}

/// What the controller tells an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToEngine {
    /// The payload will be named by work that follows. Payload: the content.
    StoreBlob {
        blob: BlobId,
    },
    /// It won't be named any more.
    ForgetBlob {
        blob: BlobId,
    },
    /// Run this after what was sent before. Payload: the operation's.
    Run {
        ticket: Ticket,
        work: Work,
    },
    /// Give this back if it hasn't started.
    Recall {
        ticket: Ticket,
    },
    /// Interrupt this if it is running, and only then.
    Interrupt {
        ticket: Ticket,
    },
    /// Deliver a signal to yourself.
    Signal {
        signal: i32,
    },
    /// What follows here comes after all that is relayed up to this number.
    Await {
        relayed: u64,
    },
    /// What its host passes on, or the controller itself where the host can't.
    /// Payload: the content, or the operation's.
    Relayed {
        turn: Turn,
        message: Relayed,
    },
    Ping,
    /// End, after telling nothing more.
    Shutdown,
}

impl ToEngine {
    /// Returns whether an engine must take it in the order in which it was said:
    /// see [`crate::arrivals`].
    #[must_use]
    pub fn is_in_turn(&self) -> bool {
        matches!(
            self,
            Self::StoreBlob { .. }
                | Self::ForgetBlob { .. }
                | Self::Run { .. }
                | Self::Recall { .. }
        )
    }
}

/// What may reach an engine through its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relayed {
    /// As [`ToEngine::StoreBlob`].
    StoreBlob { blob: BlobId },
    /// As [`ToEngine::Run`].
    Run { ticket: Ticket, work: Work },
}

/// When it is the turn of what is relayed to one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Counts what is relayed to the engine, from 1.
    pub number: u64,
    /// How much in turn the controller itself had sent the engine before.
    pub after: u64,
}

/// An engine that a host passes something on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    pub pid: u32,
    pub turn: Turn,
}

/// What the controller tells a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToHost {
    /// Fork `count` more engines.
    StartEngines {
        count: u32,
    },
    /// Deliver a signal to an engine it forked.
    Signal {
        pid: u32,
        signal: i32,
    },
    /// Pass content on to engines. Payload: the content.
    RelayBlob {
        blob: BlobId,
        to: Vec<Recipient>,
    },
    /// Pass work on to engines, to each with its own ticket. Payload: the operation's.
    RelayRun {
        work: Work,
        to: Vec<(Recipient, Ticket)>,
    },
    Ping,
    /// End all engines, then itself.
    Shutdown,
}
