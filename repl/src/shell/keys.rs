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
    Cmd, ConditionalEventHandler, EditMode, Editor, Event, EventContext, EventHandler, Helper,
    KeyCode, KeyEvent, Modifiers, RepeatCount,
};
use unicode_segmentation::UnicodeSegmentation;

use super::history::{Recent, Shown};
use super::rewrite::{Edited, Rewriter};
use super::vi::Vi;
use super::view::CellView;
use super::{editors_own, emacs_keys, indentation, pairs, terminal};

/// What the keys share with who reads cells.
#[derive(Clone)]
pub struct Keys {
    pub recent: Arc<Recent>,
    /// What makes edits that are no command of rustyline's.
    pub rewriter: Arc<Rewriter>,
    /// What keys are where vi's are meant.
    pub vi: Arc<Vi>,
    /// What shows the cell.
    pub view: Arc<CellView>,
    /// Set when the cell is to be edited elsewhere before it runs.
    pub leaves_for_editor: Arc<AtomicBool>,
    /// Whether a new line begins as far in as its cell says.
    pub indents: Arc<AtomicBool>,
    /// Whether brackets and quotes are closed as they are typed.
    pub closes_pairs: Arc<AtomicBool>,
    /// Whether what is typed is searched for in the history.
    pub is_searching: Arc<AtomicBool>,
    /// Whether keys of emacs mode are there while somebody types in vi mode.
    pub has_emacs_keys_in_vi: Arc<AtomicBool>,
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
        bind(KeyEvent::ctrl('L'), on_clear_key);
        if let Some(letter) = terminal::suspend_key() {
            bind(KeyEvent::ctrl(letter), on_suspend_key);
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
        let any = AnyKey { keys: self.clone() };
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

    /// What a key does that is bound, `does` in all modes.
    pub fn answer(
        &self,
        event: &Event,
        context: &EventContext,
        does: impl FnOnce() -> Option<Cmd>,
    ) -> Option<Cmd> {
        let Some(key) = single(event) else {
            // The keys of a sequence have been vi's one by one.
            return does();
        };
        let command = self.command(key, context, does).or_else(|| {
            let is_known = editors_own::is_known(key, context.mode());
            (!is_known).then_some(self.nothing())
        });
        self.end_search_by(key);
        command
    }

    /// Shows the cell's prompt again where a key ends a search: what else it does may show nothing.
    fn end_search_by(&self, key: KeyEvent) {
        if self.is_searching() && !goes_on_searching(key) {
            self.is_searching.store(false, Ordering::Relaxed);
            self.view.end_search();
        }
    }

    /// What a key does: what it is to vi where vi's commands are meant, else what it does in all modes.
    fn command(
        &self,
        key: KeyEvent,
        context: &EventContext,
        does: impl FnOnce() -> Option<Cmd>,
    ) -> Option<Cmd> {
        // It was typed to leave the search.
        if key == KeyEvent::ctrl('D') && self.is_searching() && context.line().is_empty() {
            return Some(Cmd::Abort);
        }
        let is_escape = key == KeyEvent(KeyCode::Esc, Modifiers::NONE);
        if is_escape && self.is_searching() && context.mode() == EditMode::Emacs {
            // What was found is taken.
            return Some(Cmd::Repaint);
        }
        let vi = || self.vi.command(key, self, context);
        let command = if self.vi.is_inserting(context) {
            does()
                .or_else(vi)
                .or_else(|| self.emacs_in_vi(key, context))
        } else {
            vi().or_else(does)
        };
        command.map(|command| match command {
            Cmd::Noop => self.nothing(),
            _ => command,
        })
    }

    fn emacs_in_vi(&self, key: KeyEvent, context: &EventContext) -> Option<Cmd> {
        let is_wanted =
            context.mode() == EditMode::Vi && self.has_emacs_keys_in_vi.load(Ordering::Relaxed);
        is_wanted.then(|| emacs_keys::in_vi(key)).flatten()
    }

    /// What does nothing: a search it ends all the same, and then the cell's prompt comes back.
    fn nothing(&self) -> Cmd {
        match self.is_searching() {
            true => Cmd::Repaint,
            false => Cmd::Noop,
        }
    }

    /// Whether what is typed is searched for in the history.
    pub fn is_searching(&self) -> bool {
        self.is_searching.load(Ordering::Relaxed)
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
        if self.is_searching() {
            // A search ends with any other key, without that an edit is made of what it has found.
            return Cmd::Repaint;
        }
        self.rewriter.command(context.line(), context.pos(), to)
    }

    /// Whether what is typed now is closed or comes with what closes it.
    fn closes_pairs(&self, context: &EventContext) -> bool {
        self.closes_pairs.load(Ordering::Relaxed)
            && self.vi.is_inserting(context)
            && !self.is_searching()
    }
}

/// What only the keys of cells do, for those that a person gives it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    AcceptSuggestion,
    AcceptSuggestedWord,
    ClearScreen,
    EditElsewhere,
    Enter,
    NewLine,
}

