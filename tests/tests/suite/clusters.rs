//! Clusters as the command line starts, lists and stops them; and that nothing outlives one.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Process, STEP_TIMEOUT, TestHome, finish, finish_started, wait_for_file};

/// The clusters as `cluster list --json` tells of them.
pub(super) fn list(home: &TestHome) -> Vec<Value> {
    let text = home.run(["cluster", "list", "--json"]).success();
    match serde_json::from_str(&text) {
        Ok(Value::Array(clusters)) => clusters,
        other => panic!("not a list: {other:?}\n{text}"),
    }
}

pub(super) fn pid_of(value: &Value) -> u32 {
    let pid = value["pid"]
        .as_u64()
        .unwrap_or_else(|| panic!("no pid: {value}"));
    u32::try_from(pid).expect("a pid is a small number")
}

pub(super) fn start_daemon(home: &TestHome, count: &str) {
    home.run(["cluster", "start", "-n", count, "--daemonize"])
        .success();
}

/// Every process of the only cluster there is: controller, host, engines.
pub(super) fn processes(home: &TestHome) -> Vec<Process> {
    let clusters = list(home);
    assert_eq!(clusters.len(), 1, "{clusters:?}");
    let controller = pid_of(&clusters[0]["controller"]);
    let engines: Vec<u32> = clusters[0]["engines"]
        .as_array()
        .expect("engines are a list")
        .iter()
        .map(pid_of)
        .collect();
    // The host is what started the engines.
    let host = parent_of(engines[0]);
    [controller, host]
        .into_iter()
        .chain(engines)
        .map(Process::hold)
        .collect()
}

fn parent_of(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let after_name = stat.rsplit_once(')').expect("a name in brackets").1;
    let parent = after_name.split_whitespace().nth(1).expect("a parent");
    parent.parse().expect("a pid")
}

#[track_caller]
pub(super) fn assert_all_end(processes: &[Process]) {
    for process in processes {
        assert!(
            process.ends_within(STEP_TIMEOUT),
            "process {} lives",
            process.pid
        );
    }
}

#[test]
fn a_daemon_is_started_listed_and_stopped() {
    let home = TestHome::new();
    assert!(list(&home).is_empty());
    let said = home
        .run([
            "cluster",
            "start",
            "-n",
            "2",
            "--daemonize",
            "--cluster-id",
            "weather",
        ])
        .success();
    let clusters = list(&home);
    let controller = pid_of(&clusters[0]["controller"]);
    for words in [
        "Cluster 'weather' is running with 2 engines.".to_owned(),
        format!("controller  pid {controller}"),
        "ipp.Client(cluster_id=\"weather\")".to_owned(),
        "rhumba cluster stop weather".to_owned(),
        home.home()
            .join("clusters/weather/log")
            .display()
            .to_string(),
    ] {
        assert!(said.contains(&words), "{words:?} is missing from:\n{said}");
    }
    let engines = clusters[0]["engines"].as_array().expect("a list");
    assert_eq!(
        clusters[0],
        json!({
            "id": "weather",
            "state": "running",
            "controller": {"pid": controller},
            "engines": [
                {"id": 0, "pid": pid_of(&engines[0]), "state": "idle"},
                {"id": 1, "pid": pid_of(&engines[1]), "state": "idle"},
            ],
        })
    );
    let table = home.run(["cluster", "list"]).success();
    assert!(
        table.starts_with("CLUSTER ID  STATE    CONTROLLER PID  ENGINES\n"),
        "{table}"
    );
    assert!(table.contains("weather     running"), "{table}");
    let processes = processes(&home);
    let sentence = home
        .run([
            "cluster",
            "start",
            "-n",
            "1",
            "--daemonize",
            "--cluster-id",
            "weather",
        ])
        .failure(1);
    assert!(sentence.contains("is running already"), "{sentence}");
    let said = home.run(["cluster", "stop", "weather"]).success();
    assert_eq!(said, "Stopped cluster 'weather'.\n");
    assert_all_end(&processes);
    assert!(list(&home).is_empty());
}

