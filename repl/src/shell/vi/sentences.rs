//! The motions `(` and `)`: a sentence ends with `.`, `!` or `?`, closing brackets and quotes behind it, and
//! then a blank or the end of a line; an empty line is a border too.
//!
//! As vim looks for them; the other motions are in [`super::motions`].

use super::places::{BLANKS, Step, Walk};

const ENDS: [char; 3] = ['.', '!', '?'];
const CLOSERS: [char; 4] = [')', ']', '"', '\''];

/// To the beginning of a sentence behind; nothing where there is none.
pub fn forward(text: &str, from: usize, times: usize) -> Option<usize> {
    let mut walk = Walk { text, at: from };
    for left in (0..times).rev() {
        if walk.character().is_none() {
            skip_empty(&mut walk, Walk::letter_forward);
            skip_blanks(&mut walk);
            continue;
        }
        to_text_before(&mut walk, true);
        match find_end(&mut walk, Walk::letter_forward) {
            Found::Border | Found::End => skip_blanks(&mut walk),
            Found::Nothing if left > 0 => return None,
            Found::Nothing => {}
        }
    }
    Some(walk.at)
}

/// To the beginning of a sentence before.
pub fn back(text: &str, from: usize, times: usize) -> Option<usize> {
    let mut walk = Walk { text, at: from };
    for left in (0..times).rev() {
        if walk.character().is_none() {
            skip_empty(&mut walk, Walk::letter_back);
        } else {
            walk.letter_back();
        }
        to_text_before(&mut walk, false);
        let started = walk.at;
        match find_end(&mut walk, Walk::letter_back) {
            Found::Border => {
                let is_other_line = walk.text[walk.at..started].contains('\n');
                // Behind the border begins the sentence.
                if is_other_line && walk.is_line_empty() {
                    walk.forward();
                }
                skip_blanks(&mut walk);
            }
            Found::End => skip_blanks(&mut walk),
            Found::Nothing if left > 0 => return None,
            Found::Nothing => {}
        }
    }
    Some(walk.at)
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
    while walk
        .character()
        .is_some_and(|found| BLANKS.contains(&found))
    {
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
