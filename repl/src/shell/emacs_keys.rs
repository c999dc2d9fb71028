//! Keys of emacs mode that readline and IPython have and the line editor hasn't: words of earlier cells
//! (`Alt-. Alt-_ Ctrl-Alt-Y`), comments (`Alt-#`), blanks (`Alt-\`), the ends of the line and of the
//! cell (`Ctrl-X Ctrl-X`, `Ctrl-Home`, `Ctrl-End`), `Ctrl-Delete` and `Alt-/`.
//!
//! Each is a decision from the cell and the cursor to what becomes of them, tried without a terminal.
//! The keys of cells in all modes are in [`super::keys`].

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::history::History;
use rustyline::{
    At, Cmd, ConditionalEventHandler, EditMode, Editor, Event, EventContext, EventHandler, Helper,
    KeyCode, KeyEvent, Modifiers, Movement, RepeatCount, Word,
};

use super::keys::Keys;
use super::rewrite::Edited;

/// The word that `Alt-.` takes: the last.
const LAST: isize = -1;
/// The word that `Ctrl-Alt-Y` takes: the one behind the first, which says what is done.
const SECOND: isize = 1;

/// Gives the keys to an editor. In vi mode they are what they are there ([`in_vi`]).
pub fn bind<H: Helper, I: History>(keys: &Keys, editor: &mut Editor<H, I>) {
    let mut bind = |sequence: Vec<KeyEvent>, does: Does| {
        let keys = keys.clone();
        let handler = EventHandler::Conditional(Box::new(EmacsKey { does, keys }));
        editor.bind_sequence(Event::KeySeq(sequence), handler);
    };
    let control_x = KeyEvent::ctrl('X');
    let control = |code: KeyCode| vec![KeyEvent(code, Modifiers::CTRL)];
    let alt = |character: char| vec![KeyEvent::alt(character)];
    bind(alt('#'), Does::Edit(with_comments));
    bind(alt('\\'), Does::Edit(without_blanks_around));
    bind(vec![control_x, control_x], Does::Edit(at_other_end));
    bind(alt('/'), Does::Command(Cmd::Complete));
    for (code, movement) in [
        (KeyCode::Home, Movement::BeginningOfBuffer),
        (KeyCode::End, Movement::EndOfBuffer),
    ] {
        bind(control(code), Does::Command(Cmd::Move(movement)));
    }
    let word = Movement::ForwardWord(1, At::AfterEnd, Word::Emacs);
    bind(control(KeyCode::Delete), Does::Command(Cmd::Kill(word)));
    let yanked: Arc<Mutex<Option<Yank>>> = Arc::default();
    for (character, word) in [('.', LAST), ('_', LAST), ('\u{19}', SECOND)] {
        let yanked = Arc::clone(&yanked);
        bind(alt(character), Does::Yank { word, yanked });
    }
}

/// What keys do that have no other meaning while somebody types in vi mode.
pub fn in_vi(KeyEvent(code, modifiers): KeyEvent) -> Option<Cmd> {
    if modifiers != Modifiers::CTRL {
        return None;
    }
    let word = Movement::ForwardWord(1, At::AfterEnd, Word::Emacs);
    Some(match code {
        KeyCode::Char('A') => Cmd::Move(Movement::BeginningOfLine),
        KeyCode::Char('B') => Cmd::Move(Movement::BackwardChar(1)),
        KeyCode::Char('E') => Cmd::Move(Movement::EndOfLine),
        KeyCode::Char('F') => Cmd::Move(Movement::ForwardChar(1)),
        KeyCode::Char('K') => Cmd::Kill(Movement::EndOfLine),
        KeyCode::Left => Cmd::Move(Movement::BackwardWord(1, Word::Emacs)),
        KeyCode::Right => Cmd::Move(word),
        KeyCode::Delete => Cmd::Kill(word),
        KeyCode::Home => Cmd::Move(Movement::BeginningOfBuffer),
        KeyCode::End => Cmd::Move(Movement::EndOfBuffer),
        _ => return None,
    })
}

/// What a key does.
enum Does {
    Command(Cmd),
    /// What becomes of the cell with the cursor at this place in bytes. The count is 1 where none is
    /// given.
    Edit(fn(cell: &str, position: usize, count: isize) -> Edited),
    /// Inserts a word of an earlier cell, and of those before it when it is told again.
    Yank {
        word: isize,
        yanked: Arc<Mutex<Option<Yank>>>,
    },
}

struct EmacsKey {
    does: Does,
    keys: Keys,
}

