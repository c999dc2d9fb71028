//! Motions: from a place in a cell to another, as vim goes.
//!
//! Only where they lead; what is done on the way is [`super::operators`]' business. Where vim has a rule
//! that follows from no other (`w` under an operator ends with its line, `;` behind `t` goes on) it is
//! kept. Sentences are in [`super::sentences`].

use super::patterns::Pattern;
use super::places::{self, Class, Step, Walk, Words};
use super::registers::Marks;
use super::sentences;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Left,
    Right,
    Down,
    Up,
    LineStart,
    LineEnd,
    Indent,
    LastNonBlank,
    Column,
    NextLine,
    PreviousLine,
    ThisLine,
    FirstLine,
    LastLine,
    /// Of the last line.
    LastLetter,
    Word(Words),
    WordEnd(Words),
    WordBack(Words),
    WordEndBack(Words),
    Find(Find),
    FindAgain {
        is_opposite: bool,
    },
    Bracket,
    ParagraphForward,
    ParagraphBack,
    SentenceForward,
    SentenceBack,
    Mark {
        name: char,
        is_line: bool,
    },
    SearchAgain {
        is_opposite: bool,
    },
    /// To the next place of the word at the cursor, as a whole word or as it is.
    SameWord {
        is_forward: bool,
        is_whole: bool,
    },
}

/// A letter that is gone to in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Find {
    pub letter: char,
    pub is_forward: bool,
    /// Only up to it.
    pub is_till: bool,
}

/// The place in its line that `j` and `k` keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Letter(usize),
    End,
}

/// What motions go by besides the text.
pub struct Memory<'m> {
    pub find: Option<Find>,
    pub pattern: Option<&'m Pattern>,
    pub marks: &'m Marks,
    pub column: Option<Column>,
}

/// What a motion is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Go,
    Operate,
    Change,
}

/// How much an operator takes of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All but the last letter.
    Exclusive,
    /// The same, also where a line begins with the last letter.
    Exact,
    Inclusive,
    Lines,
}

/// Where a motion leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    pub at: usize,
    pub kind: Kind,
}

impl Motion {
    /// Whether one goes back to where it began with `` ` ` ``, and what is deleted on its way goes to the
    /// numbered registers.
    pub fn is_jump(self) -> bool {
        matches!(
            self,
            Self::Bracket
                | Self::ParagraphForward
                | Self::ParagraphBack
                | Self::SentenceForward
                | Self::SentenceBack
                | Self::Mark { .. }
                | Self::SearchAgain { .. }
                | Self::SameWord { .. }
                | Self::FirstLine
                | Self::LastLine
                | Self::LastLetter
        )
    }

    /// Whether it fails where it leads to the place that it began at.
    pub fn has_to_move(self) -> bool {
        matches!(
            self,
            Self::Left | Self::Right | Self::Word(_) | Self::WordEnd(_)
        )
    }

    pub fn is_vertical(self) -> bool {
        matches!(self, Self::Down | Self::Up)
    }
}

