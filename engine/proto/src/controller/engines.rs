//! Engines: how they join, how they end, and who is told.
//!
//! What they are given is in [`super::scheduler`], what they answer in
//! [`super::results`].

use super::blobs::KnownBlobs;
use super::duties::{Checkpoints, Duty, DutyKind};
use super::failures;
use super::locks::Others;
use super::pace::Pace;
use super::pieces::{Owner, PieceKey};
use super::relays::Ways;
use super::scheduler::Rank;
use super::stops::{Limit, Stop};
use super::timers::{Heartbeat, Timer};
use super::window::{Recall, Window};
use super::{Action, Controller, Peer};
use crate::id::Timestamp;
use crate::id::{ClientId, ConnectionId, EngineId};
use crate::message::{
    EngineInfo, Failure, FromController, Outcome, Payload, Timing, ToClient, ToEngine, ToHost,
    Welcome,
};
use std::collections::BTreeMap;

/// How many departed engines are remembered with the cause.
const DEPARTURES_MAX: usize = 4096;

pub(super) const SIGKILL: i32 = 9;

#[derive(Debug)]
pub(super) struct Engine {
    pub(super) id: EngineId,
    pub(super) pid: u32,
    /// The process id of its host.
    pub(super) host: Option<u32>,
    pub(super) link: Link,
    pub(super) ways: Ways,
    pub(super) heartbeat: Heartbeat,
    /// While the second sign of its end is waited for.
    pub(super) exit_timer: Option<Timestamp>,
    /// What its host told about its end.
    pub(super) exit_cause: Option<String>,
    /// Once it was told to end.
    pub(super) shutdown_timer: Option<Timestamp>,

    /// Requests that aren't sent yet, by their order.
    pub(super) waiting: BTreeMap<u64, PieceKey>,
    /// Those of them that wait for the end of a lock.
    pub(super) kept_out: BTreeMap<u64, PieceKey>,
    /// The client that has it to itself.
    pub(super) holder: Option<ClientId>,
    pub(super) others: Others,
    /// Queued tasks that failed elsewhere and are left for this engine.
    pub(super) bound: BTreeMap<u64, PieceKey>,
    pub(super) window: Window,
    pub(super) known: KnownBlobs,
    pub(super) pace: Pace,
    pub(super) completed: u64,
    /// What runs there too long or was cancelled, once it was interrupted.
    pub(super) stop: Option<Stop>,
    /// While something is first there that may not run for ever.
    pub(super) limit: Option<Limit>,
    /// What the controller itself asked of it, if it hasn't answered.
    pub(super) duty: Option<Duty>,
    pub(super) checkpoints: Checkpoints,
    pub(super) joined_at: Timestamp,
    /// How many engines were started before this one for one that died.
    pub(super) attempts: u32,
    /// Whose work finished here last: what is printed between is theirs.
    pub(super) latest_owner: Option<Owner>,

    /// It has so few tasks that it is being given more.
    pub(super) is_filling: bool,
    /// When it was last given a task, among all such occasions.
    pub(super) turn: u64,
    /// Its place among all engines that may get tasks.
    pub(super) rank: Option<Rank>,
    /// How many tasks others could take from it.
    pub(super) spare: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Connected(ConnectionId),
    /// The connection ended; its host will say why.
    Lost {
        cause: String,
    },
}

/// What becomes of work that an engine leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// Tasks may run elsewhere.
    MovesOn,
    Fails,
}

impl Engine {
    pub(super) fn info(&self) -> EngineInfo {
        EngineInfo {
            engine: self.id,
            pid: self.pid,
        }
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::Connected(connection) => Some(connection),
            Link::Lost { .. } => None,
        }
    }

    /// Returns where to send more work, if it can have any.
    pub(super) fn open_connection(&self) -> Option<ConnectionId> {
        if self.shutdown_timer.is_some() {
            None
        } else {
            self.connection()
        }
    }

    /// Returns whether it may be given anybody's tasks now or later.
    pub(super) fn takes_tasks(&self) -> bool {
        self.open_connection().is_some() && !self.is_being_restored() && self.holder.is_none()
    }

    /// Returns whether its namespace is still to come.
    pub(super) fn is_being_restored(&self) -> bool {
        let duty = self.duty.as_ref();
        duty.is_some_and(|duty| matches!(duty.kind, DutyKind::Restore(_)))
    }

    /// Returns how many pieces are there or are on their way.
    pub(super) fn load(&self) -> u32 {
        (self.window.len() + self.waiting.len()) as u32
    }
}

