//! The cells of before as a person finds them again: arrows, search, magics, files that fail.

use super::support::{Screen, TerminalKind, TestHome, finish};

fn shell_that_ran(home: &TestHome, cells: &[&str]) {
    let mut screen = Screen::start(home, &[]);
    for (index, cell) in cells.iter().enumerate() {
        screen.enter(u32::try_from(index).expect("few") + 1, cell);
    }
    screen.prompt(u32::try_from(cells.len()).expect("few") + 1);
    screen.leave();
}

#[test]
fn arrows_go_back_and_forth_and_keep_what_was_typed() {
    let home = TestHome::new();
    shell_that_ran(&home, &["import os", "x = 1", "import sys"]);
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    for line in ["import sys", "x = 1", "import os"] {
        screen.send("\x1b[A");
        screen.shows_line(&format!("In [1]: {line}"));
    }
    screen.send("\x1b[A\x1b[B");
    screen.shows_line("In [1]: x = 1");
    screen.send("\x1b[B\x1b[B");
    screen.prompt(1);
    // With something typed, only what begins like it; behind the newest is what was typed.
    screen.send("im\x1b[A");
    screen.shows_line("In [1]: import sys");
    screen.send("\x1b[A");
    screen.shows_line("In [1]: import os");
    screen.send("\x1b[B\x1b[B");
    screen.shows_line("In [1]: im");
    screen.send("\x03");
    screen.prompt(1);
    screen.leave();
}

#[test]
fn a_search_finds_cells_of_several_lines_and_runs_them() {
    let home = TestHome::new();
    shell_that_ran(
        &home,
        &["for i in range(2):\rprint('needle', i)\r\r", "x = 1"],
    );
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("\x12need");
    screen.shows("(reverse-i-search)`need': for i in range(2):");
    screen.send("\r");
    screen.shows("needle 0");
    screen.shows("needle 1");
    screen.prompt(2);
    // Ctrl-G gives back what was there.
    screen.send("typed\x12x =");
    screen.shows("(reverse-i-search)`x =': x = 1");
    screen.send("\x07");
    screen.shows_line("In [2]: typed");
    screen.send("\x03");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn magics_show_and_bring_back_cells_of_other_sessions() {
    let home = TestHome::new();
    shell_that_ran(&home, &["first = 6 * 7", "first + 0"]);
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "%history -o ~1/");
    screen.ends_with(&["first = 6 * 7", "first + 0", "42", "In [2]:"]);
    screen.enter(2, "%history -g 6 * 7");
    screen.ends_with(&["1/1: first = 6 * 7", "In [3]:"]);
    screen.enter(3, "%recall 1/1");
    screen.shows_line("In [4]: first = 6 * 7");
    screen.send("\r");
    screen.enter(5, "%rerun ~1/2");
    screen.shows("=== Output: ===");
    screen.shows(": 42");
    screen.enter(6, "%macro both 1/1-2");
    screen.enter(7, "both");
    screen.shows("Out[7]: 42");
    screen.enter(8, "%history nonsense");
    screen.shows("'nonsense' is no range of cells");
    screen.prompt(9);
    assert!(!screen.contents().contains("Traceback"));
    screen.leave();
}

#[test]
fn a_session_becomes_a_notebook_and_a_file() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "x = 6");
    screen.enter(2, "x * 7");
    screen.enter(3, "%notebook session");
    screen.shows("2 cells written to session.ipynb.");
    screen.enter(4, "%save -f cells 1-2");
    screen.shows("Written to cells.py:");
    screen.enter(5, "%load cells.py");
    screen.wait("the file in the prompt", |screen| {
        screen.contents().contains("In [6]: # %load cells.py")
            && screen.line_of_cursor() == "   ...: x * 7"
    });
    screen.send("\r");
    screen.shows("Out[6]: 42");
    screen.prompt(7);
    screen.leave();
    let text = std::fs::read_to_string(home.work().join("session.ipynb")).expect("it was written");
    let notebook: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(
        (&notebook["nbformat"], &notebook["nbformat_minor"]),
        (&4.into(), &5.into())
    );
    let cell = &notebook["cells"][1];
    assert_eq!(cell["source"], serde_json::json!(["x * 7"]));
    assert_eq!(
        cell["outputs"][0]["data"]["text/plain"],
        serde_json::json!(["42"])
    );
    assert_eq!(cell["outputs"][0]["output_type"], "execute_result");
    let saved = std::fs::read_to_string(home.work().join("cells.py")).expect("it was written");
    assert_eq!(saved, "# coding: utf-8\nx = 6\nx * 7\n");
}

