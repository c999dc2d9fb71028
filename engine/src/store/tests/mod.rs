//! What the store promises, on a real disk; crashes and full disks in processes of their own.

use super::chunk::ChunkId;
use super::layout::{CHUNK_BYTES_MAX, Cut, Layout};
use super::manifest::{CHECKPOINT_MAGIC, Manifest, STORE_VERSION};
use super::{
    Checkpoint, CleanReport, SegmentData, Store, StoreError, Usage, WriteReport, check_name, file,
};
use bytes::Bytes;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

mod files;

/// Names the folder of the store to a process that this test starts.
const CHILD_VARIABLE: &str = "RHUMBA_TEST_STORE";

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"));
    (folder, store)
}

/// Bytes that look random, and are the same each time.
fn noise(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    blake3::Hasher::new_keyed(&[7; 32])
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes.into()
}

fn segment(name: &str, buffers: Vec<Bytes>) -> SegmentData {
    SegmentData {
        name: name.to_owned(),
        buffers,
        externals: Vec::new(),
    }
}

fn checkpoint(name: &str, segments: Vec<SegmentData>) -> Checkpoint {
    Checkpoint {
        name: name.to_owned(),
        created_us: 1_700_000_000_000_000,
        origin: "engine 2".to_owned(),
        bytecode: 3,
        segments,
        left_out: vec![("ns['log']".to_owned(), "an open file".to_owned())],
    }
}

/// A namespace with a bit of everything: empty, small and large buffers, whole
/// and broken multiples of a chunk, text and noise, the same thing twice.
fn mixed(name: &str) -> Checkpoint {
    let large = noise(1, 2 * CHUNK_BYTES_MAX + 5);
    let mut segments = vec![
        segment("empty", vec![]),
        segment("table", vec![Bytes::from_static(b"table"), Bytes::new()]),
        segment("large", vec![noise(2, 100), large.clone()]),
        segment("again", vec![noise(3, 100), large]),
        segment("text", vec![Bytes::from(vec![b'a'; CHUNK_BYTES_MAX])]),
        segment("ä name", vec![noise(4, 20_000), noise(5, 16 << 10)]),
    ];
    segments[3].externals = vec![(2, 7), (0, u32::MAX)];
    checkpoint(name, segments)
}

/// A thousand names with small tables, as a working namespace has.
fn thousand(name: &str, changed: Option<usize>) -> Checkpoint {
    let segments = (0..1000)
        .map(|index| {
            let seed = index as u64 + if changed == Some(index) { 5000 } else { 0 };
            let length = 60 + (index * index) % 3000;
            segment(&format!("name_{index}"), vec![noise(seed, length)])
        })
        .collect();
    checkpoint(name, segments)
}

fn files_in(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn chunk_files(store: &Store) -> Vec<PathBuf> {
    files_in(&store.directory().join("chunks"))
}

fn flip(path: &Path, bit: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_written_is_read() {
    let (_folder, store) = store();
    let written = mixed("a day's work");
    let report = store.write(&written).unwrap();
    assert!(store.read("a day's work").unwrap() == written);
    assert_eq!(report.bytes_total, written.bytes_total());
    // Three of noise once, one of text, and at most three packs and one of 16 KB.
    assert!(report.chunks_written < report.chunks_total, "{report:?}");
    assert!(
        report.bytes_written < report.bytes_total * 5 / 8,
        "{report:?}"
    );
    let empty = checkpoint("empty", Vec::new());
    store.write(&empty).unwrap();
    assert!(store.read("empty").unwrap() == empty);
}

#[test]
fn only_the_user_can_read_it() {
    let (_folder, store) = store();
    store.write(&mixed("mine")).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.directory()), 0o700);
    for path in files_in(store.directory()) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
    }
}

