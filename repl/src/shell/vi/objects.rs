//! Text objects: what is around a place (`iw`, `a"`, `i(`, `ip` and the like), for operators. Sentences are
//! in [`super::sentences`], tags in [`super::tags`].

use super::motions::{self, BRACKETS, Kind, Reach};
use super::places::{self, Class, Walk, Words};
use super::{sentences, tags};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    Word(Words),
    Quoted(char),
    /// What is between two brackets.
    Block(char, char),
    Paragraph,
    Sentence,
    Tag,
}

impl Object {
    /// The object that a key means behind `i` or `a`.
    pub fn of_key(key: char) -> Option<Self> {
        Some(match key {
            'w' => Self::Word(Words::Small),
            'W' => Self::Word(Words::Big),
            '"' | '\'' | '`' => Self::Quoted(key),
            'b' => Self::Block('(', ')'),
            'B' => Self::Block('{', '}'),
            'p' => Self::Paragraph,
            's' => Self::Sentence,
            't' => Self::Tag,
            _ => {
                let mut pairs = BRACKETS.into_iter().chain([('<', '>')]);
                let pair = pairs.find(|pair| key == pair.0 || key == pair.1)?;
                Self::Block(pair.0, pair.1)
            }
        })
    }
}

/// Where an object begins and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub start: usize,
    pub reach: Reach,
}

impl Extent {
    pub fn new(start: usize, at: usize, kind: Kind) -> Self {
        let reach = Reach { at, kind };
        Self { start, reach }
    }
}

/// The object at a place, with what is around it (`a`) or without (`i`).
pub fn extent(
    object: Object,
    (text, at): (&str, usize),
    is_around: bool,
    count: usize,
) -> Option<Extent> {
    match object {
        Object::Word(words) => word_objects(text, at, words, is_around, count),
        Object::Quoted(quote) => quoted(text, at, quote, is_around, count),
        Object::Block(open, close) => block(text, at, (open, close), is_around, count),
        Object::Paragraph => paragraphs(text, at, is_around, count),
        Object::Sentence => sentences::extent(text, at, is_around, count),
        Object::Tag => tags::extent(text, at, is_around, count),
    }
}

/// Where the word, the signs or the blanks begin that one is on, in the line.
fn run_start(text: &str, at: usize, words: Words) -> usize {
    let class = Walk { text, at }.class(words);
    let mut start = at;
    loop {
        let before = places::previous(text, start);
        if before == start || (Walk { text, at: before }).class(words) != class {
            return start;
        }
        start = before;
    }
}

/// Words and the blanks between them, each counted, or (`a`) words with the blanks behind them: before
/// the first, where the last has none. Counts lead over the ends of lines.
fn word_objects(
    text: &str,
    at: usize,
    words: Words,
    is_around: bool,
    count: usize,
) -> Option<Extent> {
    let is_blank = |walk: &Walk| walk.class(words) == Class::Blank;
    let first = run_start(text, at, words);
    let mut walk = Walk { text, at: first };
    let begins_blank = is_blank(&walk);
    let mut kind = Kind::Inclusive;
    for turn in 0..count {
        if turn > 0 {
            walk.letter_forward()?;
        }
        kind = Kind::Inclusive;
        if is_blank(&walk) == is_around {
            to_word_end(&mut walk, words)?;
            continue;
        }
        let is_last = places::next(text, walk.at) == text.len();
        motions::words_forward(&mut walk, 1, words, true);
        let is_line_start = walk.at == places::line_start(text, walk.at);
        match (turn, is_line_start) {
            (0, true) => {
                walk.letter_back();
            }
            (_, false) => {
                walk.back();
            }
            (_, true) => kind = Kind::Exclusive,
        }
        if is_last && turn > 0 && turn + 1 < count {
            return None;
        }
    }
    let ends_blank = is_blank(&walk) && kind == Kind::Inclusive;
    let start = match is_around && !begins_blank && !ends_blank {
        true => blanks_before(text, first, words),
        false => first,
    };
    Some(Extent::new(start, walk.at, kind))
}

/// To the last letter of the word that one is on, or of the next behind blanks. An empty line is one, too.
fn to_word_end(walk: &mut Walk, words: Words) -> Option<()> {
    let class = walk.class(words);
    walk.forward()?;
    if class == Class::Blank {
        while walk.class(words) == Class::Blank {
            if walk.is_line_empty() {
                return Some(());
            }
            walk.forward()?;
        }
    }
    if class == Class::Blank || walk.class(words) == class {
        walk.skip_forward(walk.class(words), words);
    }
    walk.back();
    Some(())
}

/// Where the blanks before a word begin, or it does: those that a line begins with are its indentation.
fn blanks_before(text: &str, word: usize, words: Words) -> usize {
    let before = places::previous(text, word);
    let is_blank = before != word && Walk { text, at: before }.class(words) == Class::Blank;
    let start = match is_blank {
        true => run_start(text, before, words),
        false => word,
    };
    if start == places::line_start(text, start) {
        word
    } else {
        start
    }
}

/// The next quote of a line from a place on, behind a backslash none.
fn next_quote(line: &str, from: usize, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    line[from..].char_indices().find_map(|(at, letter)| {
        let is_one = letter == quote && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        is_one.then_some(from + at)
    })
}

