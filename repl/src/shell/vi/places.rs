//! Places in a cell, and the steps from one to the next: letters as a person sees them, lines, kinds of
//! characters.
//!
//! A place is the byte at which a letter begins, or the end of a line, where its newline stands or the
//! text ends. In command mode the cursor is on a letter, and at the end only of a line without one. What
//! motions make of this is in [`super::motions`].

use unicode_segmentation::UnicodeSegmentation;

/// What is between words.
pub const BLANKS: [char; 2] = [' ', '\t'];

/// What is there; none at the end of a line.
pub fn character(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next().filter(|found| *found != '\n')
}

pub fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

pub fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |to| at + to)
}

pub fn is_line_empty(text: &str, at: usize) -> bool {
    line_start(text, at) == line_end(text, at)
}

/// Behind the letter that is there, or the same at the end of a line.
pub fn next(text: &str, at: usize) -> usize {
    let line = &text[at..line_end(text, at)];
    at + line.graphemes(true).next().map_or(0, str::len)
}

/// The letter before, or the same at the start of a line.
pub fn previous(text: &str, at: usize) -> usize {
    let line = &text[line_start(text, at)..at];
    at - line.graphemes(true).next_back().map_or(0, str::len)
}

/// Behind so many letters, or behind those that there are.
pub fn advanced(text: &str, at: usize, count: usize) -> usize {
    let line = &text[at..line_end(text, at)];
    at + line
        .graphemes(true)
        .take(count)
        .map(str::len)
        .sum::<usize>()
}

/// So many letters before, or as many as there are.
pub fn receded(text: &str, at: usize, count: usize) -> usize {
    let line = &text[line_start(text, at)..at];
    let before = line.graphemes(true).rev().take(count);
    at - before.map(str::len).sum::<usize>()
}

/// The last letter of the line.
pub fn last_letter(text: &str, at: usize) -> usize {
    previous(text, line_end(text, at))
}

/// The same, on a letter where there is one.
pub fn on_letter(text: &str, at: usize) -> usize {
    if at == line_end(text, at) {
        previous(text, at)
    } else {
        at
    }
}

/// Behind the blanks that a line begins with.
pub fn indent_end(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    let line = &text[start..line_end(text, at)];
    start + line.len() - line.trim_start_matches(BLANKS).len()
}

/// The number of the line from zero.
pub fn line_number(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count()
}

/// Where the line of a number begins, the last one's if there are fewer.
pub fn nth_line(text: &str, number: usize) -> usize {
    let Some(before) = number.checked_sub(1) else {
        return 0;
    };
    let newline = text.match_indices('\n').nth(before);
    let newline = newline.map(|(at, _)| at).or_else(|| text.rfind('\n'));
    newline.map_or(0, |at| at + 1)
}

/// Whether there is a line with no more than blanks.
pub fn is_line_blank(text: &str, at: usize) -> bool {
    indent_end(text, at) == line_end(text, at)
}

/// How many letters are before it in its line.
pub fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].graphemes(true).count()
}

/// What a text is taken apart into by motions over words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Letters and digits; signs.
    Small,
    /// All that isn't blank.
    Big,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Blank,
    Sign,
    Letter,
}

/// Whether it is a letter of a small word.
pub fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// How a place was reached from its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    InLine,
    /// To the end of a line, behind its last letter.
    ToLineEnd,
    ToOtherLine,
}

/// A place that is moved step by step, over the ends of lines too.
#[derive(Clone, Copy)]
pub struct Walk<'t> {
    pub text: &'t str,
    pub at: usize,
}

impl Walk<'_> {
    pub fn character(&self) -> Option<char> {
        character(self.text, self.at)
    }

    pub fn class(&self, words: Words) -> Class {
        match self.character() {
            None => Class::Blank,
            Some(found) if found.is_whitespace() => Class::Blank,
            Some(found) if words == Words::Big || is_of_word(found) => Class::Letter,
            Some(_) => Class::Sign,
        }
    }

    pub fn is_line_empty(&self) -> bool {
        is_line_empty(self.text, self.at)
    }

    fn is_line_start(&self) -> bool {
        self.at == line_start(self.text, self.at)
    }

    /// To the next place; none behind the text.
    pub fn forward(&mut self) -> Option<Step> {
        let to = next(self.text, self.at);
        if to != self.at {
            self.at = to;
            return Some(match self.character() {
                Some(_) => Step::InLine,
                None => Step::ToLineEnd,
            });
        }
        (self.at < self.text.len()).then(|| {
            self.at += 1;
            Step::ToOtherLine
        })
    }

    /// To the place before; none before the text.
    pub fn back(&mut self) -> Option<Step> {
        if !self.is_line_start() {
            self.at = previous(self.text, self.at);
            return Some(Step::InLine);
        }
        self.at = self.at.checked_sub(1)?;
        Some(Step::ToOtherLine)
    }

    /// To the next letter or empty line.
    pub fn letter_forward(&mut self) -> Option<Step> {
        match self.forward()? {
            Step::ToLineEnd => self.forward(),
            step => Some(step),
        }
    }

    /// To the letter or empty line before.
    pub fn letter_back(&mut self) -> Option<Step> {
        match self.back()? {
            Step::ToOtherLine if !self.is_line_start() => self.back(),
            step => Some(step),
        }
    }

    /// Over what is of this class; whether that ended before the text did.
    pub fn skip_forward(&mut self, class: Class, words: Words) -> bool {
        while self.class(words) == class {
            if self.forward().is_none() {
                return false;
            }
        }
        true
    }

    /// The same towards the beginning.
    pub fn skip_back(&mut self, class: Class, words: Words) -> bool {
        while self.class(words) == class {
            if self.back().is_none() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_what_a_person_sees() {
        let text = "e\u{301}日x\n";
        assert_eq!(next(text, 0), 3);
        assert_eq!(previous(text, 3), 0);
        assert_eq!(advanced(text, 0, 2), 6);
        assert_eq!(receded(text, 7, 2), 3);
        assert_eq!(column(text, 6), 2);
        assert_eq!(last_letter(text, 0), 6);
        assert_eq!(on_letter(text, 7), 6);
        assert_eq!(on_letter(text, 8), 8);
    }

    #[test]
    fn lines_have_numbers_and_ends() {
        let text = "a\n  b\n";
        assert_eq!(nth_line(text, 1), 2);
        assert_eq!(nth_line(text, 9), 6);
        assert_eq!(nth_line("a", 3), 0);
        assert_eq!(line_number(text, 6), 2);
        assert_eq!(indent_end(text, 5), 4);
        assert!(is_line_empty(text, 6) && is_line_blank(" \nb", 0));
    }

    #[test]
    fn steps_go_over_the_ends_of_lines() {
        let mut walk = Walk {
            text: "a\n\nb",
            at: 0,
        };
        assert_eq!(walk.forward(), Some(Step::ToLineEnd));
        assert_eq!(walk.forward(), Some(Step::ToOtherLine));
        assert_eq!(walk.letter_forward(), Some(Step::ToOtherLine));
        assert_eq!((walk.at, walk.letter_back()), (3, Some(Step::ToOtherLine)));
        assert_eq!((walk.at, walk.letter_back()), (2, Some(Step::InLine)));
        assert_eq!((walk.at, walk.back()), (0, None));
    }
}
