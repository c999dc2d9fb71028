//! What clients want: requests, tasks, aborts, and everything else they may
//! ask, in a random order and at random moments.

use crate::peers::{Client, Mark};
use crate::scenario::{draw_policy, draw_scheduling};
use crate::world::{Happening, World};
use rhumba_proto::id::{BlobId, ClientId, ConnectionId, EngineId, QueryId, RequestId};
use rhumba_proto::message::{
    Dependency, FromClient, Manner, Operation, Payload, Role, TaskName, Terms, ToController, Work,
};
use rhumba_proto::record::{PieceName, Question};
use std::collections::BTreeSet;

/// The functions that all clients know.
const FUNCTIONS: u64 = 12;

impl World {
    pub fn add_client(&mut self) {
        let pid = self.next_pid;
        self.next_pid += 1;
        let connection = self.connect(
            pid,
            Role::Client {
                name: format!("client {pid}"),
            },
        );
        let client = Client {
            acts_left: self.scenario.acts,
            next_request: 0,
            next_query: 0,
            blobs: BTreeSet::new(),
            has_left: false,
        };
        self.clients.insert(connection, client);
        self.plan_act(connection);
    }

    fn plan_act(&mut self, connection: ConnectionId) {
        let pause = self.random.skewed(0, self.scenario.pause_us);
        self.plan(pause, Happening::ClientActs(connection));
    }

    /// Now and then a client reacts to a result at once.
    pub fn hasten(&mut self, connection: ConnectionId) {
        if self.random.chance(20) {
            self.plan(0, Happening::ClientActs(connection));
        }
    }

    pub fn act(&mut self, connection: ConnectionId) {
        let client = self
            .clients
            .get_mut(&connection)
            .expect("clients stay known");
        if client.has_left || client.acts_left == 0 || self.links[&connection].is_over {
            return;
        }
        client.acts_left -= 1;
        let is_last = client.acts_left == 0;
        match self.random.between(0, 99) {
            0..=24 => self.wish_request(connection),
            25..=49 => self.wish_task(connection),
            50..=64 => self.wish_many_tasks(connection),
            65..=71 => self.wish_abort(connection),
            72..=73 => self.wish_lock(connection),
            74 => self.wish_watch(connection),
            75..=76 => self.wish_interrupt(connection),
            77..=79 => self.wish_signal(connection),
            80..=84 => {
                let query = self.new_query(connection);
                let targets = self.draw_targets(connection);
                let verbose = self.random.chance(500);
                let status = FromClient::QueueStatus {
                    query,
                    targets,
                    verbose,
                };
                self.ask(connection, status);
            }
            85..=89 => {
                let query = self.new_query(connection);
                self.ask(connection, FromClient::ClusterStatus { query });
            }
            90..=92 => {
                let query = self.new_query(connection);
                let count = self.random.skewed(0, 4) as u32;
                self.ask(connection, FromClient::StartEngines { query, count });
            }
            93..=94 => {
                let query = self.new_query(connection);
                let targets = self.draw_targets(connection).into_iter().take(1).collect();
                self.ask(
                    connection,
                    FromClient::Shutdown {
                        query,
                        targets,
                        cluster: false,
                    },
                );
            }
            95..=96 => self.wish_forget(connection),
            97 => self.wish_fetch(connection),
            98 if self.random.chance(500) => self.wish_policy(connection),
            98 => self.wish_scheduling(connection),
            _ => self.leave(connection),
        }
        if is_last && self.scenario.ends_early {
            let query = self.new_query(connection);
            let targets = Vec::new();
            self.ask(
                connection,
                FromClient::Shutdown {
                    query,
                    targets,
                    cluster: true,
                },
            );
        }
        if !is_last {
            self.plan_act(connection);
        }
    }

    fn ask(&mut self, connection: ConnectionId, message: FromClient) {
        self.say(
            connection,
            ToController::Client(message),
            Payload::default(),
        );
    }

    fn new_query(&mut self, connection: ConnectionId) -> QueryId {
        let client = self
            .clients
            .get_mut(&connection)
            .expect("clients stay known");
        client.next_query += 1;
        QueryId(client.next_query)
    }

