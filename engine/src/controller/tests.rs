//! A real controller on a real socket, with clients of this crate and engines
//! that are played by the test: they speak the protocol, and run no Python.

use super::{ControllerOptions, run};
use crate::client::namespaces::Notice;
use crate::client::records::RecordsError;
use crate::client::{Client, ClientError, FunctionBlob, Piece};
use crate::cluster_file::{CLUSTER_FILE_NAME, ClusterFile};
use crate::shared_memory;
use crate::socket::{self, ConnectionError, FrameReader, FrameWriter};
use crate::tasks::{TaskStoreMode, TaskStoreOptions};
use bytes::Bytes;
use rhumba_interpreter::runtime::runtime_version;
use rhumba_proto::frame::{Kind, Limits, encode_head};
use rhumba_proto::id::{EngineId, RequestId, Ticket};
use rhumba_proto::message::{
    Answer, FailureKind, FromClient, FromController, FromEngine, Hello, Left, Manner, Operation,
    Outcome, Output, PROTOCOL_VERSION, Payload, Policy, Role, Scheduling, Terms, Timing, ToClient,
    ToController, ToEngine, ToHost, Welcome, Work,
};
use rhumba_proto::record::encode_flat;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

struct TestController {
    folder: tempfile::TempDir,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl TestController {
    fn start() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ControllerOptions {
            cluster_file: folder.path().join(CLUSTER_FILE_NAME),
            inherited_listener: false,
            lifeline: false,
            task_store: TaskStoreOptions::new(TaskStoreMode::Memory),
            scheduling: Scheduling::default(),
        };
        let listener = super::create_cluster(&options.cluster_file).unwrap();
        let thread = std::thread::spawn(move || {
            super::run_with(&options, listener, limits).unwrap();
        });
        Self {
            folder,
            thread: Some(thread),
        }
    }

    fn cluster_file(&self) -> PathBuf {
        self.folder.path().join(CLUSTER_FILE_NAME)
    }

    fn socket(&self) -> PathBuf {
        ClusterFile::read(&self.cluster_file()).unwrap().socket
    }

    fn client(&self) -> Client {
        Client::connect(&self.cluster_file(), "test", TIMEOUT).unwrap()
    }

    fn engine(&self) -> TestEngine {
        self.engine_of(None)
    }

    /// `host`: the process id of the host that forked it.
    fn engine_of(&self, host: Option<u32>) -> TestEngine {
        let role = Role::Engine { host };
        let limits = Limits::default();
        let (reader, writer, welcome) =
            socket::dial(&self.socket(), role, &runtime_version(), limits, TIMEOUT).unwrap();
        reader.stream().set_read_timeout(Some(TIMEOUT)).unwrap();
        let Welcome::Engine { engine, .. } = welcome else {
            panic!("welcomed as something else")
        };
        TestEngine {
            id: engine,
            reader,
            writer,
        }
    }

    fn stop(mut self) {
        let client = self.client();
        let ask = |query| FromClient::Shutdown {
            query,
            targets: Vec::new(),
            cluster: true,
        };
        client.query(ask, TIMEOUT).unwrap();
        self.thread.take().unwrap().join().unwrap();
        assert!(
            !self.cluster_file().exists(),
            "a stopped controller leaves no cluster file"
        );
    }
}

struct TestEngine {
    id: EngineId,
    reader: FrameReader,
    writer: FrameWriter,
}

impl TestEngine {
    fn next(&mut self) -> (ToEngine, Payload) {
        loop {
            match self.reader.receive().unwrap() {
                Some((FromController::Engine(ToEngine::Ping), _)) => self.send(FromEngine::Pong),
                Some((FromController::Engine(message), payload)) => return (message, payload),
                other => panic!("an engine was told {other:?}"),
            }
        }
    }

    fn next_run(&mut self) -> (Ticket, Work, Payload) {
        loop {
            if let (ToEngine::Run { ticket, work }, payload) = self.next() {
                return (ticket, work, payload);
            }
        }
    }

    fn send(&mut self, message: FromEngine) {
        self.send_with(message, &Payload::default());
    }

    fn send_with(&mut self, message: FromEngine, payload: &Payload) {
        self.writer
            .send(&ToController::Engine(message), payload)
            .unwrap();
    }

