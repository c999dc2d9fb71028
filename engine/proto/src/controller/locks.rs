//! Locks: engines that one client has to itself for a while.
//!
//! A lock waits until none of its engines is another client's. Then it closes
//! them: what others ask of them from here on waits until it ends, and tasks of
//! others that haven't started there go elsewhere. It is held, and its client
//! told so, when all that others had begun or asked for before has ended.
//!
//! # Nobody waits for ever
//! All engines of a lock are closed in one step, and a lock that waits keeps
//! nothing from anybody. A client that has engines to itself never waits for
//! those of another one: it is refused at once, as that one might wait for it.
//! A lock ends with its client, and with the time that it was given.
//!
//! Where the holder's tasks go is in [`super::scheduler`].

use super::Controller;
use super::failures;
use super::pieces::{Owner, PieceKey, Place};
use super::timers::{Timer, Timers};
use super::window::Recall;
use crate::id::{ClientId, EngineId, QueryId, Timestamp};
use crate::message::{Answer, Holder, Payload, ToClient};
use std::collections::{BTreeMap, BTreeSet};

/// A client with more locks than this has lost track of them.
const LOCKS_MAX_PER_CLIENT: usize = 1000;

/// Longer labels are cut.
const LABEL_CHARS_MAX: usize = 200;

/// Names a lock; rises with each that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LockId(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// For engines that are another client's.
    Waits,
    /// What arrives from others waits; what they had asked for before is ending.
    /// `since`: the arrival of the first piece after.
    Closing {
        since: u64,
    },
    Held {
        since: u64,
    },
}

/// What a client asks for.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) query: QueryId,
    pub(super) targets: Vec<EngineId>,
    pub(super) label: String,
    pub(super) wait_us: Option<u64>,
    pub(super) limit_us: Option<u64>,
}

#[derive(Debug)]
struct Lock {
    client: ClientId,
    /// Its name at its client.
    query: QueryId,
    label: String,
    engines: BTreeSet<EngineId>,
    state: State,
    wait_us: Option<u64>,
    limit_us: Option<u64>,
    /// The end of its patience, or of its time.
    timer_at: Option<Timestamp>,
    /// Clients that know that they wait for it.
    told: BTreeSet<ClientId>,
}

/// All locks.
#[derive(Debug, Default)]
pub(super) struct Locks {
    entries: BTreeMap<LockId, Lock>,
    latest: u64,
    /// Something happened that may let one of them go on.
    is_dirty: bool,
}

/// Which of the requests that wait for an engine may be of others than its holder.
#[derive(Debug)]
pub(super) struct Others {
    /// None that arrived then or later is.
    before: u64,
}

impl Default for Others {
    fn default() -> Self {
        Self { before: u64::MAX }
    }
}

impl Others {
    /// Somebody else's request waits, by its place among all.
    fn note(&mut self, order: u64) {
        self.before = self.before.max(order.saturating_add(1));
    }

    /// Returns whether requests wait that aren't the holder's.
    ///
    /// They leave in the order of their arrival, so that as long as the latest is there no other
    /// needs to be looked at; what is behind it is never looked at again.
    pub(super) fn wait<K>(
        &mut self,
        waiting: &BTreeMap<u64, K>,
        is_own: impl Fn(&K) -> bool,
    ) -> bool {
        let mut latest_first = waiting.range(..self.before).rev();
        let latest = latest_first.find(|(_, request)| !is_own(request));
        self.before = latest.map_or(0, |(order, _)| order + 1);
        latest.is_some()
    }
}

impl Lock {
    /// Returns since when it keeps others out.
    fn since(&self) -> Option<u64> {
        match self.state {
            State::Waits => None,
            State::Closing { since } | State::Held { since } => Some(since),
        }
    }

    fn set_timer(&mut self, id: LockId, at: Option<Timestamp>, timers: &mut Timers) {
        if let Some(before) = self.timer_at.take() {
            timers.cancel(before, Timer::Lock(id));
        }
        self.timer_at = at.map(|at| timers.set(at, Timer::Lock(id)));
    }
}

impl Locks {
    pub(super) fn note_change(&mut self) {
        self.is_dirty = true;
    }

    /// Returns the lock that keeps others out of an engine.
    fn closing(&self, engine: EngineId) -> Option<(LockId, &Lock)> {
        let mut locks = self.entries.iter();
        let found =
            locks.find(|(_, lock)| lock.since().is_some() && lock.engines.contains(&engine));
        found.map(|(id, lock)| (*id, lock))
    }

