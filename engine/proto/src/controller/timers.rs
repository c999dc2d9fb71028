//! Timers: what happens when something else doesn't. Heartbeats are here too.

use super::locks::LockId;
use super::pieces::PieceKey;
use super::{Action, Config, Controller, Peer};
use crate::id::{ConnectionId, EngineId, HostId, Timestamp};
use crate::message::{FromController, Payload, ToEngine, ToHost};
use std::collections::BTreeSet;

/// What to look after at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The connection should have said who it is.
    Hello(ConnectionId),
    /// The engine or host there may have been silent for too long.
    Heartbeat(ConnectionId),
    /// The engine is gone by one sign; the other sign isn't waited for longer.
    Exit(EngineId),
    /// The engine should have ended, as it was told to.
    Shutdown(EngineId),
    /// The engines that were asked of the host should have joined.
    Start(HostId),
    /// The first host should have come, as engines were asked for.
    FirstHost,
    /// The engine may be due to be checkpointed.
    Checkpoint(EngineId),
    /// The engine should have finished what the controller asked of it.
    Duty(EngineId),
    /// The task has waited for long enough.
    Patience(PieceKey),
    /// What is first at the engine has run for as long as it may.
    Limit(EngineId),
    /// What was interrupted there should have ended.
    Stop(EngineId),
    /// The patience of one that waits for engines is over, or its time with them.
    Lock(LockId),
    /// It is time to start another engine for the one that died.
    Recovery(EngineId),
}

#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Timestamp, Timer)>);

impl Timers {
    /// Sets the timer; returns the moment, which is needed to cancel it.
    pub(super) fn set(&mut self, at: Timestamp, timer: Timer) -> Timestamp {
        self.0.insert((at, timer));
        at
    }

    pub(super) fn cancel(&mut self, at: Timestamp, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(at, _)| *at)
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
        let (at, _) = self.0.first()?;
        if *at > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Timestamp, Timer)> {
        self.0.iter()
    }
}

/// When a peer was heard last, and how often it didn't answer since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    pub(super) heard_at: Timestamp,
    pub(super) misses: u32,
    pub(super) timer_at: Timestamp,
}

/// What a silent peer gets.
enum Verdict {
    /// It was heard meanwhile.
    Alive,
    Ping,
    Dead,
}

impl Heartbeat {
    pub(super) fn start(
        now: Timestamp,
        connection: ConnectionId,
        timers: &mut Timers,
        config: &Config,
    ) -> Self {
        let timer_at = timers.set(
            now.after_us(config.heartbeat_interval_us),
            Timer::Heartbeat(connection),
        );
        Self {
            heard_at: now,
            misses: 0,
            timer_at,
        }
    }

    pub(super) fn hear(&mut self, now: Timestamp) {
        self.heard_at = now;
        self.misses = 0;
    }

    /// Judges the silence. Misses count pings, not time: a controller that was
    /// itself suspended for an hour finds nobody dead.
    fn judge(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        timers: &mut Timers,
        config: &Config,
    ) -> Verdict {
        let due = self.heard_at.after_us(config.heartbeat_interval_us);
        if due > now {
            self.timer_at = timers.set(due, Timer::Heartbeat(connection));
            return Verdict::Alive;
        }
        if self.misses >= config.heartbeat_misses_max {
            return Verdict::Dead;
        }
        self.misses += 1;
        let next = now.after_us(config.heartbeat_interval_us.max(1));
        self.timer_at = timers.set(next, Timer::Heartbeat(connection));
        Verdict::Ping
    }
}

impl Controller {
    pub(super) fn on_timeout(&mut self) {
        while let Some(timer) = self.timers.pop_due(self.now) {
            match timer {
                Timer::Hello(connection) => {
                    self.disconnect(connection, "it did not say who it is".to_owned());
                }
                Timer::Heartbeat(connection) => self.on_heartbeat_timer(connection),
                Timer::Exit(engine) => self.on_exit_timer(engine),
                Timer::Shutdown(engine) => self.on_shutdown_timer(engine),
                Timer::Start(host) => self.on_start_timer(host),
                Timer::FirstHost => self.on_first_host_timer(),
                Timer::Checkpoint(engine) => self.on_checkpoint_timer(engine),
                Timer::Duty(engine) => self.on_duty_timer(engine),
                Timer::Patience(piece) => self.on_patience_timer(piece),
                Timer::Limit(engine) => self.on_limit_timer(engine),
                Timer::Stop(engine) => self.on_stop_timer(engine),
                Timer::Lock(lock) => self.on_lock_timer(lock),
                Timer::Recovery(engine) => self.on_recovery_timer(engine),
            }
        }
    }

    fn on_heartbeat_timer(&mut self, connection: ConnectionId) {
        let (heartbeat, ping) = match self.connections.get(&connection) {
            Some(Peer::Engine(id)) => {
                let engine = self
                    .engines
                    .get_mut(id)
                    .expect("a connected engine is known");
                (
                    &mut engine.heartbeat,
                    FromController::Engine(ToEngine::Ping),
                )
            }
            Some(Peer::Host(id)) => {
                let host = self.hosts.get_mut(id).expect("a connected host is known");
                (&mut host.heartbeat, FromController::Host(ToHost::Ping))
            }
            _ => return,
        };
        match heartbeat.judge(self.now, connection, &mut self.timers, &self.config) {
            Verdict::Alive => {}
            Verdict::Ping => {
                let payload = Payload::default();
                self.outbox.push_back(Action::Send {
                    connection,
                    message: ping,
                    payload,
                });
            }
            Verdict::Dead => {
                let silent_s = self.now.since_us(heartbeat.heard_at) / 1_000_000;
                let cause = format!("it did not answer for {silent_s} s");
                self.disconnect(connection, cause);
            }
        }
    }

    /// Takes note that the peer at `connection` is alive.
    pub(super) fn hear(&mut self, peer: Peer) {
        match peer {
            Peer::Engine(id) => {
                let engine = self
                    .engines
                    .get_mut(&id)
                    .expect("a connected engine is known");
                engine.heartbeat.hear(self.now);
            }
            Peer::Host(id) => {
                let host = self.hosts.get_mut(&id).expect("a connected host is known");
                host.heartbeat.hear(self.now);
            }
            Peer::Client(_) | Peer::Unknown { .. } => {}
        }
    }
}