    fn finish(&mut self, ticket: Ticket, payload: &Payload) {
        let timing = Timing {
            started_us: 1,
            completed_us: 2,
        };
        self.send_with(
            FromEngine::Finished {
                ticket,
                outcome: Outcome::Done,
                timing,
            },
            payload,
        );
    }
}

fn execute(targets: &[EngineId], code: &str) -> Piece {
    let operation = Operation::Execute {
        code: code.into(),
        silent: true,
        stop_on_error: false,
    };
    Piece {
        targets: targets.to_vec(),
        work: Work {
            operation,
            function: None,
        },
        payload: Payload::default(),
        terms: Terms::default(),
        manner: Manner::default(),
    }
}

fn bytes(text: &'static str) -> Payload {
    Payload::from(vec![Bytes::from_static(text.as_bytes())])
}

fn failure_kind(client: &Client, group: &crate::client::group::Group, part: usize) -> FailureKind {
    assert!(
        group.wait(part + 1, TIMEOUT),
        "answered in time; {:?}",
        client.ended()
    );
    group.failure(part).expect("answered").expect("failed").kind
}

#[test]
fn a_request_is_answered_by_each_of_its_engines() {
    let controller = TestController::start();
    let client = controller.client();
    let mut engines = [controller.engine(), controller.engine()];
    assert!(client.wait_for_engines(2, TIMEOUT));
    let targets = [engines[1].id, engines[0].id];
    let group = client.submit(&[execute(&targets, "a = 1")], None).unwrap();
    for (engine, result) in engines.iter_mut().zip(["first", "second"]) {
        let (ticket, _, _) = engine.next_run();
        engine.send(FromEngine::Output {
            ticket: Some(ticket),
            output: Output::Stdout(result.into()),
        });
        engine.finish(ticket, &bytes(result));
    }
    assert!(group.wait(2, TIMEOUT));
    assert_eq!(group.answer(0).unwrap().payload, bytes("second"));
    assert_eq!(group.answer(1).unwrap().payload, bytes("first"));
    assert_eq!(group.outputs_of(0), [Output::Stdout("second".into())]);
    assert_eq!(group.answer(0).unwrap().engine, Some(engines[1].id));
    drop(engines);
    controller.stop();
}

#[test]
fn large_payloads_arrive_whole_and_functions_travel_once() {
    let controller = TestController::start();
    let client = controller.client();
    let mut engine = controller.engine();
    assert!(client.wait_for_engines(1, TIMEOUT));
    let large = Bytes::from(
        (0..9_000_001_u32)
            .map(|i| (i % 251) as u8)
            .collect::<Vec<_>>(),
    );
    let payload = Payload::from(vec![
        Bytes::from_static(b"table"),
        large.clone(),
        Bytes::new(),
    ]);
    let function = FunctionBlob::new("f".to_owned(), bytes("def f(): ..."));
    let work = Work {
        operation: Operation::Apply,
        function: Some(function.blob),
    };
    let mut stored = 0;
    for _ in 0..2 {
        let piece = Piece {
            targets: vec![engine.id],
            work: work.clone(),
            payload: payload.clone(),
            terms: Terms::default(),
            manner: Manner::default(),
        };
        let group = client.submit(&[piece], Some(&function)).unwrap();
        let (ticket, arrived) = loop {
            match engine.next() {
                (ToEngine::StoreBlob { blob }, content) => {
                    assert_eq!((blob, content), (function.blob, function.content.clone()));
                    stored += 1;
                }
                (ToEngine::Run { ticket, .. }, arrived) => break (ticket, arrived),
                (other, _) => panic!("{other:?}"),
            }
        };
        assert_eq!(arrived, payload);
        engine.finish(ticket, &arrived);
        assert!(group.wait(1, TIMEOUT));
        assert_eq!(group.take_payload(0).unwrap().buffers[1], large);
    }
    assert_eq!(stored, 1);
    drop(engine);
    controller.stop();
}

