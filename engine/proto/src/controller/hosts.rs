//! Hosts: the processes that fork engines and reap them.

use super::timers::{Heartbeat, Timer, Timers};
use super::{Action, Controller, Peer};
use crate::id::{ConnectionId, EngineId, HostId, Timestamp};
use crate::message::{Answer, FromController, FromHost, Payload, ToHost, Welcome};

#[derive(Debug)]
pub(super) struct Host {
    pub(super) id: HostId,
    pub(super) connection: ConnectionId,
    pub(super) pid: u32,
    pub(super) heartbeat: Heartbeat,
    /// Engines that were asked of it and haven't joined, and until when they
    /// are waited for.
    pub(super) starting: Option<Starting>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Starting {
    pub(super) count: u32,
    pub(super) until: Timestamp,
}

impl Host {
    pub(super) fn starting_count(&self) -> u32 {
        self.starting.map_or(0, |starting| starting.count)
    }

    /// One engine fewer is waited for.
    fn one_started(&mut self, timers: &mut Timers) {
        match &mut self.starting {
            Some(starting) if starting.count > 1 => starting.count -= 1,
            _ => self.forget_starting(timers),
        }
    }

    pub(super) fn forget_starting(&mut self, timers: &mut Timers) {
        if let Some(starting) = self.starting.take() {
            timers.cancel(starting.until, Timer::Start(self.id));
        }
    }
}

impl Controller {
    pub(super) fn add_host(&mut self, connection: ConnectionId, pid: u32) {
        let id = HostId(self.next_host);
        self.next_host += 1;
        let heartbeat = Heartbeat::start(self.now, connection, &mut self.timers, &self.config);
        self.hosts.insert(
            id,
            Host {
                id,
                connection,
                pid,
                heartbeat,
                starting: None,
            },
        );
        self.host_ids.insert(pid, id);
        self.connections.insert(connection, Peer::Host(id));
        let message = FromController::Welcome(Welcome::Host {
            host: id,
            payload_bytes_max: self.config.payload_bytes_max,
        });
        self.outbox.push_back(Action::Send {
            connection,
            message,
            payload: Payload::default(),
        });
        if let Some(early) = self.take_early_starting() {
            self.start_engines_at(id, early.count);
        }
    }

    /// The host at a connection that is already given up is gone.
    pub(super) fn remove_host(&mut self, id: HostId) {
        let mut host = self.hosts.remove(&id).expect("a connected host is known");
        self.timers
            .cancel(host.heartbeat.timer_at, Timer::Heartbeat(host.connection));
        host.forget_starting(&mut self.timers);
        if self.host_ids.get(&host.pid) == Some(&id) {
            self.host_ids.remove(&host.pid);
            self.on_relay_gone(host.pid);
            let untold: Vec<_> = self
                .processes
                .range((host.pid, 0)..=(host.pid, u32::MAX))
                .filter(|(_, engine)| !self.engines.contains_key(engine))
                .map(|(process, _)| *process)
                .collect();
            for process in untold {
                self.processes.remove(&process);
            }
        }
        self.give_up_hopeless_tasks();
    }

    pub(super) fn on_host_message(&mut self, id: HostId, message: FromHost) {
        let host = self.hosts.get_mut(&id).expect("a connected host is known");
        match message {
            FromHost::EngineExited { pid, cause, output } => {
                match self.processes.remove(&(host.pid, pid)) {
                    Some(engine) => {
                        self.on_last_output(engine, output);
                        self.on_engine_exited(engine, cause);
                    }
                    // It ended before it could join.
                    None => host.one_started(&mut self.timers),
                }
            }
            // How many failed isn't said, and nobody should wait in vain.
            FromHost::StartFailed { .. } => host.forget_starting(&mut self.timers),
            FromHost::NotRelayed { pid } => {
                if let Some(engine) = self.processes.get(&(host.pid, pid)) {
                    self.cut_off(*engine);
                }
            }
            FromHost::Pong => {}
        }
        self.give_up_hopeless_tasks();
    }

    /// An engine that has a host joined, perhaps before the host did.
    pub(super) fn on_forked_engine_joined(&mut self, host_pid: u32, pid: u32, engine: EngineId) {
        self.processes.insert((host_pid, pid), engine);
        if let Some(id) = self.host_ids.get(&host_pid) {
            let host = self.hosts.get_mut(id);
            let host = host.expect("a host is known as long as its pid is");
            host.one_started(&mut self.timers);
        }
    }

    pub(super) fn on_start_timer(&mut self, id: HostId) {
        let host = self.hosts.get_mut(&id).expect("timers end with their host");
        host.starting = None;
        self.give_up_hopeless_tasks();
    }

    /// No host came that could start what was asked for.
    pub(super) fn on_first_host_timer(&mut self) {
        self.early_starting = None;
        self.give_up_hopeless_tasks();
    }

    /// Asks the host that is starting fewest for `count` engines, or the first
    /// one, once it has come.
    pub(super) fn start_engines(&mut self, count: u32) -> Answer {
        if count == 0 {
            return Answer::Done;
        }
        let there = self.engines.len() as u64 + self.starting_count();
        let max = self.config.engines_max;
        if there + u64::from(count) > u64::from(max) {
            let reason = format!(
                "there are {there} engines, and {count} more would exceed the limit of {max}"
            );
            return Answer::Refused { reason };
        }
        let host = self.hosts.values().min_by_key(|host| host.starting_count());
        if let Some(host) = host {
            self.start_engines_at(host.id, count);
        } else if self.config.awaits_host && self.next_host == 0 {
            self.start_engines_early(count);
        } else {
            let reason =
                "this cluster has no host that could start engines: start them with `rhumba engine`"
                    .to_owned();
            return Answer::Refused { reason };
        }
        Answer::Done
    }

    fn start_engines_at(&mut self, id: HostId, count: u32) {
        let host = self.hosts.get_mut(&id).expect("a host that is there");
        let count_before = host.starting_count();
        host.forget_starting(&mut self.timers);
        let until = self.now.after_us(self.config.start_timeout_us);
        self.timers.set(until, Timer::Start(host.id));
        host.starting = Some(Starting {
            count: count_before + count,
            until,
        });
        let connection = host.connection;
        self.send_host(connection, ToHost::StartEngines { count });
    }

    /// Leaves it to the first host to start engines.
    fn start_engines_early(&mut self, count: u32) {
        let before = self.take_early_starting();
        let until = self.now.after_us(self.config.start_timeout_us);
        self.timers.set(until, Timer::FirstHost);
        self.early_starting = Some(Starting {
            count: before.map_or(0, |before| before.count) + count,
            until,
        });
    }

    /// Returns what was left to the first host, which isn't left to it any more.
    pub(super) fn take_early_starting(&mut self) -> Option<Starting> {
        let early = self.early_starting.take()?;
        self.timers.cancel(early.until, Timer::FirstHost);
        Some(early)
    }

    /// Returns how many engines were asked for that may still join.
    pub(super) fn starting_count(&self) -> u64 {
        let counts = self.hosts.values().map(Host::starting_count);
        let early = self.early_starting.map(|early| early.count);
        counts.chain(early).map(u64::from).sum()
    }

    /// Returns whether engines were asked for that may still join, or will be.
    pub(super) fn awaits_engines(&self) -> bool {
        !self.recoveries.is_empty()
            || self.early_starting.is_some()
            || self.hosts.values().any(|host| host.starting.is_some())
    }
}
