//! The store and namespace files when something goes wrong: a crash or a full disk while they are
//! written, damaged bytes, another version, several writers at once.
//!
//! Whatever happens, what was there before is there and whole, and a person is told in a sentence.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Process, STEP_TIMEOUT, TestHome, finish, finish_started};

/// Some names, in the store as `work` and in the file `work.ns`.
const MAKE: &str = "from rhumba import namespace\nimport os\n\
                    class Thing:\n    def value(self): return 42\n\
                    thing, text, raw = Thing(), 'before', bytes(range(256)) * 1000\n\
                    namespace.checkpoint('work')\nnamespace.save('work.ns')\n";

fn made() -> TestHome {
    let home = TestHome::new();
    home.run(["-c", MAKE]).success();
    home
}

/// What a session says that restores this after it bound a name of its own.
fn restored(home: &TestHome, source: &str) -> String {
    let script = format!(
        "mine = 'untouched'\nimport rhumba.namespace\n\
         try: rhumba.namespace.restore({source:?})\n\
         except Exception as error: print(f'{{type(error).__name__}}: {{error}}')\n\
         else: print(text, thing.value(), len(raw), 'mine' in globals())\n\
         if 'mine' in globals(): print(mine, 'text' in globals())\n"
    );
    home.run(["-c", &script]).success()
}

#[track_caller]
fn assert_whole(home: &TestHome) {
    for source in ["work", "work.ns"] {
        assert_eq!(restored(home, source), "before 42 256000 False\n");
    }
}

/// Refused in words, with nothing changed in the session.
#[track_caller]
fn assert_refused(home: &TestHome, source: &str) -> String {
    let said = restored(home, source);
    let untouched = said
        .strip_suffix("\nuntouched False\n")
        .unwrap_or_else(|| panic!("it changed something: {said}"));
    let (kind, sentence) = untouched.split_once(": ").expect("an error has a type");
    assert!(kind == "SnapshotError" || kind == "OSError", "{said}");
    for word in ["panicked", "unwrap", "Err(", "::", "rustpython"] {
        assert!(!sentence.contains(word), "{said}");
    }
    sentence.to_owned()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn store(home: &TestHome) -> PathBuf {
    home.home().join("store")
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = made();
    let mut kept = files(&store(&home));
    kept.push(home.work().join("work.ns"));
    assert!(kept.len() > 3, "{kept:?}");
    for path in kept {
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
    assert_whole(&home);
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let home = made();
    let file = home.work().join("work.ns");
    let whole = fs::read(&file).expect("it was written");
    // Some hundred places, the head and the end among them.
    let step = whole.len() / 12 + 1;
    for at in [0, 8, 12, 16, 24, 40, 63, whole.len() - 1]
        .into_iter()
        .chain((64..whole.len()).step_by(step))
    {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&file, &damaged).expect("the file is ours");
        assert_refused(&home, "work.ns");
    }
    fs::write(&file, &whole).expect("the file is ours");
    assert_whole(&home);
}

#[test]
fn a_flipped_bit_in_any_file_of_the_store_is_noticed() {
    let home = made();
    let parts: Vec<PathBuf> = ["checkpoints", "chunks"]
        .iter()
        .flat_map(|name| files(&store(&home).join(name)))
        .collect();
    assert!(parts.len() >= 2, "{parts:?}");
    for path in parts {
        let whole = fs::read(&path).expect("it is there");
        for at in [whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).expect("the store is ours");
            assert_refused(&home, "work");
            // What is damaged may have been put aside.
            fs::write(&path, &whole).expect("the store is ours");
        }
    }
    assert_whole(&home);
}

#[test]
fn a_file_that_ends_early_or_is_none_is_told_in_words() {
    let home = made();
    let file = home.work().join("work.ns");
    let whole = fs::read(&file).expect("it was written");
    for length in [1, 7, 8, 63, 64, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).expect("the file is ours");
        let sentence = assert_refused(&home, "work.ns");
        assert!(sentence.contains("work.ns"), "{sentence}");
    }
    home.write("work.ns", "just a text\n");
    let sentence = assert_refused(&home, "work.ns");
    assert!(sentence.contains("is not a"), "{sentence}");
    home.write("empty.ns", "");
    assert_refused(&home, "empty.ns");
}

