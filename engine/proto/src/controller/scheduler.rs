//! The scheduler: which engine gets which piece, and when.
//!
//! Requests go to their engine in the order of their arrival. Tasks wait in one
//! [`super::queue`], which says whose turn it is, and go to an engine that has
//! room, chosen as [`super::placement`] says. An engine is given as many tasks
//! as it needs never to wait for the network, see [`super::pace`]; when the
//! queue is empty and an engine has nothing to do, one that hasn't started
//! elsewhere is asked back for it. Every step costs the logarithm of the number
//! of tasks and engines, and for a task that is bound to some engines their
//! number.

use super::Config;
use super::Controller;
use super::engines::Engine;
use super::failures;
use super::pieces::{Aim, Piece, PieceKey, Place};
use super::placement::{Chance, Placer};
use super::queue::{Next, PoolId, Position, Queue};
use super::window::{InFlight, Recall};
use crate::id::{ClientId, EngineId};
use crate::message::{Answer, Payload, Placement, Scheduling, ToEngine};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many tasks are looked at to find one that an idle engine may take over.
/// Only tasks that may not run on any idle engine are passed over at all.
const STEAL_CANDIDATES_MAX: u32 = 64;

/// Where an engine stands among those that may get tasks: the first is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// It has all the tasks it needs.
    is_full: bool,
    /// What it has to do, if that decides.
    weight: u32,
    /// Among equals, the one whose last task is longest ago.
    turn: u64,
    engine: EngineId,
}

#[derive(Debug, Default)]
pub(super) struct Scheduler {
    pub(super) queue: Queue,
    placer: Placer,
    /// As many unfinished tasks an engine gets at most, if that is set.
    hwm: u32,
    /// Every engine that may get tasks.
    ranking: BTreeSet<Rank>,
    /// Those of them that have room, in rising order.
    roomy: Vec<EngineId>,
    /// Those of them that have nothing to do.
    idle: BTreeSet<EngineId>,
    /// Engines with tasks that others could take, by how many.
    spare: BTreeSet<(u32, EngineId)>,
    /// Engines that are one client's alone and have room for its tasks.
    held_roomy: BTreeSet<EngineId>,
    /// Recalls on behalf of idle engines.
    steals: u32,
    turns: u64,
}

/// Where a task goes.
enum Choice {
    Now(EngineId),
    /// It failed on all engines that have room, but not on this one.
    Later(EngineId),
    /// It failed on all engines: there is another round.
    Again(EngineId),
    /// The same, on an engine that has no room yet.
    AgainLater(EngineId),
    /// No engine has what it needs.
    Nowhere,
}

/// A task that an idle engine could run.
enum Candidate {
    Bound(PieceKey),
    InWindow(EngineId, PieceKey),
}

