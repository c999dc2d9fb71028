//! Editing of cells as a person sees it: keys, colours, paste, other sizes and other terminals.

use super::support::{Screen, TerminalKind, TestHome};

const COLOURED: TerminalKind<'_> = TerminalKind {
    columns: 100,
    rows: 30,
    variables: &[("TERM", "xterm-256color")],
    removed: &["NO_COLOR"],
    answers: &[],
};

#[test]
fn a_block_is_indented_by_itself_and_shown_where_it_was_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("def double(x):\ry = x * 2\rreturn y\r\r");
    screen.prompt(2);
    let lines = screen.lines();
    let from = lines
        .iter()
        .position(|line| line == "In [1]: def double(x):");
    let from = from.unwrap_or_else(|| panic!("{lines:#?}"));
    assert_eq!(
        lines[from + 1..from + 4],
        ["   ...:     y = x * 2", "   ...:     return y", "   ...:"]
    );
    screen.enter(2, "double(21)");
    screen.shows("Out[2]: 42");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn backspace_takes_a_level_and_enter_within_a_cell_indents() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("if 0:\rif 1:\rx = 1\r\x7fx = 2\r\x7felse:\rx = 3\r\r");
    screen.enter(2, "_ih[1]");
    screen.shows(r"Out[2]: 'if 0:\n    if 1:\n        x = 1\n    x = 2\nelse:\n    x = 3\n    '");
    screen.prompt(3);
    screen.send("\x1b[200~def f(x):\n    return x\x1b[201~");
    screen.shows_line("   ...:     return x");
    screen.send("\x1b[A\x05\rx = x * 3\x1b[B\x05\r\r");
    screen.enter(4, "f(2)");
    screen.shows("Out[4]: 6");
    screen.prompt(5);
    screen.leave();
}

#[test]
fn new_lines_are_indented_unless_that_is_switched_off() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "%autoindent");
    screen.shows("Automatic indentation is: OFF");
    screen.prompt(2);
    screen.send("if True:\r  x = 7\r\r");
    screen.enter(3, "x");
    screen.shows("Out[3]: 7");
    assert!(screen.lines().contains(&"   ...:   x = 7".to_owned()));
    screen.enter(4, "%autoindent");
    screen.shows("Automatic indentation is: ON");
    screen.prompt(5);
    screen.send("if True:\rx = 8\r\r");
    screen.enter(6, "x");
    screen.shows("Out[6]: 8");
    screen.prompt(7);
    screen.leave();
}

#[test]
fn the_cursor_is_where_the_next_character_goes() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("x = 'añ🐍'\x1b[D!");
    screen.shows_line("In [1]: x = 'añ🐍!'");
    let (_, column) = screen.cursor();
    assert_eq!(column, 8 + 10);
    screen.send("\x01y, ");
    screen.shows_line("In [1]: y, x = 'añ🐍!'");
    assert_eq!(screen.cursor().1, 8 + 3);
    // Up in a block goes to the line above, into the same column.
    screen.send("\x03");
    screen.prompt(1);
    screen.send("if x:\rabc");
    screen.shows_line("   ...:     abc");
    screen.send("\x1b[A");
    screen.shows_line("In [1]: if x:");
    screen.send("\x03");
    screen.prompt(1);
    screen.leave();
}

#[test]
fn the_kinds_of_words_have_their_colours() {
    let home = TestHome::new();
    let mut screen = Screen::start_on(&home, &[], &COLOURED);
    screen.prompt(1);
    screen.send("return 'text' # why");
    screen.shows_line("In [1]: return 'text' # why");
    screen.wait("the colours", |screen| {
        screen.drawn("return").fgcolor() == vt100::Color::Idx(2)
            && screen.drawn("'text'").fgcolor() == vt100::Color::Idx(3)
            && screen.drawn("# why").italic()
    });
    screen.send("\x03");
    screen.prompt(1);
    screen.leave();
}

