//! The debugger as a person at a terminal has it, here and on engines.

use expectrl::process::unix::WaitStatus;

use super::support::{Screen, Terminal, TestHome};

/// A cell whose innermost function fails, as it is pasted.
const FAILING: &str = "\x1b[200~def outer(x):\n    found = x + 1\n    return inner(found)\n\n\
                       def inner(n):\n    return n / 0\n\nouter(3)\x1b[201~\r\r";

#[test]
fn a_failure_is_looked_at_after_the_fact() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.prompt(1);
    terminal.send(FAILING);
    terminal.expect("----> 6     return n / 0");
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.enter(2, "%debug");
    terminal.expect("----> 6     return n / 0");
    terminal.expect("ipdb> ");
    terminal.send("p n * 10\r");
    terminal.expect("40\r\n");
    terminal.expect("ipdb> ");
    terminal.send("u\r");
    terminal.expect("----> 3     return inner(found)");
    terminal.expect("ipdb> ");
    // A name of the frame is completed.
    terminal.send("p fou\t * 100\r");
    terminal.expect("400\r\n");
    terminal.expect("ipdb> ");
    // Ctrl-C drops what was typed and ends what runs, not the debugger.
    terminal.send("found = 0\x03");
    terminal.expect("--KeyboardInterrupt--");
    terminal.expect("ipdb> ");
    terminal.send("print('loop' + 'ing'); exec('while True: pass')\r");
    terminal.expect("looping\r\n");
    terminal.send("\x03");
    terminal.expect("KeyboardInterrupt");
    terminal.expect("ipdb> ");
    terminal.send("p found\r");
    terminal.expect("4\r\n");
    terminal.expect("ipdb> ");
    terminal.send("\x04");
    terminal.enter(3, "6 * 7");
    terminal.expect("Out[3]: 42");
    terminal.prompt(4);
    terminal.send("\x04");
    let (rest, ended) = terminal.end();
    assert!(
        matches!(ended, WaitStatus::Exited(_, 0)),
        "{ended:?}\n{rest}"
    );
}

#[test]
fn what_is_no_text_and_reads_that_do_not_wait_end_no_debugger() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "1 / 0");
    screen.enter(2, "%debug");
    screen.shows_line("ipdb>");
    screen.send("p 6 * ");
    screen.shows_line("ipdb> p 6 *");
    screen.send_bytes(b"\x1b[200~'\xe9'\rkept = 1\rkept = 2\r\x1b[201~");
    screen.shows("rhumba: what came in isn't UTF-8 text and was left out");
    screen.shows_line("ipdb> p 6 *");
    screen.send("70\r");
    screen.shows("420");
    screen.shows_line("ipdb>");
    screen.send("import os; os.set_blocking(0, False); print('no' + 'wait')\r");
    screen.shows("nowait");
    screen.shows_line("ipdb>");
    screen.send("p 6 * 700\r");
    screen.shows("4200");
    screen.shows_line("ipdb>");
    screen.send("q\r");
    screen.enter(3, "'kept' in dir()");
    screen.shows("Out[3]: False");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn the_debugger_has_the_keys_that_the_shell_has() {
    let home = TestHome::new();
    home.configure(
        "config.toml",
        "[TerminalInteractiveShell]\nediting_mode = 'vi'\nprompt_includes_vi_mode = false\n",
    );
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "1 / 0");
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.enter(2, "%debug");
    terminal.expect("ipdb> ");
    terminal.send("p 6 * 77\x1bhx\r");
    terminal.expect("42\r\n");
    terminal.expect("ipdb> ");
    terminal.send("p 10\x04 * 5\r");
    terminal.expect("50\r\n");
    terminal.expect("ipdb> ");
    terminal.send("\x04");
    terminal.prompt(3);
    terminal.send("\x04");
    let (rest, ended) = terminal.end();
    assert!(
        matches!(ended, WaitStatus::Exited(_, 0)),
        "{ended:?}\n{rest}"
    );
}

#[test]
fn a_cell_stops_at_a_breakpoint_and_at_once_when_it_fails() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "total = 1; breakpoint(); total += 41");
    terminal.expect("ipdb> ");
    terminal.send("total = 2\r");
    terminal.expect("ipdb> ");
    terminal.send("c\r");
    terminal.enter(2, "total");
    terminal.expect("Out[2]: 43");
    terminal.enter(3, "%pdb on");
    terminal.prompt(4);
    terminal.send(FAILING);
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.expect("ipdb> ");
    terminal.send("p n\r");
    terminal.expect("4\r\n");
    terminal.expect("ipdb> ");
    terminal.send("q\r");
    terminal.enter(5, "%pdb off");
    terminal.enter(6, "1/0");
    terminal.expect("ZeroDivisionError");
    terminal.prompt(7);
}

#[test]
fn a_program_that_fails_is_debugged() {
    let home = TestHome::new();
    let fails = "def f(n):\n    return n / 0\n\nf(3)\n";
    for name in ["fails.py", "fails.ipy"] {
        home.write(name, fails);
        let mut terminal = Terminal::start(&home, &["--pdb", name]);
        terminal.expect("ZeroDivisionError: division by zero");
        terminal.expect("ipdb> ");
        terminal.send("p n * 10\r");
        terminal.expect("30\r\n");
        terminal.expect("ipdb> ");
        terminal.send("q\r");
        let (rest, ended) = terminal.end();
        assert!(
            matches!(ended, WaitStatus::Exited(_, 1)),
            "{ended:?}\n{rest}"
        );
    }
}