    fn new_mark(&mut self, connection: ConnectionId) -> Mark {
        let client = self
            .clients
            .get_mut(&connection)
            .expect("clients stay known");
        client.next_request += 1;
        Mark {
            client: connection,
            request: RequestId(client.next_request),
        }
    }

    /// Some of the engines, or all, and now and then one that isn't there.
    fn draw_targets(&mut self, connection: ConnectionId) -> Vec<EngineId> {
        let there: Vec<EngineId> = match self.oracle.clients.get(&connection) {
            Some(client) => client.engines.keys().copied().collect(),
            None => Vec::new(),
        };
        let mut targets = match self.random.between(0, 3) {
            0 => there,
            _ => {
                let count = self.random.skewed(1, 4);
                (0..count)
                    .filter_map(|_| self.random.pick(&there).copied())
                    .collect()
            }
        };
        if self.random.chance(30) {
            targets.push(EngineId(self.random.between(0, 500) as u32));
        }
        targets
    }

    /// Draws work, and stores the function that it names before it.
    fn draw_work(&mut self, connection: ConnectionId) -> Work {
        let operation = match self.random.between(0, 9) {
            0..=4 => Operation::Apply,
            5 => Operation::Map,
            6 => Operation::Push,
            _ => Operation::Execute {
                code: "a = 1".into(),
                silent: self.random.chance(500),
                stop_on_error: self.random.chance(500),
            },
        };
        if !matches!(operation, Operation::Apply | Operation::Map) {
            return Work {
                operation,
                function: None,
            };
        }
        let number = self.random.skewed(1, FUNCTIONS);
        let blob = BlobId([number as u8; 32]);
        let client = self
            .clients
            .get_mut(&connection)
            .expect("clients stay known");
        if client.blobs.insert(blob) {
            let content = Payload {
                buffers: vec![vec![number as u8; 20 * number as usize].into()],
            };
            let name = format!("f{number}");
            let store = FromClient::StoreBlob { blob, name };
            self.say(connection, ToController::Client(store), content);
        }
        Work {
            operation,
            function: Some(blob),
        }
    }

    fn draw_payload(&mut self, mark: Mark) -> Payload {
        let padding = if self.random.chance(100) {
            self.random.skewed(0, 3_000)
        } else {
            0
        };
        mark.payload(padding as usize)
    }

    fn wish_request(&mut self, connection: ConnectionId) {
        let count = if self.random.chance(200) {
            self.random.skewed(1, 40)
        } else {
            1
        };
        for _ in 0..count {
            let work = self.draw_work(connection);
            let targets = self.draw_targets(connection);
            let mark = self.new_mark(connection);
            let payload = self.draw_payload(mark);
            let manner = Manner {
                waits: self.random.chance(800),
                // What is held back as its client leaves is told to nobody.
                gathers: !self.scenario.config.keeps_records && self.random.chance(200),
                relays: self.random.chance(500),
            };
            let request = FromClient::Request {
                request: mark.request,
                targets,
                work,
                manner,
            };
            self.say(connection, ToController::Client(request), payload);
        }
    }

    fn wish_task(&mut self, connection: ConnectionId) {
        let work = self.draw_work(connection);
        let mark = self.new_mark(connection);
        let payload = self.draw_payload(mark);
        let terms = self.draw_terms(connection);
        let task = FromClient::Task {
            request: mark.request,
            work,
            terms,
        };
        self.say(connection, ToController::Client(task), payload);
    }

    /// Most tasks may run anywhere, and are all the same.
    fn draw_terms(&mut self, connection: ConnectionId) -> Terms {
        let retries = self.random.skewed(0, 5) as u32;
        let priority = match self.random.chance(200) {
            true => self.random.between(0, 6) as i32 - 3,
            false => 0,
        };
        let targets = match self.random.chance(150) {
            true => self.draw_targets(connection),
            false => Vec::new(),
        };
        let depends = self.random.chance(self.scenario.dependent);
        let after = (depends && self.random.chance(700))
            .then(|| Box::new(self.draw_dependency(connection)));
        let follow = (depends && self.random.chance(400))
            .then(|| Box::new(self.draw_dependency(connection)));
        let is_limited = self.random.chance(30);
        let is_impatient = self.random.chance(50);
        Terms {
            retries,
            priority,
            targets,
            after,
            follow,
            timeout_us: is_impatient.then(|| self.random.skewed(0, 500_000)),
            time_limit_us: is_limited.then(|| self.random.skewed(0, 200_000)),
        }
    }