#[test]
fn a_notebook_has_what_its_cells_have_shown() {
    let home = TestHome::new();
    let cells = [
        "import sys; print('out'); print('put'); print('err', file=sys.stderr); 6 * 7",
        "from IPython.display import SVG\n",
        "display(SVG(data='<svg width=\"2\" height=\"2\"/>'))",
        "1 / 0",
        "%notebook session",
    ];
    home.run_with_input(["-i"], &(cells.join("\n") + "\n"));
    let text = std::fs::read_to_string(home.work().join("session.ipynb")).expect("it was written");
    let notebook: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let outputs = |cell: usize| &notebook["cells"][cell]["outputs"];
    assert_eq!(
        outputs(0),
        &serde_json::json!([
            {"output_type": "stream", "name": "stdout", "text": ["out\n", "put\n"]},
            {"output_type": "stream", "name": "stderr", "text": ["err\n"]},
            {"output_type": "execute_result", "execution_count": 1, "metadata": {},
             "data": {"text/plain": ["42"]}},
        ])
    );
    assert_eq!(outputs(1), &serde_json::json!([]));
    let shown = &outputs(2)[0];
    assert_eq!(shown["output_type"], "display_data");
    let picture = &shown["data"]["image/svg+xml"][0];
    assert!(
        picture
            .as_str()
            .is_some_and(|text| text.starts_with("<svg")),
        "{shown}"
    );
    let failure = &outputs(3)[0];
    assert_eq!(
        (
            &failure["output_type"],
            &failure["ename"],
            &failure["evalue"]
        ),
        (
            &"error".into(),
            &"ZeroDivisionError".into(),
            &"division by zero".into()
        )
    );
    let traceback = failure["traceback"].as_array().expect("it has lines");
    assert_eq!(
        traceback.last(),
        Some(&"ZeroDivisionError: division by zero".into())
    );
}

#[test]
fn cells_that_share_a_number_have_what_they_have_shown_themselves() {
    let home = TestHome::new();
    let cells = [
        "'first'",
        "print('printed')",
        "get_ipython().execution_count = 1",
        "nothing = 0",
        "'another'",
        "%notebook session",
        "%history -n -o -f session.txt",
    ];
    home.run_with_input(["-i"], &(cells.join("\n") + "\n"));
    let text = std::fs::read_to_string(home.work().join("session.ipynb")).expect("it was written");
    let notebook: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let result = |number: u32, text: &str| {
        serde_json::json!([{"output_type": "execute_result", "execution_count": number,
                            "metadata": {}, "data": {"text/plain": [text]}}])
    };
    let nothing = || serde_json::json!([]);
    let printed =
        serde_json::json!([{"output_type": "stream", "name": "stdout", "text": ["printed\n"]}]);
    let expected = [
        (1, result(1, "'first'")),
        (2, printed),
        (3, nothing()),
        (1, nothing()),
        (2, result(2, "'another'")),
    ];
    for (place, (number, outputs)) in expected.into_iter().enumerate() {
        let cell = &notebook["cells"][place];
        assert_eq!(cell["execution_count"], number, "{text}");
        assert_eq!(cell["outputs"], outputs, "{text}");
    }
    let listed = std::fs::read_to_string(home.work().join("session.txt")).expect("it was written");
    assert!(
        listed.starts_with("1: 'first'\n'first'\n2: print('printed')\n3: get_ipython()"),
        "{listed}"
    );
    assert!(
        listed.contains("1: nothing = 0\n2: 'another'\n'another'\n"),
        "{listed}"
    );
}