#[test]
fn a_cluster_without_engines_is_given_them_later() {
    let home = TestHome::new();
    let said = home
        .run(["cluster", "start", "-n", "0", "--daemonize"])
        .success();
    assert!(
        said.starts_with("Cluster 'default' is running with 0 engines."),
        "{said}"
    );
    assert_eq!(list(&home)[0]["engines"], json!([]));
    let script = "import ipyparallel as ipp\ncluster = ipp.Cluster.from_file()\n\
                  cluster.start_engines_sync(2)\nrc = cluster.connect_client_sync()\n\
                  print(rc.ids, rc[:].apply_sync(lambda: 6 * 7))\n";
    assert_eq!(home.run(["-c", script]).success(), "[0, 1] [42, 42]\n");
    let processes = processes(&home);
    home.run(["cluster", "stop"]).success();
    assert_all_end(&processes);
}

/// Whether idle engines get tasks in turn, and how many of five tasks one engine is given and how
/// many wait for it.
const SPREADING: &str = "\
import ipyparallel as ipp
rc = ipp.Client()
rc.wait_for_engines(2)
def engine_of(result):
    result.get()
    return result.engine_id
def hold():
    import pathlib, time
    while not pathlib.Path('gate').exists():
        time.sleep(0.01)
view = rc.load_balanced_view()
ran = [engine_of(view.apply_async(abs, -1)) for _ in range(60)]
print(all(one != next for one, next in zip(ran, ran[1:])), end=' ')
busy = rc.load_balanced_view(targets=[0])
held = [busy.apply_async(hold) for _ in range(5)]
status = rc.queue_status()
print(status[0]['tasks'], status['unassigned'])
open('gate', 'w').close()
rc.wait(held)
";

#[test]
fn a_cluster_spreads_tasks_as_its_options_say() {
    let home = TestHome::new();
    for (scheme, hwm, said) in [
        ("lru", "1", "True 1 4\n"),
        // By chance, sixty in turn come once in 2 to the 59.
        ("plainrandom", "3", "False 3 2\n"),
    ] {
        let start = ["cluster", "start", "-n", "2", "--daemonize"];
        let options = ["--scheme", scheme, "--hwm", hwm];
        home.run(start.into_iter().chain(options)).success();
        assert_eq!(home.run(["-c", SPREADING]).success(), said, "{scheme}");
        home.run(["cluster", "stop"]).success();
        std::fs::remove_file(home.work().join("gate")).expect("the script made it");
    }
    let sentence = home
        .run(["cluster", "start", "-n", "1", "--scheme", "mood"])
        .failure(2);
    assert!(
        sentence.ends_with(
            "there is no scheme \"mood\": there are leastload, lru, plainrandom, weighted, \
             twobin, pure"
        ),
        "{sentence}"
    );
    let sentence = home
        .run(["controller", "--cluster-file", "x", "--hwm=-1"])
        .failure(2);
    assert!(sentence.contains("--hwm"), "{sentence}");
    assert!(list(&home).is_empty());
}

/// Kills the engine once a checkpoint has its name, and asks the one that takes its place.
const REPLACED: &str = "\
import ipyparallel as ipp, os, signal, threading, time
from rhumba import namespace
rc = ipp.Client()
rc.wait_for_engines(1)
heard = threading.Event()
rc.on_notice(lambda notice: heard.set())
rc[0]['mine'] = 42
limit = time.monotonic() + 60
while not any('mine' in each.names for each in namespace.checkpoints()):
    assert time.monotonic() < limit, 'nothing was checkpointed'
    time.sleep(0.01)
os.kill(rc[0].apply_sync(os.getpid), signal.SIGKILL)
assert heard.wait(60), 'nobody tells what became of it'
print(rc.ids, rc[:]['mine'])
";