#[test]
fn a_second_checkpoint_writes_what_has_changed() {
    let (_folder, store) = store();
    let first = store.write(&thousand("work", None)).unwrap();
    assert!(
        first.chunks_written < 200,
        "few files for many names: {first:?}"
    );
    let same = store.write(&thousand("work", None)).unwrap();
    assert_eq!(same.chunks_written, 0, "{same:?}");
    for changed in [0, 1, 500, 999] {
        let report = store.write(&thousand("work", Some(changed))).unwrap();
        assert!(report.chunks_written <= 2, "name {changed}: {report:?}");
        let share = report.bytes_written * 10 / first.bytes_written;
        assert_eq!(share, 0, "name {changed}: {report:?} of {first:?}");
        assert!(store.read("work").unwrap() == thousand("work", Some(changed)));
    }
}

#[test]
fn a_name_more_or_less_moves_nothing_else() {
    let (_folder, store) = store();
    let mut namespace = thousand("work", None);
    store.write(&namespace).unwrap();
    namespace
        .segments
        .insert(300, segment("new", vec![noise(77, 900)]));
    namespace.segments.remove(700);
    let report = store.write(&namespace).unwrap();
    assert!(report.chunks_written <= 3, "{report:?}");
    assert!(store.read("work").unwrap() == namespace);
}

#[test]
fn what_engines_have_in_common_is_there_once() {
    let (_folder, store) = store();
    let data = noise(9, 3 * CHUNK_BYTES_MAX);
    let of_engine = |engine: u64| {
        let own = noise(100 + engine, 50);
        let segments = vec![
            segment("rank", vec![own]),
            segment("data", vec![noise(8, 40), data.clone()]),
        ];
        checkpoint(&format!("engine {engine}"), segments)
    };
    let first = store.write(&of_engine(0)).unwrap();
    for engine in 1..8 {
        let report = store.write(&of_engine(engine)).unwrap();
        assert!(report.bytes_written < 1000, "{report:?} after {first:?}");
    }
    for engine in 0..8 {
        let name = format!("engine {engine}");
        assert!(store.read(&name).unwrap() == of_engine(engine));
    }
}

#[test]
fn any_bit_that_flips_is_noticed() {
    let (_folder, store) = store();
    let mut written = thousand("work", None);
    written.segments.truncate(20);
    written
        .segments
        .push(segment("text", vec![Bytes::from(vec![b'x'; 20_000])]));
    store.write(&written).unwrap();
    let mut unnoticed = 0;
    for path in files_in(store.directory()) {
        let intact = std::fs::read(&path).unwrap();
        for bit in (0..intact.len() * 8).step_by(61) {
            flip(&path, bit);
            match store.read("work") {
                // A zstd frame has a bit or two that mean nothing.
                Ok(found) => {
                    assert!(found == written, "bit {bit} of {} went by", path.display());
                    unnoticed += 1;
                }
                Err(error) => assert!(
                    matches!(
                        error,
                        StoreError::Damaged { .. }
                            | StoreError::Foreign { .. }
                            | StoreError::Newer { .. }
                    ),
                    "bit {bit} of {}: {error}",
                    path.display()
                ),
            }
            let aside = path.with_extension("damaged");
            if aside.exists() {
                std::fs::remove_file(aside).unwrap();
            }
            std::fs::write(&path, &intact).unwrap();
        }
    }
    assert!(unnoticed <= 2, "{unnoticed} bits went by");
    assert!(store.read("work").unwrap() == written);
}

#[test]
fn what_ends_early_is_noticed() {
    let (_folder, store) = store();
    let mut written = thousand("work", None);
    written.segments.truncate(5);
    store.write(&written).unwrap();
    for path in files_in(store.directory()) {
        let intact = std::fs::read(&path).unwrap();
        for length in 0..intact.len() {
            std::fs::write(&path, &intact[..length]).unwrap();
            let Err(error) = store.read("work") else {
                panic!("{length} bytes of {} were enough", path.display())
            };
            let is_told = matches!(
                error,
                StoreError::Damaged { .. } | StoreError::Foreign { .. }
            );
            assert!(is_told, "{length} bytes of {}: {error}", path.display());
            std::fs::write(&path, &intact).unwrap();
        }
    }
}

