//! What is done to a part of a cell: operators, and what else changes text in command mode.
//!
//! From a text to another, without memory; which keys mean it is in [`super::commands`], what is kept and
//! undone in [`super::machine`].

use unicode_segmentation::UnicodeSegmentation;

use super::super::indentation::INDENT;
use super::motions::{Kind, Reach};
use super::places;
use super::registers::Kept;

/// How wide a tab is where a line begins with one.
const TAB_COLUMNS: usize = 8;

/// More than this isn't inserted at once, however often something is repeated.
const REPEATED_BYTES_MAX: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Delete,
    Change,
    Copy,
    Indent,
    Dedent,
    Case(Case),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Lower,
    Upper,
    Other,
}

/// A text, and where the cursor is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    pub text: String,
    pub at: usize,
}

/// A part of a text, up to its end exclusively. That of lines is without their last newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub start: usize,
    pub end: usize,
    pub is_lines: bool,
}

impl Part {
    /// The lines that it is in.
    pub fn lines(text: &str, start: usize, end: usize) -> Self {
        Self {
            start: places::line_start(text, start),
            end: places::line_end(text, end),
            is_lines: true,
        }
    }

    /// What an operator takes of the way from one place to another.
    pub fn on_way(text: &str, from: usize, reach: Reach, operator: Operator) -> Self {
        let (start, end) = (from.min(reach.at), from.max(reach.at));
        let is_in_indent = start <= places::indent_end(text, start);
        let end = match reach.kind {
            Kind::Lines => return Self::lines(text, start, end),
            Kind::Inclusive => places::next(text, end),
            // What ends before a line begins ends with the line before.
            Kind::Exclusive if end > start && end == places::line_start(text, end) => {
                if is_in_indent {
                    return Self::lines(text, start, end - 1);
                }
                end - 1
            }
            Kind::Exclusive | Kind::Exact => end,
        };
        // Of whole lines no rests stay.
        let rest = &text[end..places::line_end(text, end)];
        let leaves_blanks = is_in_indent && rest.trim_start_matches(places::BLANKS).is_empty();
        if operator == Operator::Delete && leaves_blanks && text[start..end].contains('\n') {
            return Self::lines(text, start, end);
        }
        Self {
            start,
            end,
            is_lines: false,
        }
    }

    pub fn kept(self, text: &str) -> Kept {
        Kept {
            text: text[self.start..self.end].to_owned(),
            is_lines: self.is_lines,
        }
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end && !self.is_lines
    }

    /// Without it; the cursor is where it was.
    pub fn removed(self, text: &str) -> Edit {
        if !self.is_lines {
            return self.replaced(text, "");
        }
        // A newline goes with it: the one behind, or else the one before.
        let (start, end) = match text.len() - self.end {
            0 => (self.start.saturating_sub(1), self.end),
            _ => (self.start, self.end + 1),
        };
        let text = [&text[..start], &text[end..]].concat();
        let at = places::line_start(&text, self.start.min(text.len()));
        let at = places::indent_end(&text, at);
        Edit { text, at }
    }

    /// With what is to be typed over it left out: of lines, an indented one stays.
    pub fn cleared(self, text: &str) -> Edit {
        let start = match self.is_lines {
            true => places::indent_end(text, self.start).min(self.end),
            false => self.start,
        };
        Self { start, ..self }.replaced(text, "")
    }

    fn replaced(self, text: &str, with: &str) -> Edit {
        Edit {
            text: [&text[..self.start], with, &text[self.end..]].concat(),
            at: self.start,
        }
    }

    /// With the lines so many levels further in, or out.
    pub fn shifted(self, text: &str, operator: Operator, levels: usize) -> Edit {
        let lines = Self::lines(text, self.start, self.end);
        let shifted: Vec<String> = text[lines.start..lines.end]
            .split('\n')
            .map(|line| shifted_line(line, operator, levels))
            .collect();
        let edit = lines.replaced(text, &shifted.join("\n"));
        Edit {
            at: places::indent_end(&edit.text, edit.at),
            ..edit
        }
    }

    /// With what was kept in the place of these lines, so many times and each in lines of its own.
    pub fn replaced_by(self, text: &str, kept: &Kept, count: usize) -> Option<Edit> {
        let added = repeated(&format!("{}\n", kept.text), count)?;
        let edit = self.replaced(text, added.strip_suffix('\n').unwrap_or_default());
        Some(Edit {
            at: places::indent_end(&edit.text, edit.at),
            ..edit
        })
    }

    /// With its letters in another case, the cursor at `at`.
    pub fn in_case(self, text: &str, case: Case, at: usize) -> Edit {
        let changed: String = text[self.start..self.end]
            .chars()
            .map(|letter| in_case(letter, case))
            .collect();
        let edit = self.replaced(text, &changed);
        Edit {
            at: edit.text.floor_char_boundary(at),
            ..edit
        }
    }
}