#[test]
fn a_cluster_saves_itself_as_its_options_say() {
    let home = TestHome::new();
    let start = ["cluster", "start", "-n", "1", "--daemonize"];
    let options = ["--checkpoint-every", "1", "--restore-on-death"];
    home.run(start.into_iter().chain(options)).success();
    assert_eq!(home.run(["-c", REPLACED]).success(), "[1] [42]\n");
    home.run(["cluster", "stop"]).success();
    let sentence = home
        .run(start.into_iter().chain(["--restore-on-death"]))
        .failure(2);
    assert!(sentence.contains("--checkpoint-every"), "{sentence}");
    let twice = ["--checkpoint-every", "1m", "--checkpoint-every", "2m"];
    let sentence = home.run(start.into_iter().chain(twice)).failure(2);
    assert!(sentence.contains("one time at most"), "{sentence}");
    assert!(list(&home).is_empty());
}

#[test]
fn stopping_says_what_there_is_to_stop() {
    let home = TestHome::new();
    let sentence = home.run(["cluster", "stop"]).failure(1);
    assert_eq!(sentence, "no cluster is running");
    let sentence = home.run(["cluster", "stop", "weather"]).failure(1);
    assert!(
        sentence.contains("no cluster is running under the id \"weather\""),
        "{sentence}"
    );
    assert_eq!(
        home.run(["cluster", "stop", "--all"]).success(),
        "No cluster is running.\n"
    );
    let sentence = home.run(["cluster", "stop", "../x"]).failure(1);
    assert!(sentence.contains("can't name a cluster"), "{sentence}");
    home.run([
        "cluster",
        "start",
        "-n",
        "1",
        "--daemonize",
        "--cluster-id",
        "a",
    ])
    .success();
    home.run([
        "cluster",
        "start",
        "-n",
        "1",
        "--daemonize",
        "--cluster-id",
        "b",
    ])
    .success();
    let sentence = home.run(["cluster", "stop"]).failure(1);
    assert!(
        sentence.contains("several clusters are running (a, b)"),
        "{sentence}"
    );
    let said = home.run(["cluster", "stop", "--all"]).success();
    assert_eq!(said, "Stopped cluster 'a'.\nStopped cluster 'b'.\n");
    assert!(list(&home).is_empty());
}

