//! The shell as a person at a terminal has it.

use expectrl::process::unix::WaitStatus;

use super::support::{Process, STEP_TIMEOUT, Screen, Terminal, TestHome, wait_for_file};

fn leaves_with(terminal: Terminal, status: i32) -> String {
    let (rest, ended) = terminal.end();
    assert!(
        matches!(ended, WaitStatus::Exited(_, code) if code == status),
        "{ended:?}\n{rest}"
    );
    rest
}

#[test]
fn cells_are_numbered_and_shown() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.expect("rhumba 0.");
    terminal.enter(1, "1 + 1");
    terminal.expect("Out[1]: 2");
    terminal.enter(2, "_ * 21; x = _ * 4");
    terminal.enter(3, "x, _1, Out[1]");
    terminal.expect("Out[3]: (8, 2, 2)");
    terminal.enter(4, "print('printed', end='')");
    terminal.expect("printed\r\n");
    terminal.prompt(5);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn output_is_shown_as_it_is_written() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "print('before'); input('go on? '); print('after')");
    terminal.expect("before\r\n");
    terminal.expect("go on? ");
    terminal.send("yes\n");
    terminal.expect("after\r\n");
    terminal.prompt(2);
}

#[test]
fn an_interrupt_ends_one_long_write() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "print('a' * 60_000_000 + '!' * 9)");
    terminal.expect("aaaaaaaa");
    terminal.send("\x03");
    let shown = terminal.expect("KeyboardInterrupt");
    assert!(!shown.contains("!!!!!!!!!"), "all of it was written");
    terminal.prompt(2);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn an_interrupt_ends_the_showing_of_what_is_long() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "long = 'a' * 60_000_000 + '!' * 9");
    for (number, cell) in [
        (2, "long"),
        (3, "display(long)"),
        (4, "raise ValueError(long)"),
    ] {
        terminal.enter(number, cell);
        terminal.expect("aaaaaaaa");
        terminal.send("\x03");
        let shown = terminal.expect("KeyboardInterrupt");
        assert!(
            !shown.contains("!!!!!!!!!"),
            "{cell}: all of it was written"
        );
    }
    terminal.enter(5, "6 * 7");
    terminal.expect("Out[5]: 42");
    terminal.prompt(6);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn what_a_handler_raises_while_a_failure_is_shown_is_told() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import signal, sys; long = 'a' * 60_000_000 + '!' * 9");
    terminal.enter(2, "def late(*_): raise TimeoutError('mine')");
    terminal.enter(3, "def leave(*_): sys.exit(3)");
    for (number, handler, told) in [(4, "late", "TimeoutError"), (5, "leave", "SystemExit: 3;")] {
        let cell = format!("signal.signal(signal.SIGALRM, {handler}); raise ValueError(long)");
        terminal.enter(number, &cell);
        terminal.expect("aaaaaaaa");
        let pid = i32::try_from(terminal.pid()).expect("it was one");
        // SAFETY: the process is this test's own, and lives.
        unsafe { libc::kill(pid, libc::SIGALRM) };
        let shown = terminal.expect(told);
        assert!(
            !shown.contains("KeyboardInterrupt"),
            "{handler} was no Ctrl-C"
        );
        assert!(!shown.contains("!!!!!!!!!"), "all of it was written");
    }
    terminal.prompt(6);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn a_cell_that_kills_the_shell_is_in_the_history() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)");
    let (_, ended) = terminal.end();
    assert!(matches!(ended, WaitStatus::Signaled(..)), "{ended:?}");
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "%history -g os.kill");
    terminal.expect("1/1: import os, signal; os.kill(os.getpid(), signal.SIGKILL)");
    terminal.prompt(2);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn a_cell_that_closes_the_shells_own_files_does_not_end_it() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import os; open(0).close()");
    terminal.enter(2, "os.close(1); os.close(2)");
    terminal.enter(3, "os.close(0); taken = open('/dev/null'); taken.fileno()");
    terminal.expect("Out[3]: 0");
    terminal.enter(4, "print('said'); 1 / 0");
    terminal.expect("said\r\n");
    terminal.expect("ZeroDivisionError");
    terminal.enter(5, "input('name? ')");
    terminal.expect("name? ");
    terminal.send("me\n");
    terminal.expect("Out[5]: 'me'");
    terminal.prompt(6);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn a_cell_that_closes_files_of_the_shell_does_not_end_it() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "earlier = 6 * 7");
    terminal.prompt(2);
    terminal.send("\x04");
    leaves_with(terminal, 0);
    let mut terminal = Terminal::start(&home, &[]);
    // Its own files get the numbers of those that it closed.
    terminal.enter(
        1,
        "import os, threading; os.closerange(3, 256); \
         held = [open(f'held-{i}', 'w+b') for i in range(60)]; 41",
    );
    terminal.expect("Out[1]: 41");
    terminal.expect("a cell closed files that the shell works with");
    // What other threads write is shown as before.
    terminal.enter(
        2,
        "threading.Timer(0.2, lambda: print('from a thread')).start()",
    );
    terminal.expect("from a thread\r\n");
    terminal.send("6 * 7\r");
    terminal.expect("Out[3]: 42");
    terminal.enter(4, "%history -l 2");
    terminal.expect("6 * 7\r\n");
    terminal.enter(5, "[file.close() for file in held][:1]");
    terminal.expect("Out[5]: [None]");
    terminal.enter(6, "os.closerange(3, 256); exit()");
    leaves_with(terminal, 0);
    for number in 0..60 {
        let path = home.work().join(format!("held-{number}"));
        let length = path.metadata().expect("the cell made it").len();
        assert_eq!(length, 0, "{} was written to", path.display());
    }
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "%history -g earlier");
    terminal.expect("1/1: earlier = 6 * 7");
    terminal.prompt(2);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn a_cell_that_replaces_the_shells_own_files_hides_no_prompt_and_no_failure() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import os; kept = open('kept.txt', 'w+')");
    terminal.enter(2, "os.dup2(kept.fileno(), 1); print('hidden')");
    terminal.expect("standard output (descriptor 1) had been replaced");
    terminal.enter(3, "kept.seek(0); kept.read().upper()");
    terminal.expect("Out[3]: 'HIDDEN\\n'");
    terminal.enter(4, "os.dup2(kept.fileno(), 2); 1 / 0");
    let shown = terminal.expect("ZeroDivisionError");
    assert!(!shown.contains("had been replaced"), "it was told before");
    terminal.enter(5, "print('said')");
    terminal.expect("said\r\n");
    terminal.prompt(6);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn a_block_is_indented_and_ends_with_an_empty_line() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.prompt(1);
    terminal.send("def double(x):\r");
    terminal.send("y = x * 2\r");
    terminal.send("return y\r");
    terminal.send("\r");
    terminal.enter(2, "double(21)");
    terminal.expect("Out[2]: 42");
    terminal.enter(3, "for i in range(2):\rprint('row', i)\r");
    terminal.expect("row 0\r\nrow 1\r\n");
    terminal.enter(4, "sum([1,\r2])");
    terminal.expect("Out[4]: 3");
}

