//! vi mode as a person sees it: what keys make of a cell, where the cursor is, what is searched.
//!
//! What keys make of a text is tried without a terminal, beside the machine that decides it.

use super::support::{Screen, TestHome};

/// The shell with settings of its own.
fn started_with(home: &TestHome, settings: &str) -> Screen {
    home.configure(
        "config.toml",
        &format!("[TerminalInteractiveShell]\n{settings}\n"),
    );
    Screen::start(home, &[])
}

/// The shell in vi mode, with prompts as in other modes.
fn started(home: &TestHome) -> Screen {
    started_with(home, "editing_mode = 'vi'\nprompt_includes_vi_mode = false")
}

/// Goes to command mode, which leads back to the letter in this column.
#[track_caller]
fn escape(screen: &mut Screen, column: u16) {
    screen.send("\x1b");
    screen.wait("the cursor a letter further left", |screen| {
        screen.cursor().1 == column
    });
}

#[test]
fn escape_acts_at_once_in_vi_mode() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.prompt(1);
    screen.send("abc");
    screen.shows_line("In [1]: abc");
    // Behind a moment that a person's next key takes.
    screen.send("\x1b");
    screen.wait("the cursor on the c", |screen| screen.cursor().1 == 10);
    screen.send("x");
    screen.shows_line("In [1]: ab");
    screen.send("\x03");
    screen.prompt(1);
    screen.leave();
}

#[test]
fn the_prompt_says_the_mode_of_vi() {
    let home = TestHome::new();
    let mut screen = started_with(&home, "editing_mode = 'vi'");
    screen.shows_line("[ins] In [1]:");
    screen.send("\x1b");
    screen.shows_line("[nav] In [1]:");
    screen.send("iab");
    screen.shows_line("[ins] In [1]: ab");
    screen.send("\x1b");
    screen.shows_line("[nav] In [1]: ab");
    screen.wait("the cursor on the last letter", |screen| {
        screen.cursor().1 == 14 + 1
    });
    screen.send("Rx");
    screen.shows_line("[rep] In [1]: ax");
    screen.send("\x1b");
    screen.shows_line("[nav] In [1]: ax");
    screen.send("S");
    screen.shows_line("[ins] In [1]:");
    screen.send("6 * 7\r");
    screen.shows("Out[1]: 42");
    screen.shows_line("[ins] In [2]:");
    screen.send("\x12*\x1b");
    screen.shows_line("[nav] In [2]: 6 * 7");
    screen.send("Sget_ipython().prompt_includes_vi_mode = False\r");
    screen.prompt(3);
    screen.send(
        "from IPython.terminal.prompts import Prompts; P = type('P', (Prompts,), \
         {'in_prompt_tokens': lambda self: [(None, 'mine '), (None, self.vi_mode()), (None, '> ')]})\r",
    );
    screen.prompt(4);
    screen.send("s = get_ipython(); s.prompts = P(s); s.prompt_includes_vi_mode = True\r");
    screen.shows_line("mine [ins] >");
    screen.send("\x1b");
    screen.shows_line("mine [nav] >");
    screen.leave();
}

#[test]
fn prompts_of_ones_own_are_made_again_for_another_mode_of_vi() {
    let home = TestHome::new();
    let mut screen = started_with(&home, "editing_mode = 'vi'");
    screen.shows_line("[ins] In [1]:");
    screen.send(
        "from IPython.terminal.prompts import Prompts; names = {'[nav] ': 'commands', '[rep] ': 'over'}; \
         P = type('P', (Prompts,), {'in_prompt_tokens': \
         lambda self: [(None, names.get(self.vi_mode(), 'typing') + '> ')]})\r",
    );
    screen.shows_line("[ins] In [2]:");
    screen.send("get_ipython().prompts = P(get_ipython())\r");
    screen.shows_line("typing>");
    screen.send("ab\x1b");
    screen.shows_line("commands> ab");
    screen.wait("the cursor on the b", |screen| screen.cursor().1 == 10 + 1);
    screen.send("Rx");
    screen.shows_line("over> ax");
    screen.send("\x1b");
    screen.shows_line("commands> ax");
    screen.send("Sif 1:\r");
    screen.shows_line("   ...:");
    // What stands before further lines is as wide.
    screen.send("\x1b");
    screen.shows_line("     ...:");
    screen.send("k");
    screen.shows_line("commands> if 1:");
    screen.send("\x03");
    screen.shows_line("typing>");
    screen.leave();
}