/// Starts a cluster in the foreground and gives it once it says that it runs.
fn start_in_foreground(home: &TestHome) -> (Child, Vec<Process>) {
    let mut command = home.command(["cluster", "start", "-n", "2"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the executable can be started");
    let stdout = child.stdout.as_mut().expect("it was asked for");
    let mut said = String::new();
    while !said.contains("stop  ") {
        let mut byte = [0];
        let read = std::io::Read::read(stdout, &mut byte).expect("it can be read");
        assert_eq!(read, 1, "it ended after:\n{said}");
        said.push(char::from(byte[0]));
    }
    let processes = processes(home);
    (child, processes)
}

#[test]
fn ctrl_c_stops_a_cluster_in_the_foreground() {
    let home = TestHome::new();
    let (child, processes) = start_in_foreground(&home);
    Process::hold(child.id()).signal(libc::SIGINT);
    let finished = finish_started(child, STEP_TIMEOUT).expect("it stops");
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert!(
        finished.stdout.contains("Stopping cluster 'default'"),
        "{finished:?}"
    );
    assert_all_end(&processes);
    assert!(list(&home).is_empty());
}

#[test]
fn a_cluster_in_the_foreground_notices_that_it_was_stopped() {
    let home = TestHome::new();
    let (child, processes) = start_in_foreground(&home);
    home.run(["cluster", "stop"]).success();
    let finished = finish_started(child, STEP_TIMEOUT).expect("it ends");
    assert_eq!(finished.code(), 0, "{finished:?}");
    assert_all_end(&processes);
}

#[test]
fn nothing_outlives_a_killed_starter() {
    let home = TestHome::new();
    let (mut child, processes) = start_in_foreground(&home);
    Process::hold(child.id()).signal(libc::SIGKILL);
    child.wait().expect("it is our child");
    assert_all_end(&processes);
}

#[test]
fn nothing_outlives_a_killed_controller() {
    let home = TestHome::new();
    start_daemon(&home, "3");
    let processes = processes(&home);
    processes[0].signal(libc::SIGKILL);
    assert_all_end(&processes);
    let clusters = list(&home);
    assert_eq!(clusters[0]["state"], "stale");
    let problem = clusters[0]["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("is gone"), "{clusters:?}");
    home.run(["cluster", "stop"]).success();
    assert!(list(&home).is_empty());
}

#[test]
fn engines_work_on_when_their_host_is_killed() {
    let home = TestHome::new();
    start_daemon(&home, "3");
    let processes = processes(&home);
    processes[1].signal(libc::SIGKILL);
    assert_all_end(&processes[1..2]);
    let script = "import ipyparallel as ipp\nrc = ipp.Client()\n\
                  print(rc.ids, rc[:].apply_sync(lambda: 6 * 7))\n";
    assert_eq!(
        home.run(["-c", script]).success(),
        "[0, 1, 2] [42, 42, 42]\n"
    );
    home.run(["cluster", "stop"]).success();
    assert_all_end(&processes);
}

#[test]
fn a_killed_engine_takes_nobody_along() {
    let home = TestHome::new();
    start_daemon(&home, "3");
    let processes = processes(&home);
    processes[2].signal(libc::SIGKILL);
    assert_all_end(&processes[2..3]);
    let script = "import ipyparallel as ipp\nrc = ipp.Client()\n\
                  rc.wait_for_engines(2)\nprint(rc.ids, rc[:].apply_sync(lambda: 6 * 7))\n";
    assert_eq!(home.run(["-c", script]).success(), "[1, 2] [42, 42]\n");
    home.run(["cluster", "stop"]).success();
    assert_all_end(&processes);
}

#[test]
fn a_process_with_engines_of_its_own_takes_them_along() {
    let home = TestHome::new();
    let script = "import os, ipyparallel as ipp\n\
                  rc = ipp.Client()\nprint(rc.ids)\n\
                  print(rc[:].apply_sync(os.getpid))\n";
    let out = home.run(["-n", "2", "-c", script]).success();
    let (ids, pids) = out.split_once('\n').expect("two lines");
    assert_eq!(ids, "[0, 1]");
    for pid in pids.trim().trim_matches(['[', ']']).split(", ") {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(
            state.is_empty() || state.contains(") Z "),
            "engine {pid} lives: {state}"
        );
    }
    assert!(list(&home).is_empty());
    let failed = home.run(["-n", "2", "-c", "import sys; sys.exit(5)"]);
    assert_eq!(failed.code(), 5);
    assert!(list(&home).is_empty());
}

#[test]
fn engines_end_with_a_script_that_is_killed() {
    let home = TestHome::new();
    let script = "import ipyparallel as ipp, time\nrc = ipp.Client()\nprint(rc.ids, flush=True)\n\
                  rc[:].apply_async(time.sleep, 600)\ntime.sleep(600)\n";
    let mut command = home.command(["-n", "2", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the executable can be started");
    let mut first = [0; 6];
    let stdout = child.stdout.as_mut().expect("it was asked for");
    std::io::Read::read_exact(stdout, &mut first).expect("it prints its engines");
    assert_eq!(&first, b"[0, 1]");
    let processes = processes(&home);
    Process::hold(child.id()).signal(libc::SIGKILL);
    child.wait().expect("it is our child");
    assert_all_end(&processes);
}

#[test]
fn a_child_that_a_script_forked_does_not_keep_its_engines() {
    let home = TestHome::new();
    let script = "import os, time, warnings\nwarnings.simplefilter('ignore')\n\
                  child = os.fork()\nif child == 0: time.sleep(600)\n\
                  print(f'{child:>8}', flush=True)\ntime.sleep(600)\n";
    let mut command = home.command(["-n", "2", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut owner = command.spawn().expect("the executable can be started");
    let mut child = [0; 9];
    let stdout = owner.stdout.as_mut().expect("it was asked for");
    std::io::Read::read_exact(stdout, &mut child).expect("it prints its child");
    let child = String::from_utf8_lossy(&child);
    let child = Process::hold(child.trim().parse().expect("a process id"));
    let processes = processes(&home);
    Process::hold(owner.id()).signal(libc::SIGKILL);
    owner.wait().expect("it is our child");
    assert_all_end(&processes);
    assert!(
        !child.ends_within(Duration::ZERO),
        "it was not asked to end"
    );
    child.signal(libc::SIGKILL);
}

#[test]
fn engines_import_what_the_script_can_import() {
    let home = TestHome::new();
    home.write(
        "app/neighbour.py",
        "def name():\n    return 'beside the script'\n",
    );
    home.write("library/far.py", "def name():\n    return 'far away'\n");
    home.write(
        "app/main.py",
        "import os, ipyparallel as ipp\nview = ipp.Client()[:]\n\
         def names():\n    import far, neighbour, os\n    return far.name(), neighbour.name(), os.getcwd()\n\
         assert view.apply_sync(names) == [names()] * 2, view.apply_sync(names)\nprint('same')\n",
    );
    let mut command = home.command(["-n", "2", "app/main.py"]);
    command.env("PYTHONPATH", home.work().join("library"));
    assert_eq!(finish(command, "").success(), "same\n");
}

/// A cluster file with these fields changed, as nobody but rhumba should make it.
fn cluster_file(home: &TestHome, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut file = json!({
        "version": 1,
        "cluster_id": "made-up",
        "socket": home.work().join("nobody.socket"),
        "controller_pid": 1,
        "started_s": 0,
        "working_directory": home.work(),
        "log_directory": home.work(),
    });
    change(&mut file);
    let path = home.write("made-up.json", file.to_string());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("it is ours");
    path
}

#[track_caller]
fn engine_fails(home: &TestHome, file: &PathBuf) -> String {
    let mut command = home.command(["engine", "--cluster-file"]);
    command.arg(file);
    let finished = finish(command, "");
    let hint = finished
        .stderr
        .lines()
        .nth(1)
        .unwrap_or_default()
        .to_owned();
    assert!(
        hint.starts_with("hint: ") || hint.is_empty(),
        "{finished:?}"
    );
    finished.failure(1)
}

#[test]
fn a_cluster_file_that_can_not_be_used_is_named_with_the_reason() {
    let home = TestHome::new();
    let sentence = engine_fails(&home, &home.work().join("none.json"));
    assert!(sentence.ends_with("none.json does not exist"), "{sentence}");

    let file = cluster_file(&home, |_| {});
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("it is ours");
    let sentence = engine_fails(&home, &file);
    assert!(sentence.contains("can be read by others"), "{sentence}");

    let file = cluster_file(&home, |file| file["version"] = json!(99));
    let sentence = engine_fails(&home, &file);
    assert!(
        sentence.contains("is of version 99, this rhumba reads version 1"),
        "{sentence}"
    );

    let file = cluster_file(&home, |file| file["version"] = json!("one"));
    let sentence = engine_fails(&home, &file);
    assert!(
        sentence.contains("is not one that rhumba wrote"),
        "{sentence}"
    );

    let file = cluster_file(&home, |_| {});
    let sentence = engine_fails(&home, &file);
    assert!(sentence.contains("made-up"), "{sentence}");
}

#[test]
fn a_client_without_a_cluster_is_told_how_to_start_one() {
    let home = TestHome::new();
    let failed = home.run(["-c", "import ipyparallel as ipp; ipp.Client(timeout=0.1)"]);
    assert_eq!(failed.code(), 1);
    assert!(failed.stderr.contains("rhumba cluster start"), "{failed:?}");
}

#[test]
fn a_controller_and_engines_can_be_started_by_hand() {
    let home = TestHome::new();
    let file = home.work().join("by-hand.json");
    let mut command = home.command(["controller", "--cluster-file"]);
    command.arg(&file).stdin(Stdio::null());
    let mut controller = command.spawn().expect("the executable can be started");
    wait_for_file(&file);
    let mut command = home.command(["engine", "--cluster-file"]);
    command.arg(&file).stdin(Stdio::null());
    let mut engine = command.spawn().expect("the executable can be started");
    let script = format!(
        "import ipyparallel as ipp, os\nrc = ipp.Client({:?})\nrc.wait_for_engines(1, timeout=60)\n\
         print(rc[0].apply_sync(os.getpid))\n",
        file.display().to_string()
    );
    let out = home.run(["-c", &script]).success();
    assert_eq!(out.trim(), engine.id().to_string());
    let processes = [Process::hold(controller.id()), Process::hold(engine.id())];
    processes[0].signal(libc::SIGTERM);
    assert_all_end(&processes);
    controller.wait().expect("it is our child");
    engine.wait().expect("it is our child");
}

#[test]
fn whoever_waits_is_told_at_once_that_the_controller_died() {
    let home = TestHome::new();
    let script = "import ipyparallel as ipp, pathlib, time\nrc = ipp.Client()\n\
                  def work():\n    pathlib.Path('busy').touch()\n    time.sleep(600)\n\
                  rc[0].apply_sync(work)\n";
    home.write(
        "waits.py",
        script.replace("def work():\n", "def work():\n    import pathlib, time\n"),
    );
    let mut command = home.command(["-n", "1", "waits.py"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("the executable can be started");
    wait_for_file(&home.work().join("busy"));
    let processes = processes(&home);
    processes[0].signal(libc::SIGKILL);
    let finished = finish_started(child, STEP_TIMEOUT).expect("it is told");
    assert_eq!(finished.code(), 1, "{finished:?}");
    let last = finished.stderr.lines().last().unwrap_or_default();
    assert!(last.contains("controller"), "{finished:?}");
    assert_all_end(&processes);
}

#[test]
fn a_home_that_can_not_be_made_is_named() {
    let home = TestHome::new();
    for arguments in [
        &["cluster", "start", "-n", "1"][..],
        &["-n", "1", "-c", "pass"][..],
    ] {
        let mut command = home.command(arguments);
        command.env("RHUMBA_HOME", "/dev/null/rhumba");
        let sentence = finish(command, "").failure(1);
        assert!(sentence.contains("/dev/null/rhumba"), "{sentence}");
    }
}

/// Stops its cluster's controller, and presses Ctrl-C in what then waits for it.
const WAITS_FOR_NOBODY: &str = "
import os, signal, sys, threading, time
import ipyparallel as ipp

rc = ipp.Client()
rc.wait_for_engines(1)
view = rc[0]
controller = int(sys.argv[1])


def is_interrupted(call):
    begun = time.monotonic()
    try:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        call()
    except KeyboardInterrupt:
        return time.monotonic() - begun < 8
    return False


def send_for_ever():
    while True:
        view.apply_async(len, 'x' * 10_000)


os.kill(controller, signal.SIGSTOP)
try:
    print('ask', is_interrupted(rc.queue_status))
    print('connect', is_interrupted(lambda: ipp.Client(timeout=60)))
    print('send', is_interrupted(send_for_ever))
    print('ask the store', is_interrupted(lambda: rc.db_query({})))
finally:
    os.kill(controller, signal.SIGCONT)
print(view.apply_sync(lambda: 5))
";

#[test]
fn ctrl_c_ends_waiting_for_a_controller_that_says_nothing() {
    let home = TestHome::new();
    start_daemon(&home, "1");
    let controller = pid_of(&list(&home)[0]["controller"]).to_string();
    let script = home.write("waits.py", WAITS_FOR_NOBODY);
    let script = script.to_str().expect("it has a name of letters");
    let said = home.run([script, controller.as_str()]).success();
    assert_eq!(
        said,
        "ask True\nconnect True\nsend True\nask the store True\n5\n"
    );
}

/// What an engine can't do, and what comes of it.
const CANNOT: &str = "
import ipyparallel as ipp

rc = ipp.Client()
rc.wait_for_engines(1)
view = rc[0]


def told(call):
    try:
        call()
    except Exception as error:
        return str(error).split('\\n')[0]


def fork():
    import os

    child = os.fork()
    if child == 0:
        print('from', 'the', 'child', flush=True)
        os._exit(0)
    return os.waitpid(child, 0)[1]


told(lambda: view.execute('exit()', block=True))
print(told(lambda: view.apply_sync(lambda: input())))
view.execute('import threading; lock = threading.Lock()', block=True)
print(told(lambda: view['lock']))
print([view.apply_sync(fork) for _ in range(3)])
rc.shutdown(targets=0, block=True)
print(told(rc.load_balanced_view().apply_async(len, '').get))
";

#[test]
fn an_engine_says_what_it_cannot_do() {
    let home = TestHome::new();
    let said = home.run(["-n", "1", "-c", CANNOT]).success();
    let lines: Vec<&str> = said.lines().collect();
    let [input, pulled, forked, no_engines] = lines[..] else {
        panic!("{said}")
    };
    assert!(input.contains("nobody types on engine 0"), "{said}");
    assert!(pulled.contains("namespace['lock']: a lock"), "{said}");
    assert_eq!(forked, "[0, 0, 0]");
    assert!(no_engines.contains("start_engines_sync"), "{said}");
}

/// What engines write past Python, in the order in which it is written.
const PAST_PYTHON: &str = r#"
import ipyparallel as ipp

rc = ipp.Client()
rc.wait_for_engines(2)


def writes():
    import os, subprocess

    print('first')
    os.system('echo a command; echo trouble >&2')
    print('then')
    os.write(1, 'rå\n'.encode()[:2])
    os.write(1, 'rå\n'.encode()[2:])
    child = os.fork()
    if child == 0:
        print('a child')
        os._exit(0)
    os.waitpid(child, 0)
    subprocess.run(['seq', '100000'])
    print('last')


def leaves():
    import os, sys

    if os.fork() == 0:
        sys.exit(3)
    return os.waitstatus_to_exitcode(os.wait()[1])


def closes():
    import os

    os.close(1)
    os.close(2)
    print('still told')


written = rc[0].apply(writes)
written.get()
lines = written.stdout.splitlines()
print(lines[:5], lines[-2:], len(lines), written.stderr.splitlines()[0])
half = rc[1].execute("import os; os.write(1, b'a\\xc3')", block=True)
print(half.stdout, rc[1].execute("os.write(1, b'\\xa9b'); 5", silent=False, block=True).stdout, rc[1].apply_sync(leaves))
later = rc[0].apply(closes)
later.get()
print(later.stdout, rc[0].apply_sync(abs, -1))


def aborts():
    import os

    os.write(2, b'why it aborts')
    os.abort()


with ipp.Cluster(n=1) as other:
    aborted = other[0].apply(aborts)
    print(type(aborted.exception(10)).__name__, aborted.stderr)
    print('why it aborts' in other.cluster.get_output('engines'))
"#;

#[test]
fn what_engines_write_past_python_is_their_output() {
    let home = TestHome::new();
    let said = home.run(["-n", "2", "-c", PAST_PYTHON]).success();
    assert_eq!(
        said,
        "['first', 'a command', 'then', 'rå', 'a child'] ['100000', 'last'] 100006 trouble\n\
         a\u{fffd} \u{fffd}b 3\n\
         still told\n 1\nEngineError why it aborts\nTrue\n"
    );
}