#[test]
fn what_is_sent_together_is_sent_wholly_or_not_at_all() {
    let controller = TestController::start();
    let client = controller.client();
    let mut engine = controller.engine();
    assert!(client.wait_for_engines(1, TIMEOUT));
    let mut too_large = execute(&[engine.id], "second");
    // Never touched, so never more than address space.
    let bytes = vec![0; usize::try_from(Limits::default().payload_bytes_max).unwrap() + 1];
    too_large.payload = Payload::from(vec![Bytes::from(bytes)]);
    let refused = client.submit(&[execute(&[engine.id], "first"), too_large], None);
    let error = refused.err().expect("one piece is beyond the limit");
    assert!(error.to_string().contains("send it in parts"), "{error}");
    let group = client
        .submit(&[execute(&[engine.id], "third")], None)
        .unwrap();
    let (ticket, work, _) = engine.next_run();
    let Operation::Execute { code, .. } = work.operation else {
        panic!("{work:?}");
    };
    assert_eq!(&*code, "third");
    engine.finish(ticket, &Payload::default());
    assert!(group.wait(1, TIMEOUT));
    drop(engine);
    controller.stop();
}

#[test]
fn an_answer_that_can_t_be_sent_is_refused_and_the_client_stays() {
    let controller = TestController::with(Limits {
        payload_bytes_max: 10_000,
        ..Limits::default()
    });
    let client = controller.client();
    let mut engine = controller.engine();
    assert!(client.wait_for_engines(1, TIMEOUT));
    let code = "#".repeat(20_000);
    let group = client
        .submit(&[execute(&[engine.id], &code)], None)
        .unwrap();
    let (ticket, _, _) = engine.next_run();
    engine.finish(ticket, &Payload::default());
    assert!(group.wait(1, TIMEOUT));
    let find = |key: &str| client.find_records(Vec::new(), vec![key.to_owned()], TIMEOUT);
    let Err(RecordsError::Refused(failure)) = find("execute_input") else {
        panic!("the answer is longer than a message may be");
    };
    assert_eq!(failure.exception, "ValueError");
    assert!(
        failure.message.contains("for fewer records"),
        "{}",
        failure.message
    );
    assert_eq!(find("status").unwrap().rows.len(), 1);
    drop(engine);
    controller.stop();
}

#[test]
fn memory_is_taken_from_nobody_who_has_not_said_hello() {
    let controller = TestController::start();
    let mut stranger = UnixStream::connect(controller.socket()).unwrap();
    stranger.set_read_timeout(Some(TIMEOUT)).unwrap();
    let hello = ToController::Hello(Hello {
        protocol: PROTOCOL_VERSION,
        runtime: runtime_version(),
        pid: std::process::id(),
        role: Role::Host,
    });
    let limits = Limits::default();
    let head = encode_head(Kind::ToController, &hello, &Payload::default(), &limits).unwrap();
    let buffer = Bytes::from_static(b"memory");
    let memory = shared_memory::share(&buffer).unwrap();
    let sent = shared_memory::send(&stranger, &head, &[memory.as_fd()]).unwrap();
    assert_eq!(sent, head.len());
    assert_eq!(stranger.read(&mut [0; 1]).unwrap(), 0, "it is let go of");
    controller.stop();
}

#[test]
fn the_death_of_an_engine_is_told_to_whoever_waits_for_it() {
    let controller = TestController::start();
    let (first, second) = (controller.client(), controller.client());
    let mut engine = controller.engine();
    assert!(first.wait_for_engines(1, TIMEOUT) && second.wait_for_engines(1, TIMEOUT));
    let running = first.submit(&[execute(&[engine.id], "run")], None).unwrap();
    let queued = second
        .submit(&[execute(&[engine.id], "wait")], None)
        .unwrap();
    engine.next_run();
    drop(engine);
    assert_eq!(failure_kind(&first, &running, 0), FailureKind::EngineDied);
    assert_eq!(failure_kind(&second, &queued, 0), FailureKind::EngineDied);
    let gone = first
        .submit(&[execute(&[EngineId(0)], "late")], None)
        .unwrap();
    assert_eq!(failure_kind(&first, &gone, 0), FailureKind::NoEngine);
    assert!(first.engines().is_empty());
    controller.stop();
}

#[test]
fn the_death_of_the_controller_answers_everything() {
    let controller = TestController::start();
    let client = controller.client();
    let mut engine = controller.engine();
    assert!(client.wait_for_engines(1, TIMEOUT));
    let group = client
        .submit(&[execute(&[engine.id], "run")], None)
        .unwrap();
    engine.next_run();
    drop(engine);
    controller.stop();
    assert!(group.wait(1, TIMEOUT));
    assert!(
        client
            .submit(&[execute(&[EngineId(0)], "late")], None)
            .is_err()
    );
}