#[test]
fn a_file_of_a_later_version_says_so() {
    let home = made();
    let file = home.work().join("work.ns");
    let mut later = fs::read(&file).expect("it was written");
    later[8] += 1;
    fs::write(&file, &later).expect("the file is ours");
    let sentence = assert_refused(&home, "work.ns");
    assert!(
        sentence.contains("newer") || sentence.contains("later"),
        "{sentence}"
    );
}

#[test]
fn a_crash_while_a_file_is_written_leaves_the_old_one() {
    let script = "import rhumba.namespace, os\nraw = os.urandom(300 << 20)\ntext = 'after'\n\
                  rhumba.namespace.save('work.ns')\n";
    let home = killed_once(script, |home| {
        let work = home.work();
        move |writer| is_writing_without_a_name(writer, &work) || has_partly_written(&work)
    });
    assert_whole(&home);
    if can_be_without_a_name(&home.work()) {
        assert!(!has_partly_written(&home.work()), "nothing is left of it");
    }
    // What was begun is no hindrance, and in nobody's way under a name of its own.
    let again = "import rhumba.namespace\ntext = 'again'\nrhumba.namespace.save('work.ns')\n\
                 print(rhumba.namespace.load('work.ns')['text'])\n";
    assert_eq!(home.run(["-c", again]).success(), "again\n");
}

#[test]
fn a_crash_while_a_checkpoint_is_written_leaves_the_old_one() {
    let script = "import rhumba.namespace, os\nraw = os.urandom(300 << 20)\ntext = 'after'\n\
                  rhumba.namespace.checkpoint('work')\n";
    let home = killed_once(script, |home| {
        let chunks = store(home).join("chunks");
        let before = files(&chunks).len();
        move |_| files(&chunks).len() > before + 2
    });
    assert_whole(&home);
    let left = files(&store(&home)).len();
    // Cleaning takes what the dead one left behind, and no more.
    home.run(["checkpoint", "clean"]).success();
    assert!(files(&store(&home)).len() < left);
    assert_whole(&home);
}

/// Whether a file is there that is being written, under another name.
fn has_partly_written(folder: &Path) -> bool {
    let is_partly_written = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(".rhumba-") && fs::metadata(path).is_ok_and(|file| file.len() > 1 << 20)
    };
    files(folder).iter().any(is_partly_written)
}

/// Whether a process writes a file of this folder that has no name yet.
fn is_writing_without_a_name(process: u32, folder: &Path) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{process}/fd")) else {
        return false;
    };
    open.flatten().any(|descriptor| {
        let path = descriptor.path();
        let target = fs::read_link(&path).unwrap_or_default();
        let is_unnamed = target.to_string_lossy().ends_with(" (deleted)");
        is_unnamed
            && target.parent() == Some(folder)
            && fs::metadata(&path).is_ok_and(|file| file.len() > 1 << 20)
    })
}

/// Whether the file system of a folder has files without a name.
fn can_be_without_a_name(folder: &Path) -> bool {
    let unnamed = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .open(folder);
    unnamed.is_ok()
}

/// A home in which a script was killed as soon as something had begun to happen.
///
/// It may end before that is noticed, where this process waits for a processor for so long; then it
/// is tried again from the beginning.
fn killed_once<B: Fn(u32) -> bool>(script: &str, begun: impl Fn(&TestHome) -> B) -> TestHome {
    for _ in 0..5 {
        let home = made();
        let has_begun = begun(&home);
        if is_killed_in_time(&home, script, has_begun) {
            return home;
        }
    }
    panic!("it always ends before it can be killed");
}