    fn is_holder(&self, client: ClientId) -> bool {
        let mut locks = self.entries.values();
        locks.any(|lock| lock.client == client && lock.since().is_some())
    }

    /// Returns the first lock of somebody else that keeps this one from closing.
    fn obstacle(&self, id: LockId) -> Option<LockId> {
        let lock = &self.entries[&id];
        let goes_first = |other: LockId, state: State| match state {
            // Who has engines already waits for nobody, so that nobody waits for ever.
            State::Waits => other < id && !self.is_holder(lock.client),
            State::Closing { .. } | State::Held { .. } => true,
        };
        let mut others = self.entries.iter();
        let found = others.find(|(other, entry)| {
            entry.client != lock.client
                && goes_first(**other, entry.state)
                && !entry.engines.is_disjoint(&lock.engines)
        });
        found.map(|(other, _)| *other)
    }

    /// Returns since when its client has had any of its engines by other locks:
    /// what was kept out then isn't let in when these end.
    fn own_since(&self, id: LockId) -> Option<u64> {
        let lock = &self.entries[&id];
        let others = self.entries.values().filter(|other| {
            other.client == lock.client && !other.engines.is_disjoint(&lock.engines)
        });
        others.filter_map(Lock::since).min()
    }

    fn named(&self, client: ClientId, query: QueryId) -> Option<LockId> {
        let mut locks = self.entries.iter();
        let found = locks.find(|(_, lock)| lock.client == client && lock.query == query);
        found.map(|(id, _)| *id)
    }

    pub(super) fn timers(&self) -> impl Iterator<Item = (Timestamp, Timer)> {
        let timers = self.entries.iter();
        timers.filter_map(|(id, lock)| Some((lock.timer_at?, Timer::Lock(*id))))
    }
}

impl Controller {
    pub(super) fn on_lock(&mut self, client: ClientId, wish: Wish) {
        if let Some(reason) = self.objection_to_lock(client, &wish) {
            self.answer_query(client, wish.query, Answer::Refused { reason });
            return;
        }
        self.locks.latest += 1;
        let id = LockId(self.locks.latest);
        let mut lock = Lock {
            client,
            query: wish.query,
            label: wish.label.chars().take(LABEL_CHARS_MAX).collect(),
            engines: wish.targets.into_iter().collect(),
            state: State::Waits,
            wait_us: wish.wait_us,
            limit_us: wish.limit_us,
            timer_at: None,
            told: BTreeSet::new(),
        };
        let patience = lock.wait_us.filter(|wait_us| *wait_us > 0);
        let until = patience.map(|wait_us| self.now.after_us(wait_us));
        lock.set_timer(id, until, &mut self.timers);
        self.locks.entries.insert(id, lock);
        self.locks.note_change();
        let Some(other) = self.locks.obstacle(id) else {
            return;
        };
        if self.locks.is_holder(client) {
            let reason = format!(
                "{}, and you have engines to yourself already: lock all that you need in one \
                 view, so that no two wait for each other",
                self.describe_lock(other)
            );
            self.refuse_lock(id, reason);
        } else if wish.wait_us == Some(0) {
            let reason = self.describe_lock(other);
            self.refuse_lock(id, reason);
        }
    }

    fn objection_to_lock(&self, client: ClientId, wish: &Wish) -> Option<String> {
        let own = self.locks.entries.values();
        if self.locks.named(client, wish.query).is_some() {
            return Some("this query's number is in use".to_owned());
        }
        if own.filter(|lock| lock.client == client).count() >= LOCKS_MAX_PER_CLIENT {
            return Some(format!(
                "one client may have {LOCKS_MAX_PER_CLIENT} locks, and this one has: end some first"
            ));
        }
        if wish.targets.is_empty() {
            return Some("a lock needs at least one engine".to_owned());
        }
        let mut missing = wish.targets.iter();
        let missing = missing.find(|id| !self.engines.contains_key(id))?;
        let departure = self.departures.get(missing).map(String::as_str);
        Some(failures::no_engine(*missing, departure).message)
    }

