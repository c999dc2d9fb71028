//! What single keys do to a cell: Enter, Tab, Backspace, the arrows, and those that leave for
//! another editor.
//!
//! Decisions from text to a command, tried without a terminal; what each command does is
//! rustyline's. Whether a cell is complete and how far its next line is indented is the
//! interpreter's to say, from the text alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhumba_interpreter::transform::{Completeness, completeness};
use rustyline::history::{History, SearchDirection};
use rustyline::{
    Cmd, ConditionalEventHandler, EditMode, Editor, Event, EventContext, EventHandler, Helper,
    InputMode, KeyCode, KeyEvent, Modifiers, Movement, RepeatCount,
};

use super::history::{Recent, Shown};
use super::vi_keys;

/// The spaces of one level, as Tab and Backspace count them.
pub const INDENT: usize = 4;

/// What the keys share with who reads cells.
#[derive(Clone)]
pub struct Keys {
    pub recent: Arc<Recent>,
    /// Set when the cell is to be edited elsewhere before it runs.
    pub leaves_for_editor: Arc<AtomicBool>,
    /// Whether a new line begins as far in as its cell says.
    pub indents: Arc<AtomicBool>,
}

impl Keys {
    /// Gives the keys of cells to an editor, in emacs mode and in vi mode.
    pub fn bind<H: Helper, I: History>(&self, editor: &mut Editor<H, I>) {
        fn key(code: KeyCode) -> KeyEvent {
            KeyEvent(code, Modifiers::NONE)
        }
        let mut bind = |key: KeyEvent, does: Does| {
            let handler = Key {
                does,
                keys: self.clone(),
            };
            editor.bind_sequence(key, EventHandler::Conditional(Box::new(handler)));
        };
        for enter in [
            key(KeyCode::Enter),
            KeyEvent::ctrl('J'),
            KeyEvent::ctrl('M'),
        ] {
            bind(enter, on_enter_key);
        }
        bind(KeyEvent::ctrl('O'), on_newline_key);
        bind(KeyEvent(KeyCode::Enter, Modifiers::ALT), on_newline_key);
        bind(key(KeyCode::Tab), on_tab_key);
        for backspace in [key(KeyCode::Backspace), KeyEvent::ctrl('H')] {
            bind(backspace, on_backspace_key);
        }
        for up in [key(KeyCode::Up), KeyEvent::ctrl('P')] {
            bind(up, on_up_key);
        }
        for down in [key(KeyCode::Down), KeyEvent::ctrl('N')] {
            bind(down, on_down_key);
        }
        for accept in [
            key(KeyCode::Right),
            key(KeyCode::End),
            KeyEvent::ctrl('E'),
            KeyEvent::ctrl('F'),
        ] {
            bind(accept, on_accept_key);
        }
        for word in [
            KeyEvent::alt('f'),
            KeyEvent(KeyCode::Right, Modifiers::ALT),
            KeyEvent(KeyCode::Right, Modifiers::CTRL),
        ] {
            bind(word, on_accept_word_key);
        }
        bind(key(KeyCode::F(2)), on_editor_key);
        bind(KeyEvent::new('v', Modifiers::NONE), on_v_key);
        let leave = Key {
            does: on_editor_key,
            keys: self.clone(),
        };
        editor.bind_sequence(
            Event::KeySeq(vec![KeyEvent::ctrl('X'), KeyEvent::ctrl('E')]),
            EventHandler::Conditional(Box::new(leave)),
        );
        editor.bind_sequence(key(KeyCode::BackTab), Cmd::Dedent(Movement::WholeLine));
        vi_keys::bind(editor);
    }
}

impl Keys {
    /// What makes a key do something that only keys of cells do.
    pub fn handler(&self, special: Special) -> EventHandler {
        EventHandler::Conditional(Box::new(Key {
            does: special.does(),
            keys: self.clone(),
        }))
    }