impl Special {
    fn does(self) -> Does {
        match self {
            Self::AcceptSuggestion => on_accept_key,
            Self::AcceptSuggestedWord => on_accept_word_key,
            Self::ClearScreen => on_clear_key,
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

/// Every key that isn't bound.
struct AnyKey {
    keys: Keys,
}

impl ConditionalEventHandler for AnyKey {
    fn handle(
        &self,
        event: &Event,
        _: RepeatCount,
        _: bool,
        context: &EventContext,
    ) -> Option<Cmd> {
        let key = single(event)?;
        let command = self.keys.command(key, context, || None).or_else(|| {
            let is_lost = self.keys.is_searching() && !editors_own::is_known(key, context.mode());
            is_lost.then_some(Cmd::Repaint)
        });
        self.keys.end_search_by(key);
        command
    }
}

/// Whether a search isn't over with this key.
fn goes_on_searching(KeyEvent(code, modifiers): KeyEvent) -> bool {
    match code {
        KeyCode::Backspace => true,
        KeyCode::Char(_) if !modifiers.intersects(Modifiers::CTRL | Modifiers::ALT) => true,
        KeyCode::Char(letter) if modifiers == Modifiers::CTRL => "GHRS".contains(letter),
        _ => false,
    }
}

/// The key that an event is, unless it is several.
fn single(event: &Event) -> Option<KeyEvent> {
    match event {
        Event::KeySeq(keys) => match keys.as_slice() {
            [key] => Some(*key),
            _ => None,
        },
        _ => None,
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

fn on_clear_key(keys: &Keys, _: &EventContext) -> Option<Cmd> {
    keys.view.clear();
    Some(Cmd::ClearScreen)
}

fn on_suspend_key(keys: &Keys, _: &EventContext) -> Option<Cmd> {
    keys.view.suspend();
    Some(Cmd::Suspend)
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
    indentation::columns_to_level(context.line(), context.pos())
        .map(|count| Cmd::Insert(1, " ".repeat(count)))
}

fn on_backspace_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    if keys.is_searching() {
        return None;
    }
    let (cell, position) = (context.line(), context.pos());
    let without_pair = keys
        .closes_pairs(context)
        .then(|| pairs::without_pair(cell, position))
        .flatten();
    let edited = without_pair.or_else(|| indentation::without_level_before(cell, position))?;
    Some(keys.edit(context, edited))
}

fn on_backtab_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    Some(keys.edit(
        context,
        indentation::dedented(context.line(), context.pos()),
    ))
}

fn on_up_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    let (cell, position) = (context.line(), context.pos());
    match on_up(cell, position, keys.recent.shown_as(cell).as_ref()) {
        Vertical::InCell => to_line_beside(keys, context, true),
        Vertical::InHistory => {
            keys.recent.leave(cell, position, SearchDirection::Reverse);
            Some(Cmd::PreviousHistory)
        }
    }
}

fn on_down_key(keys: &Keys, context: &EventContext) -> Option<Cmd> {
    let (cell, position) = (context.line(), context.pos());
    match on_down(cell, position, keys.recent.shown_as(cell).as_ref()) {
        Vertical::InCell => to_line_beside(keys, context, false),
        Vertical::InHistory => {
            keys.recent.leave(cell, position, SearchDirection::Forward);
            Some(Cmd::NextHistory)
        }
    }
}

/// The move to the same column of the line above or below: the editor counts the prompt's columns too.
fn to_line_beside(keys: &Keys, context: &EventContext, is_above: bool) -> Option<Cmd> {
    let cursor = place_beside(context.line(), context.pos(), is_above)?;
    let text = context.line().to_owned();
    Some(keys.edit(context, Edited { text, cursor }))
}

fn place_beside(cell: &str, position: usize, is_above: bool) -> Option<usize> {
    let start_before = |at: usize| cell[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let start = start_before(position);
    let line = if is_above {
        let end = start.checked_sub(1)?;
        start_before(end)..end
    } else {
        let begin = position + cell[position..].find('\n')? + 1;
        let length = cell[begin..].find('\n').unwrap_or(cell.len() - begin);
        begin..begin + length
    };
    let column = cell[start..position].graphemes(true).count();
    let letters = cell[line.clone()].graphemes(true).take(column);
    Some(line.start + letters.map(str::len).sum::<usize>())
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
    fn arrows_keep_to_their_column() {
        let cell = "if é日x:\n    ab\n\nlast";
        let place = |text: &str| cell.find(text).unwrap();
        assert_eq!(place_beside(cell, place("b"), true), Some(place("x:")));
        assert_eq!(place_beside(cell, place("x:"), false), Some(place("b")));
        assert_eq!(
            place_beside(cell, place("last") + 3, true),
            Some(place("\nlast"))
        );
        assert_eq!(
            place_beside(cell, place("ab"), false),
            Some(place("\nlast"))
        );
        assert_eq!(place_beside(cell, 1, true), None);
        assert_eq!(place_beside(cell, cell.len(), false), None);
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
