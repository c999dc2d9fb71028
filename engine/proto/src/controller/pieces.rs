//! Pieces: what a client asked of one engine, or of any, and still waits for;
//! and what the controller asked of an engine itself ([`super::duties`]).
//!
//! A piece is in exactly one place at a time. Its key finds it in one step; the
//! queues and windows that hold keys are in [`super::scheduler`] and
//! [`super::window`].

use super::blobs::Blob;
use super::dependencies::Wait;
use super::queue::{PoolId, Position};
use crate::id::{ClientId, EngineId, RequestId, Timestamp};
use crate::message::{Operation, Payload, Work};
use std::cmp::Reverse;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// Finds a piece as long as it is unfinished; used again afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PieceKey(u32);

impl PieceKey {
    pub(super) const FIRST: Self = Self(0);
    pub(super) const LAST: Self = Self(u32::MAX);
}

/// What a client asked, shared by all the pieces it became.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) work: Work,
    pub(super) payload: Payload,
    /// What it counts for in [`super::Config::queued_bytes_max`].
    pub(super) bytes: u64,
    /// Keeps the function's content, even if its client forgets it meanwhile.
    pub(super) function: Option<Arc<Blob>>,
    /// How many pieces it became.
    pub(super) pieces: u32,
    /// Its answers are told together.
    pub(super) gathers: bool,
}

impl Parcel {
    /// Returns whether it became several pieces.
    pub(super) fn is_divided(&self) -> bool {
        self.pieces > 1
    }

    /// Returns whether what is queued behind it at an engine depends on its success.
    pub(super) fn stops_on_error(&self) -> bool {
        matches!(
            self.work.operation,
            Operation::Execute {
                stop_on_error: true,
                ..
            }
        )
    }
}

#[derive(Debug)]
pub(super) struct Piece {
    /// When it arrived among all pieces. A piece that comes back to a queue
    /// gets its old position there.
    pub(super) order: u64,
    /// Who waits for it; `None` once that client has left, and for a duty.
    pub(super) owner: Option<Owner>,
    pub(super) parcel: Arc<Parcel>,
    pub(super) aim: Aim,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) client: ClientId,
    pub(super) request: RequestId,
}

/// Where a piece may run.
#[derive(Debug)]
pub(super) enum Aim {
    /// It is a request to this engine.
    Engine(EngineId),
    /// It is a task.
    Any {
        retries_left: u32,
        priority: i32,
        /// What most tasks don't have.
        rules: Option<Box<Rules>>,
        /// Where it failed, at most the latest [`TRIED_MAX`]. These come last.
        tried: Vec<EngineId>,
        /// It made room for a request once, and needn't again.
        yielded: bool,
    },
}

/// What holds for some tasks only.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// The engines that may run it, in rising order, if not all may.
    pub(super) targets: Option<Arc<[EngineId]>>,
    /// They come from what it follows.
    pub(super) follows: bool,
    pub(super) after: Option<Wait>,
    pub(super) follow: Option<Wait>,
    /// How long it may wait for an engine.
    pub(super) timeout_us: Option<u64>,
    pub(super) timer_at: Option<Timestamp>,
    /// How long it may run.
    pub(super) time_limit_us: Option<u64>,
    /// It has waited for as long as it may.
    pub(super) is_overdue: bool,
    /// Engines that don't have what it needs, as it said there.
    pub(super) refused: Vec<EngineId>,
}

/// Where a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A task that waits for others to end.
    Held,
    /// A task that waits for any of the engines that may run it.
    Queue(PoolId),
    /// A task that failed elsewhere and waits for this engine.
    Bound(EngineId, PoolId),
    /// A request that waits for its engine.
    Waiting(EngineId),
    /// At this engine, or on its way there.
    Window(EngineId),
}

impl Piece {
    pub(super) fn target(&self) -> Option<EngineId> {
        match self.aim {
            Aim::Engine(engine) => Some(engine),
            Aim::Any { .. } => None,
        }
    }

    pub(super) fn is_task(&self) -> bool {
        matches!(self.aim, Aim::Any { .. })
    }

    /// Returns the engines that may run it, if not all may.
    pub(super) fn targets(&self) -> Option<&Arc<[EngineId]>> {
        match &self.aim {
            Aim::Engine(_) => None,
            Aim::Any { rules, .. } => rules.as_ref()?.targets.as_ref(),
        }
    }

    pub(super) fn rules(&self) -> Option<&Rules> {
        match &self.aim {
            Aim::Engine(_) => None,
            Aim::Any { rules, .. } => rules.as_deref(),
        }
    }

