//! Namespaces as a client handles them: saved, brought back, copied, and what
//! the controller tells of those that it saves by itself.
//!
//! - A copy is [`Piece::take_namespace`] at one engine, and
//!   [`Piece::put_namespace`] with the payload of its answer at others: it is
//!   passed on as it is. What is in it tells
//!   [`describe`](crate::store::payload::describe).
//! - A move is a copy, then `Clear` where it came from.
//! - A fork is `StartEngines`, then a copy to those that have joined.
//!
//! The answers to the others are dicts: what was saved or brought back.

use super::asking::Patience;
use super::{Client, ClientError, Piece};
use rhumba_proto::id::EngineId;
use rhumba_proto::message::{
    FromClient, Holder, Left, Manner, Operation, Payload, Policy, Terms, ToClient, Work,
};
use std::time::{Duration, Instant};

/// What became of a namespace without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An engine that died was replaced, and its namespace brought back.
    Restored {
        engine: EngineId,
        replaces: EngineId,
        checkpoint: String,
        /// When it was taken, in microseconds since 1970-01-01 UTC.
        checkpoint_us: u64,
        /// Requests and tasks that had finished since.
        requests_lost: u64,
        /// What it goes without.
        left_out: Vec<Left>,
    },
    /// It was not. `engine` is the empty one in its place, if there is one.
    NotRestored {
        replaces: EngineId,
        engine: Option<EngineId>,
        reason: String,
        requests_lost: u64,
    },
    /// An engine can't be checkpointed, as the policy wants.
    NotCheckpointed { engine: EngineId, reason: String },
    /// What this client asks of these engines waits: they are another's alone.
    Locked {
        engines: Vec<EngineId>,
        holder: Holder,
    },
}

impl Notice {
    /// Returns what a message tells of that kind, if it does.
    pub(super) fn of(message: ToClient) -> Option<Self> {
        match message {
            ToClient::EngineRestored {
                engine,
                replaces,
                checkpoint,
                checkpoint_us,
                requests_lost,
                left_out,
            } => Some(Self::Restored {
                engine,
                replaces,
                checkpoint,
                checkpoint_us,
                requests_lost,
                left_out,
            }),
            ToClient::EngineNotRestored {
                replaces,
                engine,
                reason,
                requests_lost,
            } => Some(Self::NotRestored {
                replaces,
                engine,
                reason,
                requests_lost,
            }),
            ToClient::Locked { engines, holder } => Some(Self::Locked { engines, holder }),
            ToClient::EngineNotCheckpointed { engine, reason } => {
                Some(Self::NotCheckpointed { engine, reason })
            }
            _ => None,
        }
    }
}

impl Piece {
    /// Saves the namespace of each target in the store. Several targets need
    /// several names: the last to write would be the one that is kept.
    #[must_use]
    pub fn checkpoint(target: EngineId, name: &str, partial: bool) -> Self {
        let name = name.to_owned();
        let operation = Operation::Checkpoint { name, partial };
        Self::of_operation(vec![target], operation, Payload::default())
    }

    /// Replaces the namespace of each target by a checkpoint; `partial`: by what can be rebuilt of it.
    #[must_use]
    pub fn restore(targets: Vec<EngineId>, name: &str, partial: bool) -> Self {
        let name = name.to_owned();
        let operation = Operation::Restore { name, partial };
        Self::of_operation(targets, operation, Payload::default())
    }

    /// Takes a copy of a namespace: the answer's payload is what
    /// [`Piece::put_namespace`] takes.
    #[must_use]
    pub fn take_namespace(target: EngineId, partial: bool) -> Self {
        let operation = Operation::TakeNamespace { partial };
        Self::of_operation(vec![target], operation, Payload::default())
    }

    /// Replaces the namespace of each target by one that was taken.
    #[must_use]
    pub fn put_namespace(targets: Vec<EngineId>, namespace: Payload) -> Self {
        Self::of_operation(targets, Operation::PutNamespace, namespace)
    }

    fn of_operation(targets: Vec<EngineId>, operation: Operation, payload: Payload) -> Self {
        Self {
            targets,
            work: Work {
                operation,
                function: None,
            },
            payload,
            terms: Terms::default(),
            manner: Manner::default(),
        }
    }
}

impl Client {
    /// Says when the cluster saves namespaces of itself, and whether it brings
    /// those of engines back that die. It holds for all engines and clients.
    ///
    /// # Errors
    /// If the controller refuses it or does not answer in time.
    pub fn set_policy<'a>(
        &self,
        policy: Policy,
        patience: impl Into<Patience<'a>>,
    ) -> Result<(), ClientError> {
        self.query(|query| FromClient::SetPolicy { query, policy }, patience)
            .map(drop)
    }

    /// Returns what was noticed of namespaces from `cursor` on, and the cursor
    /// to go on from. The first is 0.
    #[must_use]
    pub fn notices_since(&self, cursor: usize) -> (usize, Vec<Notice>) {
        let state = self.shared.state.lock();
        let new = state.notices.get(cursor..).unwrap_or(&[]).to_vec();
        (state.notices.len(), new)
    }

    /// Waits until there is a notice beyond `cursor`, at most for `timeout`.
    /// Returns whether there is; `false` at once if the connection is over.
    #[must_use]
    pub fn wait_notice(&self, cursor: usize, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while state.notices.len() <= cursor {
            let changed = &self.shared.changed;
            if state.ended.is_some() || changed.wait_until(&mut state, deadline).timed_out() {
                return state.notices.len() > cursor;
            }
        }
        true
    }
}
