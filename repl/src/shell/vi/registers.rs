//! What vi keeps of a text: in registers what was deleted and copied, by marks where one was.
//!
//! Registers stay from cell to cell; marks are those of a cell.

use std::collections::{BTreeMap, VecDeque};

use super::super::rewrite::difference;

/// How many deletions of lines are kept, in `"1` to `"9`.
const DELETED_MAX: usize = 9;

/// A text that can be put somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub text: String,
    /// Whether it is whole lines; the newline of the last isn't in the text.
    pub is_lines: bool,
}

#[derive(Debug, Default)]
pub struct Registers {
    /// What was kept last, in whatever register.
    last: Option<Kept>,
    named: BTreeMap<char, Kept>,
    copied: Option<Kept>,
    /// Parts of lines.
    deleted_little: Option<Kept>,
    /// The newest first.
    deleted: VecDeque<Kept>,
}

/// How a text came into a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Copied,
    Deleted,
    /// Lines, or by a motion that goes far.
    DeletedMuch,
}

impl Registers {
    /// Whether there is a register of this name.
    pub fn is_name(name: char) -> bool {
        name.is_ascii_alphanumeric() || matches!(name, '"' | '_' | '-')
    }

    pub fn keep(&mut self, name: Option<char>, kept: Kept, how: How) {
        let kept = match name {
            Some('_') => return,
            Some(name) if name.is_ascii_alphabetic() => self.keep_named(name, kept),
            _ => {
                self.keep_unnamed(kept.clone(), how);
                kept
            }
        };
        self.last = Some(kept);
    }

    /// Keeps the keys of a macro, which aren't the latest text.
    pub fn record(&mut self, name: char, keys: String) {
        let kept = Kept {
            text: keys,
            is_lines: false,
        };
        match name.to_digit(10) {
            _ if name.is_ascii_alphabetic() => {
                self.keep_named(name, kept);
            }
            None | Some(0) => self.copied = Some(kept),
            Some(digit) => {
                let index = digit as usize - 1;
                if self.deleted.len() <= index {
                    self.deleted.resize(index + 1, Kept::default());
                }
                self.deleted[index] = kept;
            }
        }
    }

    /// What is in a register, in that of the latest text if none is named.
    pub fn kept(&self, name: Option<char>) -> Option<&Kept> {
        match name {
            None | Some('"') => self.last.as_ref(),
            Some('0') => self.copied.as_ref(),
            Some('-') => self.deleted_little.as_ref(),
            Some(name) => match name.to_digit(10).and_then(|digit| digit.checked_sub(1)) {
                Some(index) => self.deleted.get(usize::try_from(index).ok()?),
                None => self.named.get(&name.to_ascii_lowercase()),
            },
        }
    }

    /// A capital adds to what is there.
    fn keep_named(&mut self, name: char, kept: Kept) -> Kept {
        let register = self.named.entry(name.to_ascii_lowercase()).or_default();
        if name.is_ascii_uppercase() && !register.text.is_empty() {
            if register.is_lines || kept.is_lines {
                register.text.push('\n');
            }
            register.text.push_str(&kept.text);
            register.is_lines |= kept.is_lines;
        } else {
            *register = kept;
        }
        register.clone()
    }

    fn keep_unnamed(&mut self, kept: Kept, how: How) {
        match how {
            How::Copied => self.copied = Some(kept),
            How::Deleted => self.deleted_little = Some(kept),
            How::DeletedMuch => {
                self.deleted.truncate(DELETED_MAX - 1);
                self.deleted.push_front(kept);
            }
        }
    }
}

#[derive(Debug, Default)]
pub struct Marks {
    places: BTreeMap<char, usize>,
}

impl Marks {
    /// The mark of where one was before a jump.
    pub const BEFORE_JUMP: char = '\'';

    /// Where the last selection was begun, and where the cursor was as it ended.
    pub const SELECTION: [char; 2] = ['<', '>'];

