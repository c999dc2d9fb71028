//! A task store with its thread and its file, told what a controller would.

mod disk;

use super::*;
use crate::cluster_file::{CLUSTER_FILE_NAME, CLUSTER_FILE_VERSION, ClusterFile};
use bytes::Bytes;
use rhumba_proto::id::{BlobId, EngineId};
use rhumba_proto::message::{Operation, Outcome, Output, TaskName, Terms, Timing, Work};
use rhumba_proto::record::{Accepted, Ended, Operator, Step, StoreState, Value, decode_rows};
use std::cell::Cell;

const TIMEOUT: Duration = Duration::from_secs(60);

struct TestStore {
    folder: PathBuf,
    store: TaskStore,
    replies: mpsc::Receiver<Reply>,
    next: Cell<u64>,
}

fn cluster_file(folder: &Path) -> PathBuf {
    let path = folder.join(CLUSTER_FILE_NAME);
    if !path.exists() {
        let cluster = ClusterFile {
            version: CLUSTER_FILE_VERSION,
            cluster_id: "test".into(),
            socket: "/nowhere".into(),
            controller_pid: 0x1f,
            started_s: 0x6a,
            working_directory: "/".into(),
            log_directory: "/".into(),
            owner_pid: None,
            machine: String::new(),
        };
        cluster.write(&path).unwrap();
    }
    path
}

impl TestStore {
    fn start(folder: &Path, options: TaskStoreOptions) -> Self {
        let (said, replies) = mpsc::channel();
        let reply = move |reply| said.send(reply).unwrap();
        let mut store = TaskStore::start(&options, &cluster_file(folder), reply).unwrap();
        store.record(Record::ClientJoined {
            client: ClientId(0),
            name: "ada".to_owned(),
            pid: 7,
        });
        Self {
            folder: folder.to_owned(),
            store,
            replies,
            next: Cell::new(0),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE_NAME)
    }

    fn begin(&mut self, work: Work, terms: Option<Terms>, payload: Payload) -> u64 {
        let number = self.next.replace(self.next.get() + 1);
        let accepted = Accepted {
            number,
            task: task(number),
            target: None,
            is_part: false,
            shared_by: 1,
            work,
            terms: terms.map(Box::new),
            label: (number % 2 == 1).then(|| "odd".into()),
            payload,
            omitted_bytes: 0,
        };
        self.store.record(Record::Accepted(Box::new(accepted)));
        number
    }

    fn end(&mut self, number: u64, outcome: Outcome, payload: Payload, is_wanted: bool) {
        let ended = Ended {
            number,
            engine: Some(EngineId(number as u32 % 4)),
            outcome,
            timing: Timing {
                started_us: 1_000_000 + number,
                completed_us: 2_000_000 + number,
            },
            payload,
            omitted_bytes: 0,
            is_wanted,
        };
        self.store.record(Record::Ended(Box::new(ended)));
    }

    fn execute(&mut self, code: &str) -> u64 {
        let number = self.begin(execute(code), None, Payload::default());
        self.end(number, Outcome::Done, bytes(b"result"), false);
        number
    }

    fn ask(&mut self, question: Question) -> (StoreAnswer, Payload) {
        self.store.ask(ClientId(0), QueryId(1), question);
        match self.replies.recv_timeout(TIMEOUT).unwrap() {
            Reply::Answered {
                answer, payload, ..
            } => (answer, payload),
            Reply::Fetched { .. } => panic!("nothing was fetched"),
        }
    }

    fn fetch(&mut self, number: u64) -> (Result<Fetched, Failure>, Payload) {
        let piece = name(number);
        self.store.fetch(ClientId(0), RequestId(1), piece);
        match self.replies.recv_timeout(TIMEOUT).unwrap() {
            Reply::Fetched {
                fetched, payload, ..
            } => (fetched, payload),
            Reply::Answered { .. } => panic!("nothing was asked"),
        }
    }

