//! A task store and the disk that it is on: what is there as it opens, and what is full.

use super::*;

fn payload_files(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("task-payloads")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_row_of_a_file_is_found_without_a_look_at_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), file());
    store.execute("x");
    store.state();
    let tool = rusqlite::Connection::open(store.file()).unwrap();
    let explain = format!("EXPLAIN QUERY PLAN {}", writer::KNOWN_FILE);
    let plan: String = tool
        .query_row(&explain, [&[0_u8; 32][..]], |row| row.get("detail"))
        .unwrap();
    assert!(plan.starts_with("SEARCH"), "{plan}");
    store.store.close();
}

#[test]
fn files_that_no_row_names_are_removed_as_a_store_opens() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), file());
    let number = store.begin(execute("x"), None, bytes(&[1; 10_000]));
    store.end(number, Outcome::Done, bytes(&[2; 10_000]), false);
    assert_eq!(store.state().records, 1);
    store.store.close();
    let named = payload_files(folder.path());
    assert_eq!(named.len(), 2);
    let strays = [
        "stray".to_owned(),
        format!("{}.new", named[0]),
        "0".repeat(64),
    ];
    for stray in strays {
        let path = folder.path().join("task-payloads").join(stray);
        std::fs::write(path, "left by a crash").unwrap();
    }
    let mut store = TestStore::start(folder.path(), file());
    assert_eq!(store.state().records, 1);
    assert_eq!(payload_files(folder.path()), named);
    store.store.close();
}

#[test]
fn what_was_printed_while_the_disk_was_full_is_recorded_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), file());
    store.state();
    // The payload of the second piece meets the full disk, behind what the first has printed.
    let argument = bytes(&[1; 10_000]);
    let hash = blake3::hash(&bundle::pack(&argument)).to_hex();
    let payloads = folder.path().join("task-payloads");
    std::fs::create_dir(&payloads).unwrap();
    let full = payloads.join(format!("{hash}.new"));
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let number = store.begin(execute("x"), None, Payload::default());
    let printed = "x".repeat(400_000);
    let output = Output::Stdout(printed.clone());
    store.store.record(Record::Printed { number, output });
    store.end(number, Outcome::Done, Payload::default(), false);
    store.begin(execute("y"), None, argument);
    // Each question tries to write what waits.
    for _ in 0..4 {
        let state = store.state();
        assert!(state.problem.is_some(), "{state:?}");
        assert_eq!(state.records, 0);
    }
    std::fs::remove_file(&full).unwrap();
    let filter = vec![test("status", Operator::Equal, vec![text("ok")])];
    assert_eq!(store.find(filter, &["stdout"]), [vec![text(&printed)]]);
    let state = store.state();
    assert_eq!((state.lost, state.problem, state.records), (0, None, 2));
    store.store.close();
}

#[test]
fn all_that_a_record_holds_on_to_counts_until_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TestStore::start(folder.path(), memory());
    let backlog = store.store.backlog();
    let waits = || backlog.bytes.load(Ordering::Acquire);
    let long = "x".repeat(1_000_000);
    let mut before = waits();
    let mut grew = || {
        let now = waits();
        now - std::mem::replace(&mut before, now)
    };
    let number = store.begin(execute(&long), None, Payload::default());
    assert!(grew() >= 1_000_000, "code");
    let failure = Failure {
        kind: rhumba_proto::message::FailureKind::Raised,
        exception: "ValueError".to_owned(),
        message: long.clone(),
        traceback: long,
    };
    store.end(number, Outcome::Failed(failure), Payload::default(), false);
    assert!(grew() >= 2_000_000, "a failure");
    let terms = Terms {
        targets: vec![EngineId(0); 250_000],
        ..Terms::default()
    };
    store.begin(execute("x"), Some(terms), Payload::default());
    assert!(grew() >= 1_000_000, "terms");
    store.state();
    assert_eq!(waits(), 0);
    store.store.close();
}
