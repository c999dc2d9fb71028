//! The machine as a person meets it: the rows of [`super::table`], and what isn't told by a row.

use rustyline::{Cmd, Movement};

use super::machine::{Key, Machine, Step};
use super::motions::Motion;
use super::operators::Edit;
use super::selections_table::SELECTIONS;
use super::table::{self, Row};
use super::{moves, places};

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
            Step::Taken | Step::Failed => {}
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
    check(table::WORDS);
}

#[test]
fn motions_and_operators_over_letters_and_lines() {
    check(table::LINES);
}

#[test]
fn letters_are_found_in_their_line() {
    check(table::FINDING);
}

#[test]
fn brackets_paragraphs_and_sentences() {
    check(table::BORDERS);
}

#[test]
fn marks_are_gone_back_to() {
    check(table::MARKS);
}

#[test]
fn operators_take_text_objects() {
    check(table::OBJECTS);
}

#[test]
fn tags_are_text_objects() {
    check(table::TAGS);
}

#[test]
fn the_word_at_the_cursor_is_searched_for() {
    check(table::SAME_WORD);
}

#[test]
fn what_was_deleted_or_copied_is_put_back() {
    check(table::REGISTERS);
}

#[test]
fn letters_and_lines_are_changed_in_place() {
    check(table::CHANGES);
}

#[test]
fn typing_begins_where_it_is_asked_for() {
    check(table::TYPING);
}

#[test]
fn changes_are_made_again_and_undone() {
    check(table::AGAIN);
}

#[test]
fn lines_are_selected() {
    check(SELECTIONS);
}

#[test]
fn macros_are_recorded_and_played() {
    check(table::MACROS);
}