    fn find(&mut self, filter: Vec<Step>, keys: &[&str]) -> Vec<Vec<Value>> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        match self.ask(Question::Find { filter, keys }) {
            (StoreAnswer::Rows { pages }, payload) => {
                decode_rows(&payload.buffers[..pages as usize]).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Returns the numbers of those that a filter finds.
    fn found(&mut self, filter: Vec<Step>) -> Vec<u64> {
        let rows = self.find(filter, &["msg_id"]);
        let number = |row: &Vec<Value>| match &row[0] {
            Value::Text(name) => name.rsplit_once('_').unwrap().1.parse().unwrap(),
            other => panic!("{other:?}"),
        };
        rows.iter().map(number).collect()
    }

    fn failure(&mut self, question: Question) -> Failure {
        match self.ask(question) {
            (StoreAnswer::Failed(failure), _) => failure,
            other => panic!("{other:?}"),
        }
    }

    fn state(&mut self) -> StoreState {
        match self.ask(Question::State) {
            (StoreAnswer::State(state), _) => state,
            other => panic!("{other:?}"),
        }
    }
}

fn task(number: u64) -> TaskName {
    TaskName {
        client: ClientId(0),
        request: RequestId(number),
    }
}

fn name(number: u64) -> PieceName {
    PieceName {
        session: None,
        task: task(number),
        engine: None,
    }
}

fn execute(code: &str) -> Work {
    Work {
        operation: Operation::Execute {
            code: code.into(),
            silent: true,
            stop_on_error: false,
        },
        function: None,
    }
}

fn bytes(bytes: &[u8]) -> Payload {
    Payload::from(vec![Bytes::copy_from_slice(bytes)])
}

fn raised() -> Outcome {
    Outcome::Failed(Failure {
        kind: rhumba_proto::message::FailureKind::Raised,
        exception: "ValueError".to_owned(),
        message: "no".to_owned(),
        traceback: "line 1\n".to_owned(),
    })
}

fn test(key: &str, operator: Operator, values: Vec<Value>) -> Step {
    Step::Compare {
        key: key.to_owned(),
        operator,
        values,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn memory() -> TaskStoreOptions {
    TaskStoreOptions::new(TaskStoreMode::Memory)
}

fn file() -> TaskStoreOptions {
    TaskStoreOptions::new(TaskStoreMode::File)
}

#[test]
fn what_happened_is_found_again() {
    for options in [memory(), file()] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = TestStore::start(folder.path(), options);
        let large = vec![7; 100_000];
        let number = store.begin(execute("a = 1"), None, bytes(&large));
        for line in ["one\n", "two\n"] {
            let output = Output::Stdout(line.to_owned());
            store.store.record(Record::Printed { number, output });
        }
        // While it runs it has no end.
        let keys = ["status", "completed", "execute_input", "label"];
        let expected = [vec![Value::None, Value::None, text("a = 1"), Value::None]];
        assert_eq!(store.find(Vec::new(), &keys), expected);
        let output = Output::CellResult {
            count: 3,
            data: vec![("text/plain".to_owned(), "'x'".to_owned())],
        };
        store.store.record(Record::Printed { number, output });
        store.end(number, Outcome::Done, bytes(&large), false);
        let (fetched, payload) = store.fetch(number);
        let fetched = fetched.unwrap();
        assert_eq!(payload, bytes(&large));
        assert_eq!(fetched.outcome, Outcome::Done);
        assert_eq!(fetched.engine, Some(EngineId(0)));
        let printed = Output::Stdout("one\ntwo\n".to_owned());
        let result = Output::CellResult {
            count: 3,
            data: vec![("text/plain".to_owned(), "'x'".to_owned())],
        };
        assert_eq!(fetched.outputs, [printed, result]);
        let keys = ["status", "stdout", "client", "completed", "msg_id"];
        let expected = [vec![
            text("ok"),
            text("one\ntwo\n"),
            text("ada"),
            Value::Int(2_000_000),
            text("6a-1f-0_0"),
        ]];
        assert_eq!(store.find(Vec::new(), &keys), expected);

        let failed = store.begin(execute("1 / 0"), None, Payload::default());
        store.end(failed, raised(), Payload::default(), false);
        let (fetched, _) = store.fetch(failed);
        assert_eq!(fetched.unwrap().outcome, raised());
        let (unknown, _) = store.fetch(99);
        let unknown = unknown.unwrap_err();
        assert_eq!(unknown.exception, "KeyError");
        store.store.close();
    }
}

#[test]
fn filters_mean_what_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), memory());
    for number in 0..4 {
        store.execute(&format!("a = {number}"));
    }
    let open = store.begin(execute("b"), None, Payload::default());
    assert_eq!(open, 4);
    let int = |number| vec![Value::Int(number)];
    let mut check = |filter: Vec<Step>, expected: &[u64]| {
        assert_eq!(store.found(filter.clone()), expected, "{filter:?}");
    };
    use Operator as Op;
    check(vec![], &[0, 1, 2, 3, 4]);
    check(vec![test("engine_id", Op::Greater, int(2))], &[3]);
    check(vec![test("engine_id", Op::GreaterOrEqual, int(2))], &[2, 3]);
    check(vec![test("engine_id", Op::Less, int(1))], &[0]);
    check(vec![test("engine_id", Op::LessOrEqual, int(1))], &[0, 1]);
    check(vec![test("engine_id", Op::Equal, vec![Value::None])], &[4]);
    check(
        vec![test("engine_id", Op::Equal, int(1)), Step::Not],
        &[0, 2, 3, 4],
    );
    let some = vec![Value::Int(0), Value::Int(3), Value::None];
    check(vec![test("engine_id", Op::In, some)], &[0, 3, 4]);
    check(vec![test("engine_id", Op::In, vec![])], &[]);
    check(
        vec![test("engine_id", Op::In, int(2)), Step::Not],
        &[0, 1, 3, 4],
    );
    let odd = vec![Value::Int(2), Value::Int(1)];
    check(vec![test("engine_id", Op::Remainder, odd)], &[1, 3]);
    check(vec![test("completed", Op::Exists, int(1))], &[0, 1, 2, 3]);
    check(vec![test("completed", Op::Exists, int(0))], &[4]);
    check(vec![test("label", Op::All, vec![text("odd")])], &[1, 3]);
    let either = [
        test("execute_input", Op::Equal, vec![text("a = 1")]),
        test("status", Op::Equal, vec![Value::None]),
        Step::Or(2),
    ];
    check(either.to_vec(), &[1, 4]);
    check(vec![Step::Or(0)], &[]);
    check(vec![Step::And(0)], &[0, 1, 2, 3, 4]);
    let names = vec![text("6a-1f-0_2"), text("6a-1f-0_99"), text("nonsense")];
    check(vec![test("msg_id", Op::In, names)], &[2]);

