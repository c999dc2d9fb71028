//! Keys of vi's command mode that the line editor hasn't: `gg G J ~`.
//!
//! Each is a decision from the cell and the cursor to one command of rustyline's, tried without a
//! terminal. What needs more than one command can't be done from here: `o` and `O` would have to
//! change the mode as well. The keys of cells in all modes are in [`super::keys`].

use rustyline::history::History;
use rustyline::{
    Cmd, ConditionalEventHandler, EditMode, Editor, Event, EventContext, EventHandler, Helper,
    InputMode, KeyEvent, Modifiers, Movement, RepeatCount,
};

/// Gives the keys to an editor. In other modes they are what they are.
pub fn bind<H: Helper, I: History>(editor: &mut Editor<H, I>) {
    let key = |letter: char| KeyEvent::new(letter, Modifiers::NONE);
    for (keys, does) in [
        (vec![key('g'), key('g')], to_line as Does),
        (vec![key('G')], to_last_line),
        (vec![key('J')], join),
        (vec![key('~')], toggle_case),
    ] {
        let handler = EventHandler::Conditional(Box::new(ViKey { does }));
        editor.bind_sequence(Event::KeySeq(keys), handler);
    }
}

/// What a key does with the cursor at this place in bytes, so many times.
type Does = fn(cell: &str, position: usize, count: RepeatCount) -> Cmd;

struct ViKey {
    does: Does,
}

impl ConditionalEventHandler for ViKey {
    fn handle(
        &self,
        _: &Event,
        count: RepeatCount,
        _: bool,
        context: &EventContext,
    ) -> Option<Cmd> {
        let is_meant = context.mode() == EditMode::Vi && context.input_mode() == InputMode::Command;
        is_meant.then(|| (self.does)(context.line(), context.pos(), count))
    }
}

/// To the line of this number, the first if none is given.
fn to_line(cell: &str, position: usize, count: RepeatCount) -> Cmd {
    let lines_before = |text: &str| text.matches('\n').count();
    let current = lines_before(&cell[..position]);
    let wanted = usize::from(count).saturating_sub(1).min(lines_before(cell));
    let by = |lines: usize| RepeatCount::try_from(lines).unwrap_or(RepeatCount::MAX);
    Cmd::Move(match (wanted, current) {
        (0, _) => Movement::BeginningOfBuffer,
        (wanted, current) if wanted < current => Movement::LineUp(by(current - wanted)),
        (wanted, current) if wanted > current => Movement::LineDown(by(wanted - current)),
        _ => Movement::BeginningOfLine,
    })
}

/// To the last line. The editor would take a count for that of the movement.
fn to_last_line(_: &str, _: usize, count: RepeatCount) -> Cmd {
    match count {
        0 | 1 => Cmd::Move(Movement::EndOfBuffer),
        _ => Cmd::Noop,
    }
}

/// Makes one line of this one and the next, with a space between them. The editor would take a count
/// for the length of what is replaced.
fn join(cell: &str, position: usize, count: RepeatCount) -> Cmd {
    let rest = &cell[position..];
    let Some(end) = rest.find('\n').filter(|_| count <= 1) else {
        return Cmd::Noop;
    };
    let (line, behind) = (&rest[..end], &rest[end + 1..]);
    let next = behind.trim_start_matches([' ', '\t']);
    let before = cell[..position + end].chars().next_back();
    let is_apart = before.is_none_or(char::is_whitespace) || next.starts_with([')', '\n']);
    let gap = if is_apart || next.is_empty() { "" } else { " " };
    let replaced = &rest[..rest.len() - next.len()];
    match RepeatCount::try_from(replaced.len()) {
        Ok(count) if replaced.is_ascii() => {
            Cmd::Replace(Movement::ForwardChar(count), Some(format!("{line}{gap}")))
        }
        // How many characters that is to the editor can't be told.
        _ => Cmd::Replace(Movement::EndOfBuffer, Some(format!("{line}{gap}{next}"))),
    }
}