#[test]
fn macros_are_played_and_lines_selected_in_vi_mode() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.prompt(1);
    screen.send("x = [1,\r2,\r3]\x1b");
    screen.wait("the cursor on the last letter", |screen| {
        screen.line_of_cursor() == "   ...: 3]" && screen.cursor().1 == 8 + 1
    });
    // A digit before the comma, and a line further down.
    screen.send("ggqa0f,i0");
    screen.shows_line("In [1]: x = [10,");
    escape(&mut screen, 8 + 6);
    screen.send("jq@a");
    screen.shows("   ...: 20,");
    screen.wait("the cursor in the last line", |screen| {
        screen.line_of_cursor() == "   ...: 3]"
    });
    screen.send("VkJ");
    screen.shows_line("   ...: 20, 3]");
    screen.send("ggJ");
    screen.shows_line("In [1]: x = [10, 20, 3]");
    screen.send("A; x\r");
    screen.shows("Out[1]: [10, 20, 3]");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn vi_keys_are_there_for_those_who_want_them() {
    let home = TestHome::new();
    let mut screen = started_with(&home, "prompt_includes_vi_mode = false");
    screen.enter(1, "get_ipython().editing_mode = 'vi'");
    screen.prompt(2);
    // Escape, to the start, delete a word, append at the end.
    screen.send("wrong right\x1b");
    screen.wait("the cursor on the last letter", |screen| {
        screen.cursor().1 == 8 + 10
    });
    screen.send("0dwA = 7");
    screen.shows_line("In [2]: right = 7");
    screen.send("\r");
    screen.enter(3, "right");
    screen.shows("Out[3]: 7");
    screen.prompt(4);
    // Joined, to the last line, a capital, back to the first line, one more letter.
    screen.send("x = [1,\r2]\x1b");
    screen.wait("the cursor on the last letter", |screen| {
        screen.line_of_cursor() == "   ...: 2]" && screen.cursor().1 == 8 + 1
    });
    screen.send("ggJ");
    screen.shows_line("In [4]: x = [1, 2]");
    screen.send("0~");
    screen.shows_line("In [4]: X = [1, 2]");
    screen.send("0~GA; x\r");
    screen.shows("Out[4]: [1, 2]");
    screen.enter(5, "get_ipython().editing_mode = 'emacs'");
    screen.prompt(6);
    screen.send("1 + 1\x01\x0b2\r");
    screen.shows("Out[6]: 2");
    screen.prompt(7);
    screen.leave();
}

#[test]
fn vi_keys_change_lines_words_and_what_is_between_brackets() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.prompt(1);
    screen.send("f = [1, 2]\x1b");
    screen.wait("the cursor on the bracket", |screen| {
        screen.cursor().1 == 8 + 9
    });
    screen.send("ci[3, 4\x1b");
    screen.wait("the cursor on the last digit", |screen| {
        screen.line_of_cursor() == "In [1]: f = [3, 4]" && screen.cursor().1 == 8 + 8
    });
    screen.send("yyp");
    screen.wait("the line again, with the cursor on it", |screen| {
        screen.line_of_cursor() == "   ...: f = [3, 4]" && screen.cursor().1 == 8
    });
    screen.send("cwg\x1b");
    screen.wait("another name", |screen| {
        screen.line_of_cursor() == "   ...: g = [3, 4]" && screen.cursor().1 == 8
    });
    screen.send("of + g\r");
    screen.shows("Out[1]: [3, 4, 3, 4]");
    screen.prompt(2);
    screen.send("a b c d e\x1b");
    screen.wait("the cursor on the last letter", |screen| {
        screen.cursor().1 == 8 + 8
    });
    screen.send("02dw.");
    screen.shows_line("In [2]: e");
    screen.send("uu");
    screen.shows_line("In [2]: a b c d e");
    // What is pasted is typed, in whatever mode.
    screen.send("\"add");
    screen.paste("[n for n in 'x']");
    screen.shows_line("In [2]: [n for n in 'x']");
    screen.send("\r");
    screen.shows("Out[2]: ['x']");
    screen.prompt(3);
    screen.leave();
}