    let wrong = [
        vec![test("no such key", Op::Equal, vec![Value::None])],
        vec![test("status", Op::Less, int(3))],
        vec![test("submitted", Op::Less, vec![text("today")])],
        vec![test("status", Op::Equal, vec![])],
        vec![test("engine_id", Op::Remainder, int(0))],
        vec![Step::Not],
        vec![Step::And(3)],
        vec![Step::And(u32::MAX)],
    ];
    for filter in wrong {
        let keys = vec!["msg_id".to_owned()];
        let failure = store.failure(Question::Find { filter, keys });
        assert_eq!(failure.exception, "ValueError", "{failure:?}");
    }
    // A thousand conditions aren't nested a thousand levels deep.
    let many = (0..5000).map(|number| test("engine_id", Op::Equal, int(number)));
    let mut many: Vec<Step> = many.collect();
    many.push(Step::Or(5000));
    assert_eq!(store.found(many), [0, 1, 2, 3]);
    store.store.close();
}

#[test]
fn the_oldest_that_ended_go_first_and_their_files_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let options = TaskStoreOptions {
        records_max: Some(20),
        ..file()
    };
    let mut store = TestStore::start(folder.path(), options);
    let large = vec![1; 50_000];
    let open = store.begin(execute("long"), None, bytes(&large));
    for number in 0..30 {
        let content = vec![number; 20_000];
        let begun = store.begin(execute("x"), None, bytes(&large));
        store.end(begun, Outcome::Done, bytes(&content), false);
        // What is written goes one after the other, and so over the limit.
        store.state();
    }
    let found = store.found(Vec::new());
    assert!(found.len() <= 20, "{found:?}");
    assert!(found.contains(&open), "what hasn't ended stays: {found:?}");
    assert!(found.contains(&30), "what is new stays: {found:?}");
    let files = || {
        std::fs::read_dir(folder.path().join("task-payloads"))
            .unwrap()
            .count()
    };
    assert_eq!(
        files(),
        found.len(),
        "one for each result, and one for the arguments of all"
    );
    store.end(open, Outcome::Done, Payload::default(), false);
    assert_eq!(store.fetch(open).0.unwrap().outcome, Outcome::Done);
    let (answer, _) = store.ask(Question::Purge { filter: Vec::new() });
    assert!(matches!(answer, StoreAnswer::Purged { .. }), "{answer:?}");
    assert_eq!(store.found(Vec::new()), [0; 0]);
    assert_eq!(files(), 0, "files end with the last row that names them");
    let state = store.state();
    assert_eq!((state.records, state.bytes, state.lost), (0, 0, 0));
    store.store.close();
    assert!(
        !folder.path().join(FILE_NAME).exists(),
        "an empty store leaves nothing"
    );
}

