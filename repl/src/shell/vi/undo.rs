//! The texts that `u` goes back to.
//!
//! The line editor has its own way back, for what is typed; it counts by letters and words, vi by commands.

use std::collections::VecDeque;

use super::operators::Edit;

/// What is kept at most, in bytes: then the oldest are forgotten.
const KEPT_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, Default)]
pub struct Undo {
    /// The oldest first.
    texts: VecDeque<Edit>,
    bytes: usize,
}

impl Undo {
    pub fn keep(&mut self, before: Edit) {
        self.bytes += before.text.len();
        self.texts.push_back(before);
        while self.bytes > KEPT_BYTES_MAX
            && let Some(oldest) = self.texts.pop_front()
        {
            self.bytes -= oldest.text.len();
        }
    }

    /// What there was so many changes before, or before as many as there are.
    pub fn back(&mut self, text: &str, changes: usize) -> Option<Edit> {
        let mut found = None;
        for _ in 0..changes {
            let Some(before) = self.texts.pop_back() else {
                break;
            };
            self.bytes -= before.text.len();
            found = Some(before);
        }
        found.filter(|before| before.text != text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str) -> Edit {
        Edit {
            text: text.to_owned(),
            at: 0,
        }
    }

    #[test]
    fn changes_are_undone_from_the_last_one_on() {
        let mut undo = Undo::default();
        assert_eq!(undo.back("", 1), None);
        for text in ["a", "b", "c"] {
            undo.keep(edit(text));
        }
        assert_eq!(undo.back("d", 2), Some(edit("b")));
        assert_eq!(undo.back("b", 9), Some(edit("a")));
        assert_eq!(undo.back("a", 1), None);
    }

    #[test]
    fn of_too_much_the_oldest_is_forgotten() {
        let mut undo = Undo::default();
        let large = "x".repeat(KEPT_BYTES_MAX / 2 + 1);
        undo.keep(edit("a"));
        undo.keep(edit(&large));
        undo.keep(edit(&large));
        assert!(undo.back("", 1).is_some());
        assert_eq!(undo.back("", 1), None);
    }
}