    /// On what was asked lately; now and then by somebody else, or never.
    fn draw_dependency(&mut self, connection: ConnectionId) -> Dependency {
        let others: Vec<_> = self.oracle.clients.keys().copied().collect();
        let mut tasks = Vec::new();
        for _ in 0..self.random.skewed(0, 4) {
            let who = match self.random.chance(50) {
                true => self.random.pick(&others).copied().unwrap_or(connection),
                false => connection,
            };
            let Some(client) = self.oracle.clients.get(&who).map(|client| client.id) else {
                continue;
            };
            let latest = self
                .clients
                .get(&who)
                .map_or(0, |client| client.next_request);
            let back = self.random.skewed(1, 30);
            let request = match self.random.chance(10) {
                true => RequestId(latest + back),
                false => RequestId(latest.saturating_sub(back)),
            };
            tasks.push(TaskName { client, request });
        }
        Dependency {
            tasks,
            all: self.random.chance(600),
            success: self.random.chance(900),
            failure: self.random.chance(400),
        }
    }

    fn wish_many_tasks(&mut self, connection: ConnectionId) {
        for _ in 0..self.random.skewed(1, 80) {
            self.wish_task(connection);
        }
    }

    /// Some of what was asked lately.
    fn draw_requests(&mut self, connection: ConnectionId) -> Vec<RequestId> {
        let latest = self.clients[&connection].next_request;
        let count = self.random.skewed(1, 20);
        (0..count)
            .map(|_| RequestId(latest.saturating_sub(self.random.skewed(0, 60))))
            .collect()
    }

    fn wish_abort(&mut self, connection: ConnectionId) {
        let query = self.new_query(connection);
        let everything = self.random.chance(200);
        let requests = if everything {
            Vec::new()
        } else {
            self.draw_requests(connection)
        };
        let some = self.random.chance(300);
        let targets = if some {
            self.draw_targets(connection)
        } else {
            Vec::new()
        };
        let message = match self.random.chance(500) {
            true => FromClient::Abort {
                query,
                requests,
                targets,
            },
            false => FromClient::Cancel {
                query,
                requests,
                targets,
            },
        };
        self.ask(connection, message);
    }

    /// Some engines for itself, for a while: it may get them or not, and ends
    /// that whether it has got them or not.
    fn wish_lock(&mut self, connection: ConnectionId) {
        let query = self.new_query(connection);
        let targets = self.draw_targets(connection);
        let wait_us = match self.random.between(0, 3) {
            0 => Some(0),
            1 => Some(self.random.skewed(1, 200_000)),
            _ => None,
        };
        let limit_us = self.random.chance(300);
        let limit_us = limit_us.then(|| self.random.skewed(0, 100_000));
        let lock = FromClient::Lock {
            query,
            targets,
            label: "alone".to_owned(),
            wait_us,
            limit_us,
        };
        self.ask(connection, lock);
        let delay = self.random.skewed(0, 300_000);
        self.plan(delay, Happening::Unlocks(connection, query));
        if self.random.chance(700) {
            self.wish_request(connection);
            self.wish_many_tasks(connection);
        }
    }

    pub fn unlock(&mut self, connection: ConnectionId, lock: QueryId) {
        if self.clients[&connection].has_left || self.links[&connection].is_over {
            return;
        }
        let query = self.new_query(connection);
        self.ask(connection, FromClient::Unlock { query, lock });
    }

    fn wish_watch(&mut self, connection: ConnectionId) {
        let count = self.oracle.locks.unseen(connection);
        self.ask(connection, FromClient::WatchSeen { count });
        let query = self.new_query(connection);
        let message = match self.random.chance(200) {
            true => FromClient::Unwatch { query },
            false => FromClient::Watch {
                query,
                targets: match self.random.chance(500) {
                    true => self.draw_targets(connection),
                    false => Vec::new(),
                },
            },
        };
        self.ask(connection, message);
    }

