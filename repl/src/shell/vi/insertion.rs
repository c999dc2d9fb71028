//! Typing between commands: where it begins, what has been typed, and what its end makes of it.
//!
//! The line editor types; here the text at the beginning is compared with that at the end, for the count
//! of a command and for `.`. Which commands begin it is told by [`super::commands`].

use unicode_segmentation::UnicodeSegmentation;

use super::commands::{Command, Place, Verb};
use super::machine::Indents;
use super::macros;
use super::operators::{self, Edit, Part};
use super::places;

/// Typing that has begun.
#[derive(Clone, Debug, Default)]
pub struct Insertion {
    pub command: Command,
    /// What undoing it brings back.
    pub before: Edit,
    /// What typing began with.
    pub start: Edit,
    /// The bytes before it that the command has indented a line with.
    indent: usize,
    /// Whether letters are typed over those that are there.
    pub is_over: bool,
}

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    text: String,
    /// The letters before it that were deleted.
    deleted: usize,
}

impl Insertion {
    /// Typing that no command has begun.
    pub fn plain(start: Edit) -> Self {
        Self {
            before: start.clone(),
            start,
            ..Self::default()
        }
    }

    /// Typing that a command begins without a change of what is there.
    pub fn begun(command: Command, (text, at): (&str, usize), indents: Indents) -> Self {
        let place = match command.verb {
            Verb::Insert(place) => place,
            _ => Place::Here,
        };
        let here = |at| Edit {
            text: text.to_owned(),
            at,
        };
        let (line_start, line_end) = (places::line_start(text, at), places::line_end(text, at));
        let begun = Self {
            command,
            is_over: command.verb == Verb::Overwrite,
            ..Self::default()
        };
        let start = match place {
            Place::Here => here(at),
            Place::Behind => here(places::next(text, at)),
            Place::Indent => here(places::indent_end(text, at)),
            Place::LineStart => here(line_start),
            Place::LineEnd => here(line_end),
            Place::LineBelow => {
                let indent = indents(&text[..line_end]);
                let line = format!("\n{}", " ".repeat(indent));
                let start = with(text, line_end, &line, line_end + line.len());
                return begun.of_line(here(at), start, indent);
            }
            Place::LineAbove => {
                let indent = &text[line_start..places::indent_end(text, at)];
                let start = with(
                    text,
                    line_start,
                    &format!("{indent}\n"),
                    line_start + indent.len(),
                );
                return begun.of_line(here(at), start, indent.len());
            }
        };
        Self {
            before: start.clone(),
            start,
            ..begun
        }
    }

    /// Typing in the place of a part.
    pub fn over(command: Command, part: Part, (text, at): (&str, usize)) -> Self {
        let start = part.cleared(text);
        let (indent, at) = match part.is_lines {
            true => (start.at - part.start, at),
            false => (0, part.start),
        };
        Self {
            command,
            before: Edit {
                text: text.to_owned(),
                at,
            },
            start,
            indent,
            is_over: false,
        }
    }

    fn of_line(self, before: Edit, start: Edit, indent: usize) -> Self {
        Self {
            before,
            start,
            indent,
            ..self
        }
    }

    /// What has been typed, with the cursor at `at` as it ends.
    pub fn typed(&self, text: &str, at: usize) -> Typed {
        let (before, behind) = self.start.text.split_at(self.start.at);
        if self.is_over {
            let typed = text.get(self.start.at..at).unwrap_or_default();
            return Typed {
                text: typed.to_owned(),
                deleted: 0,
            };
        }
        let same = before.char_indices().zip(text.chars());
        let kept = same
            .take_while(|((_, old), new)| old == new)
            .last()
            .map_or(0, |((at, letter), _)| at + letter.len_utf8());
        match text[kept..].strip_suffix(behind) {
            Some(typed) => Typed {
                text: typed.to_owned(),
                deleted: before[kept..].graphemes(true).count(),
            },
            // What was changed elsewhere isn't typed again.
            None => Typed::default(),
        }
    }