impl Controller {
    pub(super) fn add_engine(&mut self, connection: ConnectionId, pid: u32, host: Option<u32>) {
        let id = EngineId(self.next_engine);
        self.next_engine += 1;
        let heartbeat = Heartbeat::start(self.now, connection, &mut self.timers, &self.config);
        let engine = Engine {
            id,
            pid,
            host,
            link: Link::Connected(connection),
            ways: Ways::default(),
            heartbeat,
            exit_timer: None,
            exit_cause: None,
            shutdown_timer: None,
            waiting: BTreeMap::new(),
            kept_out: BTreeMap::new(),
            holder: None,
            others: Others::default(),
            bound: BTreeMap::new(),
            window: Window::default(),
            known: KnownBlobs::default(),
            pace: Pace::default(),
            completed: 0,
            stop: None,
            limit: None,
            duty: None,
            checkpoints: Checkpoints::new(&self.config.checkpoint_prefix, id, self.now),
            joined_at: self.now,
            attempts: 0,
            latest_owner: None,
            is_filling: true,
            turn: 0,
            rank: None,
            spare: 0,
        };
        self.tell_clients(&ToClient::EngineJoined {
            engine: engine.info(),
        });
        self.engines.insert(id, engine);
        self.connections.insert(connection, Peer::Engine(id));
        if let Some(host) = host {
            self.on_forked_engine_joined(host, pid, id);
        }
        let message = FromController::Welcome(Welcome::Engine {
            engine: id,
            payload_bytes_max: self.config.payload_bytes_max,
        });
        self.outbox.push_back(Action::Send {
            connection,
            message,
            payload: Payload::default(),
        });
        if host.is_some() {
            self.begin_restore(id);
        }
        self.rerank(id);
    }

    /// The connection of an engine ended. If its host can tell why, that is
    /// waited for, for a moment.
    pub(super) fn on_engine_lost(&mut self, id: EngineId, connection: ConnectionId, cause: String) {
        let engine = self
            .engines
            .get_mut(&id)
            .expect("a connected engine is known");
        self.timers
            .cancel(engine.heartbeat.timer_at, Timer::Heartbeat(connection));
        engine.link = Link::Lost {
            cause: cause.clone(),
        };
        let has_host = engine
            .host
            .is_some_and(|host| self.host_ids.contains_key(&host));
        if !has_host || engine.exit_cause.is_some() || engine.shutdown_timer.is_some() {
            self.declare_dead(id, &cause);
            return;
        }
        let at = self.now.after_us(self.config.exit_grace_us);
        engine.exit_timer = Some(self.timers.set(at, Timer::Exit(id)));
        self.rerank(id);
    }

    /// The host of an engine told why it ended. What it said before that may
    /// still be on its way, so its connection is read to the end.
    pub(super) fn on_engine_exited(&mut self, id: EngineId, cause: String) {
        let Some(engine) = self.engines.get_mut(&id) else {
            return;
        };
        engine.exit_cause = Some(cause.clone());
        match engine.link {
            Link::Lost { .. } => self.declare_dead(id, &cause),
            Link::Connected(_) => {
                let at = self.now.after_us(self.config.exit_grace_us);
                engine.exit_timer = Some(self.timers.set(at, Timer::Exit(id)));
            }
        }
    }

    pub(super) fn on_exit_timer(&mut self, id: EngineId) {
        let engine = self.engines.get(&id).expect("timers end with their engine");
        let cause = match &engine.link {
            Link::Lost { cause } => cause.clone(),
            Link::Connected(_) => "its process ended".to_owned(),
        };
        self.declare_dead(id, &cause);
    }

    /// Tells an engine to end, and kills it if it doesn't.
    pub(super) fn stop_engine(&mut self, id: EngineId) {
        let Some(engine) = self.engines.get_mut(&id) else {
            return;
        };
        if engine.shutdown_timer.is_some() {
            return;
        }
        let at = self.now.after_us(self.config.shutdown_grace_us);
        engine.shutdown_timer = Some(self.timers.set(at, Timer::Shutdown(id)));
        if let Some(connection) = engine.connection() {
            self.send_engine(connection, ToEngine::Shutdown, Payload::default());
        }
        self.rerank(id);
    }

    pub(super) fn on_shutdown_timer(&mut self, id: EngineId) {
        self.signal_engine(id, SIGKILL);
        self.declare_dead(id, "it was shut down");
    }

    /// Delivers a signal, through the engine's host if there is one: that works
    /// for an engine that is deaf.
    pub(super) fn signal_engine(&mut self, id: EngineId, signal: i32) {
        let Some(engine) = self.engines.get(&id) else {
            return;
        };
        let host = engine.host.and_then(|pid| self.host_ids.get(&pid));
        if let Some(host) = host {
            let (connection, pid) = (self.hosts[host].connection, engine.pid);
            self.send_host(connection, ToHost::Signal { pid, signal });
        } else if let Some(connection) = engine.connection() {
            self.send_engine(connection, ToEngine::Signal { signal }, Payload::default());
        }
    }

    /// An engine is gone, for `cause` unless something better is known.
    pub(super) fn declare_dead(&mut self, id: EngineId, cause: &str) {
        self.remove_engine(id, cause, Unfinished::MovesOn);
        self.give_up_hopeless_tasks();
    }

