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
    /// How many older ones are forgotten.
    forgotten: usize,
}

impl Undo {
    pub fn keep(&mut self, before: Edit) {
        self.bytes += before.text.len();
        self.texts.push_back(before);
        while self.bytes > KEPT_BYTES_MAX
            && let Some(oldest) = self.texts.pop_front()
        {
            self.bytes -= oldest.text.len();
            self.forgotten += 1;
        }
    }

    /// How many texts have been kept, those included that are forgotten.
    pub fn kept(&self) -> usize {
        self.forgotten + self.texts.len()
    }

    /// Makes one change of all those since so many were kept. What there was before the first of them is
    /// known, or it was forgotten and is this.
    pub fn join(&mut self, kept: usize, before: Edit) {
        if self.kept() <= kept {
            return;
        }
        let index = kept.checked_sub(self.forgotten);
        let first = index.and_then(|index| self.texts.get(index).cloned());
        while self.kept() > kept
            && let Some(newest) = self.texts.pop_back()
        {
            self.bytes -= newest.text.len();
        }
        self.keep(first.unwrap_or(before));
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
    fn changes_are_undone_together() {
        let mut undo = Undo::default();
        undo.keep(edit("a"));
        let kept = undo.kept();
        undo.join(kept, edit(""));
        for text in ["b", "c", "d"] {
            undo.keep(edit(text));
        }
        undo.join(kept, edit(""));
        assert_eq!(undo.back("e", 1), Some(edit("b")));
        assert_eq!(undo.back("b", 1), Some(edit("a")));
        // Where the first is forgotten, there is what it was told.
        let kept = undo.kept();
        let large = "x".repeat(KEPT_BYTES_MAX / 2 + 1);
        for text in ["b", large.as_str(), large.as_str()] {
            undo.keep(edit(text));
        }
        undo.join(kept, edit("c"));
        assert_eq!(undo.back("d", 9), Some(edit("c")));
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
