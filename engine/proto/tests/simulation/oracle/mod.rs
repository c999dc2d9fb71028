//! The oracle: what must be true of everything the controller is told and
//! orders. It knows the rules, not how the controller keeps them.
//!
//! Here is what it remembers and what clients ask for; what they are told is in
//! [`told`], what engines are sent in [`engines`].

mod counts;
mod engines;
mod told;

pub use counts::Counts;

use crate::locks::Locks;
use crate::peers::Mark;
use crate::records::{Name, Records, Wanted, fetched_names};
use crate::recoveries::Recoveries;
use crate::waits::{Endings, Wish};
use rhumba_proto::id::{ClientId, ConnectionId, EngineId, QueryId, RequestId, Ticket};
use rhumba_proto::message::{EngineInfo, FromClient, Operation, Outcome, Policy, TaskName};
use rhumba_proto::record::Record;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Oracle {
    /// Clients the controller has welcomed and that are there, as it knows.
    pub clients: BTreeMap<ConnectionId, Client>,
    /// Those that have left work that goes on.
    absent: BTreeMap<ConnectionId, Client>,
    /// With a task store: what it is told.
    pub records: Option<Records>,
    tickets: BTreeMap<Ticket, Sent>,
    /// By engine and client: the arrival of the request it started last.
    latest_started: BTreeMap<(ConnectionId, ConnectionId), u64>,
    windows: BTreeMap<EngineId, Vec<InWindow>>,
    arrivals: u64,
    /// The cluster was asked to end.
    pub is_ending: bool,
    /// Something an engine said was lost, so that it may have started more than
    /// the controller can know.
    pub is_lossy: bool,
    /// Everything is answered, and nobody asks for more.
    pub is_idle: bool,
    pub recoveries: Recoveries,
    pub locks: Locks,
    endings: Endings,
    client_ids: BTreeSet<ClientId>,
    /// What there was, for the summary.
    pub counts: Counts,
}

pub struct Client {
    pub id: ClientId,
    /// What it was told about engines.
    pub engines: BTreeMap<EngineId, u32>,
    /// What was accepted and isn't answered: tasks without an engine.
    pub expected: BTreeMap<(RequestId, Option<EngineId>), Expected>,
    pub queries: BTreeSet<QueryId>,
    /// Every number it ever used.
    tasks: BTreeSet<RequestId>,
    /// Results of others that it wants.
    fetching: BTreeMap<RequestId, Wanted>,
    /// After it left there was a time without any client: nobody was told which
    /// engines died in it, so nobody knows how many tries its tasks have used.
    was_untold: bool,
}

/// One answer that is owed.
pub struct Expected {
    arrival: u64,
    retries: u32,
    stops_on_error: bool,
    /// It is told together with others.
    is_gathered: bool,
    /// The engines that may run it, if not any may.
    targets: Vec<EngineId>,
    wish: Wish,
    dispatches: u32,
    starts: u32,
    /// Tries that count: it raised, or may have been running as its engine ended.
    charges: u32,
    was_aborted: bool,
    was_cancelled: bool,
    /// It was aborted wherever it was: it may end, but not start.
    must_not_be_sent: bool,
    /// The number of the last output, by engine.
    latest_output: BTreeMap<EngineId, u64>,
}

/// What must be settled once the controller has dealt with a result.
pub struct Due {
    mark: Mark,
    target: Option<EngineId>,
    /// It isn't tried again.
    is_final: bool,
    /// Nothing of the same client that arrived later may wait for this engine.
    stopped: Option<(EngineId, u64)>,
}

/// What an engine was sent, as far as the controller can know.
struct InWindow {
    ticket: Ticket,
    has_started: bool,
}

struct Sent {
    engine: ConnectionId,
    mark: Mark,
    target: Option<EngineId>,
    arrival: u64,
    has_started: bool,
    has_result: bool,
}

impl Oracle {
    pub fn new(policy: Policy) -> Self {
        Self {
            recoveries: Recoveries::new(policy),
            ..Self::default()
        }
    }