#[test]
fn queued_work_can_be_aborted_and_counted() {
    let controller = TestController::start();
    let client = controller.client();
    let mut engine = controller.engine();
    assert!(client.wait_for_engines(1, TIMEOUT));
    let id = engine.id;
    let running = client.submit(&[execute(&[id], "run")], None).unwrap();
    let queued = client.submit(&[execute(&[id], "wait")], None).unwrap();
    let (first, _, _) = engine.next_run();
    let answering = std::thread::spawn(move || {
        loop {
            match engine.next() {
                (ToEngine::Recall { ticket }, _) => {
                    engine.send(FromEngine::Recalled {
                        ticket,
                        taken: true,
                    });
                    engine.finish(first, &Payload::default());
                    return engine;
                }
                (ToEngine::Run { .. }, _) => {}
                (other, _) => panic!("{other:?}"),
            }
        }
    });
    let requests = queued.unanswered();
    let ask = |query| FromClient::Abort {
        query,
        requests,
        targets: Vec::new(),
    };
    assert_eq!(
        client.query(ask, TIMEOUT).unwrap(),
        Answer::Aborted { count: 1 }
    );
    assert_eq!(failure_kind(&client, &queued, 0), FailureKind::Aborted);
    assert!(running.wait(1, TIMEOUT));
    assert_eq!(running.failure(0), Some(None));
    drop(answering.join().unwrap());
    controller.stop();
}

#[test]
fn bytes_that_are_no_frames_end_only_their_connection() {
    let controller = TestController::start();
    let mut stranger = UnixStream::connect(controller.socket()).unwrap();
    stranger.set_read_timeout(Some(TIMEOUT)).unwrap();
    stranger
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    stranger.read_to_end(&mut answer).unwrap();
    let role = Role::Client { name: "old".into() };
    let refused = socket::dial(
        &controller.socket(),
        role,
        "rhumba 0.0.1",
        Limits::default(),
        TIMEOUT,
    );
    let Err(ConnectionError::Refused { reason }) = refused else {
        panic!("it was let in")
    };
    assert!(reason.contains("0.0.1"), "{reason}");
    controller.stop();
}

#[test]
fn a_controller_that_is_gone_is_named_as_such() {
    let controller = TestController::start();
    let file = controller.cluster_file();
    let cluster = ClusterFile::read(&file).unwrap();
    let kept = tempfile::tempdir().unwrap();
    controller.stop();
    let stale = kept.path().join(CLUSTER_FILE_NAME);
    cluster.write(&stale).unwrap();
    let error = Client::connect(&stale, "test", TIMEOUT)
        .err()
        .expect("nobody listens");
    assert!(
        matches!(
            error,
            ClientError::Connection(ConnectionError::Stale { .. })
        ),
        "{error}"
    );
    assert!(error.to_string().contains("rhumba cluster stop"), "{error}");
}

#[test]
fn a_cluster_leaves_the_checkpoints_of_an_earlier_one_alone() {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let free = |there: &[&str]| super::free_prefix("north", &names(there));
    assert_eq!(free(&[]), "north");
    assert_eq!(free(&["north", "northern-engine-0", "north-east"]), "north");
    assert_eq!(free(&["north-engine-0"]), "north-2");
    assert_eq!(free(&["north-engine-1", "north-2-engine-0"]), "north-3");
}

#[test]
fn two_controllers_do_not_share_a_cluster_file() {
    let controller = TestController::start();
    let options = ControllerOptions {
        cluster_file: controller.cluster_file(),
        inherited_listener: false,
        lifeline: false,
        task_store: TaskStoreOptions::new(TaskStoreMode::Memory),
        scheduling: Scheduling::default(),
    };
    let error = run(&options).expect_err("one is running");
    assert!(error.to_string().contains("is running"), "{error}");
    controller.stop();
}