/// Where a motion leads, so many times; nothing where it leads nowhere.
pub fn reach(
    motion: Motion,
    (text, from): (&str, usize),
    count: Option<usize>,
    purpose: Purpose,
    memory: &Memory,
) -> Option<Reach> {
    let times = count.unwrap_or(1);
    let exclusive = |at| reached(at, Kind::Exclusive);
    match motion {
        Motion::Left => exclusive(places::receded(text, from, times)),
        Motion::Right => exclusive(places::advanced(text, from, times)),
        Motion::LineStart => exclusive(places::line_start(text, from)),
        Motion::Indent => exclusive(places::indent_end(text, from)),
        Motion::Column => {
            let start = places::line_start(text, from);
            exclusive(places::advanced(text, start, times.saturating_sub(1)))
        }
        Motion::LineEnd => {
            let line = lines_down(text, from, times.saturating_sub(1))?;
            reached(places::last_letter(text, line), Kind::Inclusive)
        }
        Motion::LastNonBlank => {
            let line = lines_down(text, from, times.saturating_sub(1))?;
            reached(last_nonblank(text, line), Kind::Inclusive)
        }
        Motion::Down | Motion::Up => vertical(motion, text, from, times, memory.column),
        Motion::NextLine => to_indent(text, lines_down(text, from, times)?),
        Motion::ThisLine => to_indent(text, lines_down(text, from, times.saturating_sub(1))?),
        Motion::PreviousLine => to_indent(text, lines_up(text, from, times)?),
        Motion::FirstLine => to_indent(text, places::nth_line(text, times.saturating_sub(1))),
        Motion::LastLine => {
            let number = count.map_or(usize::MAX, |count| count.saturating_sub(1));
            to_indent(text, places::nth_line(text, number))
        }
        Motion::LastLetter => {
            let number = count.map_or(usize::MAX, |count| count.saturating_sub(1));
            let line = places::nth_line(text, number);
            reached(places::last_letter(text, line), Kind::Inclusive)
        }
        Motion::Word(_) | Motion::WordEnd(_) | Motion::WordBack(_) | Motion::WordEndBack(_) => {
            word(motion, Walk { text, at: from }, times, purpose)
        }
        Motion::Find(find) => found(text, from, find, times, true),
        Motion::FindAgain { is_opposite } => {
            let mut find = memory.find?;
            find.is_forward ^= is_opposite;
            // Right before the letter it goes on to the next.
            found(text, from, find, times, times > 1 || !find.is_till)
        }
        Motion::Bracket => to_bracket(text, from, count),
        Motion::ParagraphForward => paragraph_forward(text, from, times),
        Motion::ParagraphBack => exclusive(paragraph_back(text, from, times)?),
        Motion::SentenceForward => exclusive(sentences::forward(text, from, times)?),
        Motion::SentenceBack => exclusive(sentences::back(text, from, times)?),
        Motion::Mark { name, is_line } => {
            let at = text.floor_char_boundary(memory.marks.place(name)?);
            if is_line {
                to_indent(text, at)
            } else {
                exclusive(at)
            }
        }
        Motion::SearchAgain { is_opposite } => {
            let pattern = memory.pattern?;
            let is_forward = pattern.is_forward ^ is_opposite;
            let again = |at, _| pattern.find(text, at, is_forward);
            exclusive((0..times).try_fold(from, again)?)
        }
        Motion::SameWord {
            is_forward,
            is_whole,
        } => {
            let (pattern, start) = Pattern::at_cursor(text, from, is_forward, is_whole)?;
            let again = |at, _| pattern.find(text, at, is_forward);
            exclusive((0..times).try_fold(start, again)?)
        }
    }
}

fn reached(at: usize, kind: Kind) -> Option<Reach> {
    Some(Reach { at, kind })
}

fn to_indent(text: &str, at: usize) -> Option<Reach> {
    reached(places::indent_end(text, at), Kind::Lines)
}

/// So many lines below, or as many as there are; nothing where there is none.
fn lines_down(text: &str, from: usize, lines: usize) -> Option<usize> {
    if lines == 0 {
        return Some(from);
    }
    let number = places::line_number(text, from);
    let is_last = places::line_end(text, from) == text.len();
    (!is_last).then(|| places::nth_line(text, number.saturating_add(lines)))
}

fn lines_up(text: &str, from: usize, lines: usize) -> Option<usize> {
    let number = places::line_number(text, from);
    (number > 0).then(|| places::nth_line(text, number.saturating_sub(lines)))
}

fn vertical(
    motion: Motion,
    text: &str,
    from: usize,
    lines: usize,
    column: Option<Column>,
) -> Option<Reach> {
    let line = match motion {
        Motion::Up => lines_up(text, from, lines)?,
        _ => lines_down(text, from, lines)?,
    };
    let line = places::line_start(text, line);
    let at = match column.unwrap_or_else(|| Column::Letter(places::column(text, from))) {
        Column::Letter(column) => places::on_letter(text, places::advanced(text, line, column)),
        Column::End => places::last_letter(text, line),
    };
    reached(at, Kind::Lines)
}

