//! The command line: what runs, with which arguments, and what is said when it can't.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Instant;

use super::support::{Process, STEP_TIMEOUT, TestHome, finish, finish_started};

#[test]
fn help_and_version_go_to_stdout() {
    let home = TestHome::new();
    let help = home.run(["--help"]).success();
    for word in [
        "-n",
        "-c CODE",
        "-m MODULE",
        "SCRIPT",
        "cluster",
        "./cluster",
    ] {
        assert!(help.contains(word), "{word:?} is missing from:\n{help}");
    }
    let version = home.run(["--version"]).success();
    assert!(version.starts_with("rhumba 0."), "{version}");
    let help = home.run(["cluster", "start", "--help"]).success();
    assert!(help.contains("--daemonize"), "{help}");
}

#[test]
fn a_wrong_option_is_named() {
    let home = TestHome::new();
    let sentence = home.run(["--nodes", "4"]).failure(2);
    assert_eq!(sentence, "unexpected argument '--nodes' found");
    let sentence = home.run(["-n", "many", "a.py"]).failure(2);
    assert!(
        sentence.starts_with("invalid value 'many' for '--engines <N>'"),
        "{sentence}"
    );
    let sentence = home.run(["-n", "0"]).failure(2);
    assert!(sentence.contains("0 is not in 1..="), "{sentence}");
    let failed = home.run(["cluster", "start", "-n", "x"]);
    assert!(
        failed
            .stderr
            .contains("hint: `rhumba cluster start --help`"),
        "{failed:?}"
    );
    let sentence = failed.failure(2);
    assert!(
        sentence.contains("it is a whole number in 0..="),
        "{sentence}"
    );
    let sentence = home.run(["cluster", "start", "--hwm", "-3"]).failure(2);
    assert!(sentence.contains("-3 is not in 0..="), "{sentence}");
    let sentence = home.run(["-c"]).failure(2);
    assert!(
        sentence.contains("a value is required for '-c <CODE>...'"),
        "{sentence}"
    );
    let sentence = home.run(["-n", "2", "cluster", "list"]).failure(2);
    assert!(
        sentence.contains("can't stand before a command"),
        "{sentence}"
    );
    let sentence = home.run(["cluster", "begin"]).failure(2);
    assert!(
        sentence.contains("unrecognized subcommand 'begin'"),
        "{sentence}"
    );
}

#[test]
fn a_script_that_is_not_there_starts_nothing() {
    let home = TestHome::new();
    let sentence = home.run(["-n", "2", "missing.py"]).failure(2);
    assert_eq!(
        sentence,
        "can't open the script 'missing.py': there is no such file"
    );
    assert!(!home.home().join("clusters").exists());
    std::fs::create_dir(home.work().join("empty")).expect("the folder is ours");
    let sentence = home.run(["empty"]).failure(1);
    assert_eq!(sentence, "can't find '__main__' module in 'empty'");
}

#[test]
fn a_script_gets_its_arguments_and_its_folder() {
    let home = TestHome::new();
    home.write("app/neighbour.py", "NAME = 'found beside the script'\n");
    home.write(
        "app/main.py",
        "import sys, neighbour\nprint(sys.argv)\nprint(neighbour.NAME)\nprint(__name__, __file__)\n",
    );
    let out = home
        .run([
            "app/main.py",
            "-n",
            "4",
            "--help",
            "cluster",
            "-c",
            "--",
            "é",
        ])
        .success();
    let file = home.work().join("app/main.py");
    assert_eq!(
        out,
        format!(
            "['app/main.py', '-n', '4', '--help', 'cluster', '-c', '--', 'é']\n\
             found beside the script\n__main__ {}\n",
            file.display()
        )
    );
}

#[test]
fn code_and_modules_get_their_arguments() {
    let home = TestHome::new();
    let code = "import sys; print(sys.argv, __name__)";
    let out = home.run(["-c", code, "-n", "x", "--version"]).success();
    assert_eq!(out, "['-c', '-n', 'x', '--version'] __main__\n");
    home.write(
        "tool.py",
        "import sys\nprint(sys.argv[1:], __name__, __file__)\n",
    );
    let out = home.run(["-m", "tool", "-m", "y"]).success();
    let file = home.work().join("tool.py");
    assert_eq!(out, format!("['-m', 'y'] __main__ {}\n", file.display()));
    let out = home
        .run_with_input(["-m", "json.tool", "--compact"], "[1,  2]")
        .success();
    assert_eq!(out, "[1,2]\n");
}