    fn new_line(&self, indent: usize) -> Cmd {
        let indent = if self.indents.load(Ordering::Relaxed) {
            indent
        } else {
            0
        };
        Cmd::Insert(1, format!("\n{}", " ".repeat(indent)))
    }
}

/// What only the keys of cells do, for those that a person gives it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    AcceptSuggestion,
    AcceptSuggestedWord,
    EditElsewhere,
    Enter,
    NewLine,
}

impl Special {
    fn does(self) -> Does {
        match self {
            Self::AcceptSuggestion => on_accept_key,
            Self::AcceptSuggestedWord => on_accept_word_key,
            Self::EditElsewhere => on_editor_key,
            Self::Enter => on_enter_key,
            Self::NewLine => on_newline_key,
        }
    }
}

/// What a key does in the cell as it stands; nothing is what it does by itself.
type Does = fn(&Keys, &EventContext) -> Option<Cmd>;

struct Key {
    does: Does,
    keys: Keys,
}

impl ConditionalEventHandler for Key {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        (self.does)(&self.keys, context)
    }
}

fn in_vi_command(context: &EventContext) -> bool {
    context.mode() == EditMode::Vi && context.input_mode() == InputMode::Command
}

fn on_enter_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    // What a search has found is run as it stands, wherever in it the cursor is.
    if let Some(Shown::Found(_)) = keys.recent.shown_as(context.line()) {
        return Some(Cmd::AcceptLine);
    }
    Some(match on_enter(context.line(), context.pos()) {
        Enter::Run => Cmd::AcceptLine,
        Enter::NewLine { indent } => keys.new_line(indent),
    })
}

fn on_newline_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    Some(keys.new_line(indent_behind(&context.line()[..context.pos()])))
}

/// How far in a line is that begins behind this text.
fn indent_behind(before: &str) -> usize {
    match completeness(before) {
        Completeness::Incomplete { indent } => indent,
        _ => leading_spaces(before),
    }
}

fn on_tab_key(_: &Keys, context: &EventContext) -> Option<Cmd> {
    on_tab(context.line(), context.pos()).map(|count| Cmd::Insert(1, " ".repeat(count)))
}

fn on_backspace_key(_: &Keys, context: &EventContext) -> Option<Cmd> {
    if in_vi_command(context) {
        return None;
    }
    // Not by a count, which the editor takes for that of how often the key is meant.
    takes_level(context.line(), context.pos()).then_some(Cmd::Dedent(Movement::WholeLine))
}

fn on_up_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    let (cell, position) = (context.line(), context.pos());
    match on_up(cell, position, keys.recent.shown_as(cell).as_ref()) {
        Vertical::InCell => Some(Cmd::LineUpOrPreviousHistory(1)),
        Vertical::InHistory => {
            keys.recent.leave(cell, position, SearchDirection::Reverse);
            Some(Cmd::PreviousHistory)
        }
    }
}

fn on_down_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    let (cell, position) = (context.line(), context.pos());
    match on_down(cell, position, keys.recent.shown_as(cell).as_ref()) {
        Vertical::InCell => Some(Cmd::LineDownOrNextHistory(1)),
        Vertical::InHistory => {
            keys.recent.leave(cell, position, SearchDirection::Forward);
            Some(Cmd::NextHistory)
        }
    }
}

/// The suggestion behind the cursor, where there is one to take.
fn suggestion<'c>(context: &'c EventContext) -> Option<&'c str> {
    if in_vi_command(context) || context.pos() < context.line().len() {
        return None;
    }
    context.hint_text().filter(|text| !text.is_empty())
}

fn on_accept_key(_: &Keys, context: &EventContext) -> Option<Cmd> {
    suggestion(context).map(|_| Cmd::CompleteHint)
}

fn on_accept_word_key(_: &Keys, context: &EventContext) -> Option<Cmd> {
    suggestion(context).map(|text| Cmd::Insert(1, first_word(text).to_owned()))
}

