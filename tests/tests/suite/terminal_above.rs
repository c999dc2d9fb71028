//! What threads, commands and the end of the shell show while a cell is typed: above it, in its order.

use expectrl::process::unix::{Signal, WaitStatus};

use super::support::{Screen, TestHome};

#[test]
fn what_is_written_past_the_shell_is_shown_above_the_cell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        "import os, threading; done = threading.Event(); os.system('mkfifo go')",
    );
    screen.prompt(2);
    screen.send(
        "def write():\rwith open('go'): pass\ros.write(1, b'one\\n')\ros.write(2, b'an error\\n')\r\
         os.write(1, b'two \\x1b[1mhalf')\ros.system('echo from a command; test -t 1 && echo at a terminal')\rdone.set()\r\r",
    );
    screen.enter(3, "threading.Thread(target=write).start()");
    screen.prompt(4);
    screen.send("if done.wait(60):\rprint('half' +");
    screen.shows_line("   ...:     print('half' +");
    // Who opens it lets the thread go on.
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    screen.ends_with(&[
        "one",
        "an error",
        "two halffrom a command",
        "at a terminal",
        "In [4]: if done.wait(60):",
        "   ...:     print('half' +",
    ]);
    screen.send(" ' and half')\r\r");
    screen.shows("half and half");
    screen.prompt(5);
    screen.leave();
}

#[test]
fn what_is_printed_and_what_is_written_above_the_cell_keep_their_order() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import os, threading; os.system('mkfifo go')");
    screen.prompt(2);
    screen.send(
        "def write():\rwith open('go'): pass\r\
         [(print('printed', i), os.write(1, b'written %d\\n' % i)) for i in range(200)]\r\
         os.write(1, b'and '); print('an end')\r\r",
    );
    screen.enter(3, "threading.Thread(target=write).start()");
    screen.prompt(4);
    screen.send("typed");
    screen.shows_line("In [4]: typed");
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    let pairs = (190..200).flat_map(|i| [format!("printed {i}"), format!("written {i}")]);
    let last = ["and an end", "In [4]: typed"].map(str::to_owned);
    let lines: Vec<String> = pairs.chain(last).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    screen.ends_with(&lines);
    screen.send("\x05\x15");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn a_thread_that_ends_no_line_is_not_stopped_by_a_cell_that_is_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import os, sys, threading; os.system('mkfifo go')");
    screen.prompt(2);
    screen.send(
        "def show_progress():\rwith open('go'): pass\r\
         [sys.stdout.write('\\r' + 'x' * 90 + f'{i:6}') for i in range(15_000)]\rprint('\\rall of it', end='')\r\r",
    );
    screen.enter(3, "threading.Thread(target=show_progress).start()");
    screen.prompt(4);
    screen.send("typed");
    screen.shows_line("In [4]: typed");
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    screen.wait("the end above the cell", |screen| {
        let lines = screen.lines();
        let [.., above, cell] = lines.as_slice() else {
            return false;
        };
        above.starts_with("all of it") && cell == "In [4]: typed"
    });
    screen.send("\x05\x15");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn the_last_words_of_a_shell_that_is_aborted_are_shown() {
    for end in ["", "\\n"] {
        last_words_are_shown(&format!("os.write(2, b'the last ' + b'words{end}')"));
        last_words_are_shown(&format!("print('the last ' + 'words{end}', end='')"));
    }
}

/// A thread says something while a cell is typed, and has the process abort at once.
fn last_words_are_shown(saying: &str) {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import os, threading; os.system('mkfifo go')");
    screen.prompt(2);
    screen.send(&format!(
        "def fail():\rwith open('go'): pass\r{saying}\ros.abort()\r\r",
    ));
    screen.enter(3, "threading.Thread(target=fail).start()");
    screen.prompt(4);
    screen.send("typed");
    screen.shows_line("In [4]: typed");
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    screen.wait("the end", Screen::is_closed);
    let words = screen.contents().matches("the last words").count();
    assert_eq!(words, 1, "{}", screen.contents());
    let ended = screen.end();
    assert!(
        matches!(ended, WaitStatus::Signaled(_, Signal::SIGABRT, _)),
        "{ended:?}"
    );
}

#[test]
fn a_forked_process_that_a_signal_ends_leaves_the_terminal_alone() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import os, threading, time; os.system('mkfifo go')");
    screen.enter(2, "child = os.fork() or time.sleep(1000)");
    screen.prompt(3);
    screen.send(
        "def end():\rwith open('go'): pass\ros.kill(child, 15)\rprint('ended by', os.waitpid(child, 0)[1])\r\r",
    );
    screen.enter(4, "threading.Thread(target=end).start()");
    screen.prompt(5);
    screen.send("abc");
    screen.shows_line("In [5]: abc");
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    screen.ends_with(&["ended by 15", "In [5]: abc"]);
    screen.send("\x1b[D\x1b[DX");
    screen.shows_line("In [5]: aXbc");
    screen.send("\x05\x15");
    screen.prompt(5);
    screen.leave();
}