#[test]
fn a_pasted_block_is_one_cell() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.prompt(1);
    terminal.send(
        "\x1b[200~def f(x):\n    if x:\n        return 'yes'\n    return 'no'\n\nf(1)\x1b[201~",
    );
    terminal.send("\r");
    terminal.expect("Out[1]: 'yes'");
    terminal.prompt(2);
}

#[test]
fn a_failure_shows_the_cells_own_lines() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.prompt(1);
    terminal.send("def fails(x):\rreturn x / 0\r\r");
    terminal.enter(2, "fails(1)");
    terminal.expect("Traceback (most recent call last):");
    terminal.expect("return x / 0");
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.enter(3, "1 +* 2");
    terminal.expect("SyntaxError");
    terminal.prompt(4);
}

#[test]
fn ctrl_c_clears_a_line_and_interrupts_a_cell() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.prompt(1);
    terminal.send("never_run = 1\x03");
    terminal.expect("KeyboardInterrupt");
    terminal.enter(1, "import time; print('looping'); exec('while True: pass')");
    terminal.expect("looping\r\n");
    terminal.send("\x03");
    terminal.expect("KeyboardInterrupt");
    // A signal between the print and the sleep is seen when a sleep is over: so there are many.
    terminal.enter(2, "print('sleeping'); [time.sleep(1) for _ in range(600)]");
    terminal.expect("sleeping\r\n");
    terminal.send("\x03");
    terminal.expect("KeyboardInterrupt");
    terminal.enter(3, "'never_run' in globals()");
    terminal.expect("Out[3]: False");
}