impl ConditionalEventHandler for EmacsKey {
    fn handle(
        &self,
        event: &Event,
        count: RepeatCount,
        is_positive: bool,
        context: &EventContext,
    ) -> Option<Cmd> {
        let command = || self.command(event, count, is_positive, context);
        self.keys.answer(event, context, command)
    }
}

impl EmacsKey {
    fn command(
        &self,
        event: &Event,
        count: RepeatCount,
        is_positive: bool,
        context: &EventContext,
    ) -> Option<Cmd> {
        if context.mode() != EditMode::Emacs {
            // Of several keys the editor would wait for more than there are.
            let is_sequence = event.get(1).is_some();
            return is_sequence.then_some(Cmd::Noop);
        }
        let times = isize::try_from(count).ok()?;
        let count = if is_positive { times } else { -times };
        let (cell, position) = (context.line(), context.pos());
        let edited = match &self.does {
            Does::Command(command) => return Some(command.clone()),
            Does::Edit(edit) => edit(cell, position, count),
            Does::Yank { word, yanked } => {
                let mut yanked = yanked.lock().unwrap_or_else(PoisonError::into_inner);
                let given = Some(count).filter(|count| *count != 1);
                let earlier = |steps| self.keys.recent.earlier(steps);
                *yanked = yank(yanked.take(), (cell, position), *word, given, earlier);
                match &*yanked {
                    Some(done) => done.edited.clone(),
                    None => return Some(Cmd::Noop),
                }
            }
        };
        Some(self.keys.edit(context, edited))
    }
}

/// A word of an earlier cell, as it was put into the one that is typed.
#[derive(Debug, PartialEq, Eq)]
struct Yank {
    /// The cell with it, the cursor right behind it.
    edited: Edited,
    /// Where in the cell it begins.
    start: usize,
    /// Which cell it is of: the latest is 1.
    steps: usize,
    /// Which of its words: from 0, or from -1 back from the last.
    word: isize,
}

/// What is put in where the cursor is, or in the place of what was put there before if nothing was
/// done since. Behind the first cell of all the latest is next.
fn yank(
    before: Option<Yank>,
    (cell, position): (&str, usize),
    word: isize,
    given: Option<isize>,
    earlier: impl Fn(usize) -> Option<String>,
) -> Option<Yank> {
    let is_last_done = |it: &Yank| it.edited.text == cell && it.edited.cursor == position;
    let (start, steps, word) = match before.filter(is_last_done) {
        Some(before) => (before.start, before.steps + 1, before.word),
        None => (position, 1, word),
    };
    let word = given.unwrap_or(word);
    let found = earlier(steps).map(|source| (steps, source));
    let (steps, source) = found.or_else(|| earlier(1).map(|source| (1, source)))?;
    let inserted = word_of(&source, word);
    let edited = Edited {
        text: format!("{}{inserted}{}", &cell[..start], &cell[position..]),
        cursor: start + inserted.len(),
    };
    Some(Yank {
        edited,
        start,
        steps,
        word,
    })
}

/// The word of this number, or nothing if there is none.
fn word_of(source: &str, number: isize) -> &str {
    let words = words(source);
    let index = match usize::try_from(number) {
        Ok(index) => Some(index),
        Err(_) => words.len().checked_sub(number.unsigned_abs()),
    };
    index
        .and_then(|index| words.get(index).copied())
        .unwrap_or_default()
}