    /// The keys that type the same again and lead to `at`, for a macro.
    pub fn keys(&self, text: &str, at: usize) -> String {
        let typed = self.typed(text, at);
        let end = match self.is_over {
            true => Some(at),
            false => text
                .strip_suffix(&self.start.text[self.start.at..])
                .map(str::len),
        };
        // What was changed elsewhere isn't typed again.
        let Some(end) = end else {
            return String::new();
        };
        let (key, way) = match at <= end {
            true => (macros::LEFT, &text[at..end]),
            false => (macros::RIGHT, &text[end..at]),
        };
        let mut keys = macros::BACKSPACE.to_string().repeat(typed.deleted);
        keys.push_str(&typed.text);
        keys.extend(way.graphemes(true).map(|_| key));
        keys
    }

    /// What its end makes of the text, with the cursor on the last letter.
    pub fn ended(&self, text: &str, at: usize, typed: &Typed) -> Edit {
        let now = Edit {
            text: text.to_owned(),
            at,
        };
        let times = self.times();
        let end = if text == self.start.text && at == self.start.at {
            self.with_empty_lines(self.unindented())
        } else if times > 1 && !typed.text.is_empty() && typed.deleted == 0 {
            self.again(&now, typed, times - 1).unwrap_or(now)
        } else {
            now
        };
        let at = places::previous(&end.text, end.at);
        Edit { at, ..end }
    }

    /// What it makes of the text that it begins with when the same is typed.
    pub fn repeated(&self, typed: &Typed) -> Edit {
        let Edit { text, at } = &self.start;
        let start = places::receded(text, *at, typed.deleted);
        let typed_once = match self.is_over {
            true => operators::overwritten((text, *at), &typed.text),
            false => Edit {
                text: [&text[..start], &typed.text, &text[*at..]].concat(),
                at: start + typed.text.len(),
            },
        };
        self.ended(&typed_once.text, typed_once.at, typed)
    }

    /// What is there when the last letter typed over another is taken back.
    pub fn uncovered(&self, text: &str, at: usize) -> Option<Edit> {
        let to = places::previous(text, at);
        let typed = text.get(self.start.at..to)?;
        if to == at {
            return None;
        }
        Some(operators::overwritten(
            (&self.start.text, self.start.at),
            typed,
        ))
    }

    /// How often it is typed.
    fn times(&self) -> usize {
        match self.command.verb {
            Verb::Insert(_) | Verb::Overwrite => self.command.count.unwrap_or(1),
            _ => 1,
        }
    }

    /// The same, so many more times behind what was typed.
    fn again(&self, now: &Edit, typed: &Typed, times: usize) -> Option<Edit> {
        let end = self.start.at + typed.text.len();
        if self.is_over {
            let all = operators::repeated(&typed.text, times)?;
            return Some(operators::overwritten((&now.text, end), &all));
        }
        let one = match self.is_of_line_of_its_own() {
            true => format!("\n{}{}", " ".repeat(self.indent), typed.text),
            false => typed.text.clone(),
        };
        let added = operators::repeated(&one, times)?;
        Some(with(&now.text, end, &added, end + added.len()))
    }

    fn is_of_line_of_its_own(&self) -> bool {
        matches!(
            self.command.verb,
            Verb::Insert(Place::LineBelow | Place::LineAbove)
        )
    }

    /// With as many lines as were asked for, the first of which is there.
    fn with_empty_lines(&self, first: Edit) -> Edit {
        let missing = match self.is_of_line_of_its_own() {
            true => self.times().saturating_sub(1),
            false => 0,
        };
        match operators::repeated("\n", missing) {
            Some(added) => with(&first.text, first.at, &added, first.at + added.len()),
            None => first,
        }
    }

    /// Without the indentation that nothing was typed behind.
    fn unindented(&self) -> Edit {
        let Edit { text, at } = &self.start;
        let start = at - self.indent;
        Edit {
            text: [&text[..start], &text[*at..]].concat(),
            at: start,
        }
    }
}

fn with(text: &str, at: usize, added: &str, cursor: usize) -> Edit {
    Edit {
        text: [&text[..at], added, &text[at..]].concat(),
        at: cursor,
    }
}