#[test]
fn what_is_in_the_place_of_a_cluster_file_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "mine").unwrap();
    let error = super::create_cluster(&file).unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn the_folder_of_a_controller_started_by_hand_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let file = folder.path().join("by-hand.json");
    let listener = super::create_cluster(&file).unwrap();
    let mode = std::fs::metadata(folder.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    let socket = ClusterFile::read(&file).unwrap().socket;
    assert!(!socket.starts_with(folder.path()), "others can enter there");
    drop(listener);
    crate::cluster::remove_remains(&file, std::process::id());
    assert!(!file.exists());
    assert!(!socket.exists());
    assert!(folder.path().exists());
}

#[test]
fn two_controllers_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["one.json", "two.json"].map(|name| folder.path().join(name));
    let listeners = files
        .each_ref()
        .map(|file| super::create_cluster(file).unwrap());
    for file in &files {
        let socket = ClusterFile::read(file).unwrap().socket;
        UnixStream::connect(socket).unwrap();
    }
    drop(listeners);
}

#[test]
fn a_namespace_passes_from_engine_to_engine_as_it_is() {
    let controller = TestController::start();
    let client = controller.client();
    let mut engines = [controller.engine(), controller.engine()];
    assert!(client.wait_for_engines(2, TIMEOUT));
    let [from, to] = &mut engines;
    let taken = Piece::take_namespace(from.id, true);
    let taking = client.submit(&[taken], None).unwrap();
    let (ticket, work, _) = from.next_run();
    assert_eq!(work.operation, Operation::TakeNamespace { partial: true });
    let namespace = Payload::from(vec![
        Bytes::from_static(b"manifest"),
        Bytes::from(vec![7; 3_000_000]),
    ]);
    from.finish(ticket, &namespace);
    assert!(taking.wait(1, TIMEOUT));
    let passed_on = taking.take_payload(0).unwrap();
    let putting = Piece::put_namespace(vec![to.id], passed_on);
    let putting = client.submit(&[putting], None).unwrap();
    let (ticket, work, arrived) = to.next_run();
    assert_eq!(work.operation, Operation::PutNamespace);
    assert_eq!(arrived, namespace);
    to.finish(ticket, &Payload::default());
    assert!(putting.wait(1, TIMEOUT));
    assert_eq!(putting.failure(0), Some(None));
    drop(engines);
    controller.stop();
}

#[test]
fn an_engine_that_dies_is_replaced_and_clients_are_told() {
    let controller = TestController::start();
    let client = controller.client();
    // Whoever it is that says so, this process is all of them.
    let pid = std::process::id();
    let (mut host, _host_writer, _) = socket::dial(
        &controller.socket(),
        Role::Host,
        &runtime_version(),
        Limits::default(),
        TIMEOUT,
    )
    .unwrap();
    host.stream().set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut engine = controller.engine_of(Some(pid));
    assert!(client.wait_for_engines(1, TIMEOUT));
    let policy = Policy {
        checkpoint_every_requests: Some(1),
        restore_on_death: true,
        ..Policy::default()
    };
    client.set_policy(policy.clone(), TIMEOUT).unwrap();
    let group = client
        .submit(&[execute(&[engine.id], "a = 1")], None)
        .unwrap();
    let (ticket, _, _) = engine.next_run();
    engine.finish(ticket, &Payload::default());
    assert!(group.wait(1, TIMEOUT));
    let (ticket, work, _) = engine.next_run();
    let Operation::Checkpoint { name, .. } = work.operation else {
        panic!("{work:?}")
    };
    let folder = controller.folder.path().file_name().unwrap();
    assert_eq!(name, format!("{}-engine-0", folder.to_str().unwrap()));
    engine.finish(ticket, &Payload::default());
    // Answered after what the engine has said.
    let late = client
        .submit(&[execute(&[engine.id], "b = 1")], None)
        .unwrap();
    engine.next_run();
    drop(engine);
    assert_eq!(failure_kind(&client, &late, 0), FailureKind::EngineDied);
    let order = host.receive().unwrap().expect("the host is told");
    assert_eq!(
        order.0,
        FromController::Host(ToHost::StartEngines { count: 1 })
    );

    let mut other = controller.engine_of(Some(pid));
    let (ticket, work, _) = other.next_run();
    assert_eq!(work.operation, Operation::Recover { name: name.clone() });
    let waiting = client.submit(&[execute(&[other.id], "a")], None).unwrap();
    assert_eq!(client.notices_since(0), (0, vec![]));
    let left_out = vec![Left {
        path: "namespace['lock']".to_owned(),
        reason: "a lock can't be carried".to_owned(),
    }];
    let told = Bytes::from(encode_flat(&(Vec::<Left>::new(), &left_out)));
    other.finish(ticket, &Payload::from(vec![told]));
    assert!(client.wait_notice(0, TIMEOUT));
    let restored = Notice::Restored {
        engine: other.id,
        replaces: EngineId(0),
        checkpoint: name,
        checkpoint_us: 1,
        requests_lost: 0,
        left_out,
    };
    assert_eq!(client.notices_since(0), (1, vec![restored]));
    let (ticket, _, _) = other.next_run();
    other.finish(ticket, &Payload::default());
    assert!(waiting.wait(1, TIMEOUT));

    let senseless = Policy {
        checkpoint_every_us: Some(0),
        ..policy
    };
    let error = client.set_policy(senseless, TIMEOUT).unwrap_err();
    assert!(matches!(error, ClientError::Refused(_)), "{error}");
    drop((other, host));
    controller.stop();
}

