//! How engines and hosts behave: what they do with what they hear, and how
//! they end.

use crate::link::{Item, Lane};
use crate::peers::{Asked, Engine, Host, Job, Mark, Running, result_payload};
use crate::world::{Happening, World};
use rhumba_proto::arrivals::Arrivals;
use rhumba_proto::id::{ConnectionId, Ticket};
use rhumba_proto::message::{
    DataPart, Failure, FailureKind, FromEngine, FromHost, Outcome, Output, Payload, Recipient,
    Relayed, Role, Timing, ToController, ToEngine, ToHost,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;

impl World {
    pub fn add_engine(&mut self, host: Option<ConnectionId>) {
        // Its host may be gone by now, and nobody else forks it.
        if host.is_some_and(|host| !self.hosts.contains_key(&host)) {
            return;
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        let host_pid = host.map(|host| self.hosts[&host].pid);
        let connection = self.connect(pid, Role::Engine { host: host_pid });
        if let Some(host) = host.and_then(|host| self.hosts.get_mut(&host)) {
            host.engines.insert(pid, connection);
        }
        let engine = Engine {
            pid,
            host,
            id: None,
            arrivals: Arrivals::default(),
            relayed: Lane::default(),
            latest: None,
            queue: VecDeque::new(),
            running: None,
            blobs: BTreeSet::new(),
            is_frozen: false,
            is_stubborn: self.random.chance(100),
            runs: 0,
            outputs: 0,
            namespace: 0,
        };
        self.engines.insert(connection, engine);
        self.forked.insert(pid, connection);
    }

    pub fn add_host(&mut self) {
        let pid = self.next_pid;
        self.next_pid += 1;
        let connection = self.connect(pid, Role::Host);
        self.hosts.insert(
            connection,
            Host {
                pid,
                engines: BTreeMap::new(),
                cut: BTreeSet::new(),
            },
        );
    }

    pub fn engine_hears(&mut self, connection: ConnectionId, message: ToEngine, payload: Payload) {
        if let Some(engine) = self.engines.get_mut(&connection) {
            engine.arrivals.on_direct(message, payload);
            self.take_arrivals(connection);
        }
    }

    /// What its host has passed on reaches an engine, if it wasn't lost.
    pub fn arrive_from_host(&mut self, connection: ConnectionId) {
        let now = self.now;
        let Some(engine) = self.engines.get_mut(&connection) else {
            return;
        };
        if engine.is_frozen {
            return;
        }
        if let Some(Item::Message((turn, message), payload)) = engine.relayed.pop(now) {
            engine.arrivals.on_relayed(turn, message, payload);
            self.take_arrivals(connection);
        }
    }

    fn take_arrivals(&mut self, connection: ConnectionId) {
        while let Some((message, payload)) = self
            .engines
            .get_mut(&connection)
            .and_then(|engine| engine.arrivals.poll())
        {
            self.engine_takes(connection, message, &payload);
        }
    }

    fn engine_takes(&mut self, connection: ConnectionId, message: ToEngine, payload: &Payload) {
        let Some(engine) = self.engines.get_mut(&connection) else {
            return;
        };
        match message {
            ToEngine::StoreBlob { blob } => {
                let is_new = engine.blobs.insert(blob);
                assert!(is_new, "a function travels once");
            }
            ToEngine::ForgetBlob { blob } => {
                assert!(
                    engine.blobs.remove(&blob),
                    "only what is known is forgotten"
                );
                let needed = engine.queue.iter().any(|job| job.function == Some(blob));
                assert!(!needed, "nothing is forgotten that waits to run");
            }
            ToEngine::Run { ticket, work } => {
                let is_known = work
                    .function
                    .is_none_or(|function| engine.blobs.contains(&function));
                assert!(is_known, "the function is there before its work");
                assert!(
                    engine.latest.replace(ticket) < Some(ticket),
                    "work is taken in the order in which it was given, and once"
                );
                engine.queue.push_back(Job {
                    ticket,
                    asked: Asked::of(&work, payload),
                    function: work.function,
                });
                self.start_next(connection);
            }
            ToEngine::Recall { ticket } => self.give_back(connection, ticket),
            ToEngine::Interrupt { ticket } => {
                if engine
                    .running
                    .as_ref()
                    .is_some_and(|running| running.ticket == ticket)
                {
                    self.interrupt(connection);
                }
            }
            ToEngine::Signal { signal: SIGINT } => self.interrupt(connection),
            ToEngine::Signal { signal: SIGKILL } => {
                self.kill_engine(connection, "killed by signal 9");
            }
            ToEngine::Signal { .. } => {}
            ToEngine::Await { .. } | ToEngine::Relayed { .. } => {
                unreachable!("these only put others in order")
            }
            ToEngine::Ping => self.engine_says(connection, FromEngine::Pong),
            ToEngine::Shutdown => {
                if !engine.is_stubborn {
                    self.end_engine(connection, "exit status 0");
                }
            }
        }
    }

    pub fn engine_says(&mut self, connection: ConnectionId, message: FromEngine) {
        if self.engines.contains_key(&connection) {
            self.say(
                connection,
                ToController::Engine(message),
                Payload::default(),
            );
        }
    }

    /// The engine's other thread answers a recall; now and then what runs
    /// overtakes its answer.
    fn give_back(&mut self, connection: ConnectionId, ticket: Ticket) {
        let engine = self
            .engines
            .get_mut(&connection)
            .expect("checked by the caller");
        let position = engine.queue.iter().position(|job| job.ticket == ticket);
        let taken = position
            .and_then(|index| engine.queue.remove(index))
            .is_some();
        let answer = FromEngine::Recalled { ticket, taken };
        if self.random.chance(200) {
            let delay = self.random.skewed(0, 1_000);
            self.plan(delay, Happening::Says(connection, answer));
        } else {
            self.engine_says(connection, answer);
        }
    }

    fn start_next(&mut self, connection: ConnectionId) {
        let engine = self
            .engines
            .get_mut(&connection)
            .expect("checked by the caller");
        if engine.running.is_some() || engine.is_frozen {
            return;
        }
        let Some(job) = engine.queue.pop_front() else {
            return;
        };
        // What the dead start, the controller can't know.
        self.oracle.is_lossy |= self.links[&connection].is_over;
        if !job.asked.is_duty() {
            self.oracle.on_started(connection, job.ticket);
        }
        let is_restore = matches!(job.asked, Asked::ToRestore(_));
        let told = match &job.asked {
            Asked::ByClient(mark) if self.random.chance(50) => Some(*mark),
            _ => None,
        };
        let outcome = if self.random.chance(self.scenario.raising) {
            let mut failure = raised("ValueError");
            if self.random.chance(100) {
                failure.kind = FailureKind::Limit;
            }
            Outcome::Failed(failure)
        } else {
            Outcome::Done
        };
        engine.runs += 1;
        let run = engine.runs;
        engine.running = Some(Running {
            ticket: job.ticket,
            asked: job.asked,
            outcome,
            started_at: self.now,
            is_deaf: self.random.chance(self.scenario.deaf),
            is_endless: is_restore && self.random.chance(self.scenario.endless_restores),
            is_due: false,
        });
        let duration = self.scenario.durations.draw_us(&mut self.random);
        let deadly = match is_restore {
            true => self.scenario.deadly + self.scenario.deadly_restores,
            false => self.scenario.deadly,
        };
        if self.random.chance(deadly) {
            let moment = self.random.between(0, duration);
            self.plan(moment, Happening::RunKills(connection, run));
        }
        self.plan(duration, Happening::RunEnds(connection, run));
        for _ in 0..self.random.skewed(0, 2) {
            self.print(connection, Some(job.ticket));
        }
        if let Some(mark) = told {
            self.tell_data(connection, job.ticket, mark);
        }
    }

    /// What runs tells whose it is before it is over.
    fn tell_data(&mut self, connection: ConnectionId, ticket: Ticket, mark: Mark) {
        let part = DataPart {
            name: "mark".to_owned(),
            buffers: 1,
        };
        let message = FromEngine::Data {
            ticket,
            parts: vec![part],
        };
        self.say(connection, ToController::Engine(message), mark.payload(0));
    }

    fn print(&mut self, connection: ConnectionId, ticket: Option<Ticket>) {
        let engine = self
            .engines
            .get_mut(&connection)
            .expect("checked by the caller");
        engine.outputs += 1;
        let output = Output::Stdout(engine.outputs.to_string());
        self.engine_says(connection, FromEngine::Output { ticket, output });
    }

    pub fn end_run(&mut self, connection: ConnectionId, run: u64) {
        let Some(engine) = self.engines.get_mut(&connection) else {
            return;
        };
        if engine.runs != run {
            return;
        }
        let Some(running) = &mut engine.running else {
            return;
        };
        if running.is_endless {
            return;
        }
        if engine.is_frozen {
            running.is_due = true;
            return;
        }
        self.finish_run(connection);
    }

    fn finish_run(&mut self, connection: ConnectionId) {
        let engine = self
            .engines
            .get_mut(&connection)
            .expect("checked by the caller");
        let running = engine.running.take().expect("checked by the caller");
        let Running {
            ticket,
            asked,
            outcome,
            started_at,
            ..
        } = running;
        let is_done = outcome == Outcome::Done;
        let payload = match &asked {
            Asked::ByClient(mark) => {
                engine.namespace += 1;
                match is_done {
                    true => result_payload(*mark, ticket),
                    false => Payload::default(),
                }
            }
            Asked::ToCheckpoint(name) => {
                if is_done {
                    self.store.insert(name.clone(), engine.namespace);
                }
                Payload::default()
            }
            Asked::ToRestore(name) => {
                if is_done {
                    let saved = self.store.get(name);
                    engine.namespace = *saved.expect("what is restored was saved before");
                    if self.random.chance(self.scenario.poisonous_restores) {
                        let moment = self
                            .random
                            .between(0, self.scenario.config.restore_settle_us / 2);
                        self.plan(moment, Happening::Dies(connection));
                    }
                }
                Payload::default()
            }
        };
        let timing = Timing {
            started_us: started_at,
            completed_us: self.now,
        };
        let finished = FromEngine::Finished {
            ticket,
            outcome,
            timing,
        };
        self.say(connection, ToController::Engine(finished), payload);
        if self.random.chance(20) {
            self.print(connection, None);
        }
        self.start_next(connection);
    }

    fn interrupt(&mut self, connection: ConnectionId) {
        let Some(engine) = self.engines.get_mut(&connection) else {
            return;
        };
        if engine.is_frozen {
            return;
        }
        if let Some(running) = &mut engine.running
            && !running.is_endless
            && !running.is_deaf
        {
            running.outcome = Outcome::Failed(raised("KeyboardInterrupt"));
            self.finish_run(connection);
        }
    }

    pub fn thaw(&mut self, connection: ConnectionId) {
        let Some(engine) = self.engines.get_mut(&connection) else {
            return;
        };
        engine.is_frozen = false;
        for _ in 0..self.links[&connection].to_peer.under_way() {
            self.plan(0, Happening::ToPeer(connection));
        }
        for _ in 0..self.engines[&connection].relayed.under_way() {
            self.plan(0, Happening::FromHost(connection));
        }
        let engine = &self.engines[&connection];
        match &engine.running {
            Some(running) if running.is_due => self.finish_run(connection),
            Some(_) => {}
            None => self.start_next(connection),
        }
    }

    pub fn kill_by_run(&mut self, connection: ConnectionId, run: u64) {
        let runs_on = self
            .engines
            .get(&connection)
            .is_some_and(|e| e.runs == run && e.running.is_some());
        if runs_on {
            self.kill_engine(connection, "killed by signal 11");
        }
    }

    /// An engine ends abruptly: what it said last may be lost.
    pub fn kill_engine(&mut self, connection: ConnectionId, cause: &str) {
        if self.random.chance(500) {
            let link = self.links.get_mut(&connection).expect("links stay");
            link.to_controller.lose_some(&mut self.random);
            self.oracle.is_lossy = true;
        }
        self.end_engine(connection, cause);
    }

    /// An engine ends; its host reaps it.
    pub fn end_engine(&mut self, connection: ConnectionId, cause: &str) {
        let Some(engine) = self.engines.remove(&connection) else {
            return;
        };
        // It gave work back, started what was behind, and never said so.
        self.oracle.is_lossy |= self.has_yet_to_say(connection);
        self.hang_up(connection);
        if self.scenario.replacements > 0 && self.random.chance(700) {
            self.scenario.replacements -= 1;
            let delay = self.random.skewed(0, 20 * self.scenario.pause_us);
            self.plan(delay, Happening::Joins(engine.host));
        }
        let Some(host) = engine.host else { return };
        if let Some(there) = self.hosts.get_mut(&host) {
            there.engines.remove(&engine.pid);
            let exited = FromHost::EngineExited {
                pid: engine.pid,
                cause: cause.to_owned(),
                output: Vec::new(),
            };
            self.say(host, ToController::Host(exited), Payload::default());
        }
    }

    /// A process is gone: it hears nothing more, and what it said is followed
    /// by the end.
    pub fn hang_up(&mut self, connection: ConnectionId) {
        let link = self.links.get_mut(&connection).expect("links stay");
        link.to_peer.lose_all();
        link.to_peer.shut();
        self.put_to_controller(connection, Item::Closed);
    }

    pub fn host_hears(&mut self, connection: ConnectionId, message: ToHost, payload: &Payload) {
        let Some(host) = self.hosts.get(&connection) else {
            return;
        };
        match message {
            ToHost::StartEngines { count } => self.fork(connection, count),
            ToHost::Signal { pid, signal } => {
                let Some(engine) = host.engines.get(&pid).copied() else {
                    return;
                };
                match signal {
                    SIGINT => self.interrupt(engine),
                    SIGKILL => self.kill_engine(engine, "killed by signal 9"),
                    _ => {}
                }
            }
            ToHost::RelayBlob { blob, to } => {
                for recipient in to {
                    let message = Relayed::StoreBlob { blob };
                    self.pass_on(connection, recipient, message, payload);
                }
            }
            ToHost::RelayRun { work, to } => {
                for (recipient, ticket) in to {
                    let work = work.clone();
                    self.pass_on(
                        connection,
                        recipient,
                        Relayed::Run { ticket, work },
                        payload,
                    );
                }
            }
            ToHost::Ping => {
                self.say(
                    connection,
                    ToController::Host(FromHost::Pong),
                    Payload::default(),
                );
            }
            ToHost::Shutdown => self.end_host(connection),
        }
    }

    /// Forks engines. Some fail, some end before they join, some never join.
    fn fork(&mut self, connection: ConnectionId, count: u32) {
        for _ in 0..count {
            let delay = self.random.skewed(100, 100_000);
            let message = match self.random.between(0, 9) {
                0 => FromHost::StartFailed {
                    reason: "there is no memory left".to_owned(),
                },
                1 => {
                    let pid = self.next_pid;
                    self.next_pid += 1;
                    FromHost::EngineExited {
                        pid,
                        cause: "exit status 1".to_owned(),
                        output: Vec::new(),
                    }
                }
                2 => continue,
                _ => {
                    self.plan(delay, Happening::Joins(Some(connection)));
                    continue;
                }
            };
            self.say(connection, ToController::Host(message), Payload::default());
        }
    }

    /// A host passes something on to an engine; now and then it can't any more.
    fn pass_on(
        &mut self,
        host: ConnectionId,
        Recipient { pid, turn }: Recipient,
        message: Relayed,
        payload: &Payload,
    ) {
        let delay = self.random.skewed(1, self.scenario.delay_us);
        let breaks = self.random.chance(10);
        let Some(there) = self.hosts.get_mut(&host) else {
            return;
        };
        let Some(connection) = there.engines.get(&pid).copied() else {
            return;
        };
        if there.cut.contains(&pid) {
            return;
        }
        let engine = self.engines.get_mut(&connection);
        let engine = engine.expect("a host knows the engines that are there");
        if breaks {
            there.cut.insert(pid);
            engine.relayed.lose_some(&mut self.random);
            let message = FromHost::NotRelayed { pid };
            self.say(host, ToController::Host(message), Payload::default());
            return;
        }
        let item = Item::Message((turn, message), payload.clone());
        if let Some(at) = engine.relayed.push(self.now + delay, item) {
            self.plan_at(at, Happening::FromHost(connection));
        }
    }

    /// A host is killed. Its engines stay, with what it has passed on to them so
    /// far, or a part of that.
    pub fn kill_host(&mut self, connection: ConnectionId) {
        let Some(host) = self.hosts.remove(&connection) else {
            return;
        };
        self.hang_up(connection);
        let loses = self.random.chance(500);
        for engine in host.engines.into_values() {
            let engine = self.engines.get_mut(&engine);
            let engine = engine.expect("a host knows the engines that are there");
            if loses {
                engine.relayed.lose_some(&mut self.random);
            }
        }
    }

    /// A host ends and takes its engines along, which nobody reaps.
    pub fn end_host(&mut self, connection: ConnectionId) {
        let Some(host) = self.hosts.remove(&connection) else {
            return;
        };
        self.hang_up(connection);
        for engine in host.engines.into_values() {
            self.end_engine(engine, "its host ended");
        }
    }
}

fn raised(exception: &str) -> Failure {
    Failure {
        kind: FailureKind::Raised,
        exception: exception.to_owned(),
        message: "simulated".to_owned(),
        traceback: String::new(),
    }
}