#[test]
fn bytes_are_limited_too() {
    let folder = tempfile::tempdir().unwrap();
    let options = TaskStoreOptions {
        bytes_max: Some(100_000),
        ..memory()
    };
    let mut store = TestStore::start(folder.path(), options);
    for _ in 0..20 {
        let number = store.begin(execute("x"), None, Payload::default());
        store.end(number, Outcome::Done, bytes(&[0; 10_000]), false);
    }
    let state = store.state();
    assert!(state.bytes <= 100_000 && state.records > 5, "{state:?}");
    assert!(store.found(Vec::new()).contains(&19));
    store.store.close();
}

#[test]
fn a_piece_can_be_sent_again_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), file());
    let blob = BlobId([5; 32]);
    store.store.record(Record::FunctionStored {
        blob,
        name: "f".to_owned(),
        content: bytes(b"code"),
    });
    let work = Work {
        operation: Operation::Map,
        function: Some(blob),
    };
    let terms = Terms {
        retries: 3,
        ..Terms::default()
    };
    let number = store.begin(work.clone(), Some(terms.clone()), bytes(b"arguments"));
    let (answer, payload) = store.ask(Question::Parcel {
        piece: name(number),
    });
    let expected = StoreAnswer::Parcel {
        work,
        function_name: "f".to_owned(),
        terms,
        targets: Vec::new(),
        label: None,
        function_buffers: 1,
    };
    assert_eq!(answer, expected);
    let buffers = [
        Bytes::from_static(b"code"),
        Bytes::from_static(b"arguments"),
    ];
    assert_eq!(payload.buffers, buffers);
    let again = Question::Resubmitted {
        piece: name(number),
        by: task(9),
    };
    assert_eq!(store.ask(again).0, StoreAnswer::Noted);
    let found = store.find(Vec::new(), &["resubmitted", "function", "retries"]);
    assert_eq!(found, [vec![text("6a-1f-0_9"), text("f"), Value::Int(3)]]);
    let unknown = Question::Parcel { piece: name(77) };
    assert_eq!(store.failure(unknown).exception, "KeyError");
    store.store.close();
}