fn on_editor_key(keys: &Keys, _: &EventContext) -> Option<Cmd> {
    keys.leaves_for_editor.store(true, Ordering::Relaxed);
    Some(Cmd::AcceptLine)
}

fn on_v_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    in_vi_command(context)
        .then(|| on_editor_key(keys, context))
        .flatten()
}

/// What Enter means for a cell.
#[derive(Debug, PartialEq, Eq)]
pub enum Enter {
    Run,
    NewLine { indent: usize },
}

/// Decides what Enter means with the cursor at `position` bytes of `cell`.
///
/// A cell is run when it is whole and the cursor is at its end; a block is ended by an empty line.
pub fn on_enter(cell: &str, position: usize) -> Enter {
    let (before, after) = cell.split_at(position);
    if !after.trim().is_empty() && cell.trim_end().contains('\n') {
        // In the middle of several lines Enter makes one more, as far in as what is before it asks for.
        return Enter::NewLine {
            indent: indent_behind(before),
        };
    }
    match completeness(&format!("{cell}\n")) {
        Completeness::Incomplete { indent } => Enter::NewLine { indent },
        // Python itself explains best what is wrong.
        Completeness::Complete | Completeness::Invalid(_) => Enter::Run,
    }
}

/// How many columns Tab inserts, or `None` where it completes.
fn on_tab(cell: &str, position: usize) -> Option<usize> {
    let line = cell[..position].rsplit('\n').next().unwrap_or_default();
    let blank = line.chars().all(|character| character == ' ');
    blank.then(|| INDENT - line.len() % INDENT)
}

/// Whether Backspace takes a level of indentation, and not one character: in the last line, as the
/// editor takes it from more lines than one elsewhere, and behind whole levels.
fn takes_level(cell: &str, position: usize) -> bool {
    let line = cell[..position].rsplit('\n').next().unwrap_or_default();
    let blank = !line.is_empty() && line.chars().all(|character| character == ' ');
    blank && line.len().is_multiple_of(INDENT) && !cell[position..].contains('\n')
}

/// Where an arrow goes that points up or down.
#[derive(Debug, PartialEq, Eq)]
enum Vertical {
    /// To another line of the cell.
    InCell,
    /// To a cell before or after it, or back to what was typed.
    InHistory,
}

fn on_up(cell: &str, position: usize, shown: Option<&Shown>) -> Vertical {
    match shown {
        Some(Shown::Begun(_)) => Vertical::InHistory,
        _ if cell[..position].contains('\n') => Vertical::InCell,
        _ => Vertical::InHistory,
    }
}

fn on_down(cell: &str, position: usize, shown: Option<&Shown>) -> Vertical {
    match shown {
        Some(Shown::Begun(_)) => Vertical::InHistory,
        _ if cell[position..].contains('\n') => Vertical::InCell,
        _ => Vertical::InHistory,
    }
}

/// The text up to the end of its first word.
fn first_word(text: &str) -> &str {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let start = text.find(is_word).unwrap_or(text.len());
    let end = text[start..].find(|character| !is_word(character));
    &text[..end.map_or(text.len(), |end| start + end)]
}

