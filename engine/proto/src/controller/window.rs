//! The window: what was sent to one engine and isn't answered.
//!
//! An engine runs strictly in order and answers each before it starts the
//! next. So the first entry may have started, and no other has: that is what
//! an engine's death, an abort and a recall rest on.

use super::Config;
use super::pieces::PieceKey;
use crate::id::{ClientId, QueryId, Ticket};
use crate::message::{TaskName, Turn};
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) ticket: Ticket,
    pub(super) piece: PieceKey,
    /// If it was relayed.
    pub(super) turn: Option<Turn>,
    pub(super) is_task: bool,
    /// It is a task that another engine may run.
    pub(super) is_movable: bool,
    /// No request may follow before this one is answered, as it may abort them.
    pub(super) is_barrier: bool,
    pub(super) bytes: u64,
    /// The engine time that its client was charged for it.
    pub(super) charged_us: u64,
    /// How long it may run.
    pub(super) limit_us: Option<u64>,
    pub(super) recall: Recall,
    /// If it turns out to run, it is stopped.
    pub(super) is_cancelled: bool,
    /// What it was called when those who watch were told that it runs.
    pub(super) announced: Option<TaskName>,
}

impl InFlight {
    /// Returns whether it runs, if it is first: it isn't on its way back.
    pub(super) fn surely_runs(&self) -> bool {
        matches!(self.recall, Recall::No | Recall::TooLate) && !self.is_cancelled
    }
}

/// Whether it was asked back, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recall {
    No,
    /// For an engine that has nothing to do.
    Steal,
    /// To let a request pass.
    Yield,
    Abort {
        client: ClientId,
        query: QueryId,
    },
    /// Nobody waits for it any more.
    Discard,
    /// The engine had started it.
    TooLate,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    entries: VecDeque<InFlight>,
    requests: u32,
    bytes: u64,
    barriers: u32,
    /// Tasks that haven't started, aren't asked back, and could run elsewhere.
    spare_tasks: u32,
}

impl Window {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn requests(&self) -> u32 {
        self.requests
    }

    pub(super) fn tasks(&self) -> u32 {
        self.entries.len() as u32 - self.requests
    }

    pub(super) fn spare_tasks(&self) -> u32 {
        self.spare_tasks
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &InFlight> + ExactSizeIterator {
        self.entries.iter()
    }

    pub(super) fn get(&self, index: usize) -> &InFlight {
        &self.entries[index]
    }

    /// Returns whether a request of this size may be sent now.
    pub(super) fn admits_request(&self, bytes: u64, config: &Config) -> bool {
        self.barriers == 0
            && (self.requests == 0
                || self.requests < config.window_requests_max
                    && self.bytes.saturating_add(bytes) <= config.window_bytes_max)
    }

    /// Returns whether another task may be sent, if `target` of them are wanted.
    pub(super) fn admits_task(&self, target: u32, config: &Config) -> bool {
        let tasks = self.tasks();
        tasks < target && (tasks < 2 || self.bytes < config.window_bytes_max)
    }

    pub(super) fn push(&mut self, entry: InFlight) {
        debug_assert!(
            self.entries
                .back()
                .is_none_or(|last| last.ticket < entry.ticket)
        );
        self.requests += u32::from(!entry.is_task);
        self.barriers += u32::from(entry.is_barrier);
        self.bytes += entry.bytes;
        self.entries.push_back(entry);
        self.spare_tasks += u32::from(self.is_spare(self.entries.len() - 1));
    }

    pub(super) fn position(&self, ticket: Ticket) -> Option<usize> {
        self.entries
            .binary_search_by_key(&ticket, |entry| entry.ticket)
            .ok()
    }

    pub(super) fn position_of_piece(&self, piece: PieceKey) -> Option<usize> {
        self.entries.iter().position(|entry| entry.piece == piece)
    }

    pub(super) fn remove(&mut self, index: usize) -> InFlight {
        self.spare_tasks -= u32::from(self.is_spare(index));
        if index == 0 && self.entries.len() > 1 {
            self.spare_tasks -= u32::from(self.is_spare(1));
        }
        let entry = self
            .entries
            .remove(index)
            .expect("the index comes from this window");
        self.requests -= u32::from(!entry.is_task);
        self.barriers -= u32::from(entry.is_barrier);
        self.bytes -= entry.bytes;
        entry
    }

    /// Returns what the recall was before.
    pub(super) fn set_recall(&mut self, index: usize, recall: Recall) -> Recall {
        self.spare_tasks -= u32::from(self.is_spare(index));
        let before = std::mem::replace(&mut self.entries[index].recall, recall);
        self.spare_tasks += u32::from(self.is_spare(index));
        before
    }

    pub(super) fn note_announced(&mut self, index: usize, task: TaskName) {
        self.entries[index].announced = Some(task);
    }

    pub(super) fn note_cancelled(&mut self, index: usize) {
        self.entries[index].is_cancelled = true;
    }

    pub(super) fn is_spare(&self, index: usize) -> bool {
        index > 0 && self.entries[index].is_movable && self.entries[index].recall == Recall::No
    }

    /// Checks the sums against the entries.
    pub(super) fn check_invariants(&self) {
        let requests = self.entries.iter().filter(|entry| !entry.is_task).count();
        assert_eq!(
            self.requests as usize, requests,
            "a window counts its requests"
        );
        let bytes: u64 = self.entries.iter().map(|entry| entry.bytes).sum();
        assert_eq!(self.bytes, bytes, "a window counts its bytes");
        let barriers = self.entries.iter().filter(|entry| entry.is_barrier).count();
        assert_eq!(
            self.barriers as usize, barriers,
            "a window counts its barriers"
        );
        assert!(
            barriers <= 1,
            "nothing that may abort what follows is followed by a request"
        );
        if let Some(barrier) = self.entries.iter().position(|entry| entry.is_barrier) {
            let mut behind = self.entries.iter().skip(barrier + 1);
            assert!(
                behind.all(|entry| entry.is_task),
                "only tasks may follow a barrier"
            );
        }
        let spare = (0..self.entries.len())
            .filter(|index| self.is_spare(*index))
            .count();
        assert_eq!(
            self.spare_tasks as usize, spare,
            "a window counts its spare tasks"
        );
        assert!(
            self.entries.iter().is_sorted_by(|a, b| a.ticket < b.ticket),
            "tickets in a window rise"
        );
    }
}