    fn wish_interrupt(&mut self, connection: ConnectionId) {
        let query = self.new_query(connection);
        let requests = self.draw_requests(connection);
        self.ask(connection, FromClient::Interrupt { query, requests });
    }

    fn wish_signal(&mut self, connection: ConnectionId) {
        let query = self.new_query(connection);
        let targets = self.draw_targets(connection).into_iter().take(2).collect();
        let signal = if self.random.chance(200) { 9 } else { 2 };
        self.ask(
            connection,
            FromClient::Signal {
                query,
                targets,
                signal,
            },
        );
    }

    fn wish_policy(&mut self, connection: ConnectionId) {
        let query = self.new_query(connection);
        let mut policy = draw_policy(&mut self.random);
        if self.random.chance(100) {
            policy.checkpoint_every_us = Some(0);
        }
        self.ask(connection, FromClient::SetPolicy { query, policy });
    }

    fn wish_scheduling(&mut self, connection: ConnectionId) {
        let query = self.new_query(connection);
        let scheduling = draw_scheduling(&mut self.random);
        self.ask(connection, FromClient::SetScheduling { query, scheduling });
    }

    /// Results of what anybody asked for lately, and now and then of nothing.
    fn wish_fetch(&mut self, connection: ConnectionId) {
        let first = self.new_mark(connection).request;
        let mut pieces = Vec::new();
        for _ in 0..self.random.skewed(1, 20) {
            let back = self.random.skewed(1, 100);
            let records = self.oracle.records.as_ref();
            let latest = records.and_then(|records| records.latest(back));
            let nobody = ClientId(self.random.between(0, 3) as u32);
            let (mut task, engine) = latest.unwrap_or((
                TaskName {
                    client: nobody,
                    request: RequestId(back),
                },
                None,
            ));
            if self.random.chance(50) {
                task.request = RequestId(task.request.0 + back);
            }
            let is_whole = self.random.chance(200);
            pieces.push(PieceName {
                session: None,
                task,
                engine: engine.filter(|_| !is_whole),
            });
        }
        for _ in 1..pieces.len() {
            self.new_mark(connection);
        }
        self.ask(connection, FromClient::Fetch { first, pieces });
        let query = self.new_query(connection);
        let question = Question::State;
        self.ask(connection, FromClient::AskStore { query, question });
    }

    fn wish_forget(&mut self, connection: ConnectionId) {
        let client = self
            .clients
            .get_mut(&connection)
            .expect("clients stay known");
        let blobs: Vec<_> = client.blobs.iter().copied().collect();
        if let Some(blob) = self.random.pick(&blobs).copied() {
            let client = self
                .clients
                .get_mut(&connection)
                .expect("clients stay known");
            client.blobs.remove(&blob);
            self.ask(connection, FromClient::ForgetBlob { blob });
        }
    }

    /// A client leaves, or its process is killed with things half said.
    pub fn leave(&mut self, connection: ConnectionId) {
        let client = self
            .clients
            .get_mut(&connection)
            .expect("clients stay known");
        if std::mem::replace(&mut client.has_left, true) {
            return;
        }
        if self.random.chance(500) {
            let link = self.links.get_mut(&connection).expect("links stay");
            link.to_controller.lose_some(&mut self.random);
        }
        self.hang_up(connection);
        if self.faults_left > 0 && self.random.chance(500) {
            self.plan(1_000, Happening::ClientJoins);
        }
    }

    /// Everyone who is left asks once more what is queued.
    pub fn ask_for_queues(&mut self) {
        let clients: Vec<_> = self.oracle.clients.keys().copied().collect();
        for client in clients {
            let query = self.new_query(client);
            self.ask(
                client,
                FromClient::QueueStatus {
                    query,
                    targets: Vec::new(),
                    verbose: true,
                },
            );
            let query = self.new_query(client);
            self.ask(client, FromClient::ClusterStatus { query });
        }
    }

    pub fn dismiss_clients(&mut self) {
        let clients: Vec<_> = self.clients.keys().copied().collect();
        for client in clients {
            self.leave(client);
        }
    }
}