fn is_killed_in_time(home: &TestHome, script: &str, has_begun: impl Fn(u32) -> bool) -> bool {
    let mut command = home.command(["-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command
        .stderr(Stdio::piped())
        .spawn()
        .expect("the executable can be started");
    let process = Process::hold(child.id());
    let deadline = Instant::now() + STEP_TIMEOUT;
    while !has_begun(process.pid) && !process.ends_within(Duration::ZERO) {
        assert!(Instant::now() < deadline, "it doesn't begin");
        std::thread::yield_now();
    }
    if !process.ends_within(Duration::ZERO) {
        process.signal(libc::SIGKILL);
        assert!(process.ends_within(STEP_TIMEOUT));
    }
    let finished = finish_started(child, STEP_TIMEOUT).expect("it has ended");
    match finished.status.code() {
        None => true,
        Some(0) => false,
        Some(_) => panic!("it failed: {finished:?}"),
    }
}

#[test]
fn a_disk_that_fills_half_way_leaves_what_was_there() {
    let home = made();
    for (write, shown) in [
        ("save('work.ns')", "work.ns"),
        ("checkpoint('work')", "work"),
    ] {
        let script = format!(
            "import rhumba.namespace, os\nraw = os.urandom(20 << 20)\ntext = 'after'\n\
             try: rhumba.namespace.{write}\n\
             except OSError as error: print(f'OSError: {{error}}')\nprint(text)\n"
        );
        let mut command = home.command(["-c", &script]);
        // In the place of a disk: no file may become longer, and nobody is killed for it.
        let limit = libc::rlimit {
            rlim_cur: 3 << 20,
            rlim_max: 3 << 20,
        };
        // SAFETY: both calls are safe between fork and exec, and take what lives that long.
        unsafe {
            command.pre_exec(move || {
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                match libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let out = finish(command, "").success();
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].starts_with("OSError: "), "{out}");
        assert!(lines[0].contains(shown), "{out}");
        assert_eq!(lines[1], "after", "{out}");
        assert_whole(&home);
    }
    let begun = files(&home.work()).into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.')
    });
    assert_eq!(begun.count(), 0, "what couldn't be written is taken away");
}

#[test]
fn several_write_and_clean_at_once() {
    let home = made();
    let script = |name: &str| {
        format!(
            "import rhumba.namespace as store, os\nshared = bytes(range(256)) * 40_000\n\
             for number in range(30):\n    own = os.urandom(100_000)\n    \
             store.checkpoint({name:?}, {{'number': number, 'own': own, 'shared': shared}})\n    \
             if number % 5 == 0: store.clean()\n    back = store.load({name:?})\n    \
             assert back['number'] == number and back['own'] == own and back['shared'] == shared\n\
             print('well')\n"
        )
    };
    let children: Vec<_> = ["one", "two", "three"]
        .iter()
        .map(|name| {
            let mut command = home.command(["-c", &script(name)]);
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            let child = command.stderr(Stdio::piped()).spawn();
            child.expect("the executable can be started")
        })
        .collect();
    for child in children {
        let finished = finish_started(child, STEP_TIMEOUT).expect("it ends in time");
        assert_eq!(finished.success(), "well\n");
    }
    home.run(["checkpoint", "clean"]).success();
    assert_whole(&home);
}

#[test]
fn a_session_starts_from_a_file_or_a_checkpoint() {
    let home = made();
    for source in ["work.ns", "work"] {
        let out = home
            .run(["--namespace", source, "-c", "print(thing.value(), text)"])
            .success();
        assert_eq!(out, "42 before\n");
    }
    let sentence = home
        .run(["--namespace", "nothing.ns", "-c", "pass"])
        .failure(2);
    assert!(sentence.contains("nothing.ns"), "{sentence}");
    let file = home.work().join("work.ns");
    let whole = fs::read(&file).expect("it was written");
    fs::write(&file, &whole[..whole.len() / 2]).expect("the file is ours");
    let sentence = home
        .run(["--namespace", "work.ns", "-c", "print('runs')"])
        .failure(1);
    assert!(sentence.contains("work.ns"), "{sentence}");
}

#[test]
fn what_goes_wrong_with_files_has_the_number_of_the_system_and_a_pipe_is_not_waited_for() {
    let home = TestHome::new();
    let pipe = CString::new(home.work().join("pipe").into_os_string().into_vec()).unwrap();
    // SAFETY: the name ends with a zero.
    assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
    let script = "import errno\nfrom rhumba import namespace\n\
                  try: namespace.save('nowhere/work.ns')\n\
                  except FileNotFoundError as error: print(error.errno == errno.ENOENT, 'nowhere' in str(error))\n\
                  try: namespace.load('pipe')\n\
                  except Exception as error: print(type(error).__name__, error)\n";
    assert_eq!(
        home.run(["-c", script]).success(),
        "True True\nSnapshotError the namespace file pipe is not a namespace that rhumba saved (it is no ordinary file)\n"
    );
}