    /// Ends a lock, or the wait for one.
    pub(super) fn on_unlock(&mut self, client: ClientId, query: QueryId, lock: QueryId) {
        let answer = match self.locks.named(client, lock) {
            Some(id) => {
                self.refuse_lock(id, "it was given up".to_owned());
                Answer::Done
            }
            None => Answer::Refused {
                reason: "these engines are not yours alone any more: the time that was asked for \
                         is over, or they are gone"
                    .to_owned(),
            },
        };
        self.answer_query(client, query, answer);
    }

    pub(super) fn end_locks_of(&mut self, client: ClientId) {
        let locks = self.locks.entries.iter();
        let own = locks.filter(|(_, lock)| lock.client == client);
        let own: Vec<LockId> = own.map(|(id, _)| *id).collect();
        for id in own {
            self.end_lock(id);
        }
    }

    /// An engine has left.
    pub(super) fn forget_locked_engine(&mut self, engine: EngineId) {
        let mut empty = Vec::new();
        for (id, lock) in &mut self.locks.entries {
            if lock.engines.remove(&engine) {
                self.locks.is_dirty = true;
                empty.extend(lock.engines.is_empty().then_some(*id));
            }
        }
        for id in empty {
            self.refuse_lock(id, "the engines to lock are gone".to_owned());
        }
    }

    /// Its patience or its time is over.
    pub(super) fn on_lock_timer(&mut self, id: LockId) {
        let lock = self.locks.entries.get_mut(&id);
        let lock = lock.expect("timers end with their lock");
        lock.timer_at = None;
        let waited_us = lock.wait_us.unwrap_or(0);
        let why = match self.locks.obstacle(id) {
            Some(other) => self.describe_lock(other),
            None => "what others had begun there has not ended".to_owned(),
        };
        let reason = format!("{why} after {} s", waited_us as f64 / 1e6);
        self.refuse_lock(id, reason);
    }

    /// Ends a lock; its client is told why, unless it holds it.
    fn refuse_lock(&mut self, id: LockId, reason: String) {
        let lock = &self.locks.entries[&id];
        let (client, query) = (lock.client, lock.query);
        let is_held = matches!(lock.state, State::Held { .. });
        self.end_lock(id);
        if !is_held {
            self.answer_query(client, query, Answer::Refused { reason });
        }
    }

    fn end_lock(&mut self, id: LockId) {
        let Some(mut lock) = self.locks.entries.remove(&id) else {
            return;
        };
        lock.set_timer(id, None, &mut self.timers);
        self.locks.note_change();
        if lock.since().is_some() {
            for engine in lock.engines {
                self.admit_waiting(engine);
            }
        }
    }

    /// Lets locks go on, as far as they can.
    pub(super) fn advance_locks(&mut self) {
        while std::mem::take(&mut self.locks.is_dirty) {
            let ids: Vec<LockId> = self.locks.entries.keys().copied().collect();
            for id in ids {
                let state = self.locks.entries.get(&id).map(|lock| lock.state);
                match state {
                    Some(State::Waits) if self.locks.obstacle(id).is_none() => self.close(id),
                    Some(State::Closing { since }) => self.hold_if_alone(id, since),
                    _ => {}
                }
            }
        }
    }

    /// Closes engines for all others.
    fn close(&mut self, id: LockId) {
        let since = self.locks.own_since(id).unwrap_or(self.pieces.next_order());
        let lock = self.locks.entries.get_mut(&id);
        let lock = lock.expect("looked at by the caller");
        lock.state = State::Closing { since };
        let (client, engines) = (lock.client, lock.engines.clone());
        for engine in engines {
            self.admit_waiting(engine);
            self.clear_of_others(engine, client);
        }
        let holders = self.locks.entries.values();
        let holders = holders.filter(|lock| lock.since().is_some());
        let holders: BTreeSet<ClientId> = holders.map(|lock| lock.client).collect();
        for holder in holders {
            self.fail_locked_out(holder);
        }
        self.locks.note_change();
    }

    /// Sends tasks of others elsewhere that haven't started at an engine.
    fn clear_of_others(&mut self, id: EngineId, client: ClientId) {
        let engine = &self.engines[&id];
        for key in engine.bound.values().copied().collect::<Vec<_>>() {
            self.dequeue(key);
            self.enqueue(key);
        }
        let engine = &self.engines[&id];
        let others: Vec<PieceKey> = (1..engine.window.len())
            .map(|index| engine.window.get(index))
            .filter(|entry| entry.is_movable && entry.recall == Recall::No)
            .map(|entry| entry.piece)
            .filter(|key| {
                self.pieces[*key]
                    .owner
                    .is_none_or(|owner| owner.client != client)
            })
            .collect();
        for key in others {
            self.recall(key, id, Recall::Yield);
        }
    }