fn last_nonblank(text: &str, at: usize) -> usize {
    let start = places::line_start(text, at);
    let line = text[start..places::line_end(text, at)].trim_end_matches(places::BLANKS);
    places::previous(text, start + line.len())
}

fn word(motion: Motion, mut walk: Walk, times: usize, purpose: Purpose) -> Option<Reach> {
    let from = walk.at;
    let is_whole = match motion {
        Motion::Word(words) => {
            // On a word `cw` leaves the blanks behind it.
            if purpose == Purpose::Change && walk.class(words) != Class::Blank {
                word_ends(&mut walk, times, words, false);
                return reached(places::on_letter(walk.text, walk.at), Kind::Inclusive);
            }
            words_forward(&mut walk, times, words, purpose != Purpose::Go);
            return reached(walk.at, Kind::Exclusive);
        }
        Motion::WordEnd(words) => {
            word_ends(&mut walk, times, words, true);
            return reached(places::on_letter(walk.text, walk.at), Kind::Inclusive);
        }
        Motion::WordBack(words) => words_back(&mut walk, times, words),
        Motion::WordEndBack(words) => word_ends_back(&mut walk, times, words),
        _ => return None,
    };
    let kind = match motion {
        Motion::WordBack(_) => Kind::Exclusive,
        _ => Kind::Inclusive,
    };
    // An operator isn't content with less.
    let is_enough = is_whole || (purpose == Purpose::Go && walk.at != from);
    is_enough.then_some(Reach { at: walk.at, kind })
}

/// To the beginnings of the next words. The last of them may be `in_line`: then it ends with its line.
pub fn words_forward(walk: &mut Walk, times: usize, words: Words, in_line: bool) {
    for left in (0..times).rev() {
        let stops = |step: Step| in_line && left == 0 && step != Step::InLine;
        let class = walk.class(words);
        match walk.forward() {
            None => return,
            Some(step) if stops(step) => return,
            Some(_) => {}
        }
        if class != Class::Blank {
            while walk.class(words) == class {
                match walk.forward() {
                    None => return,
                    Some(step) if stops(step) => return,
                    Some(_) => {}
                }
            }
        }
        while walk.class(words) == Class::Blank && !walk.is_line_empty() {
            if walk.forward().is_none() {
                return;
            }
        }
    }
}

/// To the ends of words. The end that one is on counts, unless it `moves_on`.
fn word_ends(walk: &mut Walk, times: usize, words: Words, moves_on: bool) {
    for turn in 0..times {
        let class = walk.class(words);
        if walk.forward().is_none() {
            return;
        }
        if class != Class::Blank && walk.class(words) == class {
            walk.skip_forward(class, words);
        } else if moves_on || turn > 0 || class == Class::Blank {
            if !walk.skip_forward(Class::Blank, words) {
                return;
            }
            walk.skip_forward(walk.class(words), words);
        }
        walk.back();
    }
}

/// To the beginnings of words before; whether there are so many.
fn words_back(walk: &mut Walk, times: usize, words: Words) -> bool {
    for _ in 0..times {
        if walk.back().is_none() {
            return false;
        }
        let is_on_word = loop {
            if walk.class(words) != Class::Blank {
                break true;
            }
            if walk.is_line_empty() {
                break false;
            }
            if walk.back().is_none() {
                return true;
            }
        };
        if is_on_word && walk.skip_back(walk.class(words), words) {
            walk.forward();
        }
    }
    true
}

/// To the ends of words before; whether there are so many.
fn word_ends_back(walk: &mut Walk, times: usize, words: Words) -> bool {
    for _ in 0..times {
        let class = walk.class(words);
        if walk.back().is_none() {
            return false;
        }
        if class != Class::Blank && !walk.skip_back(class, words) {
            return true;
        }
        while walk.class(words) == Class::Blank && !walk.is_line_empty() {
            if walk.back().is_none() {
                return true;
            }
        }
    }
    true
}

