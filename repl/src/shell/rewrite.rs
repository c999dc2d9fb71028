//! Edits of a cell that no command of rustyline's makes: any text, with the cursor anywhere in it.
//!
//! The handler of a key answers one command and changes nothing itself. In one of them rustyline lends
//! the text to who it asks: completion, whose result is put in place by the helper. So a key says here
//! what the cell becomes and answers that it completes, and [`super::helper`] makes that edit in place
//! of completing. Which edits there are is decided by the keys ([`super::keys`], [`super::vi`]).

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rustyline::Cmd;
use rustyline::line_buffer::{ChangeListener, LineBuffer};

/// A cell, and where in it the cursor is, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    pub text: String,
    pub cursor: usize,
}

impl Edited {
    /// The same with the cursor where there can be one.
    fn with_cursor_in_text(mut self) -> Self {
        self.cursor = self.text.floor_char_boundary(self.cursor);
        self
    }

    /// Makes it of what is edited. Undoing takes that back in one step, and a cursor that has moved
    /// without a change is nothing to undo.
    pub fn apply<C: ChangeListener>(&self, line: &mut LineBuffer, changes: &mut C) {
        let (replaced, text) = difference(line.as_str(), &self.text);
        match (replaced.is_empty(), text.is_empty()) {
            (true, true) => {}
            (true, false) => {
                line.insert_str(replaced.start, text, changes);
            }
            (false, true) => line.delete_range(replaced, changes),
            // From the beginning on: where it begins behind another, both would be undone as one.
            (false, false) => {
                let end = replaced.start + text.len();
                line.replace(0..replaced.end, &self.text[..end], changes);
            }
        }
        line.set_pos(self.cursor);
    }
}

/// What of a text has to be replaced to make another of it, and what with.
pub fn difference<'t>(from: &str, to: &'t str) -> (Range<usize>, &'t str) {
    let is_same = |pair: &(char, char)| pair.0 == pair.1;
    let length = |pair: (char, char)| pair.0.len_utf8();
    let pairs = from.chars().zip(to.chars());
    let before: usize = pairs.take_while(is_same).map(length).sum();
    let pairs = from[before..].chars().rev().zip(to[before..].chars().rev());
    let behind: usize = pairs.take_while(is_same).map(length).sum();
    (before..from.len() - behind, &to[before..to.len() - behind])
}

/// The edit that a key has decided on, on its way to the text.
#[derive(Default)]
pub struct Rewriter {
    pending: Mutex<Option<Pending>>,
}

struct Pending {
    from: Edited,
    to: Edited,
}

impl Rewriter {
    /// The command by which a key makes something else of the cell that it finds with the cursor at
    /// `position`.
    pub fn command(&self, cell: &str, position: usize, to: Edited) -> Cmd {
        let from = Edited {
            text: cell.to_owned(),
            cursor: position,
        };
        let to = to.with_cursor_in_text();
        if from == to {
            return Cmd::Noop;
        }
        self.put(Some(Pending { from, to }));
        Cmd::Complete
    }

    /// The edit to make where completions are asked for, if that is what is meant by it.
    pub fn take(&self, cell: &str, position: usize) -> Option<Edited> {
        let pending = self.put(None)?;
        let is_meant = pending.from.text == cell && pending.from.cursor == position;
        is_meant.then_some(pending.to)
    }

    fn put(&self, pending: Option<Pending>) -> Option<Pending> {
        let mut place = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, pending)
    }
}

#[cfg(test)]
mod tests {
    use rustyline::line_buffer::{DeleteListener, Direction};

    use super::*;

    /// What there is to undo.
    #[derive(Default)]
    struct Changes(Vec<String>);

    impl DeleteListener for Changes {
        fn delete(&mut self, index: usize, text: &str, _: Direction) {
            self.0.push(format!("{index} -{text}"));
        }
    }

    impl ChangeListener for Changes {
        fn insert_char(&mut self, index: usize, character: char) {
            self.0.push(format!("{index} +{character}"));
        }

        fn insert_str(&mut self, index: usize, text: &str) {
            self.0.push(format!("{index} +{text}"));
        }

        fn replace(&mut self, index: usize, old: &str, new: &str) {
            self.0.push(format!("{index} -{old} +{new}"));
        }
    }

    fn edited(text: &str, cursor: usize) -> Edited {
        Edited {
            text: text.to_owned(),
            cursor,
        }
    }

    /// What is told to be undone when one text is made of another, the cursor at `cursor`.
    fn changes(from: &str, to: &str, cursor: usize) -> Vec<String> {
        let mut line = LineBuffer::with_capacity(256);
        line.insert_str(0, from, &mut Changes::default());
        let mut changes = Changes::default();
        edited(to, cursor).apply(&mut line, &mut changes);
        assert_eq!((line.as_str(), line.pos()), (to, cursor));
        changes.0
    }

    #[test]
    fn an_edit_is_one_change_and_a_move_is_none() {
        assert_eq!(changes("f", "f()", 2), ["1 +()"]);
        assert_eq!(changes("f()", "f", 1), ["1 -()"]);
        assert_eq!(changes("ab", "aB", 0), ["0 -ab +aB"]);
        assert_eq!(changes("é日x", "é本x", 2), ["0 -é日 +é本"]);
        assert_eq!(changes("if x:", "if x:", 3), [""; 0]);
        assert_eq!(changes("", "x", 0), ["0 +x"]);
        assert_eq!(changes("aa", "aaa", 1), ["2 +a"]);
    }

    #[test]
    fn an_edit_is_made_once_and_of_the_cell_that_was_meant() {
        let rewriter = Rewriter::default();
        assert_eq!(rewriter.command("f", 1, edited("f", 1)), Cmd::Noop);
        assert_eq!(rewriter.take("f", 1), None);
        let wanted = edited("f()", 2);
        assert_eq!(rewriter.command("f", 1, wanted.clone()), Cmd::Complete);
        assert_eq!(rewriter.take("f", 1), Some(wanted.clone()));
        assert_eq!(rewriter.take("f", 1), None);
        assert_eq!(rewriter.command("f", 1, wanted), Cmd::Complete);
        assert_eq!(rewriter.take("g", 1), None);
        assert_eq!(rewriter.take("f", 1), None);
    }

    #[test]
    fn the_cursor_stays_in_the_text_and_between_its_letters() {
        let rewriter = Rewriter::default();
        rewriter.command("", 0, edited("é", 9));
        assert_eq!(rewriter.take("", 0), Some(edited("é", 2)));
        rewriter.command("", 0, edited("é", 1));
        assert_eq!(rewriter.take("", 0), Some(edited("é", 0)));
    }
}
