//! Whose a cluster is: what belongs to one process, to somebody else, or to nobody any more, and
//! what is left alone when clusters are started, stopped and listed.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::clusters::{assert_all_end, list, pid_of, processes, start_daemon};
use super::support::{Process, STEP_TIMEOUT, TestHome, finish, finish_started, wait_for_file};

/// A process that was started, with a reader of what it prints.
fn start(home: &TestHome, arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut command = home.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the executable can be started");
    let stdout = child.stdout.take().expect("it was asked for");
    (child, BufReader::new(stdout))
}

fn line(reader: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("it can be read");
    line
}

#[test]
fn what_belongs_to_one_process_is_stopped_by_its_id_only() {
    let home = TestHome::new();
    let script = "import ipyparallel as ipp\nrc = ipp.Client()\nprint(rc.ids, flush=True)\n\
                  input()\nprint(rc[0].apply_sync(abs, -7), flush=True)\ninput()\n";
    let (mut owner, mut said) = start(&home, &["-n", "1", "-c", script]);
    assert_eq!(line(&mut said), "[0]\n");

    let table = home.run(["cluster", "list"]).success();
    let of = format!("1 (of process {} alone)", owner.id());
    assert!(table.contains(&of), "{table}");
    let clusters = list(&home);
    assert_eq!(pid_of(&clusters[0]["owner"]), owner.id());
    let id = clusters[0]["id"].as_str().expect("a text").to_owned();

    let sentence = home.run(["cluster", "stop"]).failure(1);
    assert_eq!(
        sentence,
        format!("no cluster is running but those that belong to one process ({id})")
    );
    assert_eq!(
        home.run(["cluster", "stop", "--all"]).success(),
        "No cluster is running.\n"
    );
    let foreign = home.run(["-c", "import ipyparallel as ipp; ipp.Client()"]);
    assert_eq!(foreign.code(), 1);
    assert!(foreign.stderr.contains("FileNotFoundError"), "{foreign:?}");
    // The one that isn't private is the only one to choose.
    home.run([
        "cluster",
        "start",
        "-n",
        "0",
        "--daemonize",
        "--cluster-id",
        "north",
    ])
    .success();
    assert_eq!(
        home.run(["cluster", "stop"]).success(),
        "Stopped cluster 'north'.\n"
    );

    let stdin = owner.stdin.as_mut().expect("it was asked for");
    stdin.write_all(b"\n").expect("it reads");
    assert_eq!(line(&mut said), "7\n");
    let processes = processes(&home);
    assert_eq!(
        home.run(["cluster", "stop", &id]).success(),
        format!("Stopped cluster '{id}'.\n")
    );
    assert_all_end(&processes);
    drop(owner.stdin.take());
    owner.wait().expect("it is our child");
}

#[test]
fn code_on_a_private_engine_finds_its_own_cluster() {
    let home = TestHome::new();
    let script = "import ipyparallel as ipp\nrc = ipp.Client()\n\
                  def ids():\n    import ipyparallel as ipp\n    return ipp.Client().ids\n\
                  print(rc[0].apply_sync(ids))\n";
    assert_eq!(home.run(["-n", "1", "-c", script]).success(), "[0]\n");
}

#[test]
fn a_child_that_a_script_forked_leaves_its_engines_when_it_ends() {
    let home = TestHome::new();
    let script = "import os, sys, warnings, ipyparallel as ipp\nwarnings.simplefilter('ignore')\n\
                  rc = ipp.Client()\nprint(rc[:].apply_sync(abs, -1), flush=True)\n\
                  child = os.fork()\nif child == 0: sys.exit(0)\n\
                  print(os.waitpid(child, 0)[1], flush=True)\n\
                  print(rc[:].apply_sync(abs, -2), ipp.Client().ids)\n";
    assert_eq!(
        home.run(["-n", "2", "-c", script]).success(),
        "[1, 1]\n0\n[2, 2] [0, 1]\n"
    );
    assert!(list(&home).is_empty());
}

const HOLDER_WITH_A_CHILD: &str = r"
import os, signal, sys, time, warnings
import ipyparallel as ipp

warnings.simplefilter('ignore')
rc = ipp.Client(sys.argv[1])
rc[:].exclusive().__enter__()
child = os.fork()
if child == 0:
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    time.sleep(600)
    os._exit(0)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
";

const AFTER_THE_HOLDER: &str = r"
import os, signal, subprocess, sys
import ipyparallel as ipp

rc = ipp.Client()
rc.wait_for_engines(2)
before = rc.clients()
arguments = [sys.executable, 'holder.py', str(rc._connection.cluster_file)]
holder = subprocess.run(arguments, stdout=subprocess.PIPE, text=True)
print(holder.returncode == -signal.SIGKILL)
result = rc[:].apply_async(abs, -1)
print(result.wait(60) and result.get(), rc.clients() == before)
os.kill(int(holder.stdout), signal.SIGKILL)
";

