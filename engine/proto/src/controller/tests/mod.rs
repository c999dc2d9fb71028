//! What the rules say, one test each. [`Scene`] plays everyone but the
//! controller, and checks its invariants after every event.

mod aborts;
mod blobs;
mod checkpoints;
mod dependencies;
mod dying;
mod joining;
mod limits;
mod locks;
mod records;
mod recoveries;
mod relays;
mod requests;
mod sharing;
mod silence;
mod stops;
mod tasks;
mod watchers;

use super::{Action, Config, Controller, Event};
use crate::id::{BlobId, ConnectionId, EngineId, HostId, QueryId, RequestId, Ticket, Timestamp};
use crate::message::{
    Answer, EngineInfo, Failure, FailureKind, FromClient, FromController, FromEngine, FromHost,
    Hello, Manner, Operation, Outcome, Output, PROTOCOL_VERSION, Payload, QueueInfo, Role, Terms,
    Timing, ToClient, ToController, ToEngine, ToHost, Welcome, Work,
};
use crate::record::Record;
use std::collections::BTreeMap;

const RUNTIME: &str = "rhumba test";

struct Scene {
    controller: Controller,
    now: Timestamp,
    connections: u64,
    inboxes: BTreeMap<ConnectionId, Vec<(FromController, Payload)>>,
    disconnected: Vec<(ConnectionId, String)>,
    stopped: bool,
    records: Vec<Record>,
    asked_of_store: Vec<Action>,
    checkpoints_kept: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self {
            controller: Controller::new(config, RUNTIME.to_owned()),
            now: Timestamp(1_000_000),
            connections: 0,
            inboxes: BTreeMap::new(),
            disconnected: Vec::new(),
            stopped: false,
            records: Vec::new(),
            asked_of_store: Vec::new(),
            checkpoints_kept: Vec::new(),
        }
    }

    fn handle(&mut self, event: Event) {
        self.controller.handle(self.now, event);
        self.controller.check_invariants();
        while let Some(action) = self.controller.poll_action() {
            assert!(!self.stopped, "nothing follows the end");
            match action {
                Action::Send {
                    connection,
                    message,
                    payload,
                } => {
                    let is_open = self
                        .disconnected
                        .iter()
                        .all(|(closed, _)| *closed != connection);
                    assert!(is_open, "nothing is sent to who was disconnected");
                    self.inboxes
                        .entry(connection)
                        .or_default()
                        .push((message, payload));
                }
                Action::Disconnect { connection, reason } => {
                    self.disconnected.push((connection, reason));
                }
                Action::Record(record) => self.records.push(record),
                other @ (Action::AskStore { .. } | Action::FetchRecord { .. }) => {
                    self.asked_of_store.push(other);
                }
                Action::KeepCheckpoint { name } => self.checkpoints_kept.push(name),
                Action::Stop => self.stopped = true,
            }
        }
    }

    fn open(&mut self) -> ConnectionId {
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        self.handle(Event::ConnectionOpened { connection });
        connection
    }

    fn hello(&mut self, connection: ConnectionId, pid: u32, role: Role) {
        let runtime = RUNTIME.to_owned();
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            runtime,
            pid,
            role,
        };
        self.tell(connection, ToController::Hello(hello), Payload::default());
    }

    fn tell(&mut self, connection: ConnectionId, message: ToController, payload: Payload) {
        self.handle(Event::MessageReceived {
            connection,
            message,
            payload,
        });
    }

    fn close(&mut self, connection: ConnectionId) {
        let cause = "it closed the connection".to_owned();
        self.handle(Event::ConnectionClosed { connection, cause });
    }

    /// Lets time pass, with a timeout at every moment that was asked for.
    fn pass_us(&mut self, duration_us: u64) {
        let end = self.now.after_us(duration_us);
        while let Some(at) = self.controller.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.handle(Event::TimeoutReached);
        }
        self.now = end;
    }

    /// A client that has been welcomed.
    fn client(&mut self) -> ConnectionId {
        let connection = self.open();
        self.hello(
            connection,
            50,
            Role::Client {
                name: "ada@example".to_owned(),
            },
        );
        let welcome = self.take(connection).remove(0);
        assert!(
            matches!(welcome, FromController::Welcome(Welcome::Client { .. })),
            "{welcome:?}"
        );
        connection
    }

    /// An engine without a host that has been welcomed.
    fn engine(&mut self) -> Engine {
        self.engine_of(None, 1000 + self.connections as u32)
    }

    fn engine_of(&mut self, host: Option<u32>, pid: u32) -> Engine {
        let connection = self.open();
        self.hello(connection, pid, Role::Engine { host });
        let inbox = self
            .inboxes
            .get_mut(&connection)
            .expect("an engine is greeted");
        match inbox.remove(0).0 {
            FromController::Welcome(Welcome::Engine { engine, .. }) => Engine {
                connection,
                id: engine,
            },
            other => panic!("an engine is welcomed, not {other:?}"),
        }
    }

    fn engines<const N: usize>(&mut self) -> [Engine; N] {
        std::array::from_fn(|_| self.engine())
    }

    fn host(&mut self, pid: u32) -> ConnectionId {
        let connection = self.open();
        self.hello(connection, pid, Role::Host);
        let welcome = self.take(connection);
        assert!(
            matches!(welcome[..], [FromController::Welcome(Welcome::Host { .. })]),
            "{welcome:?}"
        );
        connection
    }

    /// Takes everything that was sent there.
    fn take(&mut self, connection: ConnectionId) -> Vec<FromController> {
        self.take_with_payloads(connection)
            .into_iter()
            .map(|(message, _)| message)
            .collect()
    }

    fn take_with_payloads(&mut self, connection: ConnectionId) -> Vec<(FromController, Payload)> {
        self.inboxes.remove(&connection).unwrap_or_default()
    }

    /// Takes why a client was disconnected, which it is told first.
    fn refusal(&mut self, client: ConnectionId) -> String {
        let reason = match &self.take(client)[..] {
            [FromController::Refused { reason }] => reason.clone(),
            other => panic!("a client was told {other:?}"),
        };
        let is_same = |(connection, cause): &(ConnectionId, String)| {
            *connection == client && *cause == reason
        };
        assert!(self.disconnected.iter().any(is_same), "{reason}");
        reason
    }

    /// Takes what a client was told.
    fn told(&mut self, client: ConnectionId) -> Vec<ToClient> {
        let messages = self.take(client).into_iter();
        messages
            .map(|message| match message {
                FromController::Client(message) => message,
                other => panic!("a client was told {other:?}"),
            })
            .collect()
    }

    /// Takes what a client was told, which is results only, in short.
    fn results(
        &mut self,
        client: ConnectionId,
    ) -> Vec<(u64, Option<u32>, Result<(), FailureKind>)> {
        let messages = self.told(client).into_iter();
        messages
            .map(|message| match message {
                ToClient::Result {
                    request,
                    engine,
                    outcome,
                    ..
                } => {
                    let outcome = match outcome {
                        Outcome::Done => Ok(()),
                        Outcome::Failed(failure) => Err(failure.kind),
                    };
                    (request.0, engine.map(|engine| engine.0), outcome)
                }
                other => panic!("only results were expected, not {other:?}"),
            })
            .collect()
    }

    /// Takes the one answer that a client got.
    fn answer(&mut self, client: ConnectionId) -> Answer {
        match self.told(client).as_slice() {
            [ToClient::Answer { answer, .. }] => answer.clone(),
            other => panic!("one answer was expected, not {other:?}"),
        }
    }

    /// Takes what an engine was told.
    fn orders(&mut self, engine: Engine) -> Vec<ToEngine> {
        let messages = self.take(engine.connection).into_iter();
        messages
            .map(|message| match message {
                FromController::Engine(message) => message,
                other => panic!("an engine was told {other:?}"),
            })
            .collect()
    }

    /// Takes what an engine was told, which is to run work only.
    fn runs(&mut self, engine: Engine) -> Vec<Ticket> {
        let orders = self.orders(engine).into_iter();
        orders
            .map(|order| match order {
                ToEngine::Run { ticket, .. } => ticket,
                other => panic!("only work was expected, not {other:?}"),
            })
            .collect()
    }

    fn say(&mut self, client: ConnectionId, message: FromClient) {
        self.tell(client, ToController::Client(message), Payload::default());
    }

    fn request(&mut self, client: ConnectionId, request: u64, targets: &[Engine], work: Work) {
        let targets = targets.iter().map(|engine| engine.id).collect();
        self.say(
            client,
            FromClient::Request {
                request: RequestId(request),
                targets,
                work,
                manner: Manner::default(),
            },
        );
    }

    /// A task without a function, which is all that placing it needs.
    fn task(&mut self, client: ConnectionId, request: u64, retries: u32) {
        let terms = Terms {
            retries,
            ..Terms::default()
        };
        self.task_under(client, request, terms);
    }

    fn task_under(&mut self, client: ConnectionId, request: u64, terms: Terms) {
        let request = RequestId(request);
        let work = push();
        let task = FromClient::Task {
            request,
            work,
            terms,
        };
        self.say(client, task);
    }

    fn report(&mut self, engine: Engine, message: FromEngine) {
        self.tell(
            engine.connection,
            ToController::Engine(message),
            Payload::default(),
        );
    }

    fn finish(&mut self, engine: Engine, ticket: Ticket) {
        self.finish_after(engine, ticket, 1_000_000);
    }

    fn finish_after(&mut self, engine: Engine, ticket: Ticket, duration_us: u64) {
        let timing = Timing {
            started_us: 5,
            completed_us: 5 + duration_us,
        };
        self.report(
            engine,
            FromEngine::Finished {
                ticket,
                outcome: Outcome::Done,
                timing,
            },
        );
    }

    fn raise(&mut self, engine: Engine, ticket: Ticket) {
        let outcome = Outcome::Failed(raised("ValueError"));
        self.report(
            engine,
            FromEngine::Finished {
                ticket,
                outcome,
                timing: Timing::default(),
            },
        );
    }

    fn give_back(&mut self, engine: Engine, ticket: Ticket, taken: bool) {
        self.report(engine, FromEngine::Recalled { ticket, taken });
    }

    fn exited(&mut self, host: ConnectionId, pid: u32, cause: &str) {
        let message = FromHost::EngineExited {
            pid,
            cause: cause.to_owned(),
            output: Vec::new(),
        };
        self.tell(host, ToController::Host(message), Payload::default());
    }

    /// Checks that nothing was sent that a test didn't look at, and that
    /// nothing is left unfinished.
    fn end(mut self) {
        self.inboxes.retain(|_, messages| !messages.is_empty());
        assert_eq!(
            self.inboxes,
            BTreeMap::new(),
            "everything that was sent was expected"
        );
        let (pieces, bytes, _) = self.controller.unfinished();
        assert_eq!((pieces, bytes), (0, 0), "everything is answered");
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Engine {
    connection: ConnectionId,
    id: EngineId,
}

fn push() -> Work {
    Work {
        operation: Operation::Push,
        function: None,
    }
}

fn execute(stop_on_error: bool) -> Work {
    let operation = Operation::Execute {
        code: "a = 1".into(),
        silent: false,
        stop_on_error,
    };
    Work {
        operation,
        function: None,
    }
}

fn apply(function: u8) -> Work {
    Work {
        operation: Operation::Apply,
        function: Some(BlobId([function; 32])),
    }
}

fn raised(exception: &str) -> Failure {
    Failure {
        kind: FailureKind::Raised,
        exception: exception.to_owned(),
        message: "no".to_owned(),
        traceback: String::new(),
    }
}

fn payload(bytes: usize) -> Payload {
    Payload {
        buffers: vec![vec![7; bytes].into()],
    }
}

const ABORTED: Result<(), FailureKind> = Err(FailureKind::Aborted);
const NO_ENGINE: Result<(), FailureKind> = Err(FailureKind::NoEngine);