#[test]
fn an_interrupted_command_of_the_system_shows_the_cell_and_nothing_of_its_wait() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    for (number, cell) in [
        (1, "!echo it runs; sleep 600"),
        (2, "x = !echo it runs >/dev/tty; sleep 600"),
    ] {
        screen.enter(number, cell);
        screen.wait("the command", |screen| {
            screen.lines().last().is_some_and(|line| line == "it runs")
        });
        screen.send("\x03");
        screen.prompt(number + 1);
        let headline = format!("  File \"<cell {number}>\", line 1");
        let shown = format!("----> 1 {cell}");
        screen.ends_with(&[
            "Traceback (most recent call last):",
            &headline,
            &shown,
            "KeyboardInterrupt",
            &format!("In [{}]:", number + 1),
        ]);
    }
    screen.leave();
}

#[test]
fn a_command_that_takes_the_interrupt_goes_on() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        "!trap 'echo it was taken' INT; echo it waits; read; echo it is over",
    );
    for (typed, last_line) in [("\x03", "it waits"), ("\r", "it was taken")] {
        screen.wait("the command", |screen| {
            let lines = screen.lines();
            // The terminal shows the key before it.
            let last = lines.last().map(|line| line.trim_start_matches("^C"));
            last == Some(last_line)
        });
        screen.send(typed);
    }
    screen.ends_with(&["it is over", "In [2]:"]);
    screen.leave();
}

#[test]
fn after_a_program_that_failed_the_shell_looks_at_its_frames() {
    let home = TestHome::new();
    home.write(
        "fails.py",
        "def divide(by):\n    return 1 / by\ndivide(0)\n",
    );
    for (arguments, prompt) in [
        (&["-i", "fails.py"][..], 2),
        (&["--pdb", "-i", "fails.py"], 1),
    ] {
        let mut screen = Screen::start(&home, arguments);
        if prompt == 2 {
            screen.enter(1, "%debug");
        }
        screen.shows("ipdb>");
        screen.send("p 'by is', by\r");
        screen.shows("('by is', 0)");
        screen.send("q\r");
        screen.prompt(prompt);
        screen.leave();
    }
}

#[test]
fn names_and_attributes_are_completed() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "temperature_of_berlin = 11.5; import json");
    terminal.prompt(2);
    terminal.send("temperature_o\t * 2\r");
    terminal.expect("Out[2]: 23.0");
    terminal.prompt(3);
    terminal.send("json.loa\t");
    terminal.expect("load   loads");
    terminal.send("s('[1]')\r");
    terminal.expect("Out[3]: [1]");
}

#[test]
fn leaving_takes_the_status_along() {
    for (line, status) in [
        ("exit", 0),
        ("quit", 0),
        ("%exit", 0),
        ("%quit", 0),
        ("exit()", 0),
        ("quit(3)", 3),
        ("exit('a reason')", 1),
        ("get_ipython().ask_exit()", 0),
    ] {
        let home = TestHome::new();
        let mut terminal = Terminal::start(&home, &[]);
        terminal.enter(1, line);
        leaves_with(terminal, status);
    }
}

