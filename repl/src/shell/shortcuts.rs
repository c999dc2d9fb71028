//! Keys of a person's own: which key and which command, from their names.
//!
//! Names come checked from `interpreter/python/rhumba/_shortcuts.py`. What the keys of cells do
//! otherwise is in [`super::keys`].

use rustyline::{Anchor, At, Cmd, KeyCode, KeyEvent, Modifiers, Movement, Word};

use super::keys::Special;

/// What a key of a person's own does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Command(Cmd),
    /// What only the keys of cells do.
    Special(Special),
}

/// What a command of this name does; `None` if there is no such.
pub fn action(name: &str) -> Option<Action> {
    let command = match name {
        "" => Cmd::Noop,
        "accept-suggestion" => return Some(Action::Special(Special::AcceptSuggestion)),
        "accept-suggested-word" => return Some(Action::Special(Special::AcceptSuggestedWord)),
        "clear-screen" => return Some(Action::Special(Special::ClearScreen)),
        "edit-elsewhere" => return Some(Action::Special(Special::EditElsewhere)),
        "enter" => return Some(Action::Special(Special::Enter)),
        "newline" => return Some(Action::Special(Special::NewLine)),
        "accept-line" => Cmd::AcceptLine,
        "backward-char" => Cmd::Move(Movement::BackwardChar(1)),
        "backward-delete-char" => Cmd::Kill(Movement::BackwardChar(1)),
        "backward-kill-line" => Cmd::Kill(Movement::BeginningOfLine),
        "backward-kill-word" => Cmd::Kill(Movement::BackwardWord(1, Word::Emacs)),
        "backward-word" => Cmd::Move(Movement::BackwardWord(1, Word::Emacs)),
        "beginning-of-buffer" => Cmd::Move(Movement::BeginningOfBuffer),
        "beginning-of-history" => Cmd::BeginningOfHistory,
        "beginning-of-line" => Cmd::Move(Movement::BeginningOfLine),
        "capitalize-word" => Cmd::CapitalizeWord,
        "complete" => Cmd::Complete,
        "delete-char" => Cmd::Kill(Movement::ForwardChar(1)),
        "downcase-word" => Cmd::DowncaseWord,
        "end-of-buffer" => Cmd::Move(Movement::EndOfBuffer),
        "end-of-history" => Cmd::EndOfHistory,
        "end-of-line" => Cmd::Move(Movement::EndOfLine),
        "forward-char" => Cmd::Move(Movement::ForwardChar(1)),
        "forward-word" => Cmd::Move(Movement::ForwardWord(1, At::AfterEnd, Word::Emacs)),
        "indent" => Cmd::Indent(Movement::WholeLine),
        "kill-all" => Cmd::Kill(Movement::WholeBuffer),
        "kill-line" => Cmd::Kill(Movement::EndOfLine),
        "kill-word" => Cmd::Kill(Movement::ForwardWord(1, At::AfterEnd, Word::Emacs)),
        "next-history" => Cmd::NextHistory,
        "previous-history" => Cmd::PreviousHistory,
        "quoted-insert" => Cmd::QuotedInsert,
        "reverse-search-history" => Cmd::ReverseSearchHistory,
        "transpose-chars" => Cmd::TransposeChars,
        "transpose-words" => Cmd::TransposeWords(1),
        "undo" => Cmd::Undo(1),
        "uppercase-word" => Cmd::UpcaseWord,
        "yank" => Cmd::Yank(1, Anchor::Before),
        "yank-pop" => Cmd::YankPop,
        _ => return None,
    };
    Some(Action::Command(command))
}

/// Keys that follow each other, from their names with spaces between them: `C-x M-e f5`.
pub fn keys(names: &str) -> Option<Vec<KeyEvent>> {
    names.split(' ').map(key).collect()
}

fn key(name: &str) -> Option<KeyEvent> {
    let mut modifiers = Modifiers::NONE;
    let mut name = name;
    for (mark, modifier) in [
        ("M-", Modifiers::ALT),
        ("C-", Modifiers::CTRL),
        ("S-", Modifiers::SHIFT),
        ("C-", Modifiers::CTRL),
        ("M-", Modifiers::ALT),
    ] {
        if let Some(rest) = name.strip_prefix(mark)
            && !rest.is_empty()
        {
            modifiers |= modifier;
            name = rest;
        }
    }
    let code = match name {
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "down" => KeyCode::Down,
        "end" => KeyCode::End,
        "enter" => KeyCode::Enter,
        "escape" => KeyCode::Esc,
        "home" => KeyCode::Home,
        "insert" => KeyCode::Insert,
        "left" => KeyCode::Left,
        "pagedown" => KeyCode::PageDown,
        "pageup" => KeyCode::PageUp,
        "right" => KeyCode::Right,
        "space" => KeyCode::Char(' '),
        "tab" if modifiers == Modifiers::SHIFT => {
            return Some(KeyEvent(KeyCode::BackTab, Modifiers::NONE));
        }
        "tab" => KeyCode::Tab,
        "up" => KeyCode::Up,
        _ => match (name.strip_prefix('f'), name.chars().next()) {
            (Some(number), _) if !number.is_empty() => KeyCode::F(number.parse().ok()?),
            (_, Some(character)) if character.len_utf8() == name.len() => {
                // A key with Ctrl is named by its capital letter.
                return Some(match modifiers.contains(Modifiers::CTRL) {
                    true => KeyEvent::new(character.to_ascii_uppercase(), modifiers),
                    false => KeyEvent::new(character, modifiers),
                });
            }
            _ => return None,
        },
    };
    Some(KeyEvent(code, modifiers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_names() {
        assert_eq!(keys("C-q"), Some(vec![KeyEvent::ctrl('Q')]));
        assert_eq!(keys("M-f"), Some(vec![KeyEvent::alt('f')]));
        assert_eq!(
            keys("C-x C-e"),
            Some(vec![KeyEvent::ctrl('X'), KeyEvent::ctrl('E')])
        );
        let plain = |code| Some(vec![KeyEvent(code, Modifiers::NONE)]);
        assert_eq!(keys("f5"), plain(KeyCode::F(5)));
        assert_eq!(keys("f"), plain(KeyCode::Char('f')));
        assert_eq!(keys("S-tab"), plain(KeyCode::BackTab));
        assert_eq!(
            keys("C-left"),
            Some(vec![KeyEvent(KeyCode::Left, Modifiers::CTRL)])
        );
        assert_eq!(keys("nokey"), None);
    }

    #[test]
    fn every_command_that_can_be_named_is_there() {
        let source = include_str!("../../../interpreter/python/rhumba/_shortcuts.py");
        let table = source
            .split("COMMANDS = {")
            .nth(1)
            .expect("it has the table");
        let table = table.split("\n}\n").next().expect("it ends");
        let mut count = 0;
        for name in table.split('"').skip(1).step_by(2) {
            // IPython's and readline's own names are what stands before a colon in the table.
            if !name.contains("IPython:")
                && !["unix-line-discard", "unix-word-rubout", "kill-whole-line"].contains(&name)
            {
                assert!(action(name).is_some(), "{name}");
                count += 1;
            }
        }
        assert!(count > 30, "{count}");
    }
}
