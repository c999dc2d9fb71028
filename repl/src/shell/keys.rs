//! What single keys do to a cell: Enter, Tab, Backspace, the arrows, and those that leave for
//! another editor.
//!
//! Decisions from text to a command, tried without a terminal; what each command does is
//! rustyline's, or an edit of its own ([`super::rewrite`]). What becomes of brackets and quotes is in
//! [`super::pairs`], what keys are in vi's command mode in [`super::vi`]. Whether a cell is complete
//! and how far its next line is indented is the interpreter's to say, from the text alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhumba_interpreter::transform::{Completeness, completeness};
use rustyline::history::{History, SearchDirection};
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, Helper, KeyCode,
    KeyEvent, Modifiers, RepeatCount,
};

use super::history::{Recent, Shown};
use super::rewrite::{Edited, Rewriter};
use super::vi::Vi;
use super::{emacs_keys, pairs};

/// The spaces of one level, as Tab and Backspace count them.
pub const INDENT: usize = 4;

/// What the keys share with who reads cells.
#[derive(Clone)]
pub struct Keys {
    pub recent: Arc<Recent>,
    /// What makes edits that are no command of rustyline's.
    pub rewriter: Arc<Rewriter>,
    /// What keys are where vi's are meant.
    pub vi: Arc<Vi>,
    /// Set when the cell is to be edited elsewhere before it runs.
    pub leaves_for_editor: Arc<AtomicBool>,
    /// Whether a new line begins as far in as its cell says.
    pub indents: Arc<AtomicBool>,
    /// Whether brackets and quotes are closed as they are typed.
    pub closes_pairs: Arc<AtomicBool>,
    /// Whether what is typed is searched for in the history.
    pub is_searching: Arc<AtomicBool>,
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
        bind(key(KeyCode::BackTab), on_backtab_key);
        bind(key(KeyCode::F(2)), on_editor_key);
        let leave = Key {
            does: on_editor_key,
            keys: self.clone(),
        };
        editor.bind_sequence(
            Event::KeySeq(vec![KeyEvent::ctrl('X'), KeyEvent::ctrl('E')]),
            EventHandler::Conditional(Box::new(leave)),
        );
        for character in pairs::KEYS {
            let handler = PairKey {
                character,
                keys: self.clone(),
            };
            editor.bind_sequence(
                key(KeyCode::Char(character)),
                EventHandler::Conditional(Box::new(handler)),
            );
        }
        emacs_keys::bind(self, editor);
        let any = Key {
            does: |_, _| None,
            keys: self.clone(),
        };
        editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(any)));
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

    /// What a key does: what it is to vi where vi's commands are meant, else what it does in all modes.
    pub fn answer(
        &self,
        event: &Event,
        context: &EventContext,
        does: impl FnOnce() -> Option<Cmd>,
    ) -> Option<Cmd> {
        // The keys of a sequence have been vi's one by one.
        let key = match event {
            Event::KeySeq(keys) => match keys.as_slice() {
                [key] => *key,
                _ => return does(),
            },
            _ => return does(),
        };
        let vi = || self.vi.command(key, self, context);
        if self.vi.is_inserting(context) {
            does().or_else(vi)
        } else {
            vi().or_else(does)
        }
    }

    fn new_line(&self, indent: usize) -> Cmd {
        Cmd::Insert(1, format!("\n{}", " ".repeat(self.as_set(indent))))
    }

    /// How far in a line is that begins behind this text.
    pub fn indent_behind(&self, before: &str) -> usize {
        self.as_set(indent_behind(before))
    }

    /// An indentation, or none where that is switched off.
    fn as_set(&self, indent: usize) -> usize {
        if self.indents.load(Ordering::Relaxed) {
            indent
        } else {
            0
        }
    }

    /// What makes something else of the cell.
    pub fn edit(&self, context: &EventContext, to: Edited) -> Cmd {
        if self.is_searching.load(Ordering::Relaxed) {
            // A search ends with any other key, without that an edit is made of what it has found.
            return Cmd::Repaint;
        }
        self.rewriter.command(context.line(), context.pos(), to)
    }

    /// Whether what is typed now is closed or comes with what closes it.
    fn closes_pairs(&self, context: &EventContext) -> bool {
        self.closes_pairs.load(Ordering::Relaxed)
            && self.vi.is_inserting(context)
            && !self.is_searching.load(Ordering::Relaxed)
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
    fn handle(
        &self,
        event: &Event,
        _: RepeatCount,
        _: bool,
        context: &EventContext,
    ) -> Option<Cmd> {
        let does = || (self.does)(&self.keys, context);
        self.keys.answer(event, context, does)
    }
}