#[test]
fn vi_keys_search_earlier_cells() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.enter(1, "first = 1");
    screen.enter(2, "second = 2");
    screen.enter(3, "third = 3");
    screen.prompt(4);
    screen.send("\x1b/= \r");
    screen.shows_line("In [4]: third = 3");
    screen.send("n");
    screen.shows_line("In [4]: second = 2");
    screen.send("n");
    screen.shows_line("In [4]: first = 1");
    screen.send("N");
    screen.shows_line("In [4]: second = 2");
    screen.send("$r7");
    screen.shows_line("In [4]: second = 7");
    screen.send("\r");
    screen.enter(5, "second");
    screen.shows("Out[5]: 7");
    screen.prompt(6);
    // To the cell before, and on its last letter.
    screen.send("\x1bkx");
    screen.shows_line("In [6]: secon");
    screen.send("\x03");
    screen.prompt(6);
    screen.leave();
}

#[test]
fn emacs_keys_are_there_while_somebody_types_in_vi_mode() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.prompt(1);
    screen.send("bd\x01a\x06c\x05e\x1b[1;5H'\x1b[1;5F'\r");
    screen.shows("Out[1]: 'abcde'");
    screen.prompt(2);
    screen.send("one two\x1b[1;5D\x1b[1;5D\x1b[1;5C\x0b");
    screen.shows_line("In [2]: one");
    screen.send("\x19");
    screen.shows_line("In [2]: one two");
    screen.send("\x02\x02\x02\x02\x1b[3;5~");
    screen.shows_line("In [2]: one");
    // Where they are not wanted, they lose no key behind them.
    screen.send("\x03");
    screen.enter(2, "get_ipython().emacs_bindings_in_vi_insert_mode = False");
    screen.prompt(3);
    screen.send("'ab\x01\x05c\x06d\x1b[1;5He\x1b[1;5Cf\x1b[1;3Cg'\r");
    screen.shows("Out[3]: 'abcdefg'");
    screen.prompt(4);
    screen.send("abc");
    screen.shows_line("In [4]: abc");
    escape(&mut screen, 8 + 2);
    screen.send("\x1b[1;5Hx\x05x");
    screen.shows_line("In [4]: c");
    screen.send("\x03");
    screen.prompt(4);
    screen.leave();
}

#[test]
fn the_key_that_ends_a_session_runs_no_cell_in_vi_mode() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.prompt(1);
    screen.send("6 * 7\x048");
    screen.shows_line("In [1]: 6 * 78");
    escape(&mut screen, 8 + 5);
    screen.send("\x04x");
    screen.shows_line("In [1]: 6 * 7");
    screen.send("0\x04x");
    screen.shows_line("In [1]:  * 7");
    screen.send("dd");
    screen.prompt(1);
    screen.leave();
}

#[test]
fn a_search_is_given_up_or_taken_in_vi_mode() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.enter(1, "aaa = 1");
    screen.prompt(2);
    screen.send("qq\x12aa");
    screen.shows("(reverse-i-search)`aa': aaa = 1");
    screen.send("\x07");
    screen.shows_line("In [2]: qq");
    screen.send("x\x12\x07y");
    screen.shows_line("In [2]: qqxy");
    screen.send("\x12aa");
    screen.shows("(reverse-i-search)`aa': aaa = 1");
    screen.send("\x1b");
    screen.shows_line("In [2]: aaa = 1");
    screen.send("x");
    screen.shows_line("In [2]: aa = 1");
    // From commands it leads back to them.
    screen.send("\x12aaa\x07x");
    screen.shows_line("In [2]: a = 1");
    // A key without a meaning ends it, too, and none is lost behind it.
    screen.send("\x12aaa\x1b[5~x");
    screen.shows_line("In [2]: aa = 1");
    screen.send("\x03");
    screen.prompt(2);
    screen.leave();
}

#[test]
fn escape_and_a_key_that_leads_nowhere_are_escape() {
    let home = TestHome::new();
    let mut screen = started(&home);
    screen.prompt(1);
    screen.send("foo\x1bk");
    screen.wait("the cursor on the last letter", |screen| {
        screen.cursor().1 == 8 + 2
    });
    screen.send("x");
    screen.shows_line("In [1]: fo");
    screen.send("\x03");
    screen.enter(1, "foo = 1");
    screen.prompt(2);
    // To the cell before that begins so, and back to where one was.
    screen.send("foo\x1bk");
    screen.shows_line("In [2]: foo = 1");
    screen.send("j");
    screen.shows_line("In [2]: foo");
    screen.send("\x03");
    screen.prompt(2);
    screen.leave();
}