#[test]
fn a_program_that_ends_itself_leaves_the_shell_open() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import argparse, sys; kept = 42");
    terminal.enter(2, "argparse.ArgumentParser().parse_args(['--wrong'])");
    terminal.expect("unrecognized arguments: --wrong");
    terminal.expect("SystemExit: 2; `exit` or Ctrl-D leaves the shell\r\n");
    terminal.enter(3, "sys.exit()");
    terminal.expect("SystemExit; `exit` or Ctrl-D leaves the shell\r\n");
    terminal.enter(4, "sys.exit('a reason')");
    terminal.expect("SystemExit: a reason; `exit` or Ctrl-D leaves the shell\r\n");
    terminal.enter(5, "kept, type(exit).__name__");
    terminal.expect("Out[5]: (42, 'Leaver')");
    terminal.enter(6, "exit = 7");
    terminal.enter(7, "exit");
    terminal.expect("Out[7]: 7");
    terminal.enter(8, "quit");
    leaves_with(terminal, 0);
}

#[test]
fn history_is_kept_over_runs() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "remembered = 6 * 7");
    terminal.prompt(2);
    terminal.send("\x04");
    leaves_with(terminal, 0);
    let mut terminal = Terminal::start(&home, &[]);
    terminal.prompt(1);
    terminal.send("\x1b[A\r");
    terminal.enter(2, "remembered");
    terminal.expect("Out[2]: 42");
}

#[test]
fn modules_of_the_working_folder_are_found() {
    let home = TestHome::new();
    home.write("nearby.py", "answer = 42\n");
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import nearby; nearby.answer");
    terminal.expect("Out[1]: 42");
}

#[test]
fn commands_and_questions_work() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "!echo from a command");
    terminal.expect("from a command\r\n");
    terminal.prompt(2);
    terminal.send("def known():\r'What known does.'\r\r");
    terminal.enter(3, "known?");
    terminal.expect("What known does.");
    terminal.prompt(4);
}

#[test]
fn colours_are_there_unless_they_are_unwanted() {
    let home = TestHome::new();
    let coloured = |variables: &[(&str, &str)], removed: &[&str]| {
        let mut terminal = Terminal::start_with(&home, &[], variables, removed);
        terminal.prompt_any();
        terminal.send("'a' + 'b'\r");
        let shown = terminal.expect("'ab'");
        shown.contains("\x1b[31;1mOut[1]:\x1b[0m")
    };
    assert!(coloured(&[("TERM", "xterm")], &["NO_COLOR"]));
    assert!(!coloured(&[("TERM", "xterm"), ("NO_COLOR", "1")], &[]));
    assert!(!coloured(&[("TERM", "dumb")], &["NO_COLOR"]));
}

#[test]
fn a_dumb_terminal_gets_no_escape_code() {
    let home = TestHome::new();
    let mut terminal = Terminal::start_with(&home, &[], &[("TERM", "dumb")], &["NO_COLOR"]);
    terminal.prompt(1);
    terminal.send("1 / 0\n");
    let shown = terminal.expect("ZeroDivisionError: division by zero");
    assert!(!shown.contains('\x1b'), "{shown:?}");
    terminal.prompt(2);
    terminal.send("\x04");
    let rest = leaves_with(terminal, 0);
    assert!(!rest.contains('\x1b'), "{rest:?}");
}

#[test]
fn a_shell_that_a_signal_ends_gives_the_terminal_back() {
    for signal in [libc::SIGTERM, libc::SIGALRM, libc::SIGUSR1, libc::SIGVTALRM] {
        let home = TestHome::new();
        let mut terminal = Terminal::start(&home, &[]);
        terminal.prompt(1);
        assert!(!terminal.collects_lines(), "an editor reads single keys");
        let shell = Process::hold(terminal.pid());
        shell.signal(signal);
        assert!(shell.ends_within(STEP_TIMEOUT));
        assert!(terminal.collects_lines(), "{signal} left the terminal raw");
        let (_, ended) = terminal.end();
        assert!(matches!(ended, WaitStatus::Signaled(..)), "{ended:?}");
    }
}

