//! The scheduler: which engine gets which piece, and when.
//!
//! Requests go to their engine in the order of their arrival. Tasks wait in one
//! queue and go to the engine with the fewest pieces. An engine is given as
//! many tasks as it needs never to wait for the network, see [`super::pace`];
//! when the queue is empty and an engine has nothing to do, one that hasn't
//! started elsewhere is asked back for it. Every step costs the logarithm of
//! the number of tasks and engines.

use super::Config;
use super::Controller;
use super::engines::Engine;
use super::pieces::{Aim, PieceKey, Place};
use super::window::{InFlight, Recall};
use crate::id::EngineId;
use crate::message::ToEngine;
use std::collections::{BTreeMap, BTreeSet};

/// How many tasks are looked at to find one that an idle engine may take over.
/// Only tasks that failed on every idle engine are passed over at all.
const STEAL_CANDIDATES_MAX: u32 = 64;

/// Where an engine stands among those that may get tasks: the first is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// It has all the tasks it needs.
    is_full: bool,
    load: u32,
    /// Among equals, the one whose last task is longest ago.
    turn: u64,
    engine: EngineId,
}

#[derive(Debug, Default)]
pub(super) struct Scheduler {
    /// Tasks for any engine, by their order.
    queue: BTreeMap<u64, PieceKey>,
    /// Every engine that may get tasks.
    ranking: BTreeSet<Rank>,
    /// How many of those have nothing to do.
    idle: u32,
    /// Engines with tasks that others could take, by how many.
    spare: BTreeSet<(u32, EngineId)>,
    /// Recalls on behalf of idle engines.
    steals: u32,
    turns: u64,
}

/// Where a task goes.
enum Placement {
    Now(EngineId),
    /// It failed on all engines that have room, but not on this one.
    Later(EngineId),
    /// It failed on all engines: there is another round.
    Again(EngineId),
    /// All engines have what they need.
    Nowhere,
}

/// A task that an idle engine could run.
enum Candidate {
    Bound(PieceKey),
    InWindow(EngineId, PieceKey),
}

impl Scheduler {
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn remove(&mut self, order: u64) {
        self.queue.remove(&order);
    }

    pub(super) fn start_steal(&mut self) {
        self.steals += 1;
    }

    pub(super) fn end_steal(&mut self) {
        self.steals -= 1;
    }

    /// Forgets an engine that left.
    pub(super) fn forget(&mut self, engine: &mut Engine) {
        self.place(engine, None, 0);
    }

    /// Brings an engine's place up to date with what it has.
    fn rerank(&mut self, engine: &mut Engine, config: &Config) {
        let target = engine.pace.target(config.prefetch_max);
        let tasks = engine.window.tasks();
        // Filled up in batches: fewer, larger writes.
        if tasks <= target / 2 {
            engine.is_filling = true;
        }
        if !engine.window.admits_task(target, config) {
            engine.is_filling = false;
        }
        if !engine.takes_tasks() {
            self.place(engine, None, 0);
            return;
        }
        let rank = standing(engine, target);
        let spare = engine.window.spare_tasks() + engine.bound.len() as u32;
        self.place(engine, Some(rank), spare);
    }

    fn place(&mut self, engine: &mut Engine, rank: Option<Rank>, spare: u32) {
        if engine.rank != rank {
            if let Some(old) = engine.rank {
                self.ranking.remove(&old);
                self.idle -= u32::from(old.load == 0);
            }
            if let Some(new) = rank {
                self.ranking.insert(new);
                self.idle += u32::from(new.load == 0);
            }
            engine.rank = rank;
        }
        if engine.spare != spare {
            if engine.spare > 0 {
                self.spare.remove(&(engine.spare, engine.id));
            }
            if spare > 0 {
                self.spare.insert((spare, engine.id));
            }
            engine.spare = spare;
        }
    }

    /// Chooses an engine for a task that failed on those in `tried`.
    fn choose(&self, tried: &[EngineId]) -> Placement {
        let Some(first) = self.ranking.first().filter(|rank| !rank.is_full) else {
            return Placement::Nowhere;
        };
        if tried.is_empty() {
            return Placement::Now(first.engine);
        }
        match self
            .ranking
            .iter()
            .find(|rank| !tried.contains(&rank.engine))
        {
            Some(rank) if rank.is_full => Placement::Later(rank.engine),
            Some(rank) => Placement::Now(rank.engine),
            None => Placement::Again(first.engine),
        }
    }

    /// Returns whether an idle engine exists on which this task didn't fail.
    fn has_idle_engine_for(&self, tried: &[EngineId]) -> bool {
        self.ranking
            .iter()
            .take_while(|rank| rank.load == 0)
            .any(|rank| !tried.contains(&rank.engine))
    }
}

