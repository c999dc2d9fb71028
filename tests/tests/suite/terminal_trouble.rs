//! What the shell goes on after: files that are used up, a stream that is taken away, signals while a cell is typed.

use expectrl::process::unix::{Signal, WaitStatus};

use super::support::{Screen, TerminalKind, TestHome};

#[test]
fn a_cell_that_uses_files_up_does_not_end_the_shell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        "import resource; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]; files = []",
    );
    screen.enter(2, "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))");
    screen.enter(3, "[files.append(open('/dev/null')) for _ in range(300)]");
    screen.shows("Too many open files");
    screen.enter(4, "print('typed', 'still'); files.clear()");
    screen.shows("typed still");
    screen.prompt(5);
    screen.leave();
}

#[test]
fn files_of_large_numbers_do_not_end_the_shell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        "import resource; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]",
    );
    screen.enter(
        2,
        "resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))",
    );
    screen.enter(3, "files = [open('/dev/null') for _ in range(1100)]");
    screen.enter(4, "print('typed', 'still', files[-1].fileno() > 1024)");
    screen.shows("typed still True");
    screen.prompt(5);
    screen.leave();
}

#[test]
fn a_signal_where_the_key_after_ctrl_v_is_waited_for_leaves_the_cell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("typed\x16");
    screen.shows_line("In [1]: typed");
    screen.reads_a_key();
    screen.signal(Signal::SIGINT);
    screen.shows("KeyboardInterrupt");
    screen.prompt(1);
    screen.send("'not ' + 'ended'\r");
    screen.shows("not ended");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn plain_lines_are_read_where_a_cell_has_taken_the_stream_of_them_away() {
    let home = TestHome::new();
    let kind = TerminalKind {
        variables: &[("TERM", "dumb")],
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    // What is typed isn't shown, and so the next prompt stands beside the last.
    let enter = |screen: &mut Screen, number: usize, cell: &str| {
        screen.shows(&format!("In [{number}]:"));
        screen.send(&format!("{cell}\r"));
    };
    enter(&mut screen, 1, "import sys; sys.stdin = None");
    enter(&mut screen, 2, "'read ' + 'still'");
    screen.shows("read still");
    enter(
        &mut screen,
        3,
        "sys.stdin = open('/dev/null'); sys.stdin.close()",
    );
    enter(&mut screen, 4, "'once ' + 'more'");
    screen.shows("once more");
    screen.shows("In [5]:");
    screen.send("\x04");
    let ended = screen.end();
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
}

#[test]
fn handlers_of_signals_run_while_a_cell_is_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import signal");
    screen.enter(2, "def late(*_): raise TimeoutError('mine')");
    screen.enter(
        3,
        "signal.signal(signal.SIGUSR1, lambda *_: print('a', 'signal')); signal.signal(signal.SIGALRM, late);",
    );
    screen.prompt(4);
    screen.send("y = 6");
    screen.shows_line("In [4]: y = 6");
    screen.signal(Signal::SIGUSR1);
    screen.ends_with(&["a signal", "In [4]: y = 6"]);
    screen.signal(Signal::SIGALRM);
    screen.ends_with(&["TimeoutError: mine", "In [4]: y = 6"]);
    screen.send(" * 7\r");
    screen.enter(5, "y");
    screen.shows("Out[5]: 42");
    screen.prompt(6);
    screen.leave();
}

#[test]
fn an_interrupt_that_a_thread_asks_for_costs_nothing_that_is_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import _thread, os, threading; os.system('mkfifo go')");
    screen.prompt(2);
    screen.send(
        "def interrupt():\rwith open('go'): pass\r_thread.interrupt_main()\rprint('asked', 'for')\r\r",
    );
    screen.enter(3, "threading.Thread(target=interrupt).start()");
    screen.prompt(4);
    screen.send("y = 6");
    screen.shows_line("In [4]: y = 6");
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    screen.shows("asked for");
    screen.send(" * 7\r");
    screen.shows("KeyboardInterrupt");
    screen.enter(5, "y");
    screen.shows("Out[5]: 42");
    screen.prompt(6);
    screen.leave();
}

#[test]
fn an_interrupt_ends_what_completes_a_word() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send(
        "def endless(shell, text):\rprint('a', 'beginning')\rall(not each for each in iter(int, 1))\r\r",
    );
    screen.enter(2, "get_ipython().set_custom_completer(endless)");
    screen.prompt(3);
    screen.send("wor\t");
    screen.ends_with(&["a beginning", "In [3]: wor"]);
    // The word is as it was, and keys are read again.
    screen.send("\x03");
    screen.send("d\t");
    screen.ends_with(&["a beginning", "a beginning", "In [3]: word"]);
    screen.signal(Signal::SIGINT);
    screen.send("s");
    screen.shows_line("In [3]: words");
    screen.send("\x05\x15");
    screen.prompt(3);
    screen.leave();
}
