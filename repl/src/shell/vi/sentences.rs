//! Sentences, by the motions `(` and `)` and as objects: one ends with `.`, `!` or `?`, closing brackets and
//! quotes behind it, and then a blank or the end of a line; an empty line is a border too.
//!
//! As vim looks for them; the other motions are in [`super::motions`], the other objects in
//! [`super::objects`].

use super::motions::Kind;
use super::objects::Extent;
use super::places::{BLANKS, Step, Walk};

const ENDS: [char; 3] = ['.', '!', '?'];
const CLOSERS: [char; 4] = [')', ']', '"', '\''];

/// To the beginning of a sentence behind; nothing where there is none.
pub fn forward(text: &str, from: usize, times: usize) -> Option<usize> {
    moved(text, from, times, start_behind, Walk::letter_forward)
}

/// To the beginning of a sentence before.
pub fn back(text: &str, from: usize, times: usize) -> Option<usize> {
    moved(text, from, times, start_before, Walk::letter_back)
}

/// So many times to the beginning of a sentence. Where that is the place itself, it is looked for from the
/// next letter on.
fn moved<'t>(
    text: &'t str,
    from: usize,
    times: usize,
    find: impl Fn(&mut Walk<'t>) -> bool,
    go: Go<'t>,
) -> Option<usize> {
    let mut walk = Walk { text, at: from };
    let mut left = times;
    while left > 0 {
        let before = walk.at;
        let is_found = find(&mut walk);
        let has_moved = walk.at != before;
        let may_move = has_moved || go(&mut walk).is_some();
        let is_last = left == 1;
        if !(is_last || is_found && may_move) {
            return None;
        }
        if has_moved || !may_move {
            left -= 1;
        }
    }
    Some(walk.at)
}

/// To the beginning of the next sentence; whether the text goes on so far.
fn start_behind(walk: &mut Walk) -> bool {
    if walk.character().is_none() {
        skip_empty(walk, Walk::letter_forward);
        skip_blanks(walk);
        return true;
    }
    to_text_before(walk, true);
    match find_end(walk, Walk::letter_forward) {
        Found::Border | Found::End => {
            skip_blanks(walk);
            true
        }
        Found::Nothing => false,
    }
}

/// To the beginning of the sentence before.
fn start_before(walk: &mut Walk) -> bool {
    if walk.character().is_none() {
        skip_empty(walk, Walk::letter_back);
    } else {
        walk.letter_back();
    }
    to_text_before(walk, false);
    let started = walk.at;
    match find_end(walk, Walk::letter_back) {
        Found::Border => {
            let is_other_line = walk.text[walk.at..started].contains('\n');
            // Behind the border begins the sentence.
            if is_other_line && walk.is_line_empty() {
                walk.forward();
            }
            skip_blanks(walk);
            true
        }
        Found::End => {
            skip_blanks(walk);
            true
        }
        Found::Nothing => false,
    }
}

/// Sentences and the blanks between them, each counted, or (`a`) both together: where blanks are missing
/// behind the last, with those before the first.
pub fn extent(text: &str, at: usize, is_around: bool, count: usize) -> Option<Extent> {
    let mut start = Walk { text, at };
    let mut end = Walk {
        text,
        at: forward(text, at, 1)?,
    };
    let mut behind_blanks = start;
    skip_blanks(&mut behind_blanks);
    let begins_blank = behind_blanks.at == end.at;
    if begins_blank {
        to_first_blank(&mut start);
    } else {
        end.at = back(text, end.at, 1)?;
        start = end;
    }
    let parts = match (is_around, begins_blank) {
        (true, _) => count.saturating_mul(2),
        (false, true) => count.saturating_sub(1),
        (false, false) => count,
    };
    if parts == 0 {
        end.letter_back();
    }
    over_parts(&mut end, parts)?;
    if is_around && begins_blank {
        to_first_blank(&mut end);
        if is_blank(&end) {
            end.letter_back();
        }
    } else if is_around && !is_blank(&end) {
        to_first_blank(&mut start);
    }
    let kind = match end.letter_forward() {
        Some(_) => Kind::Exclusive,
        None => Kind::Inclusive,
    };
    Some(Extent::new(start.at, end.at, kind))
}

/// From the beginning of a sentence over it, the blanks behind it, and so on, to the last letter of these.
fn over_parts(walk: &mut Walk, parts: usize) -> Option<()> {
    let mut is_at_sentence = true;
    for part in 1..=parts {
        walk.at = forward(walk.text, walk.at, 1)?;
        if is_at_sentence {
            to_first_blank(walk);
        }
        if is_at_sentence || part == parts {
            walk.letter_back();
        }
        is_at_sentence = !is_at_sentence;
    }
    Some(())
}

/// To the first of the blanks before a place.
fn to_first_blank(walk: &mut Walk) {
    while walk.letter_back().is_some() {
        if !is_blank(walk) {
            walk.letter_forward();
            return;
        }
    }
}

fn is_blank(walk: &Walk) -> bool {
    walk.character()
        .is_some_and(|found| BLANKS.contains(&found))
}

enum Found {
    /// An empty line.
    Border,
    /// The end of a sentence; the place is behind it.
    End,
    /// The text ends.
    Nothing,
}

type Go<'t> = fn(&mut Walk<'t>) -> Option<Step>;

fn skip_empty<'t>(walk: &mut Walk<'t>, go: Go<'t>) {
    while walk.character().is_none() && go(walk).is_some() {}
}

fn skip_blanks(walk: &mut Walk) {
    while is_blank(walk) {
        if walk.letter_forward().is_none() {
            return;
        }
    }
}

/// Back over the blanks and the end of a sentence that one stands in.
fn to_text_before(walk: &mut Walk, is_forward: bool) {
    let mut has_end = false;
    loop {
        let Some(found) = walk.character() else {
            return;
        };
        let is_closer = CLOSERS.contains(&found);
        if !BLANKS.contains(&found) && !ENDS.contains(&found) && !is_closer {
            return;
        }
        let mut before = *walk;
        if before.letter_back().is_none() || (is_forward && before.is_line_empty()) || has_end {
            return;
        }
        has_end = ENDS.contains(&found);
        let goes_on = |found: char| ENDS.contains(&found) || CLOSERS.contains(&found);
        if is_closer && !before.character().is_some_and(goes_on) {
            return;
        }
        *walk = before;
    }
}

/// From where one is to the end of a sentence.
fn find_end<'t>(walk: &mut Walk<'t>, go: Go<'t>) -> Found {
    loop {
        let Some(found) = walk.character() else {
            return Found::Border;
        };
        if ENDS.contains(&found)
            && let Some(behind) = behind_end(*walk)
        {
            *walk = behind;
            return Found::End;
        }
        if go(walk).is_none() {
            return Found::Nothing;
        }
    }
}

/// What is behind the end of a sentence, where one ends.
fn behind_end(mut walk: Walk) -> Option<Walk> {
    loop {
        walk.forward()?;
        match walk.character() {
            Some(found) if CLOSERS.contains(&found) => {}
            Some(found) if BLANKS.contains(&found) => return Some(walk),
            Some(_) => return None,
            None => {
                walk.forward();
                return Some(walk);
            }
        }
    }
}
