//! Which keys the line editor itself has a meaning for.
//!
//! Of a key that it doesn't know, and that somebody has bound, it takes what comes next for the rest of a
//! sequence: that key would be lost. So [`super::keys`] has such a key do nothing.

use rustyline::{EditMode, KeyCode, KeyEvent, Modifiers};

/// Letters that mean something with Ctrl in all modes; `X` begins sequences, `C`, `Z` and `\` are the
/// terminal's.
const CONTROLS: &str = "CDHIJMQRSTUVWXYZ\\_";

/// Letters that mean something with Ctrl in emacs mode alone.
const EMACS_CONTROLS: &str = "ABEFGKLNP]";

/// Letters that mean something with Alt in emacs mode: words, and numbers before another key.
const EMACS_ALTS: &str = "BCDFLTUYbcdfltuy<>-0123456789";

/// Whether the editor does something with a key, or waits for more of a sequence for a reason.
pub fn is_known(KeyEvent(code, modifiers): KeyEvent, mode: EditMode) -> bool {
    let is_emacs = mode == EditMode::Emacs;
    match (code, modifiers) {
        (KeyCode::Char(letter), Modifiers::CTRL) => {
            CONTROLS.contains(letter) || (is_emacs && EMACS_CONTROLS.contains(letter))
        }
        (KeyCode::Char(letter), Modifiers::ALT) => !is_emacs || EMACS_ALTS.contains(letter),
        (KeyCode::Backspace, Modifiers::ALT) => is_emacs,
        (KeyCode::Left | KeyCode::Right, Modifiers::ALT | Modifiers::CTRL) => is_emacs,
        (KeyCode::F(_) | KeyCode::Insert | KeyCode::PageUp | KeyCode::PageDown, _)
        | (KeyCode::Null | KeyCode::UnknownEscSeq, _) => false,
        (_, modifiers) => modifiers == Modifiers::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_means_depends_on_the_mode() {
        let both = |key| [EditMode::Emacs, EditMode::Vi].map(|mode| is_known(key, mode));
        assert_eq!(both(KeyEvent::ctrl('E')), [true, false]);
        assert_eq!(both(KeyEvent::ctrl('X')), [true, true]);
        assert_eq!(both(KeyEvent::alt('f')), [true, true]);
        assert_eq!(both(KeyEvent::alt('#')), [false, true]);
        assert_eq!(
            both(KeyEvent(KeyCode::Right, Modifiers::CTRL)),
            [true, false]
        );
        assert_eq!(
            both(KeyEvent(KeyCode::Right, Modifiers::NONE)),
            [true, true]
        );
        assert_eq!(
            both(KeyEvent(KeyCode::Home, Modifiers::CTRL)),
            [false, false]
        );
        assert_eq!(
            both(KeyEvent(KeyCode::F(5), Modifiers::NONE)),
            [false, false]
        );
        assert_eq!(
            both(KeyEvent(KeyCode::Char('é'), Modifiers::NONE)),
            [true, true]
        );
    }
}