    /// The controller was handed a client's message.
    pub fn on_client_message(&mut self, connection: ConnectionId, message: &FromClient) {
        let Some(client) = self.clients.get_mut(&connection) else {
            return;
        };
        let (mut fetched, mut aborted) = (Vec::new(), None);
        match message {
            FromClient::Request {
                request,
                targets,
                work,
                manner,
            } => {
                self.arrivals += 1;
                let stops = matches!(
                    work.operation,
                    Operation::Execute {
                        stop_on_error: true,
                        ..
                    }
                );
                let distinct: BTreeSet<_> = targets.iter().collect();
                let parts = distinct.len() as u32;
                self.endings.on_asked(client.id, *request, parts);
                for target in targets {
                    let mut expected = Expected::new(self.arrivals, 0, stops);
                    expected.is_gathered = manner.gathers;
                    client.expected.insert((*request, Some(*target)), expected);
                }
            }
            FromClient::Task { request, terms, .. } => {
                self.arrivals += 1;
                client.tasks.insert(*request);
                let own = TaskName {
                    client: client.id,
                    request: *request,
                };
                let mut expected = Expected::new(self.arrivals, terms.retries, false);
                expected.wish = self.endings.wish(own, terms, &self.client_ids);
                self.endings.on_asked(client.id, *request, 1);
                expected.targets.clone_from(&terms.targets);
                client.expected.insert((*request, None), expected);
            }
            FromClient::Abort {
                query,
                requests,
                targets,
            }
            | FromClient::Cancel {
                query,
                requests,
                targets,
            } => {
                let is_cancel = matches!(message, FromClient::Cancel { .. });
                client.queries.insert(*query);
                if let Some(records) = &self.records {
                    fetched = fetched_names(&client.fetching, requests, records);
                }
                let of_all = targets.is_empty();
                aborted = Some((of_all, is_cancel));
                for ((request, _), expected) in &mut client.expected {
                    if requests.is_empty() || requests.contains(request) {
                        expected.was_aborted = true;
                        expected.was_cancelled |= is_cancel;
                        expected.must_not_be_sent |= targets.is_empty();
                    }
                }
            }
            FromClient::Signal { query, .. }
            | FromClient::Interrupt { query, .. }
            | FromClient::QueueStatus { query, .. }
            | FromClient::ClusterStatus { query }
            | FromClient::StartEngines { query, .. } => {
                client.queries.insert(*query);
            }
            FromClient::Shutdown { query, cluster, .. } => {
                client.queries.insert(*query);
                self.is_ending |= cluster;
            }
            FromClient::SetPolicy { query, policy } => {
                client.queries.insert(*query);
                self.recoveries.on_policy(policy);
            }
            FromClient::SetScheduling { query, .. } => {
                client.queries.insert(*query);
            }
            FromClient::Fetch { first, pieces } => {
                for (offset, piece) in (0..).zip(pieces) {
                    let none = Records::default();
                    let records = self.records.as_ref().unwrap_or(&none);
                    let wanted = records.wanted(piece.clone());
                    client.fetching.insert(RequestId(first.0 + offset), wanted);
                }
            }
            FromClient::AskStore { query, .. } => {
                client.queries.insert(*query);
            }
            FromClient::Lock {
                query,
                targets,
                limit_us,
                ..
            } => {
                client.queries.insert(*query);
                self.locks.on_asked(connection, *query, targets, *limit_us);
            }
            FromClient::Unlock { query, lock } => {
                client.queries.insert(*query);
                self.locks.on_unlock(connection, *lock);
            }
            FromClient::Watch { query, .. } | FromClient::Unwatch { query } => {
                client.queries.insert(*query);
            }
            FromClient::WatchSeen { count } => self.locks.on_seen(connection, *count),
            FromClient::StoreBlob { .. }
            | FromClient::ForgetBlob { .. }
            | FromClient::SetLabel { .. } => {}
        }
        if let Some((of_all, is_cancel)) = aborted {
            self.abort_fetched(&fetched, of_all, is_cancel);
        }
    }

    /// What others asked for is aborted by who fetches it.
    fn abort_fetched(&mut self, fetched: &[(Name, bool)], of_all: bool, is_cancel: bool) {
        for ((task, target), is_certain) in fetched {
            let mut clients = self.clients.values_mut().chain(self.absent.values_mut());
            let client = clients.find(|client| client.id == task.client);
            let expected = client.and_then(|c| c.expected.get_mut(&(task.request, *target)));
            let expected = expected.expect("what is unfinished is owed");
            expected.was_aborted = true;
            expected.was_cancelled |= is_cancel;
            expected.must_not_be_sent |= of_all && *is_certain;
        }
    }

