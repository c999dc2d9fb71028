//! `input()` and the debugger at a terminal that a cell, or another thread, reads as well: each in their turn.

use std::process::Command;

use super::support::{Screen, TerminalKind, TestHome};

const WAITS: &str = "a thread waits to read the terminal";

/// Starts the executable as a person does who types its name: from another shell, which the terminal is that of.
fn start_from_a_shell(home: &TestHome) -> Screen {
    let plain = home.command::<&str>([]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "\"$0\"; exit $?"]);
    command.arg(plain.get_program());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("TERM", "xterm");
    command.current_dir(plain.get_current_dir().expect("it is the test's"));
    Screen::start_command(command, &TerminalKind::default())
}

#[test]
fn two_threads_ask_one_after_the_other() {
    let home = TestHome::new();
    for mut screen in [Screen::start(&home, &[]), start_from_a_shell(&home)] {
        screen.enter(1, "import threading; asked = []");
        screen.enter(
            2,
            "other = threading.Thread(target=lambda: asked.append(input('question? ')))",
        );
        screen.enter(
            3,
            "other.start(); asked.append(input('question? ')); other.join(); asked",
        );
        // The cells have the question, too.
        for (times_shown, answer) in [(3, "one\r"), (4, "two\r")] {
            screen.wait("a question", |screen| {
                screen.contents().matches("question?").count() == times_shown
            });
            screen.send(answer);
        }
        // Who of them asked first isn't known.
        screen.wait("both answers", |screen| {
            let shown = screen.contents();
            ["['one', 'two']", "['two', 'one']"]
                .iter()
                .any(|answers| shown.contains(&format!("Out[3]: {answers}")))
        });
        screen.prompt(4);
        screen.leave();
    }
}

#[test]
fn a_line_that_is_asked_for_is_edited_where_the_terminal_is_a_shells() {
    let home = TestHome::new();
    let mut screen = start_from_a_shell(&home);
    screen.enter(1, "input('name? ')");
    screen.shows_line("name?");
    screen.send("ac\x1b[Db\r");
    screen.shows("Out[1]: 'abc'");
    screen.enter(2, "input('name? ')");
    screen.shows_line("name?");
    screen.send("\x04");
    screen.shows("EOFError");
    screen.enter(3, "input('name? ')");
    screen.shows_line("name?");
    screen.send("\x03");
    screen.shows("KeyboardInterrupt");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn a_thread_that_asks_takes_no_key_of_the_cell_that_is_typed() {
    let home = TestHome::new();
    for mut screen in [Screen::start(&home, &[]), start_from_a_shell(&home)] {
        screen.enter(
            1,
            "import os, threading; os.system('mkfifo go'); asked = []",
        );
        screen.prompt(2);
        screen.send("def ask():\rwith open('go'): pass\rasked.append(input('name? '))\r\r");
        screen.enter(3, "other = threading.Thread(target=ask); other.start()");
        screen.prompt(4);
        screen.send("6 *");
        screen.shows_line("In [4]: 6 *");
        std::fs::write(home.work().join("go"), "").expect("the thread reads it");
        screen.shows(WAITS);
        screen.send(" 7");
        screen.shows_line("In [4]: 6 * 7");
        screen.send("\x05\x15\r");
        screen.shows_line("name?");
        screen.send("me\r");
        screen.enter(4, "other.join(); asked");
        screen.shows("Out[4]: ['me']");
        screen.prompt(5);
        screen.leave();
        std::fs::remove_file(home.work().join("go")).expect("it is there");
    }
}

#[test]
fn the_debugger_of_a_thread_takes_no_key_of_the_cell_that_is_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import os, threading; os.system('mkfifo go')");
    screen.prompt(2);
    screen.send("def work():\rwith open('go'): pass\rbreakpoint()\rprint('goes', 'on')\r\r");
    screen.enter(3, "threading.Thread(target=work).start()");
    screen.prompt(4);
    screen.send("6 *");
    screen.shows_line("In [4]: 6 *");
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    screen.shows(WAITS);
    screen.send(" 7");
    screen.shows_line("In [4]: 6 * 7");
    screen.send("\x05\x15\r");
    screen.shows_line("ipdb>");
    screen.send("c\r");
    screen.shows("goes on");
    screen.prompt(4);
    screen.leave();
}