#[test]
fn a_log_grows_with_each_cell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "x = 6");
    screen.enter(2, "%logstart -o -r session.py over");
    screen.enter(3, "x * 7");
    screen.enter(4, "%logoff");
    screen.enter(5, "'not in it'");
    screen.enter(6, "%logon");
    screen.enter(7, "'in it'");
    screen.enter(8, "%logstop");
    screen.enter(9, "%logstate");
    screen.shows("No log is written.");
    screen.prompt(10);
    screen.leave();
    let log = std::fs::read_to_string(home.work().join("session.py")).expect("it was written");
    assert!(
        log.contains("x = 6\n%logstart -o -r session.py over\nx * 7\n#[Out]# 42\n"),
        "{log}"
    );
    assert!(!log.contains("'not in it'\n#[Out]"), "{log}");
    assert!(log.contains("'in it'\n#[Out]# 'in it'\n"), "{log}");
}

#[test]
fn a_history_that_is_not_wanted_is_not_kept() {
    let home = TestHome::new();
    shell_that_ran(&home, &["kept = 1"]);
    home.configure(
        "ipython_config.py",
        "c.HistoryManager.enabled = False\nc.TerminalIPythonApp.display_banner = False\n",
    );
    let has_line = |screen: &Screen, line: &str| screen.lines().iter().any(|it| it == line);
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "secret = 6 * 7");
    screen.enter(2, "%history");
    screen.wait("the history", |screen| has_line(screen, "secret = 6 * 7"));
    screen.enter(3, "%history ~1/");
    screen.shows("while HistoryManager.enabled is False");
    screen.enter(4, "secret");
    screen.shows("Out[4]: 42");
    screen.prompt(5);
    screen.send("\x1b[A");
    screen.shows_line("In [5]: secret");
    assert!(
        !screen.contents().contains("rhumba 0."),
        "{}",
        screen.contents()
    );
    screen.send("\x03");
    screen.prompt(5);
    screen.leave();
    let mut screen = Screen::start(&home, &["--quick"]);
    screen.enter(1, "%history -g * = *");
    screen.wait("the history", |screen| has_line(screen, "1/1: kept = 1"));
    screen.prompt(2);
    assert!(
        !screen.contents().contains("secret"),
        "{}",
        screen.contents()
    );
    screen.leave();
}

#[test]
fn a_damaged_history_is_told_of_once_and_costs_nothing() {
    let home = TestHome::new();
    std::fs::write(
        home.home().join("history.sqlite"),
        "no database".repeat(400),
    )
    .expect("it is ours");
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "x = 1");
    screen.enter(2, "%history");
    screen.shows("was damaged; it is now");
    screen.enter(3, "x");
    screen.shows("Out[3]: 1");
    screen.prompt(4);
    assert_eq!(screen.contents().matches("was damaged").count(), 1);
    screen.leave();
    assert!(home.home().join("history.sqlite.damaged-1").exists());
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("\x1b[A\x1b[A");
    screen.shows_line("In [1]: %history");
    screen.send("\x03");
    screen.prompt(1);
    screen.leave();
}

