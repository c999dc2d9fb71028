//! Searches of earlier cells: what keys do meanwhile, and how they end.
//!
//! The line editor searches; here is kept what is typed for it, to go on with `n` and `N`.

use super::super::macros;
use super::{Begun, Edit, Key, Machine, Mode, Step};

impl Machine {
    /// A search that was asked for can't be: nothing is there to be searched.
    pub fn leave_search(&mut self) {
        self.mode = Mode::Command(Begun::default());
        self.selection = None;
    }

    /// What a key does while earlier cells are searched, in whatever way that has begun.
    pub fn key_while_searching(&mut self, key: Key, text: &str, at: usize) -> Step {
        let before = match &self.mode {
            Mode::Search(_) => {
                self.record(key, text, at);
                return self.key_of_search(key, text);
            }
            Mode::Insert(insertion) => insertion.before.clone(),
            Mode::Command(_) => self.seen.clone(),
        };
        match key {
            Key::Escape => {
                self.macros.record(macros::ESCAPE);
                self.leave_search();
                self.note_change(&before, text);
                self.seen = Edit {
                    text: text.to_owned(),
                    at,
                };
                Step::EndSearch
            }
            Key::Abort => Step::AbortSearch,
            _ => Self::by_itself(key, text),
        }
    }

    pub(super) fn key_of_search(&mut self, key: Key, text: &str) -> Step {
        let Mode::Search(pattern) = &mut self.mode else {
            return Step::Own;
        };
        match key {
            Key::Character(letter) => {
                pattern.text.push(letter);
                return Step::Own;
            }
            Key::Backspace => {
                pattern.text.pop();
                return Step::Own;
            }
            Key::HistorySearch => return Step::Own,
            _ => {}
        }
        if !pattern.text.is_empty() {
            self.pattern = Some(pattern.clone());
        }
        self.leave_search();
        match key {
            Key::Enter | Key::Escape => Step::EndSearch,
            Key::Abort => Step::AbortSearch,
            _ => Self::by_itself(key, text),
        }
    }
}