fn shifted_line(line: &str, operator: Operator, levels: usize) -> String {
    let rest = line.trim_start_matches(places::BLANKS);
    if rest.is_empty() && operator == Operator::Indent {
        return line.to_owned();
    }
    let wide = |columns: usize, blank: char| match blank {
        '\t' => columns - columns % TAB_COLUMNS + TAB_COLUMNS,
        _ => columns + 1,
    };
    let columns = line[..line.len() - rest.len()].chars().fold(0, wide);
    let columns = match operator {
        Operator::Indent => columns + INDENT * levels,
        _ => columns.saturating_sub(INDENT * levels),
    };
    " ".repeat(columns) + rest
}

fn in_case(letter: char, case: Case) -> String {
    let is_made_upper = match case {
        Case::Lower => false,
        Case::Upper => true,
        Case::Other => letter.is_lowercase(),
    };
    match is_made_upper {
        true => letter.to_uppercase().collect(),
        false => letter.to_lowercase().collect(),
    }
}

/// A text so many times, unless that is too much.
pub fn repeated(text: &str, count: usize) -> Option<String> {
    let is_too_much = text.len().saturating_mul(count) > REPEATED_BYTES_MAX;
    (!is_too_much).then(|| text.repeat(count))
}

/// `p`, and `P` before: what was kept, put beside a place.
pub fn put((text, at): (&str, usize), kept: &Kept, is_before: bool, count: usize) -> Option<Edit> {
    if kept.is_lines {
        return put_lines((text, at), &kept.text, is_before, count);
    }
    let added = repeated(&kept.text, count)?;
    let start = match is_before {
        true => at,
        false => places::next(text, at),
    };
    let text = [&text[..start], &added, &text[start..]].concat();
    // On the last letter of what is added, or on the first of several lines.
    let end = start + added.len();
    let at = match added.contains('\n') {
        true => start,
        false => places::previous(&text, end),
    };
    Some(Edit { text, at })
}

fn put_lines(
    (text, at): (&str, usize),
    lines: &str,
    is_before: bool,
    count: usize,
) -> Option<Edit> {
    let (start, first, one) = match is_before {
        true => {
            let start = places::line_start(text, at);
            (start, start, format!("{lines}\n"))
        }
        false => {
            let end = places::line_end(text, at);
            (end, end + 1, format!("\n{lines}"))
        }
    };
    let added = repeated(&one, count)?;
    let text = [&text[..start], &added, &text[start..]].concat();
    let at = places::indent_end(&text, first);
    Some(Edit { text, at })
}

/// `J`: so many lines in one, with one blank between them where they are not `spaced` otherwise, or none.
pub fn joined((text, at): (&str, usize), count: usize, is_spaced: bool) -> Option<Edit> {
    let mut text = text.to_owned();
    let mut at = at;
    for turn in 1..count.max(2) {
        let end = places::line_end(&text, at);
        if end == text.len() {
            return (turn > 1 && count > 2).then_some(Edit { text, at });
        }
        let mut next = end + 1;
        let mut gap = "";
        if is_spaced {
            next = places::indent_end(&text, next);
            let line = &text[places::line_start(&text, at)..end];
            let is_apart = line.is_empty() || line.ends_with(places::BLANKS);
            let behind = places::character(&text, next);
            if !is_apart && behind.is_some_and(|letter| letter != ')') {
                gap = " ";
            }
        }
        text.replace_range(end..next, gap);
        at = end;
    }
    Some(Edit { text, at })
}

/// `r`: so many letters, each in the place of another; for a newline one.
pub fn with_letters((text, at): (&str, usize), count: usize, letter: char) -> Option<Edit> {
    let end = places::advanced(text, at, count);
    if text[at..end].graphemes(true).count() < count || count == 0 {
        return None;
    }
    let part = Part {
        start: at,
        end,
        is_lines: false,
    };
    if letter == '\n' {
        let indent = places::line_start(text, at)..places::indent_end(text, at).min(at);
        let broken = format!("\n{}", &text[indent]);
        let edit = part.replaced(text, &broken);
        return Some(Edit {
            at: at + broken.len(),
            ..edit
        });
    }
    let edit = part.replaced(text, &repeated(&letter.to_string(), count)?);
    Some(Edit {
        at: at + (count - 1) * letter.len_utf8(),
        ..edit
    })
}

/// `~`: letters of the line from here on in the other case, the cursor behind them.
pub fn in_other_case((text, at): (&str, usize), count: usize) -> Option<Edit> {
    let part = Part {
        start: at,
        end: places::advanced(text, at, count),
        is_lines: false,
    };
    if part.is_empty() {
        return None;
    }
    let behind = text.len() - part.end;
    let edit = part.in_case(text, Case::Other, at);
    let at = edit.text.len() - behind;
    Some(Edit { at, ..edit })
}

/// What is typed over the letters from a place on.
pub fn overwritten((text, at): (&str, usize), typed: &str) -> Edit {
    let letters = typed.graphemes(true).count();
    let part = Part {
        start: at,
        end: places::advanced(text, at, letters),
        is_lines: false,
    };
    let edit = part.replaced(text, typed);
    Edit {
        at: at + typed.len(),
        ..edit
    }
}