#[test]
fn a_program_on_stdin_is_run() {
    let home = TestHome::new();
    let program = "import sys\nprint(sys.argv, __name__)\ndef f():\n    return 1\nprint(f())\n";
    let nothing: [&str; 0] = [];
    let out = home.run_with_input(nothing, program).success();
    assert_eq!(out, "[''] __main__\n1\n");
    let out = home.run_with_input(["-", "a", "-n"], program).success();
    assert_eq!(out, "['-', 'a', '-n'] __main__\n1\n");
    let failed = home.run_with_input(["-"], "x = 1\n\nx / 0\n");
    assert_eq!(failed.code(), 1);
    assert!(
        failed
            .stderr
            .contains("File \"<stdin>\", line 3, in <module>"),
        "{failed:?}"
    );
    assert!(
        failed
            .stderr
            .ends_with("ZeroDivisionError: division by zero\n"),
        "{failed:?}"
    );
}

#[test]
fn stdin_that_is_not_text_is_named() {
    let home = TestHome::new();
    home.write("latin.py", b"print('\xe9')\n");
    let mut command = home.command(["-"]);
    let file = std::fs::File::open(home.work().join("latin.py")).expect("just written");
    command.stdin(file);
    let output = command.output().expect("it can be started");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("rhumba: the program on standard input isn't UTF-8 text: byte 7"),
        "{stderr}"
    );
}

#[test]
fn the_exit_status_is_the_scripts_own() {
    let home = TestHome::new();
    for (code, status) in [
        ("import sys; sys.exit(7)", 7),
        ("raise SystemExit", 0),
        ("import sys; sys.exit('a reason')", 1),
        ("1 / 0", 1),
        ("import os; os._exit(9)", 9),
        ("raise KeyboardInterrupt", 130),
        ("def f(:", 1),
        ("pass", 0),
    ] {
        assert_eq!(home.run(["-c", code]).code(), status, "{code}");
    }
    let finished = home.run(["-c", "import sys; sys.exit('a reason')"]);
    assert_eq!(finished.stderr, "a reason\n");
}

#[test]
fn what_runs_at_the_end_runs() {
    let home = TestHome::new();
    let code = "import atexit, threading, time\n\
                atexit.register(print, 'at exit')\n\
                main_is_done = threading.Event()\n\
                def work():\n    main_is_done.wait()\n    time.sleep(0.05)\n    print('thread')\n\
                threading.Thread(target=work).start()\n\
                print('main')\nmain_is_done.set()\n";
    assert_eq!(home.run(["-c", code]).success(), "main\nthread\nat exit\n");
}

#[test]
fn modules_are_found_through_pythonpath() {
    let home = TestHome::new();
    home.write("library/far.py", "NAME = 'far away'\n");
    let mut command = home.command(["-c", "import far; print(far.NAME)"]);
    command.env("PYTHONPATH", home.work().join("library"));
    assert_eq!(finish(command, "").success(), "far away\n");
    let missing = home.run(["-c", "import far"]);
    assert_eq!(missing.code(), 1);
    assert!(
        missing.stderr.contains("No module named 'far'"),
        "{missing:?}"
    );
}

#[test]
fn the_executable_runs_itself_as_python() {
    let home = TestHome::new();
    let code = "import subprocess, sys\n\
                print(subprocess.check_output([sys.executable, '-c', 'print(6 * 7)'], text=True))\n";
    assert_eq!(home.run(["-c", code]).success(), "42\n\n");
}

