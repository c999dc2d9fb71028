//! The oracle: what must be true of everything the controller is told and
//! orders. It knows the rules, not how the controller keeps them.

use crate::locks::Locks;
use crate::peers::{Asked, Mark, ticket_of_result};
use crate::records::{Name, Records, Wanted, fetched_names};
use crate::recoveries::Recoveries;
use crate::waits::{Endings, Wish};
use rhumba_proto::id::{ClientId, ConnectionId, EngineId, QueryId, RequestId, Ticket};
use rhumba_proto::message::{
    Answer, EngineInfo, Failure, FailureKind, FromClient, FromEngine, Operation, Outcome, Output,
    Payload, Policy, TaskName, ToClient,
};
use rhumba_proto::record::Record;
use std::collections::{BTreeMap, BTreeSet};

/// More often than this no single piece of work should be sent anywhere.
const DISPATCHES_MAX: u32 = 500;

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub done: u64,
    pub raised: u64,
    pub died: u64,
    pub aborted: u64,
    pub no_engine: u64,
    pub limit: u64,
    pub impossible: u64,
    pub late: u64,
    pub cancelled: u64,
    pub too_long: u64,
    pub killed: u64,
    pub recalls: u64,
    pub dispatches: u64,
    pub joined: u64,
    pub left: u64,
    pub checkpoints: u64,
    pub failed_checkpoints: u64,
    pub restored: u64,
    pub not_restored: u64,
    pub data: u64,
    pub locked: u64,
    pub kept_out: u64,
    pub refused: u64,
    pub watched: u64,
    pub gathered: u64,
    pub recorded: u64,
    pub went_on: u64,
    pub fetched: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.raised += other.raised;
        self.died += other.died;
        self.aborted += other.aborted;
        self.no_engine += other.no_engine;
        self.limit += other.limit;
        self.impossible += other.impossible;
        self.late += other.late;
        self.cancelled += other.cancelled;
        self.too_long += other.too_long;
        self.killed += other.killed;
        self.recalls += other.recalls;
        self.dispatches += other.dispatches;
        self.joined += other.joined;
        self.left += other.left;
        self.checkpoints += other.checkpoints;
        self.failed_checkpoints += other.failed_checkpoints;
        self.restored += other.restored;
        self.not_restored += other.not_restored;
        self.data += other.data;
        self.locked += other.locked;
        self.kept_out += other.kept_out;
        self.refused += other.refused;
        self.watched += other.watched;
        self.gathered += other.gathered;
        self.recorded += other.recorded;
        self.went_on += other.went_on;
        self.fetched += other.fetched;
    }

    /// Checks that over many seeds everything happened that is simulated: a
    /// simulation in which nothing goes wrong shows nothing.
    pub fn check_coverage(&self) {
        let Self {
            done,
            raised,
            died,
            aborted,
            no_engine,
            limit,
            ..
        } = *self;
        for (count, what) in [
            (done, "finished"),
            (raised, "raised"),
            (died, "died with its engine"),
            (aborted, "was aborted"),
            (no_engine, "found no engine"),
            (limit, "met a limit"),
            (self.impossible, "depended on what couldn't be"),
            (self.late, "waited too long"),
            (self.cancelled, "was cancelled while it ran"),
            (self.too_long, "ran too long"),
            (self.killed, "was killed as it did not end"),
            (self.recalls, "was asked back"),
            (self.data, "was told while it ran"),
            (self.locked, "was locked"),
            (self.kept_out, "waited for a lock"),
            (self.refused, "was refused as it would have to wait"),
            (self.watched, "was watched"),
            (self.gathered, "was gathered"),
            (self.recorded, "was recorded"),
            (self.went_on, "went on without its client"),
            (self.fetched, "was fetched"),
            (self.joined, "joined"),
            (self.left, "left"),
            (self.checkpoints, "was checkpointed"),
            (self.restored, "was restored"),
            (self.not_restored, "was not restored"),
        ] {
            assert!(count > 50, "something {what} more often than {count} times");
        }
    }
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
    fn abort_fetched(&mut self, fetched: &[Name], of_all: bool, is_cancel: bool) {
        for (task, target) in fetched {
            let mut clients = self.clients.values_mut().chain(self.absent.values_mut());
            let client = clients.find(|client| client.id == task.client);
            let expected = client.and_then(|c| c.expected.get_mut(&(task.request, *target)));
            let expected = expected.expect("what is unfinished is owed");
            expected.was_aborted = true;
            expected.was_cancelled |= is_cancel;
            expected.must_not_be_sent |= of_all;
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

    /// The controller ordered to tell a client something.
    pub fn on_told(&mut self, connection: ConnectionId, message: &ToClient, payload: &Payload) {
        let client = self.clients.get_mut(&connection);
        let client = client.expect("only clients that are there are told something");
        match message {
            ToClient::EngineJoined { engine } => {
                self.counts.joined += 1;
                let before = client.engines.insert(engine.engine, engine.pid);
                assert_eq!(before, None, "an engine joins once");
            }
            ToClient::EngineLeft { engine, cause } => {
                let engine = *engine;
                self.counts.left += 1;
                let is_killed = cause.contains("did not end when it was interrupted");
                self.counts.killed += u64::from(is_killed);
                assert!(
                    client.engines.remove(&engine).is_some(),
                    "only who joined can leave"
                );
                assert!(!cause.is_empty(), "there is a cause for everything");
                self.on_engine_left(engine);
                self.recoveries.on_left(engine, cause, self.is_ending);
            }
            ToClient::Answer { query, answer } => {
                assert!(client.queries.remove(query), "each query is answered once");
                let own = self.locks.on_answer(connection, *query, answer);
                self.counts.locked += u64::from(!own.is_empty());
                for engine in own {
                    let window = self.windows.get(&engine).into_iter().flatten();
                    let mut owners = window.map(|entry| self.tickets.get(&entry.ticket));
                    let is_own = |sent: Option<&Sent>| {
                        sent.is_some_and(|sent| sent.mark.client == connection)
                    };
                    assert!(owners.all(is_own), "who holds an engine has it alone");
                }
                if let Answer::Cluster { engines, .. } = answer {
                    let engines: BTreeMap<_, _> =
                        engines.iter().map(|info| (info.engine, info.pid)).collect();
                    assert_eq!(
                        engines, client.engines,
                        "a client's list is the controller's"
                    );
                }
            }
            ToClient::Output {
                request,
                engine,
                output,
            } => {
                self.check_output(connection, *request, *engine, output);
            }
            ToClient::Data {
                request,
                engine,
                parts,
            } => {
                self.counts.data += 1;
                let is_task = client.tasks.contains(request);
                let target = (!is_task).then_some(*engine);
                let is_owed = client.expected.contains_key(&(*request, target));
                assert!(is_owed, "what is told belongs to something that runs");
                let mark = Mark {
                    client: connection,
                    request: *request,
                };
                assert_eq!(Mark::of(payload), mark, "what is told reaches who asked");
                assert_eq!(
                    parts.len(),
                    payload.buffers.len(),
                    "parts have their buffers"
                );
            }
            ToClient::Result {
                request,
                engine,
                outcome,
                ..
            } => {
                if let Some(wanted) = client.fetching.remove(request) {
                    self.counts.fetched += u64::from(*outcome == Outcome::Done);
                    match &self.records {
                        Some(records) => records.check_fetched(&wanted, outcome, payload),
                        None => assert!(matches!(outcome, Outcome::Failed(_))),
                    }
                    return;
                }
                let mark = Mark {
                    client: connection,
                    request: *request,
                };
                if let Some(records) = &self.records {
                    let is_task = client.tasks.contains(request);
                    let task = TaskName {
                        client: client.id,
                        request: *request,
                    };
                    let target = if is_task { None } else { *engine };
                    records.check_told(&(task, target), outcome, payload);
                }
                self.on_result(mark, *engine, outcome, payload);
            }
            ToClient::Locked { engines, holder } => {
                self.counts.kept_out += 1;
                assert_ne!(holder.client, client.id, "nobody waits for itself");
                assert!(!engines.is_empty(), "it is told which");
            }
            ToClient::Watched { task, .. } => {
                self.counts.watched += 1;
                assert_ne!(task.client, client.id, "who watches knows its own work");
                self.locks.on_watched(connection);
            }
            ToClient::WatchLost { count } => {
                assert!(*count > 0, "it is told how much");
                self.locks.on_watched(connection);
            }
            ToClient::Gathered { request, parts } => {
                self.counts.gathered += 1;
                let mark = Mark {
                    client: connection,
                    request: *request,
                };
                let mut buffers = payload.buffers.iter().cloned();
                for part in parts {
                    let own = buffers.by_ref().take(part.buffers as usize).collect();
                    let payload = Payload { buffers: own };
                    self.on_result(mark, part.engine, &part.outcome, &payload);
                }
                assert!(buffers.next().is_none(), "every buffer is some part's");
            }
            ToClient::EngineRestored {
                engine,
                replaces,
                checkpoint,
                checkpoint_us,
                requests_lost,
            } => {
                assert!(
                    client.engines.contains_key(engine),
                    "an engine joins before it is restored"
                );
                self.counts.restored += 1;
                let checkpoint = (checkpoint.clone(), *checkpoint_us);
                self.recoveries
                    .on_restored(connection, *engine, *replaces, &checkpoint);
                self.recoveries.check_lost(*replaces, *requests_lost);
            }
            ToClient::EngineNotRestored {
                engine,
                replaces,
                reason,
                requests_lost,
            } => {
                assert!(!reason.is_empty(), "there is a reason for everything");
                let is_there = engine.is_none_or(|engine| client.engines.contains_key(&engine));
                assert!(is_there, "an engine joins before it replaces another");
                self.counts.not_restored += 1;
                self.recoveries.on_not_restored(connection, *replaces);
                self.recoveries.check_lost(*replaces, *requests_lost);
            }
            ToClient::EngineNotCheckpointed { engine, reason } => {
                assert!(
                    client.engines.contains_key(engine),
                    "who is told of is there"
                );
                assert!(!reason.is_empty(), "there is a reason for everything");
                self.counts.failed_checkpoints += 1;
            }
        }
    }

    /// The controller ordered an engine to do something for itself.
    pub fn on_duty_dispatched(&mut self, engine: EngineId, ticket: Ticket, asked: Asked) {
        let window = self.windows.entry(engine).or_default();
        assert!(
            window.is_empty(),
            "a duty is for an engine that has nothing else"
        );
        window.push(InWindow {
            ticket,
            has_started: false,
        });
        self.recoveries.on_duty_dispatched(engine, ticket, asked);
    }

    fn check_output(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        engine: EngineId,
        output: &Output,
    ) {
        let client = self
            .clients
            .get_mut(&connection)
            .expect("checked by the caller");
        let target = if client.tasks.contains(&request) {
            None
        } else {
            Some(engine)
        };
        // What is printed between belongs to what is answered already.
        let Some(expected) = client.expected.get_mut(&(request, target)) else {
            return;
        };
        let Output::Stdout(number) = output else {
            panic!("engines here print numbers only")
        };
        let number: u64 = number.parse().expect("engines here print numbers only");
        let latest = expected.latest_output.insert(engine, number);
        assert!(
            latest.is_none_or(|latest| latest < number),
            "output stays in its order"
        );
    }

    fn on_result(
        &mut self,
        mark: Mark,
        engine: Option<EngineId>,
        outcome: &Outcome,
        payload: &Payload,
    ) {
        let is_absent = !self.clients.contains_key(&mark.client);
        let there = self.clients.get_mut(&mark.client);
        let client = there.or_else(|| self.absent.get_mut(&mark.client));
        let client = client.expect("checked by the caller");
        let is_task = client.tasks.contains(&mark.request);
        let target = if is_task { None } else { engine };
        let expected = client.expected.remove(&(mark.request, target));
        let expected =
            expected.unwrap_or_else(|| panic!("{mark:?} is answered once, and was asked"));
        let is_done = *outcome == Outcome::Done;
        self.endings
            .on_ended(client.id, mark.request, is_done, engine);
        match outcome {
            Outcome::Done => {
                self.counts.done += 1;
                assert_eq!(Mark::of(payload), mark, "a result reaches who asked for it");
                let ticket = ticket_of_result(payload);
                let sent = self
                    .tickets
                    .get_mut(&ticket)
                    .expect("results have a known ticket");
                assert_eq!(
                    (sent.mark, sent.target),
                    (mark, target),
                    "a ticket means one piece"
                );
                assert!(sent.has_started, "a result comes from something that ran");
                assert!(
                    !std::mem::replace(&mut sent.has_result, true),
                    "a ticket has one result"
                );
            }
            Outcome::Failed(failure) => {
                // Nobody tells who has left which engines are there.
                let here = |engine: &EngineId| !is_absent && client.engines.contains_key(engine);
                let is_there = engine.as_ref().is_some_and(here);
                let has_engines = match expected.targets.as_slice() {
                    [] => !is_absent && !client.engines.is_empty(),
                    targets => targets.iter().any(here),
                };
                if failure.kind == FailureKind::Dependency {
                    self.endings.check_dependency(&expected.wish, failure, here);
                }
                let there = [is_there, has_engines];
                let is_untold = is_absent && client.was_untold;
                self.check_failure(&expected, failure, is_task, there, is_untold);
            }
        }
    }

    fn check_failure(
        &mut self,
        expected: &Expected,
        failure: &Failure,
        is_task: bool,
        [is_there, has_engines]: [bool; 2],
        is_untold: bool,
    ) {
        let may_stop_early =
            expected.was_aborted || expected.wish.has_limit || self.is_ending || is_untold;
        let is_used_up = expected.charges > expected.retries;
        match failure.kind {
            FailureKind::Raised => {
                self.counts.raised += 1;
                assert!(expected.starts > 0, "only what ran can raise");
                let is_interrupt = failure.exception == "KeyboardInterrupt";
                // One that may wait no longer is not tried again, and says what it failed with.
                let is_late = expected.wish.has_timeout;
                assert!(
                    !is_task || is_used_up || is_interrupt || is_late || may_stop_early,
                    "a task that raised is tried as often as was asked"
                );
            }
            FailureKind::EngineDied => {
                self.counts.died += 1;
                assert!(!is_there, "an engine that died is no longer listed");
                assert!(
                    !is_task || is_used_up || may_stop_early,
                    "a task with retries left survives its engine"
                );
            }
            FailureKind::Aborted => {
                self.counts.aborted += 1;
                self.counts.cancelled += u64::from(expected.was_cancelled && expected.starts > 0);
                assert!(
                    is_task || expected.starts == 0 || expected.was_cancelled,
                    "what was aborted never ran"
                );
                assert!(
                    expected.was_aborted || !is_task,
                    "nobody asked to abort this task, and nothing aborts tasks by itself"
                );
            }
            FailureKind::NoEngine => {
                self.counts.no_engine += 1;
                let is_needless = if is_task { has_engines } else { is_there };
                assert!(
                    !is_needless || self.is_ending,
                    "there is an engine for this"
                );
            }
            FailureKind::Dependency => self.counts.impossible += 1,
            FailureKind::Timeout => {
                self.counts.late += 1;
                let is_limited = expected.wish.has_limit && expected.dispatches > 0;
                self.counts.too_long += u64::from(is_limited && !expected.wish.has_timeout);
                assert!(
                    expected.wish.has_timeout || is_limited,
                    "who has patience is given time"
                );
            }
            FailureKind::Limit => self.counts.limit += 1,
            FailureKind::Locked => self.counts.refused += 1,
            FailureKind::Invalid => panic!("lawful work was called invalid: {}", failure.message),
        }
    }

    /// The controller ordered to send a piece of work to an engine.
    pub fn on_dispatched(
        &mut self,
        connection: ConnectionId,
        engine: EngineId,
        ticket: Ticket,
        mark: Mark,
    ) {
        self.counts.dispatches += 1;
        self.locks.check_sent(engine, mark.client);
        self.recoveries.on_dispatched(engine);
        let client = self.clients.get_mut(&mark.client);
        let client = client.or_else(|| self.absent.get_mut(&mark.client));
        let client = client.expect("no work is sent for clients that are forgotten");
        let target = if client.tasks.contains(&mark.request) {
            None
        } else {
            Some(engine)
        };
        let expected = client.expected.get_mut(&(mark.request, target));
        let expected = expected.expect("only what is owed is sent");
        expected.dispatches += 1;
        assert!(
            expected.targets.is_empty() || expected.targets.contains(&engine),
            "a task runs where it may"
        );
        assert!(
            !expected.must_not_be_sent,
            "what was aborted isn't sent again"
        );
        assert!(
            expected.dispatches < DISPATCHES_MAX,
            "nothing is sent around for ever"
        );
        self.endings.check_sent(&expected.wish, engine);
        let window = self.windows.entry(engine).or_default();
        window.push(InWindow {
            ticket,
            has_started: false,
        });
        let sent = Sent {
            engine: connection,
            mark,
            target,
            arrival: expected.arrival,
            has_started: false,
            has_result: false,
        };
        assert!(
            self.tickets.insert(ticket, sent).is_none(),
            "a ticket is used once"
        );
    }

    /// An engine started a piece of work.
    pub fn on_started(&mut self, connection: ConnectionId, ticket: Ticket) {
        let sent = self
            .tickets
            .get_mut(&ticket)
            .expect("engines run what they were sent");
        assert_eq!(sent.engine, connection, "a ticket is for one engine");
        assert!(
            !std::mem::replace(&mut sent.has_started, true),
            "a ticket runs once"
        );
        if sent.target.is_some() {
            let latest = self
                .latest_started
                .insert((connection, sent.mark.client), sent.arrival);
            let in_order = latest.is_none_or(|latest| latest < sent.arrival);
            assert!(in_order, "requests run in the order of their arrival");
        }
        let there = self.clients.get_mut(&sent.mark.client);
        if let Some(client) = there.or_else(|| self.absent.get_mut(&sent.mark.client))
            && let Some(expected) = client.expected.get_mut(&(sent.mark.request, sent.target))
        {
            expected.starts += 1;
            let is_too_often = expected.starts > expected.retries + 1;
            assert!(
                !is_too_often || self.is_lossy,
                "a task is tried as often as was asked"
            );
        }
    }

    /// The controller is being handed what an engine says. Returns what must be
    /// settled when it has dealt with that.
    pub fn on_engine_message(&mut self, engine: EngineId, message: &FromEngine) -> Option<Due> {
        let window = self.windows.get_mut(&engine)?;
        let index = |ticket: &Ticket| window.iter().position(|entry| entry.ticket == *ticket);
        match message {
            FromEngine::Recalled { ticket, taken } => {
                let index = index(ticket)?;
                if *taken {
                    window.remove(index);
                } else {
                    window[index].has_started = true;
                }
                None
            }
            FromEngine::Finished {
                ticket,
                outcome,
                timing,
            } => {
                let index = index(ticket)?;
                window.remove(index);
                if let Some(asked) = self
                    .recoveries
                    .on_finished(engine, *ticket, outcome, timing)
                {
                    let is_checkpoint = matches!(asked, Asked::ToCheckpoint(_));
                    self.counts.checkpoints +=
                        u64::from(is_checkpoint && *outcome == Outcome::Done);
                    return None;
                }
                let sent = &self.tickets[ticket];
                let (mark, target) = (sent.mark, sent.target);
                let is_final = match outcome {
                    Outcome::Failed(failure) if is_worth_a_retry(failure) => {
                        self.charge(*ticket);
                        target.is_some()
                    }
                    _ => true,
                };
                let client = self.clients.get(&mark.client)?;
                let expected = client.expected.get(&(mark.request, target))?;
                let has_failed = matches!(outcome, Outcome::Failed(_));
                let stops = expected.stops_on_error && has_failed;
                let stopped = target
                    .filter(|_| stops)
                    .map(|engine| (engine, expected.arrival));
                Some(Due {
                    mark,
                    target,
                    is_final,
                    stopped,
                })
            }
            _ => None,
        }
    }

    pub fn check_due(&self, due: &Due) {
        let client = &self.clients[&due.mark.client];
        let owed = client.expected.get(&(due.mark.request, due.target));
        let is_owed = owed.is_some_and(|expected| !expected.is_gathered);
        assert!(!is_owed || !due.is_final, "what has ended is answered");
        if let Some((engine, arrival)) = due.stopped {
            let waits = client.expected.iter().any(|((_, target), expected)| {
                let is_told = !expected.is_gathered;
                *target == Some(engine) && expected.arrival > arrival && is_told
            });
            assert!(!waits, "what is behind a failed cell is aborted with it");
        }
    }

    /// An engine left: what may have started there used up one try.
    fn on_engine_left(&mut self, engine: EngineId) {
        self.locks.on_engine_left(engine);
        let window = self.windows.remove(&engine).unwrap_or_default();
        let started = window.iter().rposition(|entry| entry.has_started);
        for entry in window.iter().take(started.unwrap_or(0) + 1) {
            self.charge(entry.ticket);
        }
    }

    fn charge(&mut self, ticket: Ticket) {
        // Nobody waits for a duty.
        let Some(sent) = self.tickets.get(&ticket) else {
            return;
        };
        let there = self.clients.get_mut(&sent.mark.client);
        if let Some(client) = there.or_else(|| self.absent.get_mut(&sent.mark.client))
            && let Some(expected) = client.expected.get_mut(&(sent.mark.request, sent.target))
        {
            expected.charges += 1;
            assert!(
                expected.charges <= expected.retries + 1,
                "there are no tries for free"
            );
        }
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

/// Only what the work raised itself is tried again.
fn is_worth_a_retry(failure: &Failure) -> bool {
    failure.kind == FailureKind::Raised && failure.exception != "KeyboardInterrupt"
}