#[test]
fn keys_without_a_meaning_change_nothing() {
    check(table::NOTHING);
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

/// What Escape and another key make of a cell that is typed, read at once.
fn step_behind_escape(typed: &str, key: char) -> Step {
    let mut machine = Machine::default();
    machine.begin(typed.to_owned(), typed.len());
    machine.key_behind_escape(Key::Character(key), typed, typed.len(), &|_: &str| 0)
}

#[test]
fn escape_with_another_key_is_both() {
    let deleted = Edit {
        text: "ab".to_owned(),
        at: 1,
    };
    assert_eq!(step_behind_escape("abc", 'x'), Step::Edit(deleted));
    assert_eq!(step_behind_escape("abc", 'z'), Step::Go(2));
    let to_other = Step::ToOther {
        is_before: true,
        from: 2,
    };
    assert_eq!(step_behind_escape("abc", 'k'), to_other);
}

#[test]
fn what_was_typed_several_times_stays_where_escape_and_another_key_lead_away() {
    let mut session = Session::at("|");
    session.keys("3ix");
    let key = Key::Character('k');
    let step = session.machine.key_behind_escape(key, "x", 1, &|_: &str| 0);
    let typed = Edit {
        text: "xxx".to_owned(),
        at: 2,
    };
    assert_eq!(step, Step::Edit(typed));
}

#[test]
fn a_search_that_began_while_typing_ends_with_escape_in_commands() {
    let mut machine = Machine::default();
    machine.begin(String::new(), 0);
    let mut step = |key| machine.key_while_searching(key, "found = 1", 3);
    assert_eq!(step(Key::Character('o')), Step::Own);
    assert_eq!(step(Key::Abort), Step::AbortSearch);
    assert_eq!(step(Key::End), Step::Taken);
    assert_eq!(step(Key::Escape), Step::EndSearch);
    assert!(machine.is_commanding());
    let undone = machine.key(Key::Character('u'), "found = 1", 3, &|_: &str| 0);
    assert_eq!(undone, Step::Edit(Edit::default()));
}

#[test]
fn the_key_that_ends_the_session_leaves_a_cell_as_it_is() {
    let mut session = Session::at("|ab");
    assert_eq!(session.step(Key::End), Step::Taken);
    session.keys("i");
    assert_eq!(session.step(Key::End), Step::Taken);
    assert_eq!(session.marked(), "|ab");
    assert_eq!(Session::at("|").step(Key::End), Step::Own);
}

#[test]
fn keys_without_a_letter_move_and_are_operated_on() {
    let mut session = Session::at(
        "a
b|c
def",
    );
    session.key(Key::Motion(Motion::LastLetter));
    assert_eq!(
        session.marked(),
        "a
bc
de|f"
    );
    session.key(Key::Motion(Motion::FirstLine));
    assert_eq!(
        session.marked(),
        "|a
bc
def"
    );
    session.keys("jd");
    session.key(Key::Motion(Motion::LastLetter));
    assert_eq!(session.marked(), "|a");
    session.keys("r");
    session.key(Key::Motion(Motion::LastLetter));
    session.keys("x");
    assert_eq!(session.marked(), "|");
}

#[test]
fn moves_count_letters() {
    let cell = "e\u{301}日\nx";
    let forward = |by| Some(Cmd::Move(Movement::ForwardChar(by)));
    assert_eq!(moves(cell, 0, 6), forward(2));
    assert_eq!(moves(cell, 0, 7), forward(3));
    let back = Some(Cmd::Move(Movement::BackwardChar(2)));
    assert_eq!(moves(cell, 7, 3), back);
    assert_eq!(moves(cell, 3, 3), Some(Cmd::Noop));
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
    let to_other = |is_before, from| Step::ToOther { is_before, from };
    assert_eq!(session.step(Key::Character('k')), to_other(true, 1));
    session.keys("j");
    assert_eq!(session.marked(), "ab\nc|d");
    assert_eq!(session.step(Key::Character('j')), to_other(false, 4));
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

#[test]
fn what_the_editor_has_done_while_somebody_typed_is_played_too() {
    let mut session = Session::at("|");
    session.keys("qaif");
    // A pair was closed, a letter deleted, and the cursor is in between.
    "g(1)".clone_into(&mut session.text);
    session.at = 3;
    session.keys("\x1bq");
    assert_eq!(session.marked(), "g(|1)");
    session.keys("$a;\x1b@a");
    assert_eq!(session.marked(), "g(1)g(|1);");
    session.keys("qbi");
    // Before where typing began, and behind it.
    session.text.replace_range(4..6, "h");
    session.at = 7;
    session.keys("\x1bq");
    assert_eq!(session.marked(), "g(1)h1|);");
    session.keys("$@b");
    assert_eq!(session.marked(), "g(1)hh|;");
}

#[test]
fn a_macro_searches_in_the_cell() {
    let mut session = Session::at("b|c b xb");
    session.keys("qa");
    assert_eq!(session.step(Key::Character('/')), Step::Search);
    assert_eq!(session.step(Key::Character('x')), Step::Own);
    assert_eq!(session.step(Key::Character('b')), Step::Own);
    assert_eq!(session.step(Key::Backspace), Step::Own);
    assert_eq!(session.step(Key::Enter), Step::EndSearch);
    session.keys("xq$@a");
    assert_eq!(session.marked(), "b b |b");
    // With nothing to be found it ends.
    session.keys("@a");
    assert_eq!(session.marked(), "b b |b");
}

#[test]
fn a_macro_that_calls_itself_comes_to_an_end() {
    let mut session = Session::at("|a");
    session.keys("qaqqa~@aq@a");
    assert_eq!(session.text.to_lowercase(), "a");
    session.keys("qbqqbix\x1b@b@bq@b");
    assert!(session.machine.is_commanding());
    // One that makes the text twice as long each time.
    let mut session = Session::at("|a");
    session.keys("qcqqcyGP@cq@c");
    assert!(session.text.len() < 4 << 20);
    session.keys("u");
    assert_eq!(session.marked(), "|a\na");
}

#[test]
fn a_recording_ends_with_its_cell() {
    let mut session = Session::at("|abc");
    session.keys("qax");
    session.machine.begin("abc".to_owned(), 0);
    "abc".clone_into(&mut session.text);
    session.at = 0;
    session.keys("\x1bqbxq@a");
    assert_eq!(session.marked(), "|bc");
    session.keys("@b");
    assert_eq!(session.marked(), "|c");
}

#[test]
fn selected_lines_are_known_until_they_are_left() {
    let selected = |session: &Session| session.machine.selected(&session.text, session.at);
    let mut session = Session::at("a\nb|c\n\nd");
    assert_eq!(selected(&session), None);
    session.keys("V");
    assert_eq!(selected(&session), Some(2..4));
    session.keys("k");
    assert_eq!(selected(&session), Some(0..4));
    session.keys("ojo");
    assert_eq!(selected(&session), Some(0..5));
    session.keys("\x1b");
    assert_eq!(selected(&session), None);
    session.keys("gv");
    assert_eq!(selected(&session), Some(0..5));
    session.keys("y");
    assert_eq!(selected(&session), None);
}

#[test]
fn a_selection_stays_in_its_cell() {
    let mut session = Session::at("|ab");
    session.keys("V");
    for key in ['j', 'k', '/', 'r', 'i'] {
        let step = session.step(Key::Character(key));
        assert!(
            matches!(step, Step::Failed | Step::Taken),
            "{key}: {step:?}"
        );
    }
    session.keys("\x1b");
    assert_eq!(session.step(Key::Enter), Step::Run);
    session.keys("V");
    assert_eq!(session.step(Key::Character('v')), Step::EditElsewhere);
    // Another cell is shown by other keys.
    session.keys("V");
    "cd".clone_into(&mut session.text);
    assert_eq!(session.machine.selected("cd", 0), None);
    session.keys("x");
    assert_eq!(session.marked(), "|d");
    session.keys("Vd");
    session.machine.begin("e".to_owned(), 0);
    "e".clone_into(&mut session.text);
    session.at = 0;
    session.keys("\x1bgvx");
    assert_eq!(session.marked(), "|");
}