#[test]
fn brackets_that_belong_together_are_marked() {
    let home = TestHome::new();
    let mut screen = Screen::start_on(&home, &[], &COLOURED);
    screen.prompt(1);
    screen.send("f(a, '(')");
    screen.wait("both brackets marked", |screen| {
        screen.line_of_cursor() == "In [1]: f(a, '(')"
            && screen.drawn("(a").inverse()
            && screen.drawn(")").inverse()
            && !screen.drawn("('").inverse()
    });
    // The cursor leaves them, and the marks go.
    screen.send("\x1b[D\x1b[D\x1b[D\x1b[D");
    screen.wait("no bracket marked", |screen| !screen.drawn("(a").inverse());
    screen.send("\x03");
    screen.enter(
        1,
        "%config TerminalInteractiveShell.highlight_matching_brackets = False",
    );
    screen.prompt(2);
    screen.send("g(b)");
    screen.wait("no bracket marked", |screen| {
        screen.line_of_cursor() == "In [2]: g(b)" && !screen.drawn("(b").inverse()
    });
    screen.send("\x03");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn lines_have_numbers_where_that_is_wanted() {
    let home = TestHome::new();
    home.configure(
        "config.toml",
        "[TerminalInteractiveShell]\nprompt_line_number_format = '{line:2}/{rel_line:+d} '\n",
    );
    let mut screen = Screen::start(&home, &[]);
    screen.shows_line(" 1/+0 In [1]:");
    screen.send("if 1:\r");
    screen.ends_with(&[" 1/-1 In [1]: if 1:", " 2/+0    ...:"]);
    screen.send("y = 2\x1b[A");
    screen.ends_with(&[" 1/+0 In [1]: if 1:", " 2/+1    ...:     y = 2"]);
    screen.send("\x03");
    screen.shows_line(" 1/+0 In [1]:");
    screen.leave();
}

#[test]
fn a_suggestion_is_seen_at_the_end_alone() {
    let home = TestHome::new();
    let mut screen = Screen::start_on(&home, &[], &COLOURED);
    screen.enter(1, "temperature = 21");
    screen.prompt(2);
    screen.send("temp");
    screen.shows_line("In [2]: temperature = 21");
    screen.send("\x1b[D");
    screen.shows_line("In [2]: temp");
    screen.send("\x03");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn what_was_entered_before_is_suggested() {
    let home = TestHome::new();
    let mut screen = Screen::start_on(&home, &[], &COLOURED);
    screen.enter(1, "temperature = 11 + 10");
    screen.prompt(2);
    screen.send("temp");
    screen.shows_line("In [2]: temperature = 11 + 10");
    assert!(
        screen.drawn("erature = 11 + 10").dim(),
        "a suggestion is quiet"
    );
    screen.wait("the cursor where one types", |screen| {
        screen.cursor().1 == 8 + 4
    });
    // The arrow takes it all.
    screen.send("\x1b[C");
    screen.wait("the cursor at its end", |screen| {
        screen.cursor().1 == 8 + 21
    });
    screen.send("\x03");
    screen.prompt(2);
    // Alt-F takes a word of it; what isn't taken is not run.
    screen.send("temp\x1bf");
    screen.wait("one word taken", |screen| screen.cursor().1 == 8 + 11);
    screen.send("\r");
    screen.shows("Out[2]: 21");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn a_large_paste_is_one_cell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    let cell: String = (0..10_000)
        .map(|number| format!("x_{number} = {number}\n"))
        .collect();
    screen.paste(&cell);
    screen.send("\r");
    screen.prompt(2);
    screen.enter(2, "x_0, x_9999");
    screen.shows("Out[2]: (0, 9999)");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn what_is_no_text_is_left_out_and_the_cell_stays() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("kept = 1");
    screen.shows_line("In [1]: kept = 1");
    screen.send_bytes(b"\x1b[200~bad = '\xff\xfe'\rdel kept\r\x1b[201~");
    screen.shows("rhumba: what came in isn't UTF-8 text and was left out");
    screen.wait("the cell again", |screen| {
        screen.line_of_cursor().starts_with("In [1]: kept = 1")
    });
    screen.send("\x15kept = 2\r");
    screen.enter(2, "kept");
    screen.shows("Out[2]: 2");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn another_editor_takes_the_cell_and_gives_it_back() {
    let home = TestHome::new();
    let editor = home.write(
        "editor.sh",
        "#!/bin/sh\nsed -i s/one/two/ \"$1\"\nexit $(cat status)\n",
    );
    let status = home.write("status", "0");
    let command = format!("/bin/sh {}", editor.display());
    let variables = [("TERM", "xterm"), ("EDITOR", command.as_str())];
    let kind = TerminalKind {
        variables: &variables,
        removed: &["VISUAL"],
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    for keys in ["\x18\x05", "\x1bOQ"] {
        screen.prompt(1);
        screen.send("'one'");
        screen.send(keys);
        screen.shows_line("In [1]: 'two'");
        screen.send("\x03");
    }
    // An editor that fails changes nothing.
    std::fs::write(status, "3").expect("it is ours");
    screen.prompt(1);
    screen.send("'one'\x18\x05");
    screen.shows("the cell is as it was");
    screen.shows_line("In [1]: 'one'");
    screen.send("\r");
    screen.shows("Out[1]: 'one'");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn an_editor_has_the_keys_that_interrupt_for_itself() {
    let home = TestHome::new();
    let editor = home.write(
        "editor.sh",
        "trap 'interrupted=1; echo it was interrupted' INT\n\
         trap 'quit=1' QUIT\n\
         echo it edits\n\
         until [ \"$interrupted$quit\" = 11 ]; do :; done\n\
         echo '6 * 7' > \"$1\"\n",
    );
    let command = format!("/bin/sh {}", editor.display());
    let variables = [("TERM", "xterm"), ("EDITOR", command.as_str())];
    let kind = TerminalKind {
        variables: &variables,
        removed: &["VISUAL"],
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    let edited = |screen: &mut Screen| {
        screen.shows("it edits");
        screen.send("\x03");
        screen.shows("it was interrupted");
        screen.send("\x1c");
    };
    screen.prompt(1);
    screen.send("'one'\x1bOQ");
    edited(&mut screen);
    screen.shows_line("In [1]: 6 * 7");
    screen.send("\r");
    screen.shows("Out[1]: 42");
    screen.prompt(2);
    screen.send("\x0c");
    screen.wait("an empty screen", |screen| {
        let contents = screen.contents();
        !contents.contains("it edits") && !contents.contains("it was interrupted")
    });
    screen.enter(2, "%edit cell.py");
    edited(&mut screen);
    screen.prompt(3);
    let kept = std::fs::read_to_string(home.work().join("cell.py"));
    assert_eq!(kept.expect("it was edited"), "6 * 7\n");
    screen.leave();
}

#[test]
fn output_of_other_threads_is_shown_above_what_is_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        "import threading; gate = threading.Event(); done = threading.Event()",
    );
    screen.enter(
        2,
        "def work():\rgate.wait()\rprint('from the thread')\rprint('and more')\rdone.set()\r\r",
    );
    screen.enter(
        3,
        "threading.Thread(target=work).start(); threading.Timer(0.5, gate.set).start()",
    );
    screen.prompt(4);
    screen.send("half_a_c");
    screen.wait("the output above the cell", |screen| {
        let lines = screen.lines();
        lines.ends_with(&[
            "from the thread".to_owned(),
            "and more".to_owned(),
            "In [4]: half_a_c".to_owned(),
        ])
    });
    screen.send("ell = 1\r");
    screen.enter(5, "half_a_cell, done.wait(30)");
    screen.shows("Out[5]: (1, True)");
    screen.prompt(6);
    screen.leave();
}

#[test]
fn a_narrow_terminal_wraps_and_keeps_the_cursor() {
    let home = TestHome::new();
    let kind = TerminalKind {
        columns: 20,
        rows: 10,
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    screen.prompt(1);
    screen.send("total = 100000 + 200000 + 5");
    screen.ends_with(&["In [1]: total = 1000", "        00 + 200000", "        + 5"]);
    assert_eq!(screen.cursor().1, 11);
    // Over both wraps.
    screen.send(&"\x1b[D".repeat(17));
    screen.wait("the cursor in the first row", |screen| {
        screen.cursor().1 == 18
    });
    screen.send("9\r");
    screen.enter(2, "total");
    screen.shows("Out[2]: 1290005");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn of_a_cell_taller_than_the_terminal_a_part_is_seen_until_it_is_entered() {
    let home = TestHome::new();
    let kind = TerminalKind {
        columns: 40,
        rows: 8,
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    screen.prompt(1);
    let sum: Vec<String> = (0..20).map(|line| format!("    + {line}")).collect();
    screen.paste(&format!("(\n{}\n)", sum.join("\n")));
    let lines = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers
            .map(|line| format!("   ...:     + {line}"))
            .collect()
    };
    screen.wait("its end", |screen| {
        screen.lines()[..7] == lines(13..20) && screen.lines()[7] == "   ...: )"
    });
    // What was above it has gone up, and isn't shown twice.
    screen.send(&"\x1b[A".repeat(15));
    screen.wait("a part of it", |screen| screen.lines() == lines(5..13));
    assert_eq!(screen.cursor(), (0, 9));
    screen.resize(40, 6);
    screen.wait("a smaller part of it", |screen| {
        screen.lines() == lines(5..11)
    });
    screen.send("\x05 * 2");
    screen.shows_line("   ...:     + 5 * 2");
    screen.send("\x1b[1;5F\r");
    screen.shows("Out[1]: 195");
    screen.prompt(2);
    let written = String::from_utf8_lossy(screen.written()).into_owned();
    let entered = written.rsplit("In [1]: (").next().expect("it is written");
    for line in 0..20 {
        assert!(entered.contains(&format!("...:     + {line}")), "{entered}");
    }
    screen.leave();
}

#[test]
fn the_terminal_is_given_back_whatever_a_library_puts_in_place_of_handlers() {
    let home = TestHome::new();
    let mut command = beside("sh", &home);
    command.args(["-c", "\"$RHUMBA\"; stty -a"]);
    let mut screen = Screen::start_command(command, &TerminalKind::default());
    screen.enter(
        1,
        "import os, signal; signal.signal(15, signal.signal(15, signal.SIG_IGN))",
    );
    screen.enter(2, "os.getpid()");
    screen.prompt(3);
    let pid = screen.contents();
    let pid = pid
        .rsplit("Out[2]: ")
        .next()
        .and_then(|rest| rest.lines().next());
    let pid: i32 = pid.and_then(|pid| pid.parse().ok()).expect("it is shown");
    screen.send("typed");
    screen.shows_line("In [3]: typed");
    // SAFETY: the shell is this test's.
    unsafe { libc::kill(pid, libc::SIGTERM) };
    screen.wait("the end", Screen::is_closed);
    let shown = screen.contents();
    assert!(
        shown.contains(" icanon ") && shown.contains(" icrnl "),
        "{shown}"
    );
}

#[test]
fn errors_that_are_kept_in_a_file_are_kept_there_while_a_cell_is_typed() {
    let home = TestHome::new();
    let mut command = beside("sh", &home);
    command.args(["-c", "exec \"$RHUMBA\" 2>errors"]);
    let mut screen = Screen::start_command(command, &TerminalKind::default());
    screen.enter(1, "import os, sys, threading; os.system('mkfifo go')");
    screen.prompt(2);
    screen.send("def tell():\rwith open('go'): pass\rprint('an ' + 'error', file=sys.stderr)\rprint('a ' + 'line')\r\r");
    screen.enter(3, "threading.Thread(target=tell).start()");
    screen.prompt(4);
    screen.send("typed");
    screen.shows_line("In [4]: typed");
    std::fs::write(home.work().join("go"), "").expect("the thread reads it");
    screen.ends_with(&["a line", "In [4]: typed"]);
    assert!(!screen.contents().contains("an error"));
    let kept = std::fs::read_to_string(home.work().join("errors")).expect("it is there");
    assert_eq!(kept, "an error\n");
    screen.send("\x15");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn a_line_that_a_thread_writes_as_a_cell_begins_is_not_lost() {
    let home = TestHome::new();
    // All of it stays on the screen.
    let kind = TerminalKind {
        rows: 3000,
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    screen.prompt(1);
    // Text and line end apart, while cells begin and end.
    screen.send(
        "import threading; begun = []\rdef count(first):\r\
         for number in range(first, first + 50):\rprint(f'<{number}', end='')\rprint('>')\r\r\r",
    );
    for cell in 0..40 {
        let number = cell + 2;
        screen.wait("a prompt", |screen| {
            let written = String::from_utf8_lossy(screen.written()).into_owned();
            written.contains(&format!("In [{number}]: "))
        });
        screen.send(&format!(
            "begun += [threading.Thread(target=count, args=({},))]; begun[-1].start()\r",
            cell * 50
        ));
    }
    screen.send("for each in begun: each.join()\r\rprint('all', 'of', 'it')\r");
    screen.wait("the end", |screen| {
        String::from_utf8_lossy(screen.written()).contains("all of it")
    });
    let mut seen = std::collections::HashMap::new();
    for part in screen.contents().split('<').skip(1) {
        let digits = part.find(|letter: char| !letter.is_ascii_digit());
        *seen
            .entry(part[..digits.unwrap_or(part.len())].to_owned())
            .or_insert(0) += 1;
    }
    for number in 0..40 * 50 {
        assert_eq!(seen.get(&number.to_string()), Some(&1), "<{number}>");
    }
    screen.leave();
}

#[test]
fn what_cells_do_to_the_files_of_the_terminal_ends_no_session() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        "import os; os.set_blocking(0, False); os.set_blocking(1, False)",
    );
    screen.prompt(2);
    screen.send("for number in range(20_000): print('goes', 'on', number)\r\r");
    screen.shows("goes on 19999");
    // Whichever of the shell's own files have these numbers.
    for (number, first) in [(3, 6), (4, 8), (5, 10), (6, 5)] {
        screen.enter(number, &format!("os.closerange({first}, {})", first + 2));
        screen.prompt(number + 1);
    }
    screen.send("('still ' +\r'here')\r");
    screen.shows("Out[7]: 'still here'");
    screen.prompt(8);
    screen.leave();
}

#[test]
fn a_list_of_completions_goes_with_the_next_key() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "import json; f = len");
    screen.prompt(2);
    screen.send("f(\rjson.l\t");
    let found = ["In [2]: f(", "   ...:     json.load", "load   loads"];
    screen.ends_with(&found);
    assert_eq!(screen.cursor().1, 8 + 13);
    screen.send("\t");
    screen.ends_with(&found);
    screen.send("s");
    screen.ends_with(&["In [2]: f(", "   ...:     json.loads"]);
    screen.send("('[1]'))\r");
    screen.shows("Out[2]: 1");
    screen.prompt(3);
    screen.leave();
}

/// Another program, in the surroundings of the shell, which it finds as `$RHUMBA`.
fn beside(program: &str, home: &TestHome) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    let rhumba = home.command([""; 0]);
    for (name, value) in rhumba.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("TERM", "xterm");
    command.env("RHUMBA", rhumba.get_program());
    if let Some(folder) = rhumba.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

#[test]
fn a_suspended_shell_leaves_the_terminal_and_comes_back() {
    let home = TestHome::new();
    let mut command = beside("bash", &home);
    command.args(["--norc", "--noprofile", "-i"]);
    command.env("PS1", "$ ");
    let mut screen = Screen::start_command(command, &TerminalKind::default());
    screen.shows_line("$");
    screen.send("\"$RHUMBA\"\r");
    screen.prompt(1);
    screen.send("x = [\r1,\r2]\x1b[A");
    screen.shows_line("   ...:     1,");
    screen.send("\x1a");
    screen.shows("Stopped");
    screen.shows_line("$");
    screen.send("fg\r");
    screen.shows_line("   ...:     1,");
    screen.ends_with(&["In [1]: x = [", "   ...:     1,", "   ...:     2]"]);
    screen.send("\x1b[1;5F\r");
    screen.enter(2, "sum(x)");
    screen.shows("Out[2]: 3");
    screen.prompt(3);
    screen.send("\x04");
    screen.shows_line("$");
    screen.send("exit\r");
    screen.end();
}

#[test]
fn a_window_of_another_size_costs_nothing_that_was_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("total = 1111111111111111111111111111");
    screen.shows_line("In [1]: total = 1111111111111111111111111111");
    screen.resize(24, 30);
    screen.send(" + 5\r");
    screen.enter(2, "total % 1000");
    screen.shows("Out[2]: 116");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn a_representation_that_never_ends_is_interrupted() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        // What it prints isn't what stands in its source, which is on the screen as well.
        "class Endless:\rdef __repr__(self):\rprint('be' 'gun')\rwhile True: pass\r\r\r",
    );
    screen.enter(2, "Endless()");
    screen.shows("begun");
    screen.send("\x03");
    screen.shows("KeyboardInterrupt");
    screen.enter(3, "'here again'");
    screen.shows("Out[3]: 'here again'");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn a_prompt_starts_its_own_line() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "print('no end', end='')");
    screen.prompt(2);
    let lines = screen.lines();
    assert!(
        lines.ends_with(&["no end".to_owned(), "In [2]:".to_owned()]),
        "{lines:#?}"
    );
    screen.leave();
}

#[test]
fn what_is_typed_ahead_is_read_at_the_prompts_that_follow() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("a = 1\rb = 2\r\ra + b\rc =");
    screen.shows("Out[3]: 3");
    screen.shows_line("In [4]: c =");
    screen.send("\x03");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn keys_do_what_a_person_sets_them_to() {
    let home = TestHome::new();
    home.configure(
        "config.toml",
        "[TerminalInteractiveShell]\nshortcuts = [\n\
         { command = 'beginning-of-line', new_keys = ['c-t'] },\n\
         { command = 'kill-line', new_keys = ['escape', 'z'] },\n\
         { command = 'IPython:auto_suggest.accept', new_keys = ['c-q'] },\n]\n",
    );
    let mut screen = Screen::start_on(&home, &["--no-banner"], &COLOURED);
    screen.prompt(1);
    screen.send("word_one = 1\r");
    screen.prompt(2);
    screen.send("wrong\x14\x1bz6 * 7\r");
    screen.shows("Out[2]: 42");
    screen.prompt(3);
    screen.send("wor");
    screen.shows_line("In [3]: word_one = 1");
    screen.send("\x11; word_one\r");
    screen.shows("Out[3]: 1");
    screen.prompt(4);
    // What a key did before comes back with the setting.
    screen.send("%config TerminalInteractiveShell.shortcuts = []\r");
    screen.prompt(5);
    screen.send("67\x14\r");
    screen.shows("Out[5]: 76");
    screen.prompt(6);
    screen.send("%config TerminalInteractiveShell.shortcuts = [{'command': 'kill-lin', 'new_keys': ['c-q']}]\r");
    screen.shows("there is 'kill-line'");
    screen.prompt(7);
    screen.leave();
}

#[test]
fn a_long_list_of_completions_fits_on_the_screen_and_asks_nothing() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(
        1,
        "globals().update((f'reading_{n:04}', n) for n in range(2000))",
    );
    screen.prompt(2);
    // As far as all of them go, and then as many as there is room for.
    screen.send("read\t");
    screen.shows_line("In [2]: reading_");
    screen.send("\t");
    screen.shows(" more");
    let lines = screen.lines();
    assert!(
        lines.iter().any(|line| line.contains("reading_0000")),
        "{lines:#?}"
    );
    screen.send("1234 + 1\r");
    screen.shows("Out[2]: 1235");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn names_are_listed_in_rows_that_the_terminal_has_room_for() {
    let home = TestHome::new();
    let kind = TerminalKind {
        columns: 40,
        rows: 20,
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    screen.enter(1, "alpha = bravo = charlie = 1");
    screen.enter(2, "delta = echo = foxtrot = 1");
    screen.enter(3, "%who");
    screen.ends_with(&["alpha   bravo   charlie delta   echo", "foxtrot", "In [4]:"]);
    screen.leave();
}
