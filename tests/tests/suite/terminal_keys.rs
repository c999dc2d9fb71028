//! Keys that make edits of the shell's own: indentation, and what belongs together.
//!
//! The keys that the line editor brings are tried in [`super::terminal_editing`].

use super::support::{Screen, TestHome};

#[test]
fn a_level_of_indentation_is_taken_anywhere_in_a_line_and_given_back() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("if 1:\rx = 10\ry = 12\x1b[D");
    screen.wait("the cursor on the last digit", |screen| {
        screen.line_of_cursor() == "   ...:     y = 12" && screen.cursor().1 == 8 + 9
    });
    screen.send("\x1b[Z");
    screen.wait("a level less, with the cursor on the digit", |screen| {
        screen.line_of_cursor() == "   ...: y = 12" && screen.cursor().1 == 8 + 5
    });
    // Nothing is left to take.
    screen.send("\x1b[Z3");
    screen.shows_line("   ...: y = 132");
    screen.send("\x7f\x1f\x1f\x1f");
    screen.shows_line("   ...:     y = 12");
    screen.send("\x1b[Z\x05\r\r");
    screen.enter(2, "x, y");
    screen.shows("Out[2]: (10, 12)");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn backspace_takes_a_level_within_a_cell() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.paste("if 1:\n    w = 4\n        x = 5\n    y = 6");
    screen.shows_line("   ...:     y = 6");
    screen.send("\x1b[A\x1b[D");
    screen.wait("the cursor before the x", |screen| {
        screen.line_of_cursor() == "   ...:         x = 5" && screen.cursor().1 == 8 + 8
    });
    screen.send("\x7f");
    screen.shows_line("   ...:     x = 5");
    screen.send("\x1b[B\x05\r\r");
    screen.enter(2, "w, x, y");
    screen.shows("Out[2]: (4, 5, 6)");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn brackets_and_quotes_are_closed_where_that_is_wanted() {
    let home = TestHome::new();
    home.configure(
        "config.toml",
        "[TerminalInteractiveShell]\nauto_match = true\n",
    );
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    screen.send("len([1, 'ab");
    screen.wait("what closes it behind the cursor", |screen| {
        screen.line_of_cursor() == "In [1]: len([1, 'ab'])" && screen.cursor().1 == 8 + 11
    });
    screen.send("'])");
    screen.wait("the cursor behind it all", |screen| {
        screen.line_of_cursor() == "In [1]: len([1, 'ab'])" && screen.cursor().1 == 8 + 14
    });
    screen.send("\r");
    screen.shows("Out[1]: 2");
    screen.prompt(2);
    screen.send("f(");
    screen.shows_line("In [2]: f()");
    screen.send("\x7f");
    screen.shows_line("In [2]: f");
    screen.send("\x1f");
    screen.shows_line("In [2]: f()");
    screen.send("\x1f");
    screen.shows_line("In [2]: f");
    screen.send("\x03");
    screen.enter(2, "x = \"\"\"a");
    screen.enter(3, "x");
    screen.shows("Out[3]: 'a'");
    // What is pasted or searched for stays as it is.
    screen.prompt(4);
    screen.paste("g = (1, \"z");
    screen.shows_line("In [4]: g = (1, \"z");
    screen.send("\x03");
    screen.prompt(4);
    screen.send("\x12len([");
    screen.shows("(reverse-i-search)`len([': len([1, 'ab'])");
    screen.send("\r");
    screen.shows("Out[4]: 2");
    screen.enter(5, "%config TerminalInteractiveShell.auto_match = False");
    screen.prompt(6);
    screen.send("f( 1");
    screen.shows_line("In [6]: f( 1");
    screen.send("\x03");
    screen.prompt(6);
    screen.leave();
}

#[test]
fn emacs_keys_insert_words_of_earlier_cells_and_change_what_is_typed() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.enter(1, "first = 'a b'");
    screen.enter(2, "second = first");
    screen.prompt(3);
    screen.send("\x1b.");
    screen.shows_line("In [3]: first");
    screen.send("\x1b.");
    screen.shows_line("In [3]: 'a b'");
    // It begins again behind the first of all.
    screen.send("\x1b.");
    screen.shows_line("In [3]: first");
    screen.send("\x1f");
    screen.shows_line("In [3]: 'a b'");
    screen.send("  + \x1b[D\x1b[D\x1b\\");
    screen.shows_line("In [3]: 'a b'+");
    screen.send("\x05'c'\r");
    screen.shows("Out[3]: 'a bc'");
    screen.prompt(4);
    screen.send("if x:\ry\x1b#");
    screen.shows_line("   ...: #    y");
    screen.send("\x1b2\x1b#");
    screen.shows_line("   ...:     y");
    // To the beginning of the line and its end, to the beginning of all.
    screen.send("\x18\x18");
    screen.wait("the cursor in the first column", |screen| {
        screen.line_of_cursor() == "   ...:     y" && screen.cursor().1 == 8
    });
    screen.send("\x18\x18");
    screen.wait("the cursor behind the last", |screen| {
        screen.cursor().1 == 8 + 5
    });
    screen.send("\x1b[1;5H");
    screen.wait("the cursor at the beginning", |screen| {
        screen.line_of_cursor() == "In [4]: if x:" && screen.cursor().1 == 8
    });
    screen.send("\x03");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn up_and_down_keep_to_the_column_of_the_text() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &[]);
    screen.prompt(1);
    // From behind the first line to the same column of the second.
    screen.send("if 1:\ry = 12\x1b[A\x1b[Bz\x1b[F\r\r");
    screen.prompt(2);
    screen.enter(2, "yz");
    screen.shows("Out[2]: 12");
    screen.prompt(3);
    screen.leave();
}