fn found(
    text: &str,
    from: usize,
    find: Find,
    times: usize,
    takes_neighbour: bool,
) -> Option<Reach> {
    let step = |at| match find.is_forward {
        true => places::next(text, at),
        false => places::previous(text, at),
    };
    let mut at = from;
    let mut left = times;
    let mut may_be = takes_neighbour;
    while left > 0 {
        let to = step(at);
        if to == at || places::character(text, to).is_none() {
            return None;
        }
        at = to;
        if may_be && places::character(text, at) == Some(find.letter) {
            left -= 1;
        }
        may_be = true;
    }
    if find.is_till {
        at = match find.is_forward {
            true => places::previous(text, at),
            false => places::next(text, at),
        };
    }
    let kind = match find.is_forward {
        true => Kind::Inclusive,
        false => Kind::Exclusive,
    };
    reached(at, kind)
}

/// The pairs that `%` knows.
pub const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

/// To the other bracket, or to the line that a count of percent of the cell is before.
fn to_bracket(text: &str, from: usize, count: Option<usize>) -> Option<Reach> {
    let Some(percent) = count else {
        return reached(bracket(text, from)?, Kind::Inclusive);
    };
    let lines = places::line_number(text, text.len()) + 1;
    let number = (percent <= 100).then(|| (percent * lines).div_ceil(100))?;
    to_indent(text, places::nth_line(text, number.saturating_sub(1)))
}

/// The other bracket of the first in the rest of the line.
fn bracket(text: &str, from: usize) -> Option<usize> {
    let line = &text[from..places::line_end(text, from)];
    let (at, pair, is_opening) = line.char_indices().find_map(|(at, letter)| {
        let mut pairs = BRACKETS.into_iter();
        let pair = pairs.find(|pair| letter == pair.0 || letter == pair.1)?;
        Some((from + at, pair, letter == pair.0))
    })?;
    if is_opening {
        closing(text, at + 1, pair)
    } else {
        opening(text, at, pair)
    }
}

/// The closing bracket, from a place on within what it closes.
pub fn closing(text: &str, from: usize, pair: (char, char)) -> Option<usize> {
    let mut depth = 0_usize;
    text[from..].char_indices().find_map(|(at, letter)| {
        if letter == pair.0 {
            depth += 1;
        } else if letter == pair.1 {
            if depth == 0 {
                return Some(from + at);
            }
            depth -= 1;
        }
        None
    })
}

/// The opening bracket, from a place back within what it opens.
pub fn opening(text: &str, from: usize, pair: (char, char)) -> Option<usize> {
    let mut depth = 0_usize;
    text[..from].char_indices().rev().find_map(|(at, letter)| {
        if letter == pair.1 {
            depth += 1;
        } else if letter == pair.0 {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
        None
    })
}

fn paragraph_forward(text: &str, from: usize, times: usize) -> Option<Reach> {
    let mut at = places::line_start(text, from);
    for left in (0..times).rev() {
        let mut is_in_paragraph = !places::is_line_empty(text, at);
        loop {
            let end = places::line_end(text, at);
            if end == text.len() {
                if left > 0 {
                    return None;
                }
                break;
            }
            at = end + 1;
            if is_in_paragraph && places::is_line_empty(text, at) {
                break;
            }
            is_in_paragraph |= !places::is_line_empty(text, at);
        }
    }
    // In the last line it goes to the end.
    if places::line_end(text, at) == text.len() && !places::is_line_empty(text, at) {
        return reached(places::last_letter(text, at), Kind::Inclusive);
    }
    reached(at, Kind::Exclusive)
}

fn paragraph_back(text: &str, from: usize, times: usize) -> Option<usize> {
    let mut at = places::line_start(text, from);
    for left in (0..times).rev() {
        let mut is_in_paragraph = !places::is_line_empty(text, at);
        loop {
            let Some(before) = at.checked_sub(1) else {
                if left > 0 {
                    return None;
                }
                break;
            };
            at = places::line_start(text, before);
            if is_in_paragraph && places::is_line_empty(text, at) {
                break;
            }
            is_in_paragraph |= !places::is_line_empty(text, at);
        }
    }
    Some(at)
}