#[test]
fn a_client_is_gone_with_its_process_though_a_child_of_it_lives() {
    let home = TestHome::new();
    home.write("holder.py", HOLDER_WITH_A_CHILD);
    assert_eq!(
        home.run(["-n", "2", "-c", AFTER_THE_HOLDER]).success(),
        "True\n[1, 1] True\n"
    );
}

#[test]
fn a_controller_started_by_hand_leaves_what_is_there() {
    let home = TestHome::new();
    let notes = home.write("notes.txt", "mine");
    home.write("log/other.log", "");
    std::fs::set_permissions(home.work(), Permissions::from_mode(0o755)).expect("it is ours");
    let sentence = home
        .run(["controller", "--cluster-file", "notes.txt"])
        .failure(1);
    assert!(sentence.contains("is there already"), "{sentence}");
    assert_eq!(
        std::fs::read_to_string(&notes).expect("it is there"),
        "mine"
    );

    let (mut controller, _) = start(&home, &["controller", "--cluster-file", "c.json"]);
    wait_for_file(&home.work().join("c.json"));
    // Answered when it watches for signals.
    let ids = "import ipyparallel as ipp; print(ipp.Client('c.json').ids)";
    assert_eq!(home.run(["-c", ids]).success(), "[]\n");
    Process::hold(controller.id()).signal(libc::SIGTERM);
    controller.wait().expect("it is our child");
    assert!(!home.work().join("c.json").exists());
    assert!(home.work().join("log/other.log").exists());
    let mode = std::fs::metadata(home.work()).expect("it is there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_home_that_is_there_is_not_closed() {
    let home = TestHome::new();
    std::fs::set_permissions(home.home(), Permissions::from_mode(0o755)).expect("it is ours");
    start_daemon(&home, "0");
    let mode = |name: &str| {
        let metadata = std::fs::metadata(home.home().join(name)).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("."), 0o755);
    assert_eq!(mode("clusters"), 0o700);
    assert_eq!(mode("clusters/default"), 0o700);
    home.run(["cluster", "stop"]).success();
    let file = home.write("a-file", "");
    let mut command = home.command(["cluster", "list"]);
    command.env("RHUMBA_HOME", &file);
    let finished = finish(command, "");
    assert!(finished.stderr.contains("set RHUMBA_HOME"), "{finished:?}");
    let sentence = finished.failure(1);
    assert!(sentence.contains("a-file"), "{sentence}");
}

#[test]
fn a_cluster_whose_socket_is_gone_is_no_dead_one() {
    let home = TestHome::new();
    start_daemon(&home, "1");
    let processes = processes(&home);
    let file = home.home().join("clusters/default/cluster.json");
    let text = std::fs::read_to_string(&file).expect("it is there");
    let told: Value = serde_json::from_str(&text).expect("it is JSON");
    let socket = told["socket"].as_str().expect("a path");
    std::fs::remove_file(socket).expect("it is there");
    assert_eq!(list(&home)[0]["state"], "unresponsive");
    let sentence = home
        .run(["cluster", "start", "-n", "1", "--daemonize"])
        .failure(1);
    assert!(sentence.contains("is running already"), "{sentence}");
    home.run(["cluster", "stop"]).success();
    assert_all_end(&processes);
    assert!(list(&home).is_empty());
}

#[test]
fn of_two_starts_at_once_one_is_refused() {
    let home = TestHome::new();
    let starts: Vec<Child> = (0..3)
        .map(|_| {
            let mut command = home.command(["cluster", "start", "-n", "0", "--daemonize"]);
            command.stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("the executable can be started")
        })
        .collect();
    let finished: Vec<_> = starts
        .into_iter()
        .map(|child| finish_started(child, STEP_TIMEOUT).expect("it ends"))
        .collect();
    let well = finished.iter().filter(|each| each.code() == 0).count();
    assert_eq!(well, 1, "{finished:?}");
    let refused = |text: &str| text.contains("is running already");
    let told = finished.iter().filter(|each| refused(&each.stderr)).count();
    assert_eq!(told, 2, "{finished:?}");
    home.run(["cluster", "stop"]).success();
    assert!(list(&home).is_empty());
}

#[test]
fn ctrl_c_ends_a_start_that_waits_for_engines() {
    let home = TestHome::new();
    home.write(
        "slow/sitecustomize.py",
        "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)\n",
    );
    let mut command = home.command(["cluster", "start", "-n", "1"]);
    command.env("PYTHONPATH", home.work().join("slow"));
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the executable can be started");
    wait_for_file(&home.work().join("begun"));
    Process::hold(child.id()).signal(libc::SIGINT);
    let finished = finish_started(child, STEP_TIMEOUT).expect("it stops");
    assert_eq!(finished.code(), 130, "{finished:?}");
    assert!(list(&home).is_empty());
}

#[test]
fn a_cluster_that_can_not_start_says_what_its_host_said() {
    let home = TestHome::new();
    let empty = home.work().join("empty");
    std::fs::create_dir(&empty).expect("it is ours");
    let backgrounds: [&[&str]; 2] = [&[], &["--daemonize"]];
    for background in backgrounds {
        let mut command = home.command(["cluster", "start", "-n", "1"]);
        command.args(background).env("RHUMBA_PYTHON", &empty);
        let finished = finish(command, "");
        assert!(
            finished.stderr.contains("engines.log ends with: rhumba: "),
            "{finished:?}"
        );
        finished.failure(1);
        assert!(list(&home).is_empty());
    }
    let script = "import ipyparallel as ipp\ncluster = ipp.Cluster(n=1, work_dir='/no/such')\n\
                  try: cluster.start_cluster_sync()\n\
                  except FileNotFoundError as error: print('/no/such' in str(error))\n";
    assert_eq!(home.run(["-c", script]).success(), "True\n");
}

#[test]
fn ctrl_c_ends_engines_and_hosts_that_were_started_by_hand() {
    let home = TestHome::new();
    let (mut controller, _) = start(&home, &["controller", "--cluster-file", "c.json"]);
    wait_for_file(&home.work().join("c.json"));

    let (mut engine, mut said) = start(&home, &["engine", "--cluster-file", "c.json"]);
    let up = line(&mut said);
    assert!(up.starts_with("engine 0 of cluster 'work' (pid "), "{up}");
    // A client's interrupt is for what runs there, and nothing does.
    let script = "import ipyparallel as ipp\nrc = ipp.Client('c.json')\n\
                  rc.send_signal('SIGINT', block=True)\nprint(rc[0].apply_sync(abs, -1))\n";
    assert_eq!(home.run(["-c", script]).success(), "1\n");
    Process::hold(engine.id()).signal(libc::SIGINT);
    assert!(engine.wait().expect("it is our child").success());

    let (mut host, mut said) = start(&home, &["host", "-n", "2", "--cluster-file", "c.json"]);
    let up = line(&mut said);
    assert!(
        up.starts_with("host of 2 engines of cluster 'work'"),
        "{up}"
    );
    let script = "import os, ipyparallel as ipp\nrc = ipp.Client('c.json')\n\
                  rc.wait_for_engines(2, timeout=60)\nprint(*rc[:].apply_sync(os.getpid))\n";
    let pids = home.run(["-c", script]).success();
    let engines: Vec<Process> = pids
        .split_whitespace()
        .map(|pid| Process::hold(pid.parse().expect("a pid")))
        .collect();
    assert_eq!(engines.len(), 2, "{pids}");
    Process::hold(host.id()).signal(libc::SIGINT);
    assert!(host.wait().expect("it is our child").success());
    assert_all_end(&engines);

    Process::hold(controller.id()).signal(libc::SIGTERM);
    controller.wait().expect("it is our child");
}

#[test]
fn what_private_clusters_have_left_is_removed() {
    let home = TestHome::new();
    // No process has so large a number.
    let folder = |name: &str| home.home().join("clusters").join(name);
    let log = |name: &str| {
        let path = folder(name).join("log/engines.log");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is ours");
        std::fs::write(&path, "said").expect("it is ours");
        path
    };
    let days = Duration::from_secs(2 * 24 * 60 * 60);
    for name in ["4194304-00000001", "north"] {
        let file = std::fs::File::options().append(true).open(log(name));
        let set = file.and_then(|file| file.set_modified(SystemTime::now() - days));
        set.expect("it is ours");
    }
    log("4194304-00000002");
    std::fs::create_dir(folder("4194304-00000003")).expect("it is ours");
    assert!(list(&home).is_empty());
    assert!(!folder("4194304-00000001").exists());
    assert!(folder("4194304-00000002").exists(), "it may be read yet");
    assert!(!folder("4194304-00000003").exists());
    assert!(folder("north").exists(), "somebody named it");
}

#[test]
fn a_host_ends_its_engines_however_it_loses_the_controller() {
    let home = TestHome::new();
    let (mut controller, _) = start(&home, &["controller", "--cluster-file", "c.json"]);
    wait_for_file(&home.work().join("c.json"));
    let (mut host, mut said) = start(&home, &["host", "-n", "2", "--cluster-file", "c.json"]);
    line(&mut said);
    let script = "import os, ipyparallel as ipp\nrc = ipp.Client('c.json')\n\
                  rc.wait_for_engines(2, timeout=60)\nprint(*rc[:].apply_sync(os.getpid))\n";
    let pids = home.run(["-c", script]).success();
    let mut pids = pids
        .split_whitespace()
        .map(|pid| pid.parse().expect("a pid"));
    let mut engine = || Process::hold(pids.next().expect("there are two"));
    let (killed, stuck) = (engine(), engine());

    // The first that the host meets when it goes on is an end that it can tell nobody.
    let watcher = Process::hold(host.id());
    watcher.signal(libc::SIGSTOP);
    stuck.signal(libc::SIGSTOP);
    killed.signal(libc::SIGKILL);
    assert!(killed.ends_within(STEP_TIMEOUT));
    controller.kill().expect("it is our child");
    controller.wait().expect("it is our child");
    watcher.signal(libc::SIGCONT);
    assert!(!host.wait().expect("it is our child").success());
    assert!(stuck.ends_within(STEP_TIMEOUT));
}