#[test]
fn pythons_own_options_are_taken() {
    let home = TestHome::new();
    let code = "import subprocess, sys\n\
                command = [sys.executable, '-u', '-B', '-c', 'print(1)']\n\
                subprocess.run(command, check=True)\n";
    assert_eq!(home.run(["-c", code]).success(), "1\n");
    home.write(
        "flags.py",
        "import sys\n\
         print(sys.flags.dont_write_bytecode, sys.flags.optimize, sys.flags.isolated,\n      \
             sys.flags.no_site, sys.warnoptions, sys._xoptions, sys.argv[1:])\n",
    );
    let out = home.run(["-B", "-OI", "-S", "-W", "ignore", "-Xa=1", "flags.py", "-u"]);
    assert_eq!(out.success(), "1 1 1 1 ['ignore'] {'a': '1'} ['-u']\n");
    let mut command = home.command(["-E", "-c", "import far"]);
    home.write("library/far.py", "");
    command.env("PYTHONPATH", home.work().join("library"));
    assert!(finish(command, "").stderr.contains("No module named 'far'"));
    let sentence = home.run(["-u", "cluster", "list"]).failure(2);
    assert!(
        sentence.contains("can't stand before a command"),
        "{sentence}"
    );
}

#[test]
fn processes_are_made_as_their_parent_was() {
    let home = TestHome::new();
    let program = home.write(
        "parent.py",
        "import multiprocessing, sys\n\
         def work(queue):\n    queue.put(sys.flags.dont_write_bytecode)\n\
         if __name__ == '__main__':\n    \
             context = multiprocessing.get_context('spawn')\n    \
             queue = context.SimpleQueue()\n    \
             child = context.Process(target=work, args=(queue,))\n    \
             child.start()\n    child.join()\n    print(child.exitcode, queue.empty() or queue.get())\n",
    );
    let mut command = home.command([program]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    assert_eq!(finish(command, "").success(), "0 1\n");
}

#[test]
fn files_of_cells_are_programs() {
    let home = TestHome::new();
    home.write("nearby.py", "answer = 42\n");
    home.write(
        "steps.ipy",
        "import sys\nfrom nearby import answer\nfound = !echo found\n\
         print(sys.argv, __name__, found[0], answer)\n%time print('timed')\n",
    );
    let out = home.run(["steps.ipy", "a", "-n"]).success();
    assert!(
        out.starts_with("['steps.ipy', 'a', '-n'] __main__ found 42\ntimed\n"),
        "{out}"
    );
    let cell = |source: &str| format!("{{\"cell_type\": \"code\", \"source\": [\"{source}\"]}}");
    let book = |cells: &[&str]| {
        let cells: Vec<String> = cells.iter().map(|source| cell(source)).collect();
        format!("{{\"nbformat\": 4, \"cells\": [{}]}}", cells.join(", "))
    };
    home.write("fine.ipynb", book(&["x = 6", "%who", "x * 7"]));
    assert_eq!(home.run(["fine.ipynb"]).success(), "x\n42\n");
    home.write("fails.ipynb", book(&["print(1)", "1 / 0", "print(2)"]));
    let failed = home.run(["fails.ipynb"]);
    assert_eq!((failed.code(), failed.stdout.as_str()), (1, "1\n"));
    assert!(
        failed
            .stderr
            .ends_with("ZeroDivisionError: division by zero\n"),
        "{failed:?}"
    );
    home.write("ends.ipynb", book(&["import sys", "sys.exit(7)"]));
    assert_eq!(home.run(["ends.ipynb"]).code(), 7);
    home.write("empty.ipynb", "");
    let sentence = home.run(["empty.ipynb"]).failure(1);
    assert!(sentence.contains("isn't a notebook"), "{sentence}");
    let out = home.run_with_input(["-i", "fine.ipynb"], "x\n").success();
    assert!(out.contains("Out[1]: 6"), "{out}");
}

#[test]
fn a_failure_is_shown_before_callbacks_hear_of_the_end() {
    let home = TestHome::new();
    let begin = "import sys\nget_ipython().events.register('post_run_cell', \
                 lambda result: print('ended', result.success, file=sys.stderr))\n";
    let cells = format!("{begin}1 / 0\nx = = 1\n%psource\nsys.exit(3)\n");
    let told = home.run_with_input(["-i"], &cells).stderr;
    let ends: Vec<&str> = told.split("ended False\n").collect();
    let kinds = [
        "ZeroDivisionError: ",
        "SyntaxError: ",
        "UsageError: ",
        "SystemExit: 3",
    ];
    assert_eq!(ends.len(), kinds.len() + 1, "{told}");
    for (shown, kind) in ends.iter().zip(kinds) {
        assert!(shown.contains(kind), "{told}");
    }
    home.write("fails.ipy", format!("{begin}1 / 0\n"));
    let failed = home.run(["fails.ipy"]);
    assert_eq!(failed.code(), 1);
    let end = "ZeroDivisionError: division by zero\nended False\n";
    assert!(failed.stderr.ends_with(end), "{failed:?}");
}

#[test]
fn an_argument_that_is_not_text_is_named() {
    let home = TestHome::new();
    let odd = OsStr::from_bytes(b"caf\xe9.py");
    home.write("fine.py", "print('fine')");
    for words in [vec![odd], vec![OsStr::new("fine.py"), odd]] {
        let sentence = home.run(words).failure(2);
        assert_eq!(sentence, "the argument 'caf\u{fffd}.py' isn't UTF-8 text");
    }
}

#[test]
fn an_interrupt_while_python_starts_ends_the_process() {
    let home = TestHome::new();
    let mut command = home.command(["-c", "import time\nfor _ in range(600): time.sleep(1)"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("the executable can be started");
    let process = Process::hold(child.id());
    let status = format!("/proc/{}/status", process.pid);
    let deadline = Instant::now() + STEP_TIMEOUT;
    // The runtime's own handler is there long before Python is.
    while !catches_interrupts(&std::fs::read_to_string(&status).expect("it lives")) {
        assert!(Instant::now() < deadline, "no handler is installed");
        std::thread::yield_now();
    }
    process.signal(libc::SIGINT);
    let Some(finished) = finish_started(child, STEP_TIMEOUT) else {
        process.signal(libc::SIGKILL);
        panic!("the interrupt was lost");
    };
    let ended = finished.status;
    assert!(
        ended.signal() == Some(libc::SIGINT) || ended.code() == Some(130),
        "{finished:?}"
    );
    assert!(!finished.stderr.contains("a fault inside"), "{finished:?}");
    assert!(!finished.stderr.contains("site"), "{finished:?}");
}

/// Whether `/proc/PID/status` shows a handler for SIGINT.
fn catches_interrupts(status: &str) -> bool {
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .expect("the system tells it");
    let caught = u64::from_str_radix(caught.trim(), 16).expect("it is hexadecimal");
    caught & (1_u64 << (libc::SIGINT - 1)) != 0
}

#[test]
fn interactive_goes_on_in_the_scripts_namespace() {
    let home = TestHome::new();
    home.write("start.py", "answer = 42\n");
    let out = home
        .run_with_input(["-i", "start.py"], "answer + 1\n")
        .success();
    assert!(out.contains("Out[1]: 43"), "{out}");
    let out = home
        .run_with_input(["-i"], "x = 1\nx + 1\ninput('? ')\nan answer\n_\n")
        .success();
    assert!(out.contains("Out[2]: 2"), "{out}");
    assert!(out.contains("Out[3]: 'an answer'"), "{out}");
    assert!(out.contains("Out[4]: 'an answer'"), "{out}");
    assert!(!out.contains('\x1b'), "{out:?}");
}

#[test]
fn bytes_that_a_cell_writes_reach_a_file_as_they_are() {
    let home = TestHome::new();
    let told = home.run_with_input(
        ["-i"],
        "import os, sys\n\
         os.dup2(os.open('out', os.O_WRONLY | os.O_CREAT), 1)\n\
         _ = [sys.stdout.buffer.write(part) for part in (b'\\xff\\xc3', b'\\xa9\\x00\\n')]\n",
    );
    assert_eq!(told.code(), 0, "{told:?}");
    let written = std::fs::read(home.work().join("out")).expect("it is there");
    let bytes = b"\xff\xc3\xa9\x00\n";
    let is_there = written.windows(bytes.len()).any(|part| part == bytes);
    assert!(is_there, "{}", String::from_utf8_lossy(&written));
}

#[test]
fn a_full_disk_is_a_failure_and_no_fault() {
    let home = TestHome::new();
    let nothing_running: &[&str] = &["cluster", "list"];
    for arguments in [nothing_running, &["-c", "print(1)"]] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("every system has one");
        let mut command = home.command(arguments);
        command.stdin(Stdio::null()).stdout(full);
        let output = command.output().expect("it can be started");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("No space left on device"), "{stderr}");
        assert!(!stderr.contains("a fault inside rhumba"), "{stderr}");
    }
}

#[test]
fn native_code_ends_on_a_signal_and_refuses_sizes_without_memory() {
    let home = TestHome::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/native_code.py");
    let out = home.run([script]).success();
    let (mut ended, mut refused) = (0, 0);
    for line in out.lines() {
        assert!(!line.contains("by itself"), "{line}");
        ended += usize::from(line.ends_with(" ended"));
        refused += usize::from(line.ends_with(" refused"));
    }
    assert_eq!((ended, refused), (19, 5), "{out}");
    assert!(out.ends_with("all well\n"), "{out}");
}

#[test]
fn code_that_is_no_python_but_a_cell_runs_as_one() {
    let home = TestHome::new();
    let out = home
        .run(["-c", "x = !echo a b\nprint(x[0])\n%time 1"])
        .success();
    assert!(out.starts_with("a b\n"), "{out}");
    let out = home
        .run_with_input(["-"], "%%capture said\nprint(3)\n")
        .success();
    assert_eq!(out, "");
    let failed = home.run(["-c", "%nosuch 1"]);
    assert_eq!(failed.code(), 1, "{failed:?}");
    assert!(failed.stderr.contains("%nosuch"), "{failed:?}");
    // What is no cell either is told as Python tells it.
    let failed = home.run(["-c", "x = = 1"]);
    assert!(failed.stderr.contains("SyntaxError"), "{failed:?}");
    let failed = home.run(["-c", "%%time\n1/0"]);
    assert_eq!(failed.code(), 1, "{failed:?}");
}

#[test]
fn values_of_cells_go_to_what_stands_in_the_place_of_stdout() {
    let home = TestHome::new();
    let cells = "import contextlib, io; held = io.StringIO()\n\
                 with contextlib.redirect_stdout(held): get_ipython().run_cell('1234'); get_ipython().run_cell('{1, 2}')\n\n\
                 held.getvalue().split()[1::2]\n\
                 import gettext; gettext.install('nothing')\n7 * 191\nprint('kept', _ != 1337)\n";
    let out = home.run_with_input(["-i"], cells).success();
    assert!(!out.contains("Out[2]"), "{out}");
    assert!(out.contains("['1234', '{1,']"), "{out}");
    assert!(out.contains("1337") && out.contains("kept True"), "{out}");
}

/// Ctrl-C again and again, at any moment of what a loop does; each must end the loop.
const RAIN_OF_INTERRUPTS: &str = r#"
import os, signal, sys, threading, time

lock = threading.Lock()
sent = ended = begun = 0
over = False


def comes(what):
    patience = time.monotonic() + 5
    while not what():
        if time.monotonic() > patience:
            return False
    return True


def rain():
    global sent, over
    for _ in range(200):
        before = begun
        # It is at work again, and not at counting.
        if not comes(lambda: begun > before + 1):
            break
        sent += 1
        os.kill(os.getpid(), signal.SIGINT)
        if not comes(lambda: ended == sent):
            break
    over = True


def holds():
    with lock:
        pass


def imports():
    from threading import Condition


raining = threading.Thread(target=rain)
raining.start()
work = {'holds': holds, 'imports': imports}[sys.argv[1]]
while not over:
    try:
        while not over:
            begun += 1
            work()
    except KeyboardInterrupt:
        ended += 1
raining.join()
print(sent, ended, lock.locked())
"#;

#[test]
fn an_interrupt_leaves_no_lock_held_and_is_not_lost_in_an_import() {
    let home = TestHome::new();
    for work in ["holds", "imports"] {
        let said = home.run(["-c", RAIN_OF_INTERRUPTS, work]).success();
        assert_eq!(said, "200 200 False\n", "{work}");
    }
}