#[test]
fn what_is_too_large_is_kept_only_if_nobody_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), file());
    let large = vec![3; 5 << 20];
    let given = store.begin(execute("x"), None, bytes(&large));
    store.end(given, Outcome::Done, bytes(&large), false);
    let wanted = store.begin(execute("x"), None, Payload::default());
    store.end(wanted, Outcome::Done, bytes(&large), true);
    let (fetched, payload) = store.fetch(given);
    let Outcome::Failed(failure) = fetched.unwrap().outcome else {
        panic!("it is not there")
    };
    assert!(failure.message.contains("too large"), "{failure:?}");
    assert!(payload.is_empty());
    assert_eq!(store.fetch(wanted).1, bytes(&large));
    let again = Question::Parcel { piece: name(given) };
    let failure = store.failure(again);
    assert!(failure.message.contains("too large"), "{failure:?}");
    store.store.close();
}

#[test]
fn a_store_outlives_its_controller() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), file());
    store.execute("first");
    store.begin(execute("unfinished"), None, Payload::default());
    assert_eq!(store.found(Vec::new()), [0, 1]);
    let path = store.file();
    use std::os::unix::fs::MetadataExt;
    let mode = std::fs::metadata(&path).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600, "it is private");
    // As the sqlite3 tool reads it meanwhile.
    let tool = rusqlite::Connection::open(&path).unwrap();
    let mut tasks = tool
        .prepare("SELECT msg_id, code, status, seconds FROM tasks")
        .unwrap();
    let tasks = tasks.query_map([], |row| {
        let texts: (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((texts, row.get::<_, Option<f64>>(3)?))
    });
    let tasks: Vec<_> = tasks.unwrap().map(Result::unwrap).collect();
    let row = |name: &str, code: &str, status: Option<&str>, seconds| {
        let texts = (name.to_owned(), code.to_owned(), status.map(str::to_owned));
        (texts, seconds)
    };
    let expected = [
        row("6a-1f-0_0", "first", Some("ok"), Some(1.0)),
        row("6a-1f-0_1", "unfinished", None, None),
    ];
    assert_eq!(tasks, expected);
    store.store.close();

    // As if another controller had been started under the same id.
    let cluster_file = cluster_file(folder.path());
    let mut cluster = ClusterFile::read(&cluster_file).unwrap();
    cluster.started_s = 0x6b;
    cluster.write(&cluster_file).unwrap();
    let mut store = TestStore::start(folder.path(), file());
    store.execute("second");
    let rows = store.find(Vec::new(), &["msg_id", "status", "execute_input"]);
    let row = |name: &str, status: &str, code: &str| vec![text(name), text(status), text(code)];
    let expected = [
        row("6a-1f-0_0", "ok", "first"),
        row("6a-1f-0_1", "error", "unfinished"),
        row("6b-1f-0_0", "ok", "second"),
    ];
    assert_eq!(rows, expected);
    let piece = PieceName::parse("6a-1f-0_0", "6b-1f").unwrap();
    store.store.fetch(ClientId(0), RequestId(1), piece);
    let Reply::Fetched {
        fetched, payload, ..
    } = store.replies.recv_timeout(TIMEOUT).unwrap()
    else {
        panic!("nothing was asked")
    };
    assert_eq!(fetched.unwrap().outcome, Outcome::Done);
    assert_eq!(payload, bytes(b"result"));
    store.store.close();
}