#[test]
fn damage_heals_when_the_same_is_written_again() {
    let (_folder, store) = store();
    let written = mixed("work");
    store.write(&written).unwrap();
    let chunk = chunk_files(&store).remove(0);
    let bits = std::fs::metadata(&chunk).unwrap().len() * 8;
    flip(&chunk, bits as usize - 3);
    let error = store.read("work").map(drop).expect_err("a bit was flipped");
    assert!(
        error.to_string().contains("nothing of it was used"),
        "{error}"
    );
    assert!(store.write(&written).unwrap().chunks_written > 0);
    assert!(store.read("work").unwrap() == written);
    assert_eq!(
        store.clean().unwrap().chunks_removed,
        1,
        "what was put aside"
    );
}

#[test]
fn what_is_damaged_is_not_taken_for_what_a_new_checkpoint_needs() {
    let (_folder, store) = store();
    store.write(&mixed("before")).unwrap();
    let chunks = chunk_files(&store);
    for chunk in &chunks {
        let bits = std::fs::metadata(chunk).unwrap().len() * 8;
        flip(chunk, bits as usize - 3);
    }
    let report = store.write(&mixed("after")).unwrap();
    assert!(report.chunks_written > 0, "{report:?}");
    for name in ["after", "before"] {
        assert!(store.read(name).unwrap() == mixed(name), "{name}");
    }
    for _ in 0..2 {
        let report = store.write(&mixed("again")).unwrap();
        assert_eq!(report.chunks_written, 0, "{report:?}");
    }
}

