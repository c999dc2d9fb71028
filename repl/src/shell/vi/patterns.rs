//! What is searched for in a cell: typed behind `/` or `?`, or the word that `*` and `#` find at the cursor.
//!
//! Only where it is in a text; when one goes on to other cells is told in [`super::machine`].

use super::places::{self, Class, Walk, Words};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    pub text: String,
    /// Whether it is searched for towards the newest, as with `?`, or the end of the cell, as with `*`.
    pub is_forward: bool,
    pub sought: Sought,
}

/// How a pattern is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sought {
    /// As somebody has typed it. Behind the ends of the cell are other cells.
    #[default]
    Typed,
    /// As it is in the cell, and over the cell's ends.
    Exact,
    /// The same, with nothing of a word beside it.
    Word,
}

impl Pattern {
    /// The word at a place, or the next one in the line, or else signs; and where it begins.
    pub fn at_cursor(
        text: &str,
        at: usize,
        is_forward: bool,
        is_whole: bool,
    ) -> Option<(Self, usize)> {
        let found = [Class::Letter, Class::Sign]
            .into_iter()
            .find_map(|class| Some((class, run(text, at, class)?)));
        let (class, (start, end)) = found?;
        let sought = match class {
            Class::Letter if is_whole => Sought::Word,
            _ => Sought::Exact,
        };
        let pattern = Self {
            text: text[start..end].to_owned(),
            is_forward,
            sought,
        };
        Some((pattern, start))
    }

    /// Where it begins next, away from a place.
    pub fn find(&self, text: &str, from: usize, is_forward: bool) -> Option<usize> {
        if self.text.is_empty() {
            return None;
        }
        // Without capitals in what was typed, none in the text matter.
        let is_folded = self.sought == Sought::Typed
            && !self.text.bytes().any(|byte| byte.is_ascii_uppercase());
        let folded = is_folded.then(|| text.to_ascii_lowercase());
        let text = folded.as_deref().unwrap_or(text);
        let next = match is_forward {
            true => self.all(text).find(|at| *at > from),
            false => self.all(text).take_while(|at| *at < from).last(),
        };
        match (self.sought, is_forward) {
            (Sought::Typed, _) => next,
            (_, true) => next.or_else(|| self.all(text).next()),
            (_, false) => next.or_else(|| self.all(text).last()),
        }
    }

    fn all(&self, text: &str) -> impl Iterator<Item = usize> {
        let found = text.match_indices(&self.text).map(|(at, _)| at);
        found.filter(move |at| self.sought != Sought::Word || self.is_word(text, *at))
    }

    fn is_word(&self, text: &str, at: usize) -> bool {
        let before = text[..at].chars().next_back();
        let behind = text[at + self.text.len()..].chars().next();
        ![before, behind]
            .into_iter()
            .flatten()
            .any(places::is_of_word)
    }
}

/// Where the first of what is of this class begins and ends, in the line and not before the place.
fn run(text: &str, at: usize, class: Class) -> Option<(usize, usize)> {
    let is_of_class = |at: usize| {
        let walk = Walk { text, at };
        walk.class(Words::Small) == class
    };
    let line_end = places::line_end(text, at);
    let mut start = at;
    while start < line_end && !is_of_class(start) {
        start = places::next(text, start);
    }
    if start == line_end {
        return None;
    }
    let mut end = start;
    while end < line_end && is_of_class(end) {
        end = places::next(text, end);
    }
    loop {
        let before = places::previous(text, start);
        if before == start || !is_of_class(before) {
            return Some((start, end));
        }
        start = before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_typed_ends_with_the_cell_and_is_for_capitals_too() {
        let pattern = |sought| Pattern {
            text: "ab".to_owned(),
            is_forward: true,
            sought,
        };
        let find = |sought, from, is_forward| pattern(sought).find("AB abc ab", from, is_forward);
        assert_eq!(find(Sought::Typed, 0, true), Some(3));
        assert_eq!(find(Sought::Typed, 7, true), None);
        assert_eq!(find(Sought::Typed, 3, false), Some(0));
        assert_eq!(find(Sought::Exact, 7, true), Some(3));
        assert_eq!(find(Sought::Exact, 3, false), Some(7));
        assert_eq!(find(Sought::Word, 0, true), Some(7));
        assert_eq!(find(Sought::Word, 7, true), Some(7));
    }
}
