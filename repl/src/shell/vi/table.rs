//! What keys make of cells: rows of keys, a cell before and the cell after, `|` where the cursor is.
//!
//! The cells after are vim's, with `autoindent`, four columns a level and blanks for tabs.

use super::machine::{Key, Machine, Step};
use super::places;

/// Keys, a cell before them, and the cell after them.
type Row = (&'static str, &'static str, &'static str);

const WORDS: &[Row] = &[
    ("w", "|foo.bar baz", "foo|.bar baz"),
    ("w", "a |b\n  c", "a b\n  |c"),
    ("w", "a\n|b", "a\n|b"),
    ("3w", "|a b c d", "a b c |d"),
    ("W", "|foo.bar baz", "foo.bar |baz"),
    ("e", "|foo bar", "fo|o bar"),
    ("e", "fo|o bar", "foo ba|r"),
    ("2e", "|foo bar baz", "foo ba|r baz"),
    ("E", "|foo.b c", "foo.|b c"),
    ("b", "foo b|ar", "foo |bar"),
    ("b", "foo |bar", "|foo bar"),
    ("b", "a\n|b", "|a\nb"),
    ("2b", "a b c|d", "a |b cd"),
    ("B", "a foo.b|ar", "a |foo.bar"),
    ("ge", "foo b|ar", "fo|o bar"),
    ("gE", "a.b c|d", "a.|b cd"),
    ("9w", "a |b c", "a b |c"),
    ("e", "a |b\nc", "a b\n|c"),
    ("e", "|日本 x", "日|本 x"),
    ("dw", "foo |bar baz", "foo |baz"),
    ("dw", "a |b\nc", "a| \nc"),
    ("d2w", "a |b\nc d", "a |d"),
    ("2dw", "|a b c d", "|c d"),
    ("d3w", "|a b c d", "|d"),
    ("2d2w", "|a b c d e", "|e"),
    ("dw", "a\n|\nb", "a\n|b"),
    ("dW", "|a.b c", "|c"),
    ("de", "|foo bar", "| bar"),
    ("dE", "|a.b c", "| c"),
    ("db", "foo ba|r", "foo |r"),
    ("db", "foo |bar", "|bar"),
    ("dB", "a x.y|z", "a |z"),
    ("dge", "foo b|ar", "fo|r"),
    ("db", "|foo", "|foo"),
    ("cwX\x1b", "foo |bar baz", "foo |X baz"),
    ("cwX\x1b", "a| b c", "a|Xb c"),
    ("c2wX\x1b", "|a b c", "|X c"),
    ("cwX\x1b", "|a", "|X"),
    ("ceX\x1b", "fo|o bar", "fo|X"),
    ("cbX\x1b", "foo |bar", "|Xbar"),
];

const LINES: &[Row] = &[
    ("h", "ab|c", "a|bc"),
    ("9h", "ab|c", "|abc"),
    ("l", "a|bc", "ab|c"),
    ("9l", "|abc", "ab|c"),
    ("0", "  a|b", "|  ab"),
    ("^", "  a|b", "  |ab"),
    ("$", "|abc\nd", "ab|c\nd"),
    ("2$", "|abc\nde", "abc\nd|e"),
    ("g_", "|ab  ", "a|b  "),
    ("3|", "|abcd", "ab|cd"),
    ("j", "ab|c\nx\nabcd", "abc\n|x\nabcd"),
    ("jj", "ab|c\nx\nabcd", "abc\nx\nab|cd"),
    ("$jj", "|abc\nx\nabcd", "abc\nx\nabc|d"),
    ("2j", "|a\nb\nc\nd", "a\nb\n|c\nd"),
    ("k", "a\nb|", "|a\nb"),
    ("5k", "a\nb\n|c", "|a\nb\nc"),
    ("+", "|a\n  b", "a\n  |b"),
    ("-", "  a\n|b", "  |a\nb"),
    ("G", "|a\nb\n  c", "a\nb\n  |c"),
    ("2G", "|a\n  b\nc", "a\n  |b\nc"),
    ("gg", "a\n b|", "|a\n b"),
    ("2gg", "|a\nb\nc", "a\n|b\nc"),
    ("99G", "|a\nb", "a\n|b"),
    ("50%", "|a\nb\nc\nd", "a\n|b\nc\nd"),
    ("_", "  a|b", "  |ab"),
    ("x", "a|bc", "a|c"),
    ("3x", "a|bcde", "a|e"),
    ("9x", "a|bc\nd", "|a\nd"),
    ("x", "ab|c", "a|b"),
    ("x", "|", "|"),
    ("X", "ab|c", "a|c"),
    ("9X", "ab|c", "|c"),
    ("X", "|abc", "|abc"),
    ("D", "a|bc\nd", "|a\nd"),
    ("D", "|abc", "|"),
    ("2D", "a|bc\nd\ne", "|a\ne"),
    ("d$", "a|bc", "|a"),
    ("d0", "ab|c", "|c"),
    ("d^", "  ab|c", "  |c"),
    ("dh", "ab|c", "a|c"),
    ("2dl", "a|bcd", "a|d"),
    ("CX\x1b", "a|bc\nd", "a|X\nd"),
    ("sX\x1b", "a|bc", "a|Xc"),
    ("2sX\x1b", "a|bcd", "a|Xd"),
    ("sX\x1b", "|", "|X"),
    ("SX\x1b", "  a|b\nc", "  |X\nc"),
    ("dd", "a\n|b\nc", "a\n|c"),
    ("dd", "a\n|b", "|a"),
    ("dd", "|a", "|"),
    ("2dd", "|a\nb\nc", "|c"),
    ("9dd", "a\n|b\nc", "|a"),
    ("d2d", "|a\nb\nc", "|c"),
    ("dd", "|a\n  b", "  |b"),
    ("dj", "|a\nb\nc", "|c"),
    ("dk", "a\n|b\nc", "|c"),
    ("dj", "a\n|b", "a\n|b"),
    ("dG", "a\n|b\nc", "|a"),
    ("dgg", "a\n|b\nc", "|c"),
    ("d2G", "|a\nb\nc", "|c"),
    ("d-", "a\nb|\nc", "|c"),
    ("d_", "a|\nb", "|b"),
    ("ccX\x1b", "  a|b\nc", "  |X\nc"),
    ("2ccX\x1b", "  a|\nb\nc", "  |X\nc"),
    ("cc\x1b", "  a|b", "|"),
    ("cjX\x1b", "a|\nb\nc", "|X\nc"),
    (" ", "|abc", "a|bc"),
];

const FINDING: &[Row] = &[
    ("fx", "|axbx", "a|xbx"),
    ("2fx", "|axbx", "axb|x"),
    ("3fx", "|axbx", "|axbx"),
    ("Fx", "xax|b", "xa|xb"),
    ("tx", "|abx", "a|bx"),
    ("Tx", "xab|c", "x|abc"),
    ("fx;", "|axbx", "axb|x"),
    ("fx;,", "|axbxc", "a|xbxc"),
    ("tx;", "|axbx", "ax|bx"),
    ("2tx", "|axbx", "ax|bx"),
    ("dfx", "|axbx", "|bx"),
    ("dtx", "|abx", "|x"),
    ("dFx", "axb|c", "a|c"),
    ("dTx", "axb|c", "ax|c"),
    ("d2fx", "|axbxc", "|c"),
    ("dfx;", "|axbxcxd", "b|xcxd"),
    ("dfx.", "|axbxc", "|c"),
    ("fxd;", "|axbxc", "a|c"),
    ("cfxY\x1b", "|axb", "|Yb"),
    ("f3", "|a3", "a|3"),
    ("d2f,", "|a,b,c", "|c"),
    ("fé", "|aé", "a|é"),
    ("dt)", "f(|a, b)", "f(|)"),
];

const BORDERS: &[Row] = &[
    ("%", "|f(a, (b))", "f(a, (b)|)"),
    ("%", "f(a|)", "f|(a)"),
    ("d%", "f|(a, b) c", "f| c"),
    ("%", "|[{()}]", "[{()}|]"),
    ("%", "|abc", "|abc"),
    ("d%", "|if (a) b", "| b"),
    ("}", "|a\nb\n\nc", "a\nb\n|\nc"),
    ("}", "a\n|\nb\n\nc", "a\n\nb\n|\nc"),
    ("2}", "|a\n\nb\n\nc", "a\n\nb\n|\nc"),
    ("}", "a\nb|", "a\n|b"),
    ("{", "a\n\nb\nc|", "a\n|\nb\nc"),
    ("d}", "|a\nb\n\nc", "|\nc"),
    ("d}", "a |b\nc\n\nd", "a| \n\nd"),
    ("d{", "a\n\nb\n|c", "a\n|c"),
    ("y}", "|a\nb\n\nc", "|a\nb\n\nc"),
    (")", "|A b. C d.", "A b. |C d."),
    (")", "A b. |C d.\nE", "A b. C d.\n|E"),
    ("(", "A b. C |d.", "A b. |C d."),
    ("(", "A b. |C d.", "|A b. C d."),
    ("d)", "|A b. C d.", "|C d."),
    ("d(", "A b. C |d.", "A b. |d."),
    ("2)", "|A. B. C.", "A. B. |C."),
    ("(", "a\n\nb|", "a\n|\nb"),
    (")", "|a\n\nb", "a\n|\nb"),
    ("(", "|a", "|a"),
    ("(", "A (b.) C|d", "A (b.) |Cd"),
    ("{", "a|b", "|ab"),
];

const MARKS: &[Row] = &[
    ("majj`ax", "a|bc\nd\ne", "a|c\nd\ne"),
    ("majj'ax", "  a|bc\nd\ne", "  |bc\nd\ne"),
    ("majd'a", "a|\nb\nc", "|c"),
    ("majd`a", "a|bc\ndef\ng", "a|ef\ng"),
    ("G``x", "a|b\nc", "|a\nc"),
    ("G''x", "a|b\n  c", "|b\n  c"),
    ("`z", "a|b", "a|b"),
    ("maOx\x1b`ax", "|ab", "x\n|b"),
];

const OBJECTS: &[Row] = &[
    ("diw", "foo b|ar baz", "foo | baz"),
    ("diw", "a|  b", "a|b"),
    ("diw", "a(|b)", "a(|)"),
    ("daw", "foo |bar baz", "foo |baz"),
    ("daw", "foo ba|r", "fo|o"),
    ("daw", "  f|oo", " | "),
    ("daw", "a| b c", "a| c"),
    ("2daw", "a |b c d", "a |d"),
    ("2diw", "|a b", "|b"),
    ("3diw", "|a b c", "| c"),
    ("ciwX\x1b", "a b|c d", "a |X d"),
    ("cawX\x1b", "a b|c d", "a |Xd"),
    ("diW", "a x.|y b", "a | b"),
    ("daW", "a x.|y b", "a |b"),
    ("daw", "a |b, c", "a|, c"),
    ("yiwP", "a b|c", "a b|cbc"),
    ("di\"", "f(\"a|b\")", "f(\"|\")"),
    ("di\"", "|f(\"ab\")", "f(\"|\")"),
    ("da\"", "x = \"a|\" + 1", "x = |+ 1"),
    ("da\"", "x = \"a|\"", "x |="),
    ("di\"", "\"a\" |\"b\"", "\"a\" \"|\""),
    ("di\"", "\"a\"| \"b\"", "\"a\"|\"b\""),
    ("2di\"", "\"a|\" b", "| b"),
    ("di\"", "\"a\\\"|b\"", "\"|\""),
    ("di'", "'a|'", "'|'"),
    ("di`", "`a|`", "`|`"),
    ("di'", "'a|", "'|a"),
    ("ci\"X\x1b", "x |\"\"", "x \"|X\""),
    ("di(", "f(a|, b)", "f(|)"),
    ("di)", "f(|a)", "f(|)"),
    ("dib", "|(a)", "(|)"),
    ("di(", "f(a, (|b))", "f(a, (|))"),
    ("2di(", "f(a, (|b))", "f(|)"),
    ("da(", "f(a, (|b))", "f(a, |)"),
    ("dab", "f|(a)", "|f"),
    ("di[", "x[1|, 2]", "x[|]"),
    ("da[", "x[1|]", "|x"),
    ("di{", "x = {1|}", "x = {|}"),
    ("diB", "x = {\n  1|,\n}", "x = {\n|}"),
    ("daB", "x = {1|} + y", "x = | + y"),
    ("di<", "<a|>", "<|>"),
    ("da>", "<a|>b", "|b"),
    ("ci(X\x1b", "f(|)", "f(|X)"),
    ("ci(X\x1b", "f(\n  a|\n)", "f(\n  |X\n)"),
    ("di(", "|f()", "f(|)"),
    ("di[", "|f(a) [b]", "f(a) [|]"),
    ("d2i(", "|f(a(c))", "f(a(|))"),
    ("di(", "|x\nf(a)", "|x\nf(a)"),
    ("di(", "f(\n  a|,\n)", "f(\n|)"),
    ("yi(P", "f(a|b)", "f(a|bab)"),
    ("di{", "{ a\n b|\n  }", "|{\n  }"),
    ("dip", "a\nb|\n\nc", "|\nc"),
    ("dap", "a\nb|\n\n\nc", "|c"),
    ("dap", "a\n\nb|", "|a"),
    ("yipP", "a\nb|\n\nc", "|a\nb\na\nb\n\nc"),
    ("2dap", "|a\n\nb\n\nc", "|c"),
    ("dap", "a\n|\nb\nc\n\nd", "a\n|\nd"),
    ("cipX\x1b", "a\nb|\n\nc", "|X\n\nc"),
    ("2dip", "a|\n\nb", "|b"),
    ("dap", "a\n|", "a\n|"),
];

const REGISTERS: &[Row] = &[
    ("yyp", "a|b\nc", "ab\n|ab\nc"),
    ("yyP", "a\n  b|", "a\n  |b\n  b"),
    ("yy3p", "a|\nb", "a\n|a\na\na\nb"),
    ("ddp", "|a\nb\nc", "b\n|a\nc"),
    ("xp", "|abc", "b|ac"),
    ("ylP", "a|bc", "a|bbc"),
    ("yl3p", "a|bc", "abbb|bc"),
    ("y$p", "|abc", "aab|cbc"),
    ("ywP", "|a b", "a| a b"),
    ("yjp", "|a\nb", "a\n|a\nb\nb"),
    ("d2wP", "a |b\nc d", "a |b\nc d"),
    ("Yp", "a|b", "ab\n|ab"),
    ("yyyiw\"0p", "a |bc", "a bb|cc"),
    ("\"ayyj\"byy\"ap", "|a\nb", "a\nb\n|a"),
    ("\"ayy\"Ayyj\"ap", "|a\nb", "a\nb\n|a\na"),
    ("\"ayiw\"Ayiw$\"ap", "|ab c", "ab caba|b"),
    ("\"_ddp", "|a\nb", "|b"),
    ("yy\"_ddP", "|a\nb", "|a\nb"),
    ("yydd\"0p", "|a\nb\nc", "b\n|a\nc"),
    ("dddd\"2p", "|a\nb\nc", "c\n|a"),
    ("dwyy\"-P", "|a b", "a| b"),
    ("\"add\"bdd\"aP", "|a\nb\nc", "|a\nc"),
    ("\"zp", "a|b", "a|b"),
    ("yyxp", "|ab", "b|a"),
    ("ddd%\"2p", "|x\n(a) b", " b\n|x"),
];

const CHANGES: &[Row] = &[
    ("~", "|aBc", "A|Bc"),
    ("3~", "|aBcD", "AbC|D"),
    ("9~", "|aBcD", "AbC|d"),
    ("~", "|éa", "É|a"),
    ("rX", "a|bc", "a|Xc"),
    ("3rX", "a|bcd", "aXX|X"),
    ("3rX", "a|bc", "a|bc"),
    ("rÿ", "|日本", "|ÿ本"),
    ("r\r", "  a|bc", "  a\n  |c"),
    ("J", "a|\n  b", "a| b"),
    ("3J", "|a\nb\nc\nd", "a b| c\nd"),
    ("J", "f(|a\n  )", "f(a|)"),
    ("J", "|a", "|a"),
    ("4J", "a\n|b\nc", "a\nb| c"),
    ("3J", "a\n|b", "a\n|b"),
    ("gJ", "|a\n  b", "a|  b"),
    ("J", "|a\n\nb", "|a\nb"),
    ("J", "a|\t\nb", "a\t|b"),
    ("Rxy\x1b", "|abc", "x|yc"),
    ("Rxyz1\x1b", "a|bc\nd", "axyz|1\nd"),
    ("2Rxy\x1b", "|abcdefg", "xyx|yefg"),
    (">>", "a|b", "    |ab"),
    ("2>>", "|a\nb\nc", "    |a\n    b\nc"),
    ("<<", "      a|b", "  |ab"),
    ("<<", "  a|b", "|ab"),
    (">j", "|a\n\nb", "    |a\n\nb"),
    (">>", "a\n|\nb", "a\n|\nb"),
    ("<<", "\ta|b", "    |ab"),
    (">ip", "|a\nb\n\nc", "    |a\n    b\n\nc"),
    ("<G", "    a|\n        b", "|a\n    b"),
    ("gUw", "a |bc de", "a |BC de"),
    ("guw", "a |BC DE", "a |bc DE"),
    ("g~iw", "a B|c", "a |bC"),
    ("gUU", "a b|c", "|A BC"),
    ("guu", "  A|B", "  |ab"),
    ("g~~", "a|B", "|Ab"),
    ("gUj", "a|b\ncd\ne", "A|B\nCD\ne"),
    ("gUb", "ab cd| e", "ab |CD e"),
    ("gUgU", "a|b", "|AB"),
    ("2gUU", "a|\nb\nc", "|A\nB\nc"),
    ("gUiw.", "a b|c", "a |BC"),
    ("gUi(", "f(a|b)", "f(|AB)"),
];

const TYPING: &[Row] = &[
    ("ix\x1b", "a|b", "a|xb"),
    ("ax\x1b", "a|b", "ab|x"),
    ("Ix\x1b", "  a|b", "  |xab"),
    ("gIx\x1b", "  a|b", "|x  ab"),
    ("Ax\x1b", "|ab\nc", "ab|x\nc"),
    ("3ixy\x1b", "a|b", "axyxyx|yb"),
    ("3ax\x1b", "|ab", "axx|xb"),
    ("2Axy\x1b", "|ab", "abxyx|y"),
    ("ox\x1b", "a|b\nc", "ab\n|x\nc"),
    ("ox\x1b", "  a|b", "  ab\n  |x"),
    ("Ox\x1b", "a\n  b|", "a\n  |x\n  b"),
    ("2ox\x1b", "  a|\nb", "  a\n  x\n  |x\nb"),
    ("2Ox\x1b", "  a|\nb", "  x\n  |x\n  a\nb"),
    ("o\x1b", "  a|b", "  ab\n|"),
    ("ax\x1b", "|", "|x"),
    ("i\x1b", "a|b", "|ab"),
];

const AGAIN: &[Row] = &[
    ("xu", "a|bc", "a|bc"),
    ("ddu", "a\n b|\nc", "a\n |b\nc"),
    ("Axx\x1bu", "|abc", "ab|c"),
    ("ixx\x1bu", "ab|c", "ab|c"),
    ("oxx\x1bu", "a|b\nc", "a|b\nc"),
    ("ciwX\x1bu", "a b|cd", "a |bcd"),
    ("x.", "|abcd", "|cd"),
    ("3x.", "|abcdefgh", "|gh"),
    ("x3.", "|abcdefgh", "|efgh"),
    ("dw.", "|a b c d", "|c d"),
    ("d2w.", "|a b c d e", "|e"),
    ("d2w3.", "|a b c d e f", "|f"),
    ("ixy\x1b.", "a|b", "axx|yyb"),
    ("Axy\x1bj.", "|a\nb", "axy\nbx|y"),
    ("oxy\x1b.", "|a\nb", "a\nxy\nx|y\nb"),
    ("ciwX\x1bw.", "|ab cd", "X |X"),
    ("cwX\x1bw.", "|ab cd ef", "X |X ef"),
    ("dd.", "|a\nb\nc", "|c"),
    ("rXl.", "|abc", "X|Xc"),
    ("~.", "|abc", "AB|c"),
    ("J.", "|a\nb\nc", "a b| c"),
    (">>.", "|a", "        |a"),
    ("yyp.", "|a\nb", "a\na\n|a\nb"),
    ("Rxy\x1bl.", "|abcdef", "xyx|yef"),
    ("ccX\x1bj.", "|a\nb", "X\n|X"),
    ("di(f(.", "|f(a) (b)", "f() (|)"),
    ("3ix\x1b.", "|a", "xxxx|xxa"),
    ("\"ayiw\"aPw.", "|a b", "aa |ab"),
    ("2dd.", "|a\nb\nc\nd\ne", "|e"),
    ("sX\x1bl.", "|abc", "X|Xc"),
    ("f,xn", "|a,b", "a|b"),
    ("dt,;.", "|a,b,c,d", ",|,c,d"),
    ("x.u", "|abcd", "|bcd"),
    ("xx2u", "|abcd", "|abcd"),
    ("u", "a|b", "a|b"),
    ("xxuu.", "|abc", "|bc"),
    ("xjxu", "a|b\ncd", "a\n|cd"),
    ("ywix\x1bu", "|a b", "|a b"),
    ("3u", "a|b", "a|b"),
];

const NOTHING: &[Row] = &[
    ("dz", "a|b", "a|b"),
    ("d\x1bx", "a|bc", "a|c"),
    ("2\x1bx", "a|bcd", "a|cd"),
    ("\"\x1bx", "a|b", "|a"),
    ("diz", "a|b", "a|b"),
];

/// A person at a cell, and a line editor that types.
struct Session {
    machine: Machine,
    text: String,
    at: usize,
}

impl Session {
    /// In command mode, the cursor at the mark.
    fn at(marked: &str) -> Self {
        let at = marked.find('|').expect("the cursor is marked");
        let text = marked.replacen('|', "", 1);
        // Escape leads back by a letter.
        let at = places::next(&text, at);
        let mut machine = Machine::default();
        machine.begin(text.clone(), at);
        let mut session = Self { machine, text, at };
        session.key(Key::Escape);
        session
    }

    fn step(&mut self, key: Key) -> Step {
        let indents = |before: &str| {
            let start = places::line_start(before, before.len());
            places::indent_end(before, start) - start
        };
        self.machine.key(key, &self.text, self.at, &indents)
    }

    fn key(&mut self, key: Key) {
        match self.step(key) {
            Step::Taken => {}
            Step::Go(at) => self.at = at,
            Step::Edit(edit) => {
                self.text = edit.text;
                self.at = edit.at;
            }
            Step::Own => {
                let Key::Character(letter) = key else {
                    panic!("{key:?} is left to the editor");
                };
                self.text.insert(self.at, letter);
                self.at += letter.len_utf8();
            }
            step => panic!("{key:?} becomes {step:?}"),
        }
    }

    fn keys(&mut self, keys: &str) {
        for letter in keys.chars() {
            self.key(match letter {
                '\x1b' => Key::Escape,
                '\r' => Key::Enter,
                '\x08' => Key::Backspace,
                _ => Key::Character(letter),
            });
        }
    }

    fn marked(&self) -> String {
        let (before, behind) = self.text.split_at(self.at);
        format!("{before}|{behind}")
    }
}

#[track_caller]
fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (keys, before, after) in rows {
        let mut session = Session::at(before);
        session.keys(keys);
        let made = session.marked();
        if made != *after {
            wrong.push(format!(
                "{keys:?} in {before:?} makes {made:?}, not {after:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn motions_and_operators_over_words() {
    check(WORDS);
}

#[test]
fn motions_and_operators_over_letters_and_lines() {
    check(LINES);
}

#[test]
fn letters_are_found_in_their_line() {
    check(FINDING);
}

#[test]
fn brackets_paragraphs_and_sentences() {
    check(BORDERS);
}

#[test]
fn marks_are_gone_back_to() {
    check(MARKS);
}

#[test]
fn operators_take_text_objects() {
    check(OBJECTS);
}

#[test]
fn what_was_deleted_or_copied_is_put_back() {
    check(REGISTERS);
}

#[test]
fn letters_and_lines_are_changed_in_place() {
    check(CHANGES);
}

#[test]
fn typing_begins_where_it_is_asked_for() {
    check(TYPING);
}

#[test]
fn changes_are_made_again_and_undone() {
    check(AGAIN);
}

#[test]
fn keys_without_a_meaning_change_nothing() {
    check(NOTHING);
}

#[test]
fn what_was_typed_over_comes_back() {
    let mut session = Session::at("a|bc");
    session.keys("Rxy\x08");
    assert_eq!(session.marked(), "ax|c");
    session.keys("\x08\x08");
    assert_eq!(session.marked(), "a|bc");
}

#[test]
fn what_other_keys_have_changed_is_undone_too() {
    let mut session = Session::at("a|b");
    session.keys("x");
    "pasted".clone_into(&mut session.text);
    session.at = session.text.len();
    session.keys("x");
    assert_eq!(session.marked(), "past|e");
    session.keys("u");
    assert_eq!(session.marked(), "paste|d");
    session.keys("u");
    assert_eq!(session.marked(), "|a");
}

#[test]
fn escape_with_another_key_is_both() {
    let mut machine = Machine::default();
    machine.begin("abc".to_owned(), 3);
    let key = Key::Character('x');
    let Step::Edit(edit) = machine.key_behind_escape(key, "abc", 3, &|_: &str| 0) else {
        panic!("nothing is deleted");
    };
    assert_eq!((edit.text.as_str(), edit.at), ("ab", 1));
}

#[test]
fn a_search_is_typed_elsewhere_and_gone_on_with() {
    let mut session = Session::at("b|c b");
    assert_eq!(session.step(Key::Character('/')), Step::Search);
    assert_eq!(session.step(Key::Character('b')), Step::Own);
    assert_eq!(session.step(Key::Character('x')), Step::Own);
    assert_eq!(session.step(Key::Backspace), Step::Own);
    assert_eq!(session.step(Key::Enter), Step::EndSearch);
    session.keys("n");
    assert_eq!(session.marked(), "|bc b");
    let older = Step::SearchOn {
        pattern: "b".to_owned(),
        is_forward: false,
    };
    assert_eq!(session.step(Key::Character('n')), older);
    session.keys("dN");
    assert_eq!(session.marked(), "|b");
}

#[test]
fn at_the_edges_of_a_cell_are_others() {
    let mut session = Session::at("a|b\ncd");
    let to_other = |is_before| Step::ToOther { is_before };
    assert_eq!(session.step(Key::Character('k')), to_other(true));
    session.keys("j");
    assert_eq!(session.marked(), "ab\nc|d");
    assert_eq!(session.step(Key::Character('j')), to_other(false));
    assert_eq!(session.step(Key::Enter), Step::Run);
    assert_eq!(session.step(Key::Character('v')), Step::EditElsewhere);
}

#[test]
fn a_repetition_that_is_too_long_is_left() {
    let mut session = Session::at("|");
    session.keys("ix\x1byl9999p");
    assert_eq!(session.text.len(), 10_000);
    session.keys("y0$9999p");
    assert_eq!(session.text.len(), 10_000);
}