/// A key that types one of two that belong together.
struct PairKey {
    character: char,
    keys: Keys,
}

impl ConditionalEventHandler for PairKey {
    fn handle(
        &self,
        event: &Event,
        count: RepeatCount,
        is_forward: bool,
        context: &EventContext,
    ) -> Option<Cmd> {
        self.keys.answer(event, context, || {
            // In vi's insert mode the count is none.
            if !is_forward || count > 1 || !self.keys.closes_pairs(context) {
                return None;
            }
            let edited = pairs::typed(context.line(), context.pos(), self.character)?;
            Some(self.keys.edit(context, edited))
        })
    }
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

fn on_backspace_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    if keys.is_searching.load(Ordering::Relaxed) {
        return None;
    }
    let (cell, position) = (context.line(), context.pos());
    let without_pair = keys
        .closes_pairs(context)
        .then(|| pairs::without_pair(cell, position))
        .flatten();
    let edited = without_pair.or_else(|| without_level_before(cell, position))?;
    Some(keys.edit(context, edited))
}

fn on_backtab_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    Some(keys.edit(context, dedented(context.line(), context.pos())))
}

pub fn on_up_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    let (cell, position) = (context.line(), context.pos());
    match on_up(cell, position, keys.recent.shown_as(cell).as_ref()) {
        Vertical::InCell => Some(Cmd::LineUpOrPreviousHistory(1)),
        Vertical::InHistory => {
            keys.recent.leave(cell, position, SearchDirection::Reverse);
            Some(Cmd::PreviousHistory)
        }
    }
}

pub fn on_down_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
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
    if context.pos() < context.line().len() {
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

/// The cell without the level of indentation before the cursor: what Backspace takes where it stands
/// behind whole levels, and not one character.
fn without_level_before(cell: &str, position: usize) -> Option<Edited> {
    let (before, after) = cell.split_at(position);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let blank = !line.is_empty() && line.chars().all(|character| character == ' ');
    if !blank || !line.len().is_multiple_of(INDENT) {
        return None;
    }
    let left = &before[..position - INDENT];
    Some(Edited {
        text: format!("{left}{after}"),
        cursor: left.len(),
    })
}

/// The cell with the line of the cursor a level further out. The cursor stays at its letter.
fn dedented(cell: &str, position: usize) -> Edited {
    let start = cell[..position].rfind('\n').map_or(0, |end| end + 1);
    let line = &cell[start..];
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    let spaces = indent.len() - indent.trim_end_matches(' ').len();
    let taken = match spaces.checked_sub(1) {
        Some(others) => others % INDENT + 1,
        // A tab is a level.
        None => indent.len().min(1),
    };
    let indented_to = start + indent.len();
    let left = indented_to - taken;
    Edited {
        text: format!("{}{}", &cell[..left], &cell[indented_to..]),
        cursor: match position < indented_to {
            true => position.min(left),
            false => position - taken,
        },
    }
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

    fn edited(text: &str, cursor: usize) -> Edited {
        Edited {
            text: text.to_owned(),
            cursor,
        }
    }

    #[test]
    fn backspace_takes_a_level_of_indentation() {
        let taken = without_level_before;
        let deep = "if x:\n        y\nz";
        assert_eq!(taken(deep, 14), Some(edited("if x:\n    y\nz", 10)));
        assert_eq!(taken(deep, 10), Some(edited("if x:\n    y\nz", 6)));
        assert_eq!(taken("    ", 4), Some(edited("", 0)));
        assert_eq!(taken("if x:\n      ", 12), None);
        assert_eq!(taken("if x:\n", 6), None);
        assert_eq!(taken("abcd", 4), None);
    }

    #[test]
    fn a_line_goes_a_level_out_and_the_cursor_stays_at_its_letter() {
        let cell = "if x:\n        abc\n    d";
        assert_eq!(dedented(cell, 16), edited("if x:\n    abc\n    d", 12));
        assert_eq!(dedented(cell, 14), edited("if x:\n    abc\n    d", 10));
        assert_eq!(dedented(cell, 13), edited("if x:\n    abc\n    d", 10));
        assert_eq!(dedented(cell, 7), edited("if x:\n    abc\n    d", 7));
        assert_eq!(dedented(cell, 23), edited("if x:\n        abc\nd", 19));
        assert_eq!(dedented(cell, 2), edited(cell, 2));
        assert_eq!(dedented("      a", 7), edited("    a", 5));
        assert_eq!(dedented("\t\ta", 3), edited("\ta", 2));
        assert_eq!(dedented("é", 2), edited("é", 2));
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