    fn hold_if_alone(&mut self, id: LockId, since: u64) {
        let lock = &self.locks.entries[&id];
        let client = lock.client;
        let is_own = |key: &PieceKey| {
            let owner = self.pieces[*key].owner;
            owner.is_some_and(|owner| owner.client == client)
        };
        for engine in &lock.engines {
            let engine = self.engines.get_mut(engine);
            let engine = engine.expect("locks forget engines that left");
            let mut window = engine.window.iter();
            if !window.all(|entry| is_own(&entry.piece))
                || engine.others.wait(&engine.waiting, is_own)
            {
                return;
            }
        }
        let lock = self.locks.entries.get_mut(&id);
        let lock = lock.expect("looked at just now");
        lock.state = State::Held { since };
        let query = lock.query;
        let until = lock.limit_us.map(|limit_us| self.now.after_us(limit_us));
        lock.set_timer(id, until, &mut self.timers);
        self.answer_query(client, query, Answer::Done);
    }

    /// Returns the one who keeps this request from its engine, if somebody does.
    fn kept_out_by(&self, owner: Option<Owner>, order: u64, engine: EngineId) -> Option<LockId> {
        let owner = owner?;
        let (id, lock) = self.locks.closing(engine)?;
        let is_late = lock.since().is_some_and(|since| order >= since);
        (is_late && lock.client != owner.client).then_some(id)
    }

    /// A request has arrived. Returns why it isn't accepted, if its engine is
    /// somebody else's and it may not wait; else its place is where it belongs.
    pub(super) fn place_request(
        &mut self,
        key: PieceKey,
        id: EngineId,
        waits: bool,
    ) -> Result<(), crate::message::Failure> {
        let piece = &self.pieces[key];
        let (owner, order) = (piece.owner, piece.order);
        let kept_out_by = self.kept_out_by(owner, order, id);
        let engine = self.engines.get_mut(&id).expect("looked at by the caller");
        let (Some(lock_id), Some(owner)) = (kept_out_by, owner) else {
            engine.waiting.insert(order, key);
            if owner.map(|owner| owner.client) != engine.holder {
                engine.others.note(order);
            }
            return Ok(());
        };
        engine.kept_out.insert(order, key);
        let is_holder = self.locks.is_holder(owner.client);
        if !waits || is_holder {
            return Err(failures::locked(&self.describe_lock(lock_id), is_holder));
        }
        self.tell_of_lock(lock_id, owner.client);
        Ok(())
    }

    fn tell_of_lock(&mut self, id: LockId, client: ClientId) {
        let lock = self.locks.entries.get_mut(&id);
        let lock = lock.expect("looked at by the caller");
        if !lock.told.insert(client) {
            return;
        }
        let engines = lock.engines.iter().copied().collect();
        let holder = self.holder(id);
        let message = ToClient::Locked { engines, holder };
        self.send_client(client, message, Payload::default());
    }

    /// Sorts the requests that wait for an engine into those that may go there
    /// and those that are kept out.
    fn admit_waiting(&mut self, id: EngineId) {
        let holder = self.locks.closing(id).map(|(_, lock)| lock.client);
        let Some(engine) = self.engines.get_mut(&id) else {
            return;
        };
        engine.holder = holder;
        let mut all = std::mem::take(&mut engine.waiting);
        all.append(&mut engine.kept_out);
        let (mut waiting, mut kept_out) = (BTreeMap::new(), BTreeMap::new());
        for (order, key) in all {
            match self.kept_out_by(self.pieces[key].owner, order, id) {
                Some(_) => kept_out.insert(order, key),
                None => waiting.insert(order, key),
            };
        }
        let engine = self.engines.get_mut(&id).expect("looked at just now");
        (engine.waiting, engine.kept_out) = (waiting, kept_out);
        engine.others = Others::default();
        self.pump(id);
    }