    /// The controller ordered to remember something.
    pub fn on_record(&mut self, record: &Record) {
        self.counts.recorded += 1;
        let records = self.records.as_mut();
        let records = records.expect("without a task store nothing is recorded");
        let all = self.clients.iter().chain(&self.absent);
        let connections: BTreeMap<ClientId, ConnectionId> = all
            .map(|(connection, client)| (client.id, *connection))
            .collect();
        let ended = records.on_record(record, |accepted| {
            let mark = Mark {
                client: connections[&accepted.task.client],
                request: accepted.task.request,
            };
            assert_eq!(
                Mark::of(&accepted.payload),
                mark,
                "a record has its payload"
            );
        });
        let Some(name) = ended else { return };
        let Record::Ended(ended) = record else {
            unreachable!("only ends end something")
        };
        let connection = connections[&name.0.client];
        if self.clients.contains_key(&connection) {
            return;
        }
        assert!(ended.is_wanted, "what nobody was told is kept");
        self.counts.went_on += 1;
        let mark = Mark {
            client: connection,
            request: name.0.request,
        };
        self.on_result(mark, ended.engine, &ended.outcome, &ended.payload);
        if self.absent[&connection].expected.is_empty() {
            let client = self.absent.remove(&connection).expect("looked at just now");
            self.client_ids.remove(&client.id);
            self.endings.on_client_gone(client.id);
        }
    }

    pub fn on_client_welcomed(
        &mut self,
        connection: ConnectionId,
        id: ClientId,
        engines: &[EngineInfo],
    ) {
        self.client_ids.insert(id);
        let engines = engines.iter().map(|info| (info.engine, info.pid)).collect();
        let client = Client {
            id,
            engines,
            expected: BTreeMap::new(),
            queries: BTreeSet::new(),
            tasks: BTreeSet::new(),
            fetching: BTreeMap::new(),
            was_untold: false,
        };
        assert!(
            self.clients.insert(connection, client).is_none(),
            "a client is welcomed once"
        );
    }

    pub fn on_client_gone(&mut self, connection: ConnectionId) {
        self.locks.on_client_gone(connection);
        if let Some(mut client) = self.clients.remove(&connection) {
            if let Some(records) = &self.records {
                // What made the controller give up on it was never accepted.
                let id = client.id;
                client.expected.retain(|(request, target), _| {
                    let task = TaskName {
                        client: id,
                        request: *request,
                    };
                    if let Some(ended) = records.ended(&(task, *target)) {
                        // It has ended and wasn't told yet, with others of its request.
                        let is_done = ended.outcome == Outcome::Done;
                        self.endings.on_ended(id, *request, is_done, ended.engine);
                    }
                    records.is_unfinished(&(task, *target))
                });
            }
            if self.records.is_some() && !client.expected.is_empty() {
                self.absent.insert(connection, client);
            } else {
                self.client_ids.remove(&client.id);
                self.endings.on_client_gone(client.id);
            }
        }
        if self.clients.is_empty() {
            self.recoveries.forget_dead();
            for client in self.absent.values_mut() {
                client.was_untold = true;
            }
        }
    }

    /// Everything has come to rest.
    pub fn check_recoveries(&self) {
        self.recoveries.check_all_told();
    }

    /// Checks that all clients were told the same of engines.
    pub fn check_lists(&self) {
        let mut lists = self.clients.values().map(|client| &client.engines);
        if let Some(first) = lists.next() {
            assert!(
                lists.all(|list| list == first),
                "all clients see the same engines"
            );
        }
    }

    /// Returns how many answers are owed.
    pub fn owed(&self) -> usize {
        let present = self.clients.values();
        let present = present.map(|c| c.expected.len() + c.queries.len() + c.fetching.len());
        let absent = self.absent.values().map(|client| client.expected.len());
        present.chain(absent).sum()
    }

    /// Describes some of what is owed, for the message of a failure.
    pub fn describe_owed(&self) -> String {
        let mut words = String::new();
        for (connection, client) in &self.clients {
            let pieces: Vec<_> = client.expected.keys().take(5).collect();
            let queries: Vec<_> = client.queries.iter().take(5).collect();
            words += &format!("client at {connection}: {pieces:?} {queries:?}; ");
        }
        words
    }
}

impl Expected {
    fn new(arrival: u64, retries: u32, stops_on_error: bool) -> Self {
        Self {
            arrival,
            retries,
            stops_on_error,
            is_gathered: false,
            targets: Vec::new(),
            wish: Wish::default(),
            dispatches: 0,
            starts: 0,
            charges: 0,
            was_aborted: false,
            was_cancelled: false,
            must_not_be_sent: false,
            latest_output: BTreeMap::new(),
        }
    }
}