#[test]
fn lines_around_a_frame_and_files_are_those_of_its_cell() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "f = lambda: g()");
    terminal.prompt(2);
    terminal.send("\x1b[200~def g():\n    x = 1\n    return 1/0\x1b[201~\r\r");
    terminal.enter(3, "f()");
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.enter(4, "%debug");
    terminal.expect("ipdb> ");
    terminal.send("context 2\r");
    terminal.expect("ipdb> ");
    terminal.send("w\r");
    terminal.expect("> <cell 2>(3)g()");
    let shown = terminal.expect("ipdb> ");
    let lines = "\r\n      2     x = 1\r\n----> 3     return 1/0\r\n";
    assert!(shown.starts_with(lines), "{shown:?}");
    terminal.send("pfile g\r");
    terminal.expect("def g():\r\n    x = 1\r\n    return 1/0\r\n");
    terminal.expect("ipdb> ");
    terminal.send("pfile len\r");
    terminal.expect("*** there is no file with the source of len\r\n");
    terminal.expect("ipdb> ");
}

#[test]
fn magics_of_engines_tell_of_their_options() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "2"]);
    terminal.enter(1, "%%px?");
    terminal.expect("Runs the cell on the engines");
    terminal.expect("-t, --targets TARGETS");
    terminal.enter(2, "%pxconfig?");
    terminal.expect("--progress-after SECONDS");
    terminal.enter(3, "%%px -h\r");
    terminal.expect("\r\n%%px [-b]");
    terminal.prompt(4);
}

#[test]
fn a_failure_on_an_engine_is_looked_at_there_while_everything_goes_on() {
    let home = TestHome::new();
    let mut terminal = Terminal::start(&home, &["-n", "2"]);
    terminal.prompt(1);
    terminal.send(&format!("\x1b[200~%%px --targets 1\n{}", &FAILING[6..]));
    terminal.expect("ZeroDivisionError: division by zero");
    terminal.enter(2, "%debug -t 1");
    terminal.expect("----> 6     return n / 0");
    terminal.expect("ipdb [1]> ");
    terminal.send("p n * 10\r");
    terminal.expect("40\r\n");
    terminal.expect("ipdb [1]> ");
    terminal.send("u\r");
    terminal.expect("----> 3     return inner(found)");
    terminal.expect("ipdb [1]> ");
    // The engine does what another client asks of it between two commands.
    let clusters = home.run(["cluster", "list", "--json"]).success();
    let clusters: serde_json::Value = serde_json::from_str(&clusters).expect("it is JSON");
    let id = clusters[0]["id"].as_str().expect("the shell has a cluster");
    let other = home.run([
        "-c",
        &format!(
            "import ipyparallel as ipp; rc = ipp.Client(cluster_id={id:?}); \
             print(rc[:].apply_sync(pow, 2, 5))"
        ),
    ]);
    assert_eq!(other.success(), "[32, 32]\n");
    terminal.send("p fou\t * 100\r");
    terminal.expect("400\r\n");
    terminal.expect("ipdb [1]> ");
    terminal.send("for i in range(2):\r");
    terminal.expect("...: ");
    terminal.send("    print('row', i, x)\r");
    terminal.expect("...: ");
    terminal.send("\r");
    terminal.expect("row 0 3\r\nrow 1 3\r\n");
    terminal.expect("ipdb [1]> ");
    terminal.send("n\r");
    terminal.expect("the program has ended here");
    terminal.expect("ipdb [1]> ");
    terminal.send("found = 50\r");
    terminal.expect("ipdb [1]> ");
    terminal.send("interact\r");
    terminal.expect(">>> ");
    terminal.send("found + x\r");
    terminal.expect("53\r\n");
    terminal.expect(">>> ");
    terminal.send("\x04");
    terminal.expect("ipdb [1]> ");
    // What runs too long there is interrupted.
    terminal.send("print('loop' + 'ing'); exec('while True: pass')\r");
    terminal.expect("looping\r\n");
    terminal.send("\x03");
    terminal.expect("KeyboardInterrupt");
    terminal.expect("ipdb [1]> ");
    terminal.send("q\r");
    terminal.enter(3, "%debug -t 0");
    terminal.expect("engine 0 can't be debugged: nothing has failed there");
    terminal.enter(4, "rc[0].execute('limit = 7; breakpoint()').get()");
    terminal.expect("breakpoint() has ended this request");
    terminal.enter(5, "rc[0].debug()");
    terminal.expect("ipdb [0]> ");
    terminal.send("p limit\r");
    terminal.expect("7\r\n");
    terminal.expect("ipdb [0]> ");
    terminal.send("\x04");
    terminal.enter(6, "rc[0].clear(); rc[0].debug()");
    terminal.expect("nothing has failed there since it started or was cleared");
    terminal.enter(7, "view.debug()");
    terminal.expect("the debugger looks at one engine, not at 2");
    terminal.enter(8, "%debug -t 9");
    terminal.expect("UsageError: %debug: ");
    // A magic that was called in a wrong way isn't the last failure.
    terminal.enter(9, "%debug");
    terminal.expect("----> 1 view.debug()");
    terminal.expect("ipdb> ");
    terminal.send("q\r");
    // What has failed on engines isn't looked at here.
    terminal.prompt(10);
    terminal.send("\x1b[200~%%px --targets 1\n1/0\x1b[201~\r\r");
    terminal.enter(11, "%debug");
    terminal.expect("That failed on engine 1: %debug -t 1 looks at it there.");
    terminal.enter(12, "%px 1/0");
    terminal.enter(13, "%debug");
    terminal
        .expect("That failed on 2 engines (0, 1): %debug -t 0 looks at it on the first of them.");
    terminal.prompt(14);
}