    pub(super) fn rules_mut(&mut self) -> Option<&mut Rules> {
        match &mut self.aim {
            Aim::Engine(_) => None,
            Aim::Any { rules, .. } => rules.as_deref_mut(),
        }
    }

    /// Returns the engines that don't have what it needs.
    pub(super) fn refused(&self) -> &[EngineId] {
        self.rules().map_or(&[], |rules| &rules.refused)
    }

    /// Takes note that this engine doesn't have what it needs.
    pub(super) fn add_refused(&mut self, engine: EngineId) {
        if let Aim::Any { rules, .. } = &mut self.aim {
            rules.get_or_insert_default().refused.push(engine);
        }
    }

    /// Returns where it stands among its client's tasks.
    pub(super) fn position(&self) -> Position {
        let priority = match self.aim {
            Aim::Engine(_) => 0,
            Aim::Any { priority, .. } => priority,
        };
        Position {
            priority: Reverse(priority),
            order: self.order,
        }
    }

    pub(super) fn tried(&self) -> &[EngineId] {
        match &self.aim {
            Aim::Engine(_) => &[],
            Aim::Any { tried, .. } => tried,
        }
    }

    /// Takes note that it failed on this engine.
    pub(super) fn add_tried(&mut self, engine: EngineId) {
        if let Aim::Any { tried, .. } = &mut self.aim
            && !tried.contains(&engine)
        {
            if tried.len() == TRIED_MAX {
                tried.remove(0);
            }
            tried.push(engine);
        }
    }

    pub(super) fn forget_tried(&mut self) {
        if let Aim::Any { tried, .. } = &mut self.aim {
            tried.clear();
        }
    }

    /// Lets it run as it does, but not once more.
    pub(super) fn forgo_retries(&mut self) {
        if let Aim::Any { retries_left, .. } = &mut self.aim {
            *retries_left = 0;
        }
    }

    /// Uses up one retry; returns whether there was one.
    pub(super) fn take_retry(&mut self) -> bool {
        match &mut self.aim {
            Aim::Any { retries_left, .. } if *retries_left > 0 => {
                *retries_left -= 1;
                true
            }
            _ => false,
        }
    }
}

/// A task that fails on more engines than this fails on them all, and looking
/// for another one should stay cheap.
const TRIED_MAX: usize = 32;

/// How many slots stay allocated when all pieces are finished.
const SLOTS_KEPT: usize = 1024;

/// All unfinished pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    slots: Vec<Option<Piece>>,
    free: Vec<u32>,
    next_order: u64,
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Returns the place that the next piece gets among all.
    pub(super) fn next_order(&self) -> u64 {
        self.next_order
    }

    /// Adds a piece behind all others.
    pub(super) fn insert(
        &mut self,
        owner: Option<Owner>,
        parcel: Arc<Parcel>,
        aim: Aim,
        place: Place,
    ) -> PieceKey {
        let order = self.next_order;
        self.next_order += 1;
        let piece = Piece {
            order,
            owner,
            parcel,
            aim,
            place,
        };
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(piece);
            return PieceKey(slot);
        }
        let slot = u32::try_from(self.slots.len()).expect("limits keep pieces below 2^32");
        self.slots.push(Some(piece));
        PieceKey(slot)
    }

    pub(super) fn remove(&mut self, key: PieceKey) -> Piece {
        let piece = self.slots[key.0 as usize]
            .take()
            .expect("a key is only held while its piece is");
        self.free.push(key.0);
        if self.free.len() == self.slots.len() && self.slots.len() > SLOTS_KEPT {
            // A burst of work leaves no memory behind.
            self.slots = Vec::new();
            self.free = Vec::new();
        }
        piece
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PieceKey, &Piece)> {
        let keys = (0..).map(PieceKey);
        keys.zip(&self.slots)
            .filter_map(|(key, slot)| slot.as_ref().map(|piece| (key, piece)))
    }
}

impl Index<PieceKey> for Pieces {
    type Output = Piece;

    fn index(&self, key: PieceKey) -> &Piece {
        self.slots[key.0 as usize]
            .as_ref()
            .expect("a key is only held while its piece is")
    }
}

impl IndexMut<PieceKey> for Pieces {
    fn index_mut(&mut self, key: PieceKey) -> &mut Piece {
        self.slots[key.0 as usize]
            .as_mut()
            .expect("a key is only held while its piece is")
    }
}