impl Scheduler {
    pub(super) fn new(scheduling: Scheduling, seed: u64) -> Self {
        Self {
            placer: Placer {
                placement: scheduling.placement,
                chance: Chance::new(seed),
                latest: None,
            },
            hwm: scheduling.hwm,
            ..Self::default()
        }
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Returns whether nothing that is queued can be sent now.
    fn is_done(&self) -> bool {
        self.roomy.is_empty() || self.queue.first().is_none()
    }

    pub(super) fn start_steal(&mut self) {
        self.steals += 1;
    }

    pub(super) fn end_steal(&mut self) {
        self.steals -= 1;
    }

    pub(super) fn has_room(&self, engine: EngineId) -> bool {
        self.roomy.binary_search(&engine).is_ok()
    }

    /// Forgets an engine that left.
    pub(super) fn forget(&mut self, engine: &mut Engine) {
        self.held_roomy.remove(&engine.id);
        self.place(engine, None, 0);
    }

    /// Returns how many tasks an engine should have at hand.
    fn target(&self, engine: &Engine, config: &Config) -> u32 {
        match self.hwm {
            0 => engine.pace.target(config.prefetch_max),
            hwm => hwm,
        }
    }

    /// Brings an engine's place up to date with what it has.
    fn rerank(&mut self, engine: &mut Engine, config: &Config) {
        let target = self.target(engine, config);
        // Filled up in batches: fewer, larger writes.
        if self.hwm > 0 || engine.window.tasks() <= target / 2 {
            engine.is_filling = true;
        }
        if !engine.window.admits_task(target, config) {
            engine.is_filling = false;
        }
        if !engine.takes_tasks() {
            self.place(engine, None, 0);
            if engine.holder.is_some() && self.has_room_for_holder(engine, target) {
                self.held_roomy.insert(engine.id);
            } else {
                self.held_roomy.remove(&engine.id);
            }
            return;
        }
        self.held_roomy.remove(&engine.id);
        let rank = self.standing(engine, target);
        let spare = engine.window.spare_tasks() + engine.bound.len() as u32;
        self.place(engine, Some(rank), spare);
    }

    /// Returns where an engine that has an open connection stands.
    fn standing(&self, engine: &Engine, target: u32) -> Rank {
        let load = engine.load();
        // Requests count as work at hand too, but don't keep tasks off for ever.
        let has_room = engine.is_filling && (engine.window.tasks() == 0 || load < target);
        Rank {
            is_full: !has_room,
            weight: match self.placer.placement {
                Placement::Lru => 0,
                _ => load,
            },
            turn: engine.turn,
            engine: engine.id,
        }
    }

    fn has_room_for_holder(&self, engine: &Engine, target: u32) -> bool {
        let is_open = engine.open_connection().is_some() && !engine.is_being_restored();
        is_open && !self.standing(engine, target).is_full
    }

    fn place(&mut self, engine: &mut Engine, rank: Option<Rank>, spare: u32) {
        if engine.rank != rank {
            let had_room = engine.rank.is_some_and(|rank| !rank.is_full);
            let has_room = rank.is_some_and(|rank| !rank.is_full);
            if let Some(old) = engine.rank {
                self.ranking.remove(&old);
            }
            if let Some(new) = rank {
                self.ranking.insert(new);
            }
            engine.rank = rank;
            if had_room != has_room {
                self.note_room(engine.id, has_room);
            }
        }
        if rank.is_some() && engine.load() == 0 {
            self.idle.insert(engine.id);
        } else {
            self.idle.remove(&engine.id);
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

    fn note_room(&mut self, engine: EngineId, has_room: bool) {
        match (self.roomy.binary_search(&engine), has_room) {
            (Err(index), true) => self.roomy.insert(index, engine),
            (Ok(index), false) => {
                self.roomy.remove(index);
            }
            _ => {}
        }
        self.queue.note_room(engine, has_room);
    }

    /// Chooses an engine for a task. One of those that may run it has room.
    fn choose(
        &mut self,
        next: &Next,
        piece: &Piece,
        engines: &BTreeMap<EngineId, Engine>,
    ) -> Choice {
        let (tried, refused) = (piece.tried(), piece.refused());
        let members = self.queue.engines(next.pool);
        if members.is_empty() && tried.is_empty() && refused.is_empty() {
            if self.placer.follows_ranking() {
                let first = self.ranking.first().expect("an engine has room");
                return Choice::Now(first.engine);
            }
            return Choice::Now(self.placer.choose(&self.roomy, engines));
        }
        let is_member = |id: &EngineId| {
            (members.is_empty() || members.binary_search(id).is_ok()) && !refused.contains(id)
        };
        let untried = |id: &EngineId| is_member(id) && !tried.contains(id);
        let roomy: Vec<EngineId> = if members.is_empty() || members.len() > self.roomy.len() {
            self.roomy.iter().copied().filter(is_member).collect()
        } else {
            let may_get_it = |id: &EngineId| self.has_room(*id) && !refused.contains(id);
            members.iter().copied().filter(may_get_it).collect()
        };
        let fresh: Vec<EngineId> = roomy.iter().copied().filter(untried).collect();
        if !fresh.is_empty() {
            return Choice::Now(self.placer.choose(&fresh, engines));
        }
        let later = self.ranking.iter().find(|rank| untried(&rank.engine));
        match later {
            Some(rank) => return Choice::Later(rank.engine),
            None if !roomy.is_empty() => return Choice::Again(self.placer.choose(&roomy, engines)),
            None => {}
        }
        let again = self.ranking.iter().find(|rank| is_member(&rank.engine));
        if let Some(rank) = again {
            return Choice::AgainLater(rank.engine);
        }
        // One that takes nobody's tasks now may do so later: it is another's alone, or it is
        // being given its namespace.
        let closed = engines.keys().find(|id| is_member(id));
        closed.map_or(Choice::Nowhere, |id| Choice::Later(*id))
    }

    /// Returns whether an idle engine exists that may run this task, and on
    /// which it didn't fail.
    fn has_idle_engine_for(&self, piece: &Piece) -> bool {
        let (tried, refused) = (piece.tried(), piece.refused());
        let may_get_it = |id: &EngineId| !tried.contains(id) && !refused.contains(id);
        match piece.targets() {
            None => self.idle.iter().any(may_get_it),
            Some(targets) => {
                let mut idle = targets.iter().filter(|id| self.idle.contains(id));
                idle.any(may_get_it)
            }
        }
    }
}

impl Controller {
    /// From here on tasks are spread like this.
    pub(super) fn set_scheduling(&mut self, scheduling: Scheduling) -> Answer {
        self.scheduler.placer.placement = scheduling.placement;
        self.scheduler.hwm = scheduling.hwm;
        let engines: Vec<EngineId> = self.engines.keys().copied().collect();
        for id in engines {
            self.rerank(id);
        }
        Answer::Done
    }

    /// Puts a task into the queue, at the position of its arrival; or fails it,
    /// if the engines that may run it are gone.
    pub(super) fn enqueue(&mut self, key: PieceKey) {
        let piece = &self.pieces[key];
        let mut targets = Arc::default();
        if let Some(rules) = piece.rules() {
            let is_there = |id: &EngineId| self.engines.contains_key(id);
            let failure = match &rules.targets {
                _ if rules.is_overdue => {
                    Some(failures::waited_too_long(rules.timeout_us.unwrap_or(0)))
                }
                Some(targets) if targets.iter().any(is_there) => None,
                Some(_) if rules.follows => Some(failures::dependency_impossible(true)),
                Some(targets) => Some(failures::targets_gone(targets)),
                None => None,
            };
            if let Some(failure) = failure {
                self.fail(key, None, failure);
                return;
            }
            targets = rules.targets.clone().unwrap_or_default();
        }
        let (client, position) = self.stand(key);
        if let Some(reason) = self.lockout(client, &targets) {
            self.fail(key, None, failures::locked(&reason, true));
            return;
        }
        self.add_to_pool(client, &targets, position, key, Place::Queue);
    }

    /// Returns whose lane a task belongs in, and where in it.
    fn stand(&self, key: PieceKey) -> (ClientId, Position) {
        let piece = &self.pieces[key];
        let owner = piece.owner.expect("what nobody waits for isn't queued");
        (owner.client, piece.position())
    }

    fn add_to_pool(
        &mut self,
        client: ClientId,
        engines: &Arc<[EngineId]>,
        position: Position,
        key: PieceKey,
        place: impl FnOnce(PoolId) -> Place,
    ) {
        let Scheduler { queue, roomy, .. } = &mut self.scheduler;
        let pool = queue.pool(engines, |engine| roomy.binary_search(&engine).is_ok());
        self.pieces[key].place = place(pool);
        queue.insert(client, pool, position, key);
    }

    /// Takes a task out of the queue.
    pub(super) fn dequeue(&mut self, key: PieceKey) {
        self.remove_from_pool(key);
        let piece = &self.pieces[key];
        if let Place::Bound(id, _) = piece.place {
            let engine = self.engines.get_mut(&id);
            let engine = engine.expect("what is bound to an engine ends with it");
            engine.bound.remove(&piece.order);
            self.rerank(id);
        }
    }

    /// Takes a task out of its lane, and leaves the engine that it is bound to
    /// as it is.
    pub(super) fn remove_from_pool(&mut self, key: PieceKey) {
        let (client, position) = self.stand(key);
        match self.pieces[key].place {
            Place::Queue(pool) | Place::Bound(_, pool) => {
                self.scheduler.queue.remove(client, pool, position);
            }
            Place::Held | Place::Waiting(_) | Place::Window(_) => {
                unreachable!("it is not in the queue")
            }
        }
    }

    pub(super) fn rerank(&mut self, id: EngineId) {
        if let Some(engine) = self.engines.get_mut(&id) {
            self.scheduler.rerank(engine, &self.config);
            engine.watch_first(self.now, &mut self.timers);
            if engine.holder.is_some() {
                self.locks.note_change();
            }
        }
        self.announce_first(id);
    }

    /// Sends an engine the requests that wait for it, as far as it has room.
    pub(super) fn pump(&mut self, id: EngineId) {
        while let Some(engine) = self.engines.get_mut(&id) {
            if engine.open_connection().is_none() {
                break;
            }
            let Some(request) = engine.waiting.first_entry() else {
                break;
            };
            let bytes = self.pieces[*request.get()].parcel.bytes;
            if !engine.window.admits_request(bytes, &self.config) {
                break;
            }
            let key = request.remove();
            self.dispatch(id, key, 0);
        }
        self.rerank(id);
    }

    /// Sends a piece to an engine, with what it needs there.
    fn dispatch(&mut self, id: EngineId, key: PieceKey, charged_us: u64) {
        let ticket = self.new_ticket();
        let engine = self
            .engines
            .get_mut(&id)
            .expect("work is sent to engines that are there");
        let piece = &mut self.pieces[key];
        piece.place = Place::Window(id);
        let owner = piece.owner;
        let is_task = piece.is_task();
        let is_movable = is_task && piece.targets().is_none_or(|targets| targets.len() > 1);
        let limit_us = piece.rules().and_then(|rules| rules.time_limit_us);
        let parcel = Arc::clone(&piece.parcel);
        let (forgotten, new) = match &parcel.function {
            Some(blob) => engine
                .known
                .need(blob, &engine.window, &self.pieces, &self.config),
            None => (Vec::new(), None),
        };
        for blob in forgotten {
            self.send_in_turn(id, ToEngine::ForgetBlob { blob }, Payload::default());
        }
        let turn = self.add_to_batch(id, owner, ticket, new.as_ref());
        let engine = self.engines.get_mut(&id).expect("it was there just now");
        engine.window.push(InFlight {
            ticket,
            piece: key,
            turn,
            is_task,
            is_movable,
            is_barrier: !is_task && parcel.stops_on_error(),
            bytes: parcel.bytes,
            charged_us,
            limit_us,
            recall: Recall::No,
            is_cancelled: false,
            announced: None,
        });
        if turn.is_some() {
            return;
        }
        if let Some(blob) = new {
            let message = ToEngine::StoreBlob { blob: blob.id };
            self.send_in_turn(id, message, blob.payload.clone());
        }
        let message = ToEngine::Run {
            ticket,
            work: parcel.work.clone(),
        };
        self.send_in_turn(id, message, parcel.payload.clone());
    }

    /// Brings together tasks and engines, until one of them runs out.
    pub(super) fn schedule(&mut self) {
        loop {
            while !self.scheduler.roomy.is_empty()
                && let Some(next) = self.scheduler.queue.first()
            {
                self.serve(&next);
            }
            while let Some((next, engine)) = self.next_of_holder() {
                self.assign(&next, engine);
            }
            // What failed here may be what others wait for.
            self.settle_dependents();
            if self.engines.is_empty() && self.scheduler.queued() > 0 && !self.awaits_engines() {
                self.give_up_hopeless_tasks();
                continue;
            }
            let is_done = self.scheduler.is_done() && self.next_of_holder().is_none();
            if is_done && !self.steal() {
                return;
            }
        }
    }

    /// Returns a task of a client that has engines to itself, and the one of
    /// these where it goes.
    fn next_of_holder(&mut self) -> Option<(Next, EngineId)> {
        let mut roomy: Vec<_> = self
            .scheduler
            .held_roomy
            .iter()
            .map(|id| &self.engines[id])
            .map(|engine| (engine.load(), engine.turn, engine.id))
            .collect();
        roomy.sort_unstable();
        for (_, _, id) in roomy {
            let client = self.engines[&id].holder?;
            let may_run = |key| self.may_run_held(client, key, id);
            if let Some(next) = self.scheduler.queue.first_on(client, id, may_run) {
                if self.pieces[next.key].tried().contains(&id) {
                    self.pieces[next.key].forget_tried();
                }
                return Some((next, id));
            }
        }
        None
    }

    /// Returns whether a task may go to an engine that its client has to itself:
    /// it has not failed there, or everywhere else, too.
    fn may_run_held(&self, client: ClientId, key: PieceKey, id: EngineId) -> bool {
        let piece = &self.pieces[key];
        let (tried, refused) = (piece.tried(), piece.refused());
        if refused.contains(&id) {
            return false;
        }
        let is_other = |engine: &&Engine| {
            let is_open = engine.holder.is_none_or(|holder| holder == client);
            let may_run = piece
                .targets()
                .is_none_or(|ids| ids.binary_search(&engine.id).is_ok());
            is_open && may_run && !tried.contains(&engine.id) && !refused.contains(&engine.id)
        };
        !tried.contains(&id) || !self.engines.values().any(|engine| is_other(&engine))
    }

    fn serve(&mut self, next: &Next) {
        let piece = &self.pieces[next.key];
        match self.scheduler.choose(next, piece, &self.engines) {
            Choice::Now(engine) => self.assign(next, engine),
            Choice::Later(engine) => self.bind(next, engine),
            Choice::Again(engine) => {
                self.pieces[next.key].forget_tried();
                self.assign(next, engine);
            }
            Choice::AgainLater(engine) => {
                self.pieces[next.key].forget_tried();
                self.bind(next, engine);
            }
            Choice::Nowhere => {
                self.dequeue(next.key);
                let failure = failures::needs_unmet("all of them said so, or are gone");
                self.fail(next.key, None, failure);
            }
        }
    }

    fn assign(&mut self, next: &Next, id: EngineId) {
        self.dequeue(next.key);
        let charged_us = self.scheduler.queue.charge(next.client);
        self.scheduler.turns += 1;
        self.scheduler.placer.latest = Some(id);
        let engine = self
            .engines
            .get_mut(&id)
            .expect("only engines that are there are ranked");
        engine.turn = self.scheduler.turns;
        self.dispatch(id, next.key, charged_us);
        self.rerank(id);
    }

    /// Leaves a task for an engine that has no room for it yet.
    fn bind(&mut self, next: &Next, id: EngineId) {
        self.dequeue(next.key);
        let engine = self
            .engines
            .get_mut(&id)
            .expect("only engines that are there are ranked");
        engine.bound.insert(next.position.order, next.key);
        let engines: Arc<[EngineId]> = [id].into();
        let place = |pool| Place::Bound(id, pool);
        self.add_to_pool(next.client, &engines, next.position, next.key, place);
        self.rerank(id);
    }

    /// Takes tasks from busy engines for idle ones. Returns whether one is in
    /// the queue now; others come when their engines have given them back.
    fn steal(&mut self) -> bool {
        while (self.scheduler.steals as usize) < self.scheduler.idle.len() {
            match self.find_candidate() {
                Some(Candidate::Bound(key)) => {
                    self.dequeue(key);
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
                if self.scheduler.has_idle_engine_for(&self.pieces[key]) {
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
        while let Some(key) = self.scheduler.queue.any() {
            self.dequeue(key);
            self.fail(key, None, failures::no_engines());
        }
    }

    /// Fails what is queued as the cluster ends.
    pub(super) fn give_up_queued_tasks(&mut self) {
        while let Some(key) = self.scheduler.queue.any() {
            self.dequeue(key);
            self.fail(key, None, failures::cluster_ended());
        }
    }

    /// Checks the queue and the ranking against the pieces and engines.
    pub(super) fn check_scheduler(&self) {
        let scheduler = &self.scheduler;
        let mut ranking = BTreeSet::new();
        let mut idle = BTreeSet::new();
        let mut spare = BTreeSet::new();
        let mut steals = 0;
        for engine in self.engines.values() {
            let id = engine.id;
            let expected = engine
                .takes_tasks()
                .then(|| scheduler.standing(engine, scheduler.target(engine, &self.config)));
            assert_eq!(
                engine.rank, expected,
                "engine {id} has the rank it deserves"
            );
            if let Some(rank) = expected {
                ranking.insert(rank);
                idle.extend((engine.load() == 0).then_some(id));
                let tasks = engine.window.spare_tasks() + engine.bound.len() as u32;
                assert_eq!(engine.spare, tasks, "engine {id} counts its spare tasks");
                if tasks > 0 {
                    spare.insert((tasks, id));
                }
            }
            steals += engine
                .window
                .iter()
                .filter(|entry| entry.recall == Recall::Steal)
                .count();
        }
        let roomy = ranking.iter().filter(|rank| !rank.is_full);
        let mut roomy: Vec<EngineId> = roomy.map(|rank| rank.engine).collect();
        roomy.sort_unstable();
        assert_eq!(
            scheduler.ranking, ranking,
            "engines that are there are ranked"
        );
        assert_eq!(scheduler.roomy, roomy, "engines with room are known");
        let held = self.engines.values().filter(|engine| {
            let target = scheduler.target(engine, &self.config);
            engine.holder.is_some() && scheduler.has_room_for_holder(engine, target)
        });
        let held: BTreeSet<EngineId> = held.map(|engine| engine.id).collect();
        assert_eq!(
            scheduler.held_roomy, held,
            "held engines with room are known"
        );
        for id in &held {
            let client = self.engines[id].holder.expect("just looked at");
            let may_run = |key| self.may_run_held(client, key, *id);
            let next = scheduler.queue.first_on(client, *id, may_run);
            assert!(
                next.is_none(),
                "no task waits while its client has room for it"
            );
        }
        assert_eq!(scheduler.idle, idle, "idle engines are known");
        assert_eq!(scheduler.spare, spare, "engines with spare tasks are known");
        assert_eq!(
            scheduler.steals as usize, steals,
            "recalls for idle engines are counted"
        );
        self.check_queue();
    }

    fn check_queue(&self) {
        let scheduler = &self.scheduler;
        let mut bound = 0;
        let has_room = |engine| scheduler.has_room(engine);
        scheduler.queue.check_invariants(has_room, |queued| {
            let piece = &self.pieces[queued.key];
            let engines = scheduler.queue.engines(queued.pool);
            match piece.place {
                Place::Queue(pool) => {
                    let targets = piece.targets().map_or(&[][..], |targets| targets);
                    assert_eq!(engines, targets, "a task waits for the engines it may use");
                    assert_eq!(pool, queued.pool, "what is queued knows where");
                }
                Place::Bound(engine, pool) => {
                    bound += 1;
                    assert_eq!(engines, [engine], "what is bound is so to one engine");
                    assert_eq!(pool, queued.pool, "what is queued knows where");
                    let order = queued.position.order;
                    let listed = self.engines[&engine].bound.get(&order);
                    assert_eq!(
                        listed,
                        Some(&queued.key),
                        "an engine knows what is bound to it"
                    );
                }
                other => panic!("what is queued knows that it is, and not {other:?}"),
            }
            let owner = piece.owner.map(|owner| owner.client);
            assert_eq!(owner, Some(queued.client), "a task is in its client's lane");
            assert_eq!(
                piece.position(),
                queued.position,
                "a task stands where it belongs"
            );
            let is_hopeless =
                !engines.is_empty() && !engines.iter().any(|id| self.engines.contains_key(id));
            assert!(!is_hopeless, "no task waits for engines that are gone");
            let has_room = match engines {
                [] => !scheduler.roomy.is_empty(),
                engines => engines.iter().any(|id| scheduler.has_room(*id)),
            };
            assert!(!has_room, "no task waits while an engine has room for it");
        });
        let listed: usize = self.engines.values().map(|engine| engine.bound.len()).sum();
        assert_eq!(bound, listed, "engines list nothing that isn't queued");
        let is_vain = self.engines.is_empty() && !self.awaits_engines();
        assert!(
            scheduler.queued() == 0 || !is_vain,
            "no task waits for engines that never come"
        );
    }
}