    /// Fails tasks of one that has engines to itself, if all that may run them
    /// are others'.
    fn fail_locked_out(&mut self, client: ClientId) {
        for pool in self.scheduler.queue.pools_of_client(client) {
            let engines = self.scheduler.queue.engines(pool).to_vec();
            if let Some(reason) = self.lockout(client, &engines) {
                for key in self.scheduler.queue.lane(client, pool) {
                    self.dequeue(key);
                    self.fail(key, None, failures::locked(&reason, true));
                }
            }
        }
    }

    /// Returns who keeps a client out that has engines to itself, if all of
    /// these (none: all there are) are others'.
    pub(super) fn lockout(&self, client: ClientId, engines: &[EngineId]) -> Option<String> {
        if engines.is_empty() || !self.locks.is_holder(client) {
            return None;
        }
        let there = engines.iter().filter_map(|id| self.engines.get(id));
        let mut by = None;
        for engine in there {
            match engine.holder {
                Some(holder) if holder != client => by = by.or(Some(engine.id)),
                _ => return None,
            }
        }
        let (id, _) = self.locks.closing(by?)?;
        Some(self.describe_lock(id))
    }

    /// Returns who has an engine to itself.
    pub(super) fn holder_of(&self, engine: EngineId) -> Option<Holder> {
        let (id, _) = self.locks.closing(engine)?;
        Some(self.holder(id))
    }

    fn holder(&self, id: LockId) -> Holder {
        let lock = &self.locks.entries[&id];
        let client = &self.clients[&lock.client];
        Holder {
            client: lock.client,
            name: client.name.clone(),
            pid: client.pid,
            label: lock.label.clone(),
        }
    }

    fn describe_lock(&self, id: LockId) -> String {
        const NAMED_MAX: usize = 10;
        let Holder {
            name, pid, label, ..
        } = self.holder(id);
        let engines = &self.locks.entries[&id].engines;
        let named: Vec<String> = engines
            .iter()
            .take(NAMED_MAX)
            .map(EngineId::to_string)
            .collect();
        let mut named = named.join(", ");
        if engines.len() > NAMED_MAX {
            named += ", …";
        }
        let (noun, verb) = match engines.len() {
            1 => ("engine", "is"),
            _ => ("engines", "are"),
        };
        let label = match label.as_str() {
            "" => String::new(),
            label => format!(", for {label}"),
        };
        format!("{noun} {named} {verb} used exclusively by {name} (pid {pid}){label}")
    }

    pub(super) fn check_locks(&self) {
        for (id, lock) in &self.locks.entries {
            let client = self.clients.get(&lock.client);
            let is_there = client.is_some_and(|client| client.connection.is_some());
            assert!(is_there, "locks end with their client");
            assert!(!lock.engines.is_empty(), "locks end with their engines");
            let are_there = lock.engines.iter().all(|id| self.engines.contains_key(id));
            assert!(are_there, "locks forget engines that left");
            if lock.state == State::Waits {
                let waits = self.locks.obstacle(*id).is_some();
                assert!(waits, "no lock waits without reason");
                let waits = self.locks.is_holder(lock.client)
                    && self
                        .locks
                        .obstacle(*id)
                        .is_some_and(|other| self.locks.entries[&other].state == State::Waits);
                assert!(!waits, "who has engines waits for no one that waits");
            }
        }
        for engine in self.engines.values() {
            let mut closing = self
                .locks
                .entries
                .values()
                .filter(|lock| lock.since().is_some() && lock.engines.contains(&engine.id));
            let holder = closing.next().map(|lock| lock.client);
            assert_eq!(engine.holder, holder, "an engine knows whose it is");
            assert!(
                closing.all(|lock| Some(lock.client) == holder),
                "an engine is one client's"
            );
            for (order, key) in &engine.kept_out {
                let piece = &self.pieces[*key];
                assert_eq!(
                    piece.place,
                    Place::Waiting(engine.id),
                    "it knows where it is"
                );
                let by = self.kept_out_by(piece.owner, *order, engine.id);
                assert!(by.is_some(), "nothing is kept out without reason");
            }
            for (order, key) in &engine.waiting {
                let owner = self.pieces[*key].owner.map(|owner| owner.client);
                let is_known = owner == holder || *order < engine.others.before;
                assert!(
                    holder.is_none() || is_known,
                    "requests of others are known to wait"
                );
                let by = self.kept_out_by(self.pieces[*key].owner, *order, engine.id);
                assert!(by.is_none(), "nothing of others goes to a locked engine");
            }
        }
    }
}
