//! What goes wrong: ends, breaks, silences, and peers who say nonsense.

use crate::link::Item;
use crate::world::{Happening, World};
use rhumba_proto::id::{ConnectionId, QueryId, Ticket};
use rhumba_proto::message::{
    FromClient, FromEngine, FromHost, Outcome, Payload, Role, Timing, ToController,
};

impl World {
    pub fn cause_fault(&mut self) {
        self.faults_left -= 1;
        let engines: Vec<_> = self.engines.keys().copied().collect();
        let engine = self.random.pick(&engines).copied();
        match (self.random.between(0, 11), engine) {
            (0..=2, Some(engine)) => self.kill_engine(engine, "killed by signal 9"),
            (3, Some(engine)) => self.break_connection(engine),
            (4..=5, Some(engine)) => self.freeze(engine),
            (6, Some(engine)) => self.end_engine(engine, "exit status 3"),
            (7, _) => {
                let hosts: Vec<_> = self.hosts.keys().copied().collect();
                if let Some(host) = self.random.pick(&hosts).copied() {
                    match self.random.chance(500) {
                        true => self.kill_host(host),
                        false => self.end_host(host),
                    }
                }
            }
            (8, _) => {
                let clients: Vec<_> = self.clients.keys().copied().collect();
                if let Some(client) = self.random.pick(&clients).copied() {
                    self.leave(client);
                }
            }
            (9, _) => self.add_nuisance(),
            (10, _) => self.add_host(),
            _ => {
                let hosts: Vec<_> = self.hosts.keys().copied().collect();
                let host = self.random.pick(&hosts).copied();
                self.plan(0, Happening::Joins(host));
            }
        }
        if self.faults_left > 0 {
            let pause = self.random.skewed(0, 20 * self.scenario.pause_us);
            self.plan(pause, Happening::Fault);
        }
    }

    /// Both ends lose the connection, and some of what was on its way.
    fn break_connection(&mut self, connection: ConnectionId) {
        let link = self.links.get_mut(&connection).expect("links stay");
        link.to_controller.lose_some(&mut self.random);
        link.to_peer.lose_some(&mut self.random);
        self.oracle.is_lossy = true;
        self.put_to_controller(connection, Item::Closed);
        self.put_to_peer(connection, Item::Closed);
    }

    /// An engine falls silent, for a while or for ever.
    fn freeze(&mut self, connection: ConnectionId) {
        let engine = self.engines.get_mut(&connection).expect("picked just now");
        engine.is_frozen = true;
        if self.random.chance(700) {
            let pause = self.random.skewed(0, 3_000_000);
            self.plan(pause, Happening::Thaw(connection));
        }
    }

    /// Someone connects who says nothing, or what only others may say.
    fn add_nuisance(&mut self) {
        let role = match self.random.between(0, 3) {
            0 => Role::Engine { host: None },
            1 => Role::Host,
            2 => Role::Client {
                name: "nuisance".to_owned(),
            },
            _ => {
                // A greeting that never comes.
                let connection = self.connect(1, Role::Host);
                self.links
                    .get_mut(&connection)
                    .expect("links stay")
                    .to_controller
                    .lose_all();
                return;
            }
        };
        let nonsense = match role {
            Role::Engine { .. } => ToController::Host(FromHost::EngineExited {
                pid: 100,
                cause: "nonsense".to_owned(),
                output: Vec::new(),
            }),
            Role::Host => {
                let query = QueryId(1);
                ToController::Client(FromClient::ClusterStatus { query })
            }
            Role::Client { .. } => ToController::Engine(FromEngine::Finished {
                ticket: Ticket(self.random.between(0, 50)),
                outcome: Outcome::Done,
                timing: Timing::default(),
            }),
        };
        let is_client = matches!(role, Role::Client { .. });
        let connection = self.connect(1, role);
        self.say(connection, nonsense, Payload::default());
        if is_client {
            self.nuisances.insert(connection);
        }
    }
}