#[test]
fn files_that_are_no_store_are_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let other = rusqlite::Connection::open(folder.path().join("other.sqlite")).unwrap();
    other.execute_batch("CREATE TABLE t (a)").unwrap();
    drop(other);
    let other = std::fs::read(folder.path().join("other.sqlite")).unwrap();
    // One of a later version.
    let mut store = TestStore::start(folder.path(), file());
    store.execute("x");
    store.state();
    store.store.close();
    let later = rusqlite::Connection::open(&path).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    let later = std::fs::read(&path).unwrap();
    let cases = [
        (
            b"not a database at all, but long enough to be looked at".repeat(40),
            "not a task store",
        ),
        (other, "another program"),
        (later, "version 99"),
    ];
    for (content, sentence) in cases {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            if file.file_name().to_string_lossy().starts_with(FILE_NAME) {
                std::fs::remove_file(file.path()).unwrap();
            }
        }
        std::fs::write(&path, &content).unwrap();
        let mut store = TestStore::start(folder.path(), file());
        store.execute("x");
        let failure = store.failure(Question::Find {
            filter: Vec::new(),
            keys: Vec::new(),
        });
        assert_eq!(failure.exception, "TaskStoreError");
        assert!(failure.message.contains(sentence), "{failure:?}");
        assert!(
            failure.message.contains("move"),
            "it says what to do: {failure:?}"
        );
        let state = store.state();
        assert!(state.problem.is_some() && state.lost > 0, "{state:?}");
        let (fetched, _) = store.fetch(0);
        assert_eq!(fetched.unwrap_err().exception, "TaskStoreError");
        store.store.close();
        assert_eq!(std::fs::read(&path).unwrap(), content, "it is as it was");
    }
}

#[test]
fn a_lock_is_waited_for_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), file());
    store.execute("x");
    assert_eq!(store.found(Vec::new()), [0]);
    let other = rusqlite::Connection::open(store.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.execute("y");
    let failure = store.failure(Question::Find {
        filter: Vec::new(),
        keys: Vec::new(),
    });
    assert!(
        failure.message.contains("locked by another program"),
        "{failure:?}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    // The next question tries again.
    assert_eq!(store.found(Vec::new()), [0, 1]);
    let state = store.state();
    assert_eq!((state.lost, state.problem), (0, None));
    store.store.close();
}

#[test]
fn a_temporary_store_ends_with_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let options = TaskStoreOptions::new(TaskStoreMode::Temporary);
    let mut store = TestStore::start(folder.path(), options);
    let number = store.begin(execute("x"), None, bytes(&[1; 10_000]));
    store.end(number, Outcome::Done, Payload::default(), false);
    assert_eq!(store.found(Vec::new()), [0]);
    store.store.close();
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(left.len(), 1, "only the cluster file: {left:?}");
}

#[test]
fn many_pieces_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), memory());
    let numbers: Vec<u64> = (0..60_000)
        .map(|_| store.begin(execute("x"), None, Payload::default()))
        .collect();
    store.store.hand_over();
    for number in numbers {
        store.end(number, Outcome::Done, bytes(b"r"), false);
    }
    let filter = vec![test("status", Operator::Equal, vec![text("ok")])];
    let found = store.found(filter);
    assert_eq!(found.len(), 60_000);
    assert!(found.is_sorted());
    assert_eq!(store.state().lost, 0);
    store.store.close();
}

#[test]
fn who_asks_a_store_that_failed_is_answered() {
    let (orders, arriving) = mpsc::channel();
    let piece = name(0);
    let asked = [
        Order::Records {
            at_us: 1,
            records: Vec::new(),
        },
        Order::Ask {
            client: ClientId(0),
            query: QueryId(1),
            question: Question::State,
        },
        Order::Fetch {
            client: ClientId(0),
            request: RequestId(1),
            piece,
        },
        Order::Close,
    ];
    for order in asked {
        assert!(orders.send(order).is_ok());
    }
    let (said, replies) = mpsc::channel();
    let backlog = super::Backlog::default();
    super::refuse(&arriving, &|reply| said.send(reply).unwrap(), &backlog);
    let Ok(Reply::Answered { answer, .. }) = replies.try_recv() else {
        panic!("the question is answered first")
    };
    assert!(matches!(answer, StoreAnswer::Failed(_)), "{answer:?}");
    let Ok(Reply::Fetched { fetched, .. }) = replies.try_recv() else {
        panic!("then what was fetched")
    };
    assert_eq!(fetched.unwrap_err().exception, "TaskStoreError");
}