/// Makes small letters of capitals and capitals of small letters, and goes behind them.
fn toggle_case(cell: &str, position: usize, count: RepeatCount) -> Cmd {
    let line = cell[position..].split('\n').next().unwrap_or_default();
    let count = count.max(1);
    let letters: Vec<char> = line.chars().take(usize::from(count)).collect();
    // The editor takes as many as it is told, from the next line too.
    if letters.len() < usize::from(count) {
        return Cmd::Noop;
    }
    let toggled = letters.iter().map(|letter| match letter.is_lowercase() {
        true => letter.to_uppercase().collect::<String>(),
        false => letter.to_lowercase().collect(),
    });
    let mut toggled: String = toggled.collect();
    let mut seen = line.chars().take(usize::from(count).saturating_add(1));
    if seen.all(is_one_to_the_editor) {
        return Cmd::Replace(Movement::ForwardChar(count), Some(toggled));
    }
    // How many characters that is to the editor can't be told: an accent may follow its letter.
    let rest = &cell[position..];
    let behind: String = rest.chars().skip(letters.len()).collect();
    toggled.push_str(&behind);
    match count {
        _ if toggled == rest => Cmd::Move(Movement::ForwardChar(count)),
        1 => Cmd::Replace(Movement::EndOfBuffer, Some(toggled)),
        _ => Cmd::Noop,
    }
}

/// Whether the editor counts it as one whatever stands beside it: what joins with another begins with
/// the accents at U+0300, and between those and others are the letters of Greek and Cyrillic.
fn is_one_to_the_editor(letter: char) -> bool {
    matches!(letter, '\0'..'\u{300}' | '\u{370}'..'\u{483}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = "if x:\n    a\n    b)";

    fn replaces(count: RepeatCount, text: &str) -> Cmd {
        Cmd::Replace(Movement::ForwardChar(count), Some(text.to_owned()))
    }

    #[test]
    fn lines_are_gone_to_by_their_numbers() {
        let last = CELL.len();
        assert_eq!(
            to_line(CELL, last, 1),
            Cmd::Move(Movement::BeginningOfBuffer)
        );
        assert_eq!(to_line(CELL, last, 2), Cmd::Move(Movement::LineUp(1)));
        assert_eq!(to_line(CELL, 0, 9), Cmd::Move(Movement::LineDown(2)));
        assert_eq!(to_line(CELL, 0, 0), Cmd::Move(Movement::BeginningOfBuffer));
        assert_eq!(to_last_line(CELL, 0, 1), Cmd::Move(Movement::EndOfBuffer));
    }

    #[test]
    fn lines_are_joined() {
        assert_eq!(join(CELL, 3, 1), replaces(7, "x: "));
        assert_eq!(join("f(a\n  )", 0, 1), replaces(6, "f(a"));
        assert_eq!(join("a \nb", 1, 1), replaces(2, " "));
        assert_eq!(join("a\n\nb", 0, 1), replaces(2, "a"));
        assert_eq!(join(CELL, CELL.len(), 1), Cmd::Noop);
        assert_eq!(join(CELL, 0, 2), Cmd::Noop);
        assert_eq!(
            join("é\nb", 0, 1),
            Cmd::Replace(Movement::EndOfBuffer, Some("é b".to_owned()))
        );
    }

    #[test]
    fn letters_change_their_case() {
        assert_eq!(toggle_case("aBc", 0, 2), replaces(2, "Ab"));
        assert_eq!(toggle_case("aBc", 2, 1), replaces(1, "C"));
        assert_eq!(toggle_case("aBc", 2, 2), Cmd::Noop);
        assert_eq!(toggle_case("a\nb", 1, 1), Cmd::Noop);
        assert_eq!(toggle_case("éß", 0, 2), replaces(2, "ÉSS"));
        // What is one to a person keeps its accent.
        let accented = "e\u{301}x\ny";
        assert_eq!(
            toggle_case(accented, 0, 1),
            Cmd::Replace(Movement::EndOfBuffer, Some("E\u{301}x\ny".to_owned()))
        );
        assert_eq!(toggle_case(accented, 0, 2), Cmd::Noop);
        assert_eq!(toggle_case("e\u{301}x", 3, 1), replaces(1, "X"));
        assert_eq!(
            toggle_case("日本", 0, 1),
            Cmd::Move(Movement::ForwardChar(1))
        );
    }
}