    pub(super) fn remove_engine(&mut self, id: EngineId, cause: &str, unfinished: Unfinished) {
        let Some(mut engine) = self.engines.remove(&id) else {
            return;
        };
        let exit_cause = engine.exit_cause.take();
        let cause = match (engine.shutdown_timer, &exit_cause) {
            (Some(_), _) => "it was shut down",
            (None, Some(exit_cause)) => exit_cause,
            (None, None) => cause,
        };
        self.detach_engine(&engine, cause);
        self.scheduler.forget(&mut engine);
        self.forget_locked_engine(id);
        if self.departures.len() == DEPARTURES_MAX {
            self.departures.pop_first();
        }
        self.departures.insert(id, cause.to_owned());
        self.tell_clients(&ToClient::EngineLeft {
            engine: id,
            cause: cause.to_owned(),
        });

        self.settle_window(&engine, cause, unfinished);
        self.settle_queue(&mut engine, cause, unfinished);
        let kept_out = std::mem::take(&mut engine.kept_out).into_values();
        for key in std::mem::take(&mut engine.waiting)
            .into_values()
            .chain(kept_out)
        {
            self.fail(key, Some(id), failures::engine_died(id, cause));
        }
        if unfinished == Unfinished::MovesOn {
            self.recover(engine, cause);
        }
    }

    /// Lets go of a dead engine's timers and connection.
    fn detach_engine(&mut self, engine: &Engine, cause: &str) {
        if let Some(at) = engine.exit_timer {
            self.timers.cancel(at, Timer::Exit(engine.id));
        }
        if let Some(at) = engine.shutdown_timer {
            self.timers.cancel(at, Timer::Shutdown(engine.id));
        }
        if let Some(at) = engine.checkpoints.timer_at {
            self.timers.cancel(at, Timer::Checkpoint(engine.id));
        }
        if let Some(stop) = &engine.stop {
            self.timers.cancel(stop.timer_at, Timer::Stop(engine.id));
        }
        if let Some(at) = engine.limit.as_ref().and_then(|limit| limit.timer_at) {
            self.timers.cancel(at, Timer::Limit(engine.id));
        }
        if let Some(at) = engine.duty.as_ref().and_then(|duty| duty.timer_at) {
            self.timers.cancel(at, Timer::Duty(engine.id));
        }
        if let Some(host) = engine.host
            && !self.host_ids.contains_key(&host)
            && self.processes.get(&(host, engine.pid)) == Some(&engine.id)
        {
            // Nobody is there to tell that it ended.
            self.processes.remove(&(host, engine.pid));
        }
        if let Link::Connected(connection) = engine.link {
            self.timers
                .cancel(engine.heartbeat.timer_at, Timer::Heartbeat(connection));
            if self.connections.remove(&connection).is_some() {
                self.outbox.push_back(Action::Disconnect {
                    connection,
                    reason: cause.to_owned(),
                });
            }
        }
    }

    /// Decides over what is queued for a dead engine.
    fn settle_queue(&mut self, engine: &mut Engine, cause: &str, unfinished: Unfinished) {
        for key in std::mem::take(&mut engine.bound).into_values() {
            self.remove_from_pool(key);
            match unfinished {
                Unfinished::MovesOn => self.enqueue(key),
                Unfinished::Fails => {
                    let failure = failures::engine_died(engine.id, cause);
                    self.fail(key, Some(engine.id), failure);
                }
            }
        }
        for pool in self.scheduler.queue.pools_with(engine.id) {
            let engines = self.scheduler.queue.engines(pool);
            if engines.iter().any(|id| self.engines.contains_key(id)) {
                continue;
            }
            for key in self.scheduler.queue.tasks_of(pool) {
                self.remove_from_pool(key);
                self.enqueue(key);
            }
        }
    }

    /// Decides over what a dead engine had in its window.
    fn settle_window(&mut self, engine: &Engine, cause: &str, unfinished: Unfinished) {
        // It runs in order: whatever is behind what it had started, it hadn't.
        let started = engine
            .window
            .iter()
            .rposition(|entry| entry.recall == Recall::TooLate);
        for (index, entry) in engine.window.iter().enumerate() {
            let may_have_started = index <= started.unwrap_or(0);
            // Only the engine could have said that it never starts this.
            self.settle_recall(entry.recall, false);
            self.settle_charge(entry, None);
            let key = entry.piece;
            let died = Outcome::Failed(failures::engine_died(engine.id, cause));
            self.watch_ended(engine.id, entry.announced, &died, Timing::default());
            let piece = &mut self.pieces[key];
            if piece.owner.is_none() {
                self.discard(key);
                continue;
            }
            let moves_on = piece.is_task()
                && unfinished == Unfinished::MovesOn
                && !matches!(entry.recall, Recall::Abort { .. })
                && (!may_have_started || piece.take_retry());
            if let Some(reason) = engine.stop_reason(entry.ticket) {
                let failure = failures::stopped_by_force(engine.id, reason, cause);
                self.fail(key, Some(engine.id), failure);
            } else if moves_on {
                self.enqueue(key);
            } else {
                self.fail(
                    key,
                    Some(engine.id),
                    failures::engine_died(engine.id, cause),
                );
            }
        }
    }

    /// Answers a piece with a failure that the controller found.
    pub(super) fn fail(&mut self, key: PieceKey, engine: Option<EngineId>, failure: Failure) {
        let outcome = Outcome::Failed(failure);
        self.answer(key, engine, outcome, Timing::default(), Payload::default());
    }
}