#[test]
fn a_thread_that_ends_the_shell_at_once_gives_the_terminal_back() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import os, threading; os.system('mkfifo go')");
    let ends = "threading.Thread(target=lambda: os._exit(int(open('go').read()))).start()";
    terminal.enter(2, ends);
    terminal.prompt(3);
    assert!(!terminal.collects_lines(), "an editor reads single keys");
    let shell = Process::hold(terminal.pid());
    std::fs::write(home.work().join("go"), "7").expect("the thread reads it");
    assert!(shell.ends_within(STEP_TIMEOUT));
    assert!(terminal.collects_lines(), "the terminal was left raw");
    let rest = leaves_with(terminal, 7);
    assert!(rest.contains("\x1b[?2004l"), "pastes stay marked: {rest:?}");
}

#[test]
fn a_shell_with_engines_steers_them() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "2"]);
    terminal.expect("2 engines: `rc` is their Client");
    terminal.enter(1, "rc.ids, view.apply_sync(lambda: 6 * 7)");
    terminal.expect("Out[1]: ([0, 1], [42, 42])");
    terminal.enter(2, "%px place = 'engine'");
    terminal.enter(3, "%%px --targets 1\rprint('at', place)\r");
    terminal.expect("[stdout:1] at engine");
    terminal.enter(4, "%autopx");
    terminal.expect("enabled");
    terminal.enter(5, "print('auto', place)");
    terminal.expect("] auto engine");
    terminal.expect("] auto engine");
    terminal.enter(6, "%autopx");
    terminal.expect("disabled");
    terminal.enter(7, "'place' in globals()");
    terminal.expect("Out[7]: False");
    terminal.enter(8, "import os; print(*view.apply_sync(os.getpid))");
    terminal.expect("\r\n");
    let pids = terminal.expect("\r\n");
    let engines: Vec<Process> = pids
        .split_whitespace()
        .map(|pid| Process::hold(pid.parse().expect("a pid")))
        .collect();
    assert_eq!(engines.len(), 2);
    terminal.prompt(9);
    terminal.send("\x04");
    leaves_with(terminal, 0);
    for engine in engines {
        assert!(
            engine.ends_within(STEP_TIMEOUT),
            "engine {} lives",
            engine.pid
        );
    }
}

#[test]
fn ctrl_c_in_a_wait_for_engines_offers_them_the_same() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "1"]);
    home.write(
        "busy.py",
        "import pathlib, time\ndef work():\n    time.sleep(0.2)\n    \
         pathlib.Path('busy').touch()\n    time.sleep(600)\n",
    );
    terminal.enter(1, "import busy; rc[0].apply_sync(busy.work)");
    // The engine is slow to say that it works, so that the shell waits for it by then.
    wait_for_file(&home.work().join("busy"));
    terminal.send("\x03");
    terminal.expect("work is still running on engine 0: stop it too? [y/N] ");
    terminal.send("y\n");
    terminal.expect("KeyboardInterrupt");
    terminal.enter(2, "rc[0].apply_sync(lambda: 'free again')");
    terminal.expect("Out[2]: 'free again'");
}

#[test]
fn what_is_waited_for_is_told_and_stopped_even_if_it_swallows_that() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "1"]);
    home.write(
        "deaf.py",
        "import pathlib, time\ndef work(_):\n    time.sleep(0.2)\n    pathlib.Path('busy').touch()\n    \
         while True:\n        try: time.sleep(600)\n        except KeyboardInterrupt: pass\n",
    );
    terminal.enter(
        1,
        "import deaf; rc.load_balanced_view().map_sync(deaf.work, range(6))",
    );
    wait_for_file(&home.work().join("busy"));
    terminal.send("\x03");
    terminal.expect("work is still running on engine 0");
    terminal.expect("stop it too? [y/N] ");
    terminal.send("y\n");
    terminal.expect("KeyboardInterrupt");
    // The engine is killed after some seconds, and another one is there.
    terminal.enter(2, "while rc.ids in ([0], []): pass\r");
    terminal.enter(3, "rc[:].apply_sync(lambda: 'free again')");
    terminal.expect("Out[3]: ['free again']");
}

#[test]
fn errors_that_were_streamed_are_shown_once() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "1"]);
    terminal.enter(1, "r = rc[0].execute('1/0', silent=False)");
    terminal.enter(2, "with r.stream_output(): r.wait()\r");
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.enter(3, "r.get()");
    terminal.expect("(shown above)");
    terminal.enter(4, "'still here'");
    terminal.expect("Out[4]: 'still here'");
}