#[test]
fn a_later_version_is_named_as_such() {
    let (folder, store) = store();
    store.write(&mixed("work")).unwrap();
    let manifest = store.directory().join("checkpoints/work");
    let file = folder.path().join("work.rhumba");
    file::write_file(&file, &mixed("work")).unwrap();
    for path in [&manifest, &file] {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[8] = STORE_VERSION as u8 + 1;
        std::fs::write(path, bytes).unwrap();
    }
    for error in [
        store.read("work").unwrap_err(),
        file::read_file(&file).unwrap_err(),
        store.clean().unwrap_err(),
    ] {
        assert!(
            matches!(error, StoreError::Newer { found: 2, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("later rhumba"), "{error}");
    }
    assert!(!chunk_files(&store).is_empty(), "nothing was cleaned away");
}

#[test]
fn names_that_can_not_be_files_are_refused() {
    let (_folder, store) = store();
    let long = "x".repeat(201);
    for name in [
        "", ".", "..", ".hidden", "a/b", "../x", "a\\b", "a\nb", "a\0b", &long,
    ] {
        assert!(
            matches!(check_name(name), Err(StoreError::BadName(_))),
            "{name:?}"
        );
        let error = store.write(&checkpoint(name, Vec::new())).unwrap_err();
        assert!(matches!(error, StoreError::BadName(_)), "{name:?}");
        assert!(
            matches!(store.read(name), Err(StoreError::BadName(_))),
            "{name:?}"
        );
        assert!(
            matches!(store.remove(name), Err(StoreError::BadName(_))),
            "{name:?}"
        );
    }
    assert!(!store.directory().exists());
    for name in ["before the long run", "é", "default-engine-0", "a.b"] {
        check_name(name).unwrap();
    }
}

#[test]
fn an_unknown_name_is_answered_with_what_there_is() {
    let (_folder, store) = store();
    let error = |store: &Store| store.read("wrok").unwrap_err().to_string();
    assert!(
        error(&store).contains("none has been saved"),
        "{}",
        error(&store)
    );
    store.write(&checkpoint("work", Vec::new())).unwrap();
    store.write(&checkpoint("play", Vec::new())).unwrap();
    assert!(
        error(&store).ends_with("there are: play, work"),
        "{}",
        error(&store)
    );
    let removal = store.remove("wrok").unwrap_err();
    assert!(matches!(removal, StoreError::Unknown { .. }), "{removal}");
}

#[test]
fn what_is_there_is_listed_with_what_is_wrong() {
    let (_folder, store) = store();
    assert_eq!(store.list().unwrap(), []);
    let written = mixed("work");
    store.write(&written).unwrap();
    store.write(&checkpoint("bad", Vec::new())).unwrap();
    flip(&store.directory().join("checkpoints/bad"), 300);
    let [bad, work] = store.list().unwrap().try_into().unwrap();
    assert_eq!(bad.name, "bad");
    assert!(bad.problem.unwrap().contains("damaged"));
    assert_eq!(work.names[..2], ["empty", "table"]);
    assert_eq!(
        (
            work.size_bytes,
            work.created_us,
            work.origin.as_str(),
            work.problem
        ),
        (written.bytes_total(), written.created_us, "engine 2", None)
    );
    assert_eq!(work.left_out, written.left_out);
    let chunks = store.directory().join("chunks");
    std::fs::remove_dir_all(&chunks).unwrap();
    std::fs::create_dir(&chunks).unwrap();
    let [_, work] = store.list().unwrap().try_into().unwrap();
    let problem = work.problem.unwrap();
    assert!(problem.contains("a part of it is missing"), "{problem}");
    assert_eq!(work.names[..2], ["empty", "table"]);
}

#[test]
fn cleaning_removes_what_nothing_needs() {
    let (_folder, store) = store();
    assert_eq!(store.clean().unwrap(), CleanReport::default());
    store.write(&mixed("kept")).unwrap();
    let kept = chunk_files(&store);
    store.write(&thousand("dropped", None)).unwrap();
    store.remove("dropped").unwrap();
    let half_written = store.directory().join("temporary/1-1.temporary");
    std::fs::write(&half_written, "half").unwrap();
    let report = store.clean().unwrap();
    assert_eq!(chunk_files(&store), kept);
    assert!(!half_written.exists());
    assert!(report.chunks_removed > 10 && report.chunks_kept == kept.len() as u64);
    assert!(store.read("kept").unwrap() == mixed("kept"));
    let usage = store.usage().unwrap();
    assert_eq!((usage.checkpoints, usage.chunks), (1, kept.len() as u64));
    assert!(usage.bytes > report.bytes_kept);
}

#[test]
fn what_is_replaced_again_and_again_does_not_fill_the_disk() {
    let (_folder, store) = store();
    let large = |round: u64| {
        let data = noise(round, 40 << 20);
        checkpoint("work", vec![segment("data", vec![noise(1, 40), data])])
    };
    for round in 0..12 {
        store.write(&large(round)).unwrap();
        let bytes = store.usage().unwrap().bytes;
        // What is needed, what may be dropped, and what the latest one dropped.
        assert!(
            bytes < (40 + 256 + 40 + 1) << 20,
            "{bytes} in round {round}"
        );
    }
    assert!(store.read("work").unwrap() == large(11));
    assert!(
        store.usage().unwrap().bytes < 12 * (40 << 20),
        "it has cleaned itself"
    );
}

#[test]
fn nothing_is_cleaned_while_a_checkpoint_can_not_be_read() {
    let (_folder, store) = store();
    store.write(&mixed("work")).unwrap();
    let before = chunk_files(&store);
    flip(&store.directory().join("checkpoints/work"), 700);
    let error = store.clean().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(chunk_files(&store), before);
    store.remove("work").unwrap();
    assert_eq!(store.clean().unwrap().chunks_kept, 0);
    assert_eq!(store.usage().unwrap(), Usage::default());
}

#[test]
fn a_store_that_can_not_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "not a folder").unwrap();
    let store = Store::open(&blocked.join("store"));
    let error = store.write(&mixed("work")).unwrap_err().to_string();
    assert!(error.contains("could not be saved"), "{error}");
    assert!(error.contains("still there"), "{error}");
}