fn leading_spaces(text: &str) -> usize {
    let line = text.rsplit('\n').next().unwrap_or_default();
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(cell: &str) -> Enter {
        on_enter(cell, cell.len())
    }

    #[test]
    fn a_whole_line_is_run() {
        assert_eq!(enter("1 + 1"), Enter::Run);
        assert_eq!(on_enter("1 + 1", 2), Enter::Run);
        assert_eq!(enter("%px print(1)"), Enter::Run);
    }

    #[test]
    fn a_block_goes_on_until_an_empty_line() {
        assert_eq!(enter("def f(x):"), Enter::NewLine { indent: 4 });
        assert_eq!(enter("def f(x):\n    y = x"), Enter::NewLine { indent: 4 });
        assert_eq!(enter("def f(x):\n    y = x\n    "), Enter::Run);
        assert_eq!(enter("def f(x):\n    y = x\n"), Enter::Run);
        assert!(matches!(
            enter("def f(x):\n    return x"),
            Enter::NewLine { .. }
        ));
        assert_eq!(enter("def f(x):\n    return x\n"), Enter::Run);
        assert_eq!(enter("try: x"), Enter::NewLine { indent: 0 });
    }

    #[test]
    fn a_block_in_a_line_is_run() {
        assert_eq!(enter("for x in y: print(x)"), Enter::Run);
        assert_eq!(enter("try: x\nexcept E: y"), Enter::Run);
    }

    #[test]
    fn brackets_and_strings_stay_open() {
        assert!(matches!(enter("f(1,"), Enter::NewLine { .. }));
        assert_eq!(enter("f(1,\n  2)"), Enter::Run);
        assert!(matches!(enter("x = '''a"), Enter::NewLine { .. }));
        assert!(matches!(enter("x = '''a\n\n"), Enter::NewLine { .. }));
    }

    #[test]
    fn what_can_never_be_right_is_run_so_that_python_explains_it() {
        assert_eq!(enter("1 +* 2"), Enter::Run);
        assert_eq!(enter("print 'x'"), Enter::Run);
        assert_eq!(enter("def ("), Enter::Run);
        assert_eq!(enter("foo(1 2"), Enter::Run);
    }

    #[test]
    fn enter_inside_several_lines_makes_another() {
        let cell = "if x:\n    a()\n    b()";
        let after_a = cell.find("\n    b").expect("it is there");
        assert_eq!(on_enter(cell, after_a), Enter::NewLine { indent: 4 });
        let after_if = cell.find('\n').expect("it is there");
        assert_eq!(on_enter(cell, after_if), Enter::NewLine { indent: 4 });
    }

    #[test]
    fn tab_indents_only_where_nothing_can_be_completed() {
        assert_eq!(on_tab("", 0), Some(4));
        assert_eq!(on_tab("if x:\n  ", 8), Some(2));
        assert_eq!(on_tab("x = ma", 6), None);
    }

    #[test]
    fn backspace_takes_a_level_of_indentation() {
        assert!(takes_level("if x:\n        ", 14) && takes_level("if x:\n    y", 10));
        assert!(!takes_level("if x:\n      ", 12) && !takes_level("if x:\n    \ny", 10));
        assert!(!takes_level("if x:\n", 6) && !takes_level("abc", 3));
    }

    #[test]
    fn arrows_move_in_the_cell_and_then_through_the_history() {
        let block = "if x:\n    y";
        let neighbour = Shown::Neighbour(block.to_owned());
        assert_eq!(on_up("", 0, None), Vertical::InHistory);
        assert_eq!(on_up("imp", 3, None), Vertical::InHistory);
        assert_eq!(on_up(block, block.len(), None), Vertical::InCell);
        assert_eq!(on_up(block, 2, None), Vertical::InHistory);
        assert_eq!(on_up(block, 2, Some(&neighbour)), Vertical::InHistory);
        let begun = Shown::Begun(block.to_owned());
        assert_eq!(on_up(block, block.len(), Some(&begun)), Vertical::InHistory);
        assert_eq!(on_down(block, 2, Some(&begun)), Vertical::InHistory);
        assert_eq!(on_down(block, 2, None), Vertical::InCell);
        assert_eq!(on_down(block, block.len(), None), Vertical::InHistory);
    }

    #[test]
    fn a_suggestion_is_taken_word_by_word() {
        assert_eq!(first_word(" numpy as np"), " numpy");
        assert_eq!(first_word("ort os"), "ort");
        assert_eq!(first_word("(x)"), "(x");
        assert_eq!(first_word(")"), ")");
    }
}