#[test]
fn a_disk_that_fails_is_tried_again() {
    let code = |extended| {
        let error = rusqlite::ffi::Error::new(extended);
        super::TaskStoreError::Sqlite(rusqlite::Error::SqliteFailure(error, None)).about("x")
    };
    let full = code(rusqlite::ffi::SQLITE_IOERR_WRITE);
    assert!(full.may_pass(), "{full}");
    assert!(full.to_string().contains("full"), "{full}");
    assert!(!code(rusqlite::ffi::SQLITE_CORRUPT).may_pass());
}

impl TestStore {
    /// Lets a client tell a function of so many bytes.
    fn tell_function(&mut self, number: u8, length: usize) {
        self.store.record(Record::FunctionStored {
            blob: BlobId([number; 32]),
            name: "f".to_owned(),
            content: bytes(&vec![number; length]),
        });
    }

    fn call(&mut self, function: u8) -> u64 {
        let work = Work {
            operation: Operation::Apply,
            function: Some(BlobId([function; 32])),
        };
        let number = self.begin(work, None, Payload::default());
        self.end(number, Outcome::Done, Payload::default(), false);
        number
    }

    fn count_functions(&self) -> i64 {
        let tool = rusqlite::Connection::open(self.file()).unwrap();
        tool.query_row("SELECT count(*) FROM functions", [], |row| row.get(0))
            .unwrap()
    }
}

#[test]
fn functions_count_and_end_with_the_last_piece_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let options = TaskStoreOptions {
        bytes_max: Some(1_000_000),
        ..file()
    };
    let mut store = TestStore::start(folder.path(), options);
    for function in 0..30 {
        store.tell_function(function, 200_000);
        store.call(function);
        store.call(function);
        let state = store.state();
        assert!(state.bytes <= 1_000_000, "{state:?}");
        assert!(state.bytes >= 200_000, "{state:?}");
    }
    let left = store.found(Vec::new()).len();
    assert!(left > 2, "not all have gone: {left}");
    assert_eq!(store.count_functions() as usize, left.div_ceil(2));
    let (answer, _) = store.ask(Question::Purge { filter: Vec::new() });
    assert!(matches!(answer, StoreAnswer::Purged { .. }), "{answer:?}");
    let state = store.state();
    assert_eq!((state.records, state.bytes), (0, 0));
    assert_eq!(store.count_functions(), 0);
    let length = std::fs::metadata(store.file()).unwrap().len();
    assert!(length < 200_000, "the file is {length} bytes");
    // The client knows that it was told, and only names it.
    let again = store.call(29);
    let (answer, payload) = store.ask(Question::Parcel { piece: name(again) });
    assert!(matches!(answer, StoreAnswer::Parcel { .. }), "{answer:?}");
    assert_eq!(payload, bytes(&[29; 200_000]));
    store.store.close();
}

#[test]
fn a_question_that_is_too_large_says_so_without_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), memory());
    store.execute("x");
    let values = (0..40_000).map(Value::Int).collect();
    let filter = vec![test("engine_id", Operator::In, values)];
    let keys = Vec::new();
    let failure = store.failure(Question::Find { filter, keys });
    assert_eq!(failure.exception, "ValueError");
    assert!(failure.message.contains("40000"), "{failure:?}");
    assert!(!failure.message.contains("SELECT"), "{failure:?}");
    store.store.close();
}

#[test]
fn what_displayed_nothing_has_no_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), memory());
    store.execute("silent");
    let number = store.begin(execute("shows"), None, Payload::default());
    let output = Output::Display(vec![("text/plain".to_owned(), "x".to_owned())]);
    store.store.record(Record::Printed { number, output });
    store.end(number, Outcome::Done, Payload::default(), false);
    let filter = vec![test("outputs", Operator::Exists, vec![Value::Int(1)])];
    assert_eq!(store.found(filter), [number]);
    store.store.close();
}