/// Starts this test program again, to run one of the child tests below.
fn child(test: &str, store: &Store) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("store::tests::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env(CHILD_VARIABLE, store.directory())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The store that a child test works on.
fn store_of_parent() -> Store {
    let directory = std::env::var_os(CHILD_VARIABLE)
        .expect("this runs only as a child of another test, which says where");
    Store::open(Path::new(&directory))
}

#[test]
fn cleaning_beside_other_processes_takes_nothing_from_them() {
    let (_folder, store) = store();
    store.write(&thousand("shared", None)).unwrap();
    let children: Vec<_> = (0..3)
        .map(|_| child("child_writes_and_reads", &store))
        .collect();
    let mut cleaned = CleanReport::default();
    let mut running = children;
    while !running.is_empty() {
        cleaned.chunks_removed += store.clean().unwrap().chunks_removed;
        let (ended, still): (Vec<_>, Vec<_>) = running
            .into_iter()
            .map(|mut child| (child.try_wait().unwrap().is_some(), child))
            .partition(|(has_ended, _)| *has_ended);
        running = still.into_iter().map(|(_, child)| child).collect();
        for (_, child) in ended {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
        }
    }
    assert!(cleaned.chunks_removed > 0, "there was something to clean");
    assert!(store.read("shared").unwrap() == thousand("shared", None));
}

#[test]
#[ignore = "a process of the test before, never a test of its own"]
fn child_writes_and_reads() {
    let store = store_of_parent();
    let name = format!("of {}", std::process::id());
    for round in 0..30 {
        let mut namespace = thousand(&name, Some(round));
        let seed = u64::from(std::process::id()) * 1000 + round as u64;
        namespace
            .segments
            .push(segment("own", vec![noise(seed, 100_000)]));
        store.write(&namespace).unwrap();
        assert!(store.read(&name).unwrap() == namespace);
    }
    store.remove(&name).unwrap();
}

#[test]
fn a_process_that_is_killed_leaves_the_old_or_the_new() {
    let (_folder, store) = store();
    for round in 0..8 {
        store.write(&thousand("work", Some(999))).unwrap();
        let mut writer = child("child_writes_for_ever", &store);
        // Killed after a moment that differs from round to round, counted from
        // its first checkpoint.
        let mut line = String::new();
        let mut said = std::io::BufReader::new(writer.stdout.take().unwrap());
        while !line.contains("begins") {
            line.clear();
            std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        }
        let until = std::time::Instant::now() + std::time::Duration::from_millis(3 + 7 * round);
        while std::time::Instant::now() < until {
            store.read("work").unwrap();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let found = store.read("work").unwrap();
        let lawful = (0..1000).any(|changed| found == thousand("work", Some(changed)));
        assert!(lawful, "a whole checkpoint is there");
        store.clean().unwrap();
        assert!(store.read("work").unwrap() == found);
        let left = files_in(&store.directory().join("temporary"));
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
#[ignore = "a process of the test before, never a test of its own"]
fn child_writes_for_ever() {
    let store = store_of_parent();
    println!("begins");
    for changed in (0..1000).cycle() {
        store.write(&thousand("work", Some(changed))).unwrap();
    }
}

#[test]
fn a_disk_that_fills_half_way_leaves_the_old_state() {
    let (folder, store) = store();
    store.write(&thousand("work", None)).unwrap();
    file::write_file(&folder.path().join("kept.rhumba"), &thousand("kept", None)).unwrap();
    let before = files_in(folder.path());
    let output = child("child_meets_a_full_disk", &store)
        .wait_with_output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        files_in(folder.path()),
        before,
        "nothing is left of the attempt"
    );
    assert!(store.read("work").unwrap() == thousand("work", None));
    let kept = file::read_file(&folder.path().join("kept.rhumba")).unwrap();
    assert_eq!(kept.segments, thousand("kept", None).segments);
}

/// A limit on the length of files stands in for a full disk: both show when a
/// write is cut off in the middle.
#[test]
#[ignore = "a process of the test before, never a test of its own"]
fn child_meets_a_full_disk() {
    let store = store_of_parent();
    let limit = libc::rlimit {
        rlim_cur: 1 << 20,
        rlim_max: 1 << 20,
    };
    // SAFETY: the limit is read, and the signal's default would end the process.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
    }
    let mut large = mixed("work");
    large.segments.extend(thousand("work", Some(3)).segments);
    let error = store.write(&large).unwrap_err().to_string();
    assert!(
        error.contains("ulimit -f") && error.contains("still there"),
        "{error}"
    );
    let path = store.directory().with_file_name("kept.rhumba");
    let error = file::write_file(&path, &large).unwrap_err().to_string();
    assert!(
        error.contains("kept.rhumba") && error.contains("ulimit -f"),
        "{error}"
    );
}

/// What version 1 wrote stays readable: a file and a manifest, byte for byte.
#[test]
fn golden_bytes_stay_readable() {
    let golden = include_bytes!("../golden/namespace-1.rhumba");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("golden");
    std::fs::write(&path, golden).unwrap();
    let expected = golden_checkpoint();
    assert!(file::read_file(&path).unwrap() == expected);
    let manifest = include_bytes!("../golden/checkpoint-1");
    let found = Manifest::unseal(manifest, CHECKPOINT_MAGIC).unwrap();
    let layout = Layout::new(&expected.segments, Cut::STORE);
    assert_eq!(found.chunk_ids().count(), layout.chunks.len());
    for (id, content) in found.chunk_ids().zip(&layout.chunks) {
        assert_eq!(id, ChunkId::of(content), "packs end where they ended");
    }
    assert_eq!(found.segments, layout.segments);
}

fn golden_checkpoint() -> Checkpoint {
    let mut segments = vec![
        segment("a", vec![Bytes::from_static(b"table of a")]),
        segment("empty", vec![Bytes::new()]),
        segment("text", vec![noise(1, 30), Bytes::from(vec![b'x'; 17_000])]),
        segment("noise", vec![noise(2, 300)]),
    ];
    segments[3].externals = vec![(0, 1), (2, 300)];
    checkpoint("golden", segments)
}

/// Writes the golden files of this version anew: only where a version was
/// never released may they change.
#[test]
#[ignore = "writes golden files: run it by name after a change of the version"]
fn write_golden_files() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/golden");
    std::fs::create_dir_all(&golden).unwrap();
    let store = Store::open(&folder.path().join("store"));
    store.write(&golden_checkpoint()).unwrap();
    let manifest = store.directory().join("checkpoints/golden");
    std::fs::copy(manifest, golden.join("checkpoint-1")).unwrap();
    let file = folder.path().join("golden");
    file::write_file(&file, &golden_checkpoint()).unwrap();
    std::fs::copy(file, golden.join("namespace-1.rhumba")).unwrap();
}

/// How long it takes and how much it writes, for the record.
#[test]
#[ignore = "measures: run it by name"]
fn measure() {
    let (folder, store) = store();
    let timed = |what: &str, write: &dyn Fn() -> WriteReport| {
        let begun = std::time::Instant::now();
        let report = write();
        let ms = begun.elapsed().as_secs_f64() * 1000.0;
        println!("{what}: {ms:.1} ms, {report:?}");
    };
    timed("1,000 names, first", &|| {
        store.write(&thousand("work", None)).unwrap()
    });
    timed("the same again", &|| {
        store.write(&thousand("work", None)).unwrap()
    });
    for changed in [10, 500, 990] {
        let namespace = thousand("work", Some(changed));
        timed("one name changed", &|| store.write(&namespace).unwrap());
    }
    let begun = std::time::Instant::now();
    store.read("work").unwrap();
    println!("read: {:.1} ms", begun.elapsed().as_secs_f64() * 1000.0);
    for (what, data) in [
        ("1 GB of noise", noise(5, 1 << 30)),
        ("1 GB of zeros", Bytes::from(vec![0; 1 << 30])),
    ] {
        let large = checkpoint("large", vec![segment("data", vec![noise(6, 60), data])]);
        timed(what, &|| store.write(&large).unwrap());
        timed("again", &|| store.write(&large).unwrap());
        let begun = std::time::Instant::now();
        assert!(store.read("large").unwrap() == large);
        println!("read: {:.0} ms", begun.elapsed().as_secs_f64() * 1000.0);
        let path = folder.path().join("large.rhumba");
        timed("as a file", &|| {
            file::write_file(&path, &large).unwrap();
            WriteReport::default()
        });
        let begun = std::time::Instant::now();
        file::read_file(&path).unwrap();
        println!("read: {:.0} ms", begun.elapsed().as_secs_f64() * 1000.0);
    }
}