/// Returns where an engine that has an open connection stands.
fn standing(engine: &Engine, target: u32) -> Rank {
    let load = engine.load();
    let tasks = engine.window.tasks() + engine.bound.len() as u32;
    // Requests count as work at hand too, but don't keep tasks off for ever.
    let has_room = engine.is_filling && (tasks == 0 || load < target);
    Rank {
        is_full: !has_room,
        load,
        turn: engine.turn,
        engine: engine.id,
    }
}

impl Controller {
    /// Puts a task into the queue, at the position of its arrival.
    pub(super) fn enqueue(&mut self, key: PieceKey) {
        let piece = &mut self.pieces[key];
        piece.place = Place::Queue;
        self.scheduler.queue.insert(piece.order, key);
    }

    pub(super) fn rerank(&mut self, id: EngineId) {
        if let Some(engine) = self.engines.get_mut(&id) {
            self.scheduler.rerank(engine, &self.config);
        }
    }

    /// Sends an engine what waits for it in particular, as far as it has room.
    pub(super) fn pump(&mut self, id: EngineId) {
        while let Some(engine) = self.engines.get_mut(&id) {
            if engine.open_connection().is_none() {
                break;
            }
            let target = engine.pace.target(self.config.prefetch_max);
            let next = match (engine.waiting.first_entry(), engine.bound.first_entry()) {
                (Some(request), _)
                    if engine
                        .window
                        .admits_request(self.pieces[*request.get()].parcel.bytes, &self.config) =>
                {
                    request.remove()
                }
                (_, Some(task)) if engine.window.admits_task(target, &self.config) => task.remove(),
                _ => break,
            };
            self.dispatch(id, next);
        }
        self.rerank(id);
    }

    /// Sends a piece to an engine, with what it needs there.
    fn dispatch(&mut self, id: EngineId, key: PieceKey) {
        let ticket = self.new_ticket();
        let engine = self
            .engines
            .get_mut(&id)
            .expect("work is sent to engines that are there");
        let connection = engine
            .connection()
            .expect("work is sent to connected engines");
        let piece = &mut self.pieces[key];
        piece.place = Place::Window(id);
        let is_task = piece.is_task();
        let parcel = std::sync::Arc::clone(&piece.parcel);
        let blobs = match &parcel.function {
            Some(blob) => engine
                .known
                .need(blob, &engine.window, &self.pieces, &self.config),
            None => Vec::new(),
        };
        engine.window.push(InFlight {
            ticket,
            piece: key,
            is_task,
            is_barrier: !is_task && parcel.stops_on_error(),
            bytes: parcel.bytes,
            recall: Recall::No,
        });
        for (message, payload) in blobs {
            self.send_engine(connection, message, payload);
        }
        let message = ToEngine::Run {
            ticket,
            work: parcel.work.clone(),
        };
        self.send_engine(connection, message, parcel.payload.clone());
    }

    /// Brings together tasks and engines, until one of them runs out.
    pub(super) fn schedule(&mut self) {
        loop {
            while let Some((_, &key)) = self.scheduler.queue.first_key_value() {
                match self.scheduler.choose(self.pieces[key].tried()) {
                    Placement::Now(engine) => self.assign(key, engine),
                    Placement::Later(engine) => self.bind(key, engine),
                    Placement::Again(engine) => {
                        self.pieces[key].forget_tried();
                        self.assign(key, engine);
                    }
                    Placement::Nowhere => return,
                }
            }
            if !self.steal() {
                return;
            }
        }
    }

    fn assign(&mut self, key: PieceKey, id: EngineId) {
        self.scheduler.queue.pop_first();
        self.scheduler.turns += 1;
        let engine = self
            .engines
            .get_mut(&id)
            .expect("only engines that are there are ranked");
        engine.turn = self.scheduler.turns;
        self.dispatch(id, key);
        self.rerank(id);
    }

    /// Leaves a task for an engine that has no room for it yet.
    fn bind(&mut self, key: PieceKey, id: EngineId) {
        self.scheduler.queue.pop_first();
        let piece = &mut self.pieces[key];
        piece.place = Place::Waiting(id);
        let engine = self
            .engines
            .get_mut(&id)
            .expect("only engines that are there are ranked");
        engine.bound.insert(piece.order, key);
        self.pump(id);
    }

    /// Takes tasks from busy engines for idle ones. Returns whether one is in
    /// the queue now; others come when their engines have given them back.
    fn steal(&mut self) -> bool {
        while self.scheduler.steals < self.scheduler.idle {
            match self.find_candidate() {
                Some(Candidate::Bound(key)) => {
                    self.withdraw(key);
                    self.enqueue(key);
                    return true;
                }
                Some(Candidate::InWindow(engine, key)) => {
                    self.recall(key, engine, Recall::Steal);
                }
                None => return false,
            }
        }
        false
    }