/// What has blanks between it, or is in quotes.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(character) = text[at..].chars().next() {
        let end = at + character.len_utf8();
        if character.is_whitespace() {
            words.push(&text[start..at]);
            start = end;
            at = end;
        } else if let Some(length) = quoted_length(&text[at..]) {
            words.extend([&text[start..at], &text[at..at + length]]);
            at += length;
            start = at;
        } else {
            at = end;
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

/// The length of what is in quotes, and they with it, if the text begins with that.
fn quoted_length(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    let line = text.split('\n').next().unwrap_or_default();
    Some(line[1..].find(quote)? + 2)
}

/// The cell with every line as a comment; with a count, without the first `#` of those that are one.
fn with_comments(cell: &str, _: usize, count: isize) -> Edited {
    let changed = cell.split('\n').map(|line| match count {
        1 => format!("#{line}"),
        _ => line.strip_prefix('#').unwrap_or(line).to_owned(),
    });
    let text = changed.collect::<Vec<String>>().join("\n");
    let cursor = text.len();
    Edited { text, cursor }
}

/// The cell without the blanks before and behind the cursor.
fn without_blanks_around(cell: &str, position: usize, _: isize) -> Edited {
    let (before, after) = cell.split_at(position);
    let before = before.trim_end_matches([' ', '\t']);
    let after = after.trim_start_matches([' ', '\t']);
    Edited {
        text: format!("{before}{after}"),
        cursor: before.len(),
    }
}

/// The cell with the cursor at the end of its line, or at its beginning if it is there.
fn at_other_end(cell: &str, position: usize, _: isize) -> Edited {
    let (before, after) = cell.split_at(position);
    let behind = after.find('\n').unwrap_or(after.len());
    let cursor = match behind {
        0 => before.rfind('\n').map_or(0, |end| end + 1),
        _ => position + behind,
    };
    Edited {
        text: cell.to_owned(),
        cursor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, cursor: usize) -> Edited {
        Edited {
            text: text.to_owned(),
            cursor,
        }
    }

    #[test]
    fn while_typing_in_vi_mode_there_are_those_with_control() {
        let line_end = Some(Cmd::Move(Movement::EndOfLine));
        assert_eq!(in_vi(KeyEvent::ctrl('E')), line_end);
        let all = Some(Cmd::Move(Movement::EndOfBuffer));
        assert_eq!(in_vi(KeyEvent(KeyCode::End, Modifiers::CTRL)), all);
        assert_eq!(in_vi(KeyEvent(KeyCode::End, Modifiers::NONE)), None);
        assert_eq!(in_vi(KeyEvent::alt('b')), None);
        assert_eq!(in_vi(KeyEvent::ctrl('D')), None);
    }

    #[test]
    fn words_are_between_blanks_and_quotes() {
        assert_eq!(
            words("x = f('a b', y)"),
            ["x", "=", "f(", "'a b'", ",", "y)"]
        );
        assert_eq!(words("don't\nstop'"), ["don't", "stop'"]);
        assert_eq!(words("  \"é\"  "), ["\"é\""]);
        assert_eq!(word_of("%cd -q dir", -1), "dir");
        assert_eq!(word_of("%cd -q dir", 1), "-q");
        assert_eq!(word_of("%cd -q dir", -4), "");
        assert_eq!(word_of("%cd -q dir", 3), "");
        assert_eq!(word_of("", -1), "");
    }

    #[test]
    fn words_of_earlier_cells_take_each_others_place() {
        let cells = ["a b", "cc dd"];
        let earlier = |steps: usize| {
            let index = cells.len().checked_sub(steps)?;
            Some(cells[index].to_owned())
        };
        let first = yank(None, ("f()", 2), LAST, None, earlier).expect("there are cells");
        assert_eq!(first.edited, edited("f(dd)", 4));
        let second = yank(Some(first), ("f(dd)", 4), LAST, None, earlier).expect("there are");
        assert_eq!(second.edited, edited("f(b)", 3));
        let third = yank(Some(second), ("f(b)", 3), LAST, Some(0), earlier).expect("there are");
        assert_eq!(third.edited, edited("f(cc)", 4));
        // The count holds until something else is done.
        let fourth = yank(Some(third), ("f(cc)", 4), LAST, None, earlier).expect("there are");
        assert_eq!(fourth.edited, edited("f(a)", 3));
        let other = yank(Some(fourth), ("f(a) ", 5), LAST, None, earlier).expect("there are");
        assert_eq!(other.edited, edited("f(a) dd", 7));
        assert_eq!(yank(None, ("", 0), LAST, None, |_| None), None);
    }

    #[test]
    fn lines_become_comments_and_back() {
        let cell = "if x:\n    y";
        let commented = with_comments(cell, 3, 1);
        assert_eq!(commented, edited("#if x:\n#    y", 13));
        assert_eq!(with_comments(&commented.text, 0, 4), edited(cell, 11));
        assert_eq!(with_comments(cell, 0, -1), edited(cell, 11));
    }

    #[test]
    fn blanks_around_the_cursor_go() {
        assert_eq!(without_blanks_around("a \t b", 2, 1), edited("ab", 1));
        assert_eq!(without_blanks_around("a\n  b", 4, 1), edited("a\nb", 2));
        assert_eq!(without_blanks_around("ab", 1, 1), edited("ab", 1));
    }

    #[test]
    fn the_cursor_goes_from_one_end_of_its_line_to_the_other() {
        let cell = "ab\ncd\nef";
        assert_eq!(at_other_end(cell, 4, 1), edited(cell, 5));
        assert_eq!(at_other_end(cell, 5, 1), edited(cell, 3));
        assert_eq!(at_other_end(cell, 0, 1), edited(cell, 2));
        assert_eq!(at_other_end(cell, 8, 1), edited(cell, 6));
    }
}