fn previous_quote(line: &str, from: usize, quote: char) -> Option<usize> {
    let is_escaped = |at: usize| {
        let before = line[..at].trim_end_matches('\\');
        (at - before.len()) % 2 == 1
    };
    let mut quotes = line[..from].rmatch_indices(quote).map(|(at, _)| at);
    quotes.find(|at| !is_escaped(*at))
}

/// The two quotes around a place, or the next two.
fn quotes(line: &str, at: usize, quote: char) -> Option<(usize, usize)> {
    if !line[at..].starts_with(quote) {
        let open =
            previous_quote(line, at, quote).or_else(|| Some(at + line[at..].find(quote)?))?;
        return Some((open, next_quote(line, open + 1, quote)?));
    }
    // Which of two it is, is told from the beginning.
    let mut from = 0;
    loop {
        let open = from + line[from..].find(quote)?;
        let close = next_quote(line, open + 1, quote)?;
        if open > at {
            return None;
        }
        if at <= close {
            return Some((open, close));
        }
        from = close + 1;
    }
}

fn quoted(text: &str, at: usize, quote: char, is_around: bool, count: usize) -> Option<Extent> {
    let line_start = places::line_start(text, at);
    let line = &text[line_start..places::line_end(text, at)];
    let (open, close) = quotes(line, at - line_start, quote)?;
    let is_whole = is_around || count > 1;
    let (mut start, mut end) = match is_whole {
        true => (open, close + 1),
        false => (open + 1, close),
    };
    if is_around {
        let behind = line[end..].trim_start_matches(places::BLANKS);
        if behind.len() == line.len() - end {
            start = line[..start].trim_end_matches(places::BLANKS).len();
        }
        end = line.len() - behind.len();
    }
    Some(Extent::new(
        line_start + start,
        line_start + end,
        Kind::Exclusive,
    ))
}

fn block(
    text: &str,
    at: usize,
    pair: (char, char),
    is_around: bool,
    count: usize,
) -> Option<Extent> {
    // On the opening bracket one is within, and in the indentation on what it is of.
    let mut at = at;
    if pair.0 == '{' && at < places::indent_end(text, at) {
        at = places::indent_end(text, at);
    }
    if text[at..].starts_with(pair.0) {
        at += 1;
    }
    let next = match motions::opening(text, at, pair) {
        Some(_) => motions::opening,
        // Outside of brackets, those further on are meant.
        None => next_opening,
    };
    let open = (0..count).try_fold(at, |from, _| next(text, from, pair))?;
    let close = motions::closing(text, open + 1, pair)?;
    if is_around {
        return Some(Extent::new(open, close, Kind::Inclusive));
    }
    let mut start = open + 1;
    if start < close && places::character(text, start).is_none() {
        start += 1;
    }
    // A closing bracket with nothing before it has a line of its own.
    let line_start = places::line_start(text, close);
    let has_own_line = line_start == close
        || (pair.0 == '{' && places::indent_end(text, close) == close && line_start >= start);
    let end = if has_own_line { line_start } else { close };
    Some(Extent::new(start, end.max(start), Kind::Exclusive))
}

/// The next opening bracket behind a place, unless what is there is closed before.
fn next_opening(text: &str, from: usize, pair: (char, char)) -> Option<usize> {
    let mut depth = 0_usize;
    let behind = text[from..].char_indices().skip(1);
    for (at, letter) in behind {
        if letter == pair.1 {
            depth += 1;
        } else if letter == pair.0 {
            if depth == 0 {
                return Some(from + at);
            }
            depth -= 1;
        }
    }
    None
}

fn paragraphs(text: &str, at: usize, is_around: bool, count: usize) -> Option<Extent> {
    let begins_blank = places::is_line_blank(text, at);
    let mut start = first_alike(text, at, begins_blank);
    let mut end = last_alike(text, start);
    // A paragraph and the blank lines behind it are two parts; `a` takes both.
    let parts = if is_around { 2 * count } else { count };
    for part in 1..parts {
        match line_below(text, end) {
            Some(next) => end = last_alike(text, next),
            // At the end of the cell nothing needs to be behind a paragraph.
            None if is_around && !begins_blank && part + 1 == parts => {}
            None => return None,
        }
    }
    // With no blank lines behind it takes those before.
    if is_around && !begins_blank && !places::is_line_blank(text, end) {
        let before = start
            .checked_sub(1)
            .map(|newline| places::line_start(text, newline));
        if let Some(before) = before {
            start = first_alike(text, before, true);
        }
    }
    Some(Extent::new(start, end, Kind::Lines))
}

fn line_below(text: &str, line: usize) -> Option<usize> {
    let end = places::line_end(text, line);
    (end < text.len()).then_some(end + 1)
}

/// The last of the lines from this one on that are all blank as it is, or all not.
fn last_alike(text: &str, line: usize) -> usize {
    let is_blank = places::is_line_blank(text, line);
    let mut last = line;
    while let Some(next) = line_below(text, last) {
        if places::is_line_blank(text, next) != is_blank {
            break;
        }
        last = next;
    }
    last
}

/// The first of the lines up to this one that are all blank, or all not.
fn first_alike(text: &str, at: usize, is_blank: bool) -> usize {
    let mut start = places::line_start(text, at);
    while let Some(newline) = start.checked_sub(1) {
        let before = places::line_start(text, newline);
        if places::is_line_blank(text, before) != is_blank {
            break;
        }
        start = before;
    }
    start
}