#[test]
fn what_is_printed_after_the_end_belongs_to_what_ended_last() {
    let controller = TestController::start();
    let mut engine = controller.engine();
    let client = controller.client();
    let group = client
        .submit(&[execute(&[engine.id], "starts a thread")], None)
        .unwrap();
    let (ticket, _, _) = engine.next_run();
    engine.finish(ticket, &Payload::default());
    assert!(group.wait(1, TIMEOUT));
    let output = Output::Stdout("late\n".to_owned());
    engine.send(FromEngine::Output {
        ticket: None,
        output: output.clone(),
    });
    // What is told later is filed later.
    let next = client
        .submit(&[execute(&[engine.id], "something else")], None)
        .unwrap();
    let (ticket, _, _) = engine.next_run();
    engine.finish(ticket, &Payload::default());
    assert!(next.wait(1, TIMEOUT));
    assert_eq!(group.outputs_of(0), [output]);
    assert!(next.outputs_of(0).is_empty());
    drop(engine);
    controller.stop();
}

#[test]
fn a_client_that_does_not_read_gets_its_answer_and_is_told_what_is_missing() {
    const PIECES: usize = 160;
    let controller = TestController::start();
    let mut engine = controller.engine();
    let other = controller.client();
    let role = Role::Client {
        name: "stopped".into(),
    };
    let limits = Limits::default();
    let (mut reader, mut writer, _) = socket::dial(
        &controller.socket(),
        role,
        &runtime_version(),
        limits,
        TIMEOUT,
    )
    .unwrap();
    reader.stream().set_read_timeout(Some(TIMEOUT)).unwrap();
    let request = RequestId(1);
    let piece = execute(&[engine.id], "prints without end");
    let asked = FromClient::Request {
        request,
        targets: piece.targets,
        work: piece.work,
        manner: piece.manner,
    };
    writer
        .send(&ToController::Client(asked), &Payload::default())
        .unwrap();
    let (ticket, _, _) = engine.next_run();
    let text = "y\n".repeat(512 << 10);
    for _ in 0..PIECES {
        engine.send(FromEngine::Output {
            ticket: Some(ticket),
            output: Output::Stdout(text.clone()),
        });
    }
    engine.finish(ticket, &Payload::default());
    // When the next has been answered, all of this has been heard.
    let next = other
        .submit(&[execute(&[engine.id], "something else")], None)
        .unwrap();
    let (ticket, _, _) = engine.next_run();
    engine.finish(ticket, &Payload::default());
    assert!(next.wait(1, TIMEOUT));

    let (mut printed, mut missing) = (0, 0);
    loop {
        match reader.receive().unwrap().expect("answered").0 {
            FromController::Client(ToClient::Output { output, .. }) => match output {
                Output::Stdout(text) => printed += text.len(),
                Output::Stderr(told) => {
                    let number: String = told.chars().filter(char::is_ascii_digit).collect();
                    missing += number.parse::<usize>().unwrap();
                }
                other => panic!("printed {other:?}"),
            },
            FromController::Client(ToClient::Result { request: of, .. }) => {
                assert_eq!(of, request);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(printed + missing, PIECES * text.len());
    // The socket's own buffers hold some more than the limit.
    assert!(missing > PIECES * text.len() / 4, "{missing} bytes");
    drop(engine);
    controller.stop();
}