    pub fn is_name(name: char) -> bool {
        name.is_ascii_lowercase() || matches!(name, '\'' | '`')
    }

    pub fn set(&mut self, name: char, at: usize) {
        self.places.insert(Self::known_as(name), at);
    }

    pub fn place(&self, name: char) -> Option<usize> {
        let at = self.places.get(&Self::known_as(name)).copied();
        // Before the first jump it is the beginning.
        at.or_else(|| (Self::known_as(name) == Self::BEFORE_JUMP).then_some(0))
    }

    /// Lets them stay at their letters where the text changes.
    pub fn follow(&mut self, from: &str, to: &str) {
        if self.places.is_empty() {
            return;
        }
        let (replaced, text) = difference(from, to);
        for at in self.places.values_mut() {
            if *at >= replaced.end {
                *at = *at - replaced.len() + text.len();
            } else {
                *at = (*at).min(replaced.start);
            }
        }
    }

    fn known_as(name: char) -> char {
        match name {
            '`' => Self::BEFORE_JUMP,
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Kept {
        Kept {
            text: text.to_owned(),
            is_lines: false,
        }
    }

    fn lines(text: &str) -> Kept {
        Kept {
            is_lines: true,
            ..part(text)
        }
    }

    #[test]
    fn deletions_are_kept_in_turn_and_apart_from_copies() {
        let mut registers = Registers::default();
        registers.keep(None, part("copied"), How::Copied);
        for number in 0..10 {
            registers.keep(None, lines(&number.to_string()), How::DeletedMuch);
        }
        registers.keep(None, part("little"), How::Deleted);
        assert_eq!(registers.kept(Some('1')), Some(&lines("9")));
        assert_eq!(registers.kept(Some('9')), Some(&lines("1")));
        assert_eq!(registers.kept(Some('0')), Some(&part("copied")));
        assert_eq!(registers.kept(Some('-')), Some(&part("little")));
        assert_eq!(registers.kept(None), Some(&part("little")));
        registers.keep(Some('_'), part("nothing"), How::Deleted);
        assert_eq!(registers.kept(Some('"')), Some(&part("little")));
    }

    #[test]
    fn a_capital_adds_to_a_register() {
        let mut registers = Registers::default();
        registers.keep(Some('a'), part("a"), How::Copied);
        registers.keep(Some('A'), part("b"), How::Copied);
        assert_eq!(registers.kept(Some('a')), Some(&part("ab")));
        registers.keep(Some('A'), lines("c"), How::Copied);
        assert_eq!(registers.kept(Some('A')), Some(&lines("ab\nc")));
        assert_eq!(registers.kept(None), Some(&lines("ab\nc")));
    }

    #[test]
    fn macros_are_in_registers_and_not_the_latest_text() {
        let mut registers = Registers::default();
        registers.keep(None, lines("deleted"), How::DeletedMuch);
        for name in ['a', 'A', '0', '3'] {
            registers.record(name, "x".to_owned());
        }
        assert_eq!(registers.kept(None), Some(&lines("deleted")));
        assert_eq!(registers.kept(Some('1')), Some(&lines("deleted")));
        assert_eq!(registers.kept(Some('a')), Some(&part("xx")));
        assert_eq!(registers.kept(Some('0')), Some(&part("x")));
        assert_eq!(registers.kept(Some('3')), Some(&part("x")));
    }

    #[test]
    fn marks_stay_at_their_letters() {
        let mut marks = Marks::default();
        marks.set('a', 1);
        marks.set('b', 3);
        marks.set('`', 5);
        marks.follow("abcdef", "aXXbcdef");
        assert_eq!(marks.place('a'), Some(3));
        assert_eq!(marks.place('b'), Some(5));
        marks.follow("aXXbcdef", "aXXbef");
        assert_eq!(marks.place('b'), Some(4));
        assert_eq!(marks.place('\''), Some(5));
        assert_eq!(marks.place('c'), None);
    }
}