#[test]
fn errors_of_engines_are_shown_again_where_that_is_asked_for() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "1"]);
    terminal.enter(1, "r = rc[0].execute('1/0', silent=False)");
    terminal.enter(2, "with r.stream_output(): r.wait()\r");
    terminal.enter(3, "r.get()");
    terminal.expect("(shown above)");
    terminal.enter(4, "%tb");
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.enter(5, "%px nothing_of_that_name");
    terminal.expect("1 error");
    terminal.enter(6, "%tb Plain");
    terminal.expect("NameError: name 'nothing_of_that_name' is not defined");
}

#[test]
fn what_fails_here_beside_the_engines_is_shown_in_the_cell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &["-n", "1"]);
    screen.enter(1, "%%px --local\rnothing_of_that_name\r");
    screen.shows("File \"<cell 1>\", line 2");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn names_of_a_program_stay_as_they_are() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "1", "-i", "-c", "rc = 'my own'"]);
    terminal.enter(1, "rc");
    terminal.expect("Out[1]: 'my own'");
}

#[test]
fn threads_run_on_while_the_shell_waits() {
    let home = TestHome::new();
    let program = home.write(
        "collects.py",
        "import gc, threading\n\
         def collect():\n    \
             for _ in range(300):\n        \
                 cycle = []; cycle.append(cycle); gc.collect()\n    \
             print('collected', 300, 'times')\n",
    );
    let program = program.to_str().expect("a test's folder has a plain name");
    let mut terminal = Terminal::start(&home, &["-i", program]);
    terminal.enter(1, "threading.Thread(target=collect).start()");
    terminal.expect("collected 300 times");
    terminal.send("1 + 1\r");
    terminal.expect("Out[2]: 2");
}

#[test]
fn names_are_kept_and_brought_back_by_magics() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "kept = [1, 2]; same = kept");
    terminal.enter(2, "%checkpoint first");
    terminal.expect("Checkpoint first: 2 names");
    terminal.enter(3, "kept = 'changed'; added = 1");
    terminal.enter(4, "%checkpoints");
    terminal.expect("first");
    terminal.expect("kept, same");
    terminal.enter(5, "%restore first");
    terminal.expect("Restored first: kept, same");
    terminal.enter(6, "kept is same, kept, 'added' in globals()");
    terminal.expect("Out[6]: (True, [1, 2], False)");
    terminal.enter(7, "%save_namespace work.ns");
    terminal.expect("work.ns: 2 names");
    terminal.enter(8, "%restore nothing");
    terminal.expect("nothing");
    terminal.enter(9, "import threading; lock = threading.Lock()");
    terminal.enter(10, "%checkpoint second");
    terminal.expect("lock");
    terminal.enter(11, "%checkpoint second -p");
    terminal.expect("left out");
    terminal.prompt(12);
    // Words that magics take are completed.
    terminal.send("%restore fi\t");
    terminal.expect("%restore first");
    terminal.send("\x03");
    terminal.prompt(12);
    terminal.send("\x04");
    leaves_with(terminal, 0);
    let mut terminal = Terminal::start(&home, &["--namespace", "work.ns"]);
    terminal.enter(1, "kept is same, kept");
    terminal.expect("Out[1]: (True, [1, 2])");
    terminal.prompt(2);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}

#[test]
fn engines_are_kept_and_brought_back_by_magics() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "2"]);
    terminal.enter(1, "%px import os; who = [os.getpid()]; own = who");
    terminal.enter(2, "%checkpoint engines -t all");
    terminal.expect("Checkpoint engines: 2 engines");
    terminal.enter(3, "%px del who; own = 0");
    terminal.enter(4, "%restore engines -t all");
    terminal.expect("Restored engines on 2 engines");
    terminal.enter(5, "%px print(who is own, who == [os.getpid()])");
    terminal.expect("True True");
    terminal.expect("True True");
    terminal.prompt(6);
    terminal.send("\x04");
    leaves_with(terminal, 0);
}