    /// Returns a task that an idle engine could run, from the engine that has
    /// most of them, and of those the one that would start last.
    fn find_candidate(&self) -> Option<Candidate> {
        let mut candidates_left = STEAL_CANDIDATES_MAX;
        for (_, id) in self.scheduler.spare.iter().rev() {
            let engine = &self.engines[id];
            let bound = engine
                .bound
                .values()
                .rev()
                .map(|key| Candidate::Bound(*key));
            let window = (1..engine.window.len())
                .rev()
                .filter(|index| engine.window.is_spare(*index))
                .map(|index| Candidate::InWindow(*id, engine.window.get(index).piece));
            for candidate in bound.chain(window) {
                let (Candidate::Bound(key) | Candidate::InWindow(_, key)) = candidate;
                if self.scheduler.has_idle_engine_for(self.pieces[key].tried()) {
                    return Some(candidate);
                }
                candidates_left -= 1;
                if candidates_left == 0 {
                    return None;
                }
            }
        }
        None
    }

    /// Takes tasks that would keep a new request waiting at an engine back, if
    /// that is worth the messages. Each task makes way once.
    pub(super) fn make_way(&mut self, id: EngineId) {
        let engine = &self.engines[&id];
        let spare_tasks = engine.window.spare_tasks();
        if spare_tasks == 0 || !engine.pace.is_noticeable(spare_tasks) {
            return;
        }
        let spare: Vec<_> = (1..engine.window.len())
            .filter(|index| engine.window.is_spare(*index))
            .map(|index| engine.window.get(index).piece)
            .collect();
        for key in spare {
            if let Aim::Any {
                yielded: yielded @ false,
                ..
            } = &mut self.pieces[key].aim
            {
                *yielded = true;
                self.recall(key, id, Recall::Yield);
            }
        }
    }

    /// Fails what is queued if no engine is there and none is on its way.
    pub(super) fn give_up_hopeless_tasks(&mut self) {
        if !self.engines.is_empty() || self.awaits_engines() {
            return;
        }
        while let Some((_, key)) = self.scheduler.queue.pop_first() {
            self.fail(key, None, super::failures::no_engines());
        }
    }

    /// Fails what is queued as the cluster ends.
    pub(super) fn give_up_queued_tasks(&mut self) {
        while let Some((_, key)) = self.scheduler.queue.pop_first() {
            self.fail(key, None, super::failures::cluster_ended());
        }
    }

    /// Checks the queue and the ranking against the pieces and engines.
    pub(super) fn check_scheduler(&self) {
        let scheduler = &self.scheduler;
        let mut idle = 0;
        let mut ranked = 0;
        let mut spare = BTreeSet::new();
        let mut steals = 0;
        for engine in self.engines.values() {
            let expected = engine
                .takes_tasks()
                .then(|| standing(engine, engine.pace.target(self.config.prefetch_max)));
            assert_eq!(
                engine.rank, expected,
                "engine {} has the rank it deserves",
                engine.id
            );
            if let Some(rank) = expected {
                assert!(
                    scheduler.ranking.contains(&rank),
                    "engine {} is ranked",
                    engine.id
                );
                ranked += 1;
                idle += u32::from(rank.load == 0);
                let tasks = engine.window.spare_tasks() + engine.bound.len() as u32;
                assert_eq!(
                    engine.spare, tasks,
                    "engine {} counts its spare tasks",
                    engine.id
                );
                if tasks > 0 {
                    spare.insert((tasks, engine.id));
                }
            }
            steals += engine
                .window
                .iter()
                .filter(|entry| entry.recall == Recall::Steal)
                .count();
        }
        assert_eq!(
            scheduler.ranking.len(),
            ranked,
            "only engines that are there are ranked"
        );
        assert_eq!(scheduler.idle, idle, "idle engines are counted");
        assert_eq!(scheduler.spare, spare, "engines with spare tasks are known");
        assert_eq!(
            scheduler.steals as usize, steals,
            "recalls for idle engines are counted"
        );
        self.check_queue();
    }

    fn check_queue(&self) {
        let scheduler = &self.scheduler;
        for (order, key) in &scheduler.queue {
            let piece = &self.pieces[*key];
            assert_eq!(
                piece.place,
                Place::Queue,
                "what is in the queue knows that it is"
            );
            assert_eq!(
                piece.order, *order,
                "what is in the queue has its own order"
            );
            assert!(piece.is_task(), "only tasks are in the queue");
        }
        if !scheduler.queue.is_empty() {
            let has_room = scheduler.ranking.first().is_some_and(|rank| !rank.is_full);
            assert!(!has_room, "no task waits while an engine has room for it");
            assert!(
                !self.engines.is_empty() || self.awaits_engines(),
                "no task waits for engines that never come"
            );
        }
    }
}