#[test]
fn a_full_disk_is_told_of_once_and_the_shell_works_on() {
    let home = TestHome::new();
    shell_that_ran(&home, &["before = 1"]);
    // No file may grow: what a full disk does, for one process.
    let shell = home.command::<&str>([]);
    let mut limited = std::process::Command::new("/bin/sh");
    limited
        .args(["-c", "ulimit -f 0; exec \"$0\""])
        .arg(shell.get_program())
        .current_dir(home.work())
        .envs(
            shell
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("TERM", "xterm");
    let mut screen = Screen::start_command(limited, &TerminalKind::default());
    screen.enter(1, "x = 1");
    screen.enter(2, "%history");
    screen.shows("cells are remembered only until this shell ends");
    screen.enter(3, "x + 1");
    screen.shows("Out[3]: 2");
    screen.prompt(4);
    screen.send("\x1b[A\x1b[A\x1b[A");
    screen.shows_line("In [4]: x = 1");
    screen.send("\x03");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn several_shells_share_a_history() {
    let home = TestHome::new();
    let mut shells: Vec<Screen> = (0..4).map(|_| Screen::start(&home, &[])).collect();
    for line in 1..=5 {
        for (index, shell) in shells.iter_mut().enumerate() {
            shell.enter(line, &format!("shell_{index} = {line}"));
        }
    }
    for mut shell in shells {
        shell.prompt(6);
        assert!(!shell.contents().contains("locked"), "{}", shell.contents());
        shell.leave();
    }
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "%history -g shell_[0-9]");
    screen.prompt(2);
    for index in 0..4 {
        for line in 1..=5 {
            screen.shows(&format!(": shell_{index} = {line}"));
        }
    }
    screen.leave();
}

#[test]
fn the_history_is_trimmed_and_cleared_from_the_command_line() {
    let home = TestHome::new();
    shell_that_ran(&home, &["a = 1", "b = 2", "c = 3"]);
    let trimmed = home.run(["history", "trim", "--keep", "1"]).success();
    assert!(trimmed.starts_with("2 cells were removed"), "{trimmed}");
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("\x1b[A\x1b[A");
    screen.shows_line("In [1]: c = 3");
    screen.send("\x03");
    screen.prompt(1);
    screen.leave();
    let refused = home.run(["history", "clear"]).failure(2);
    assert!(refused.contains("nobody is there to confirm"), "{refused}");
    let mut asked = Screen::start(&home, &["history", "clear"]);
    asked.shows("This can't be undone. [y/N]");
    asked.send("\r");
    asked.shows("Nothing was removed.");
    let mut asked = Screen::start(&home, &["history", "clear"]);
    asked.shows("This can't be undone. [y/N]");
    asked.send("y\r");
    asked.shows("1 cell was removed");
    assert!(
        home.run(["history", "clear", "--force"])
            .success()
            .starts_with("0 cells were removed")
    );
    let mut piped = home.command(["-i", "-c", "pass"]);
    piped.env_remove("TERM");
    let printed = finish(piped, "%history -l 5\n").success();
    assert!(!printed.contains("c = 3"), "{printed}");
}

#[test]
fn keys_that_end_a_search_keep_what_was_found_and_its_own_prompt() {
    let home = TestHome::new();
    shell_that_ran(&home, &["needle = 1"]);
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    // Escape, and keys that have nothing to do there: completing, deleting to the end.
    for key in ["\x1b", "\x0b", "\t", "\x05"] {
        screen.send("\x12= 1");
        screen.shows_line("(reverse-i-search)`= 1': needle = 1");
        screen.send(key);
        screen.shows_line(match key {
            "\x0b" => "In [1]: needle",
            _ => "In [1]: needle = 1",
        });
        screen.send("\x03");
        screen.prompt(1);
    }
    screen.leave();
}

#[test]
fn the_end_of_file_in_a_search_ends_the_search_alone() {
    let home = TestHome::new();
    shell_that_ran(&home, &["needle = 1"]);
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("\x12");
    screen.shows("(reverse-i-search)");
    screen.send("\x04");
    screen.shows_line("In [1]:");
    screen.send("\x12zz");
    screen.shows("zz");
    screen.send("\x04");
    screen.shows_line("In [1]:");
    screen.enter(1, "1 + 1");
    screen.shows("Out[1]: 2");
    screen.prompt(2);
    screen.leave();
}
