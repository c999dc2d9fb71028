//! vi's keys: the line editor's typing with vim's commands.
//!
//! rustyline is left in its own insert mode all the time, where it asks for what every single key does
//! before it does anything itself. What the keys of command mode do is decided by the machine in
//! [`machine`], from the cell and the cursor alone, and done through [`super::rewrite`]; while somebody
//! types, keys do what they do in [`super::keys`] and in the editor. So there is one place that knows the mode.

mod commands;
mod insertion;
mod machine;
mod macros;
mod motions;
mod objects;
mod operators;
mod patterns;
mod places;
mod registers;
#[cfg(test)]
mod selections_table;
mod sentences;
#[cfg(test)]
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod undo;

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustyline::history::SearchDirection;
use rustyline::{Cmd, EditMode, EventContext, KeyCode, KeyEvent, Modifiers, Movement, RepeatCount};
use unicode_segmentation::UnicodeSegmentation;

use super::keys::Keys;
use super::rewrite::Edited;
use machine::{Key, Machine, Step};
use motions::Motion;
use operators::Edit;

/// What a prompt says of the mode in which keys type.
pub const TYPING: &str = "[ins] ";

/// The machine, shared by the handlers of all keys.
#[derive(Default)]
pub struct Vi {
    machine: Mutex<Machine>,
}

impl Vi {
    /// A cell is begun with this text around the cursor.
    pub fn begin(&self, before: &str, after: &str) {
        let text = [before, after].concat();
        self.lock().begin(text, before.len());
    }

    /// What a prompt says of the mode, always as wide as [`TYPING`].
    pub fn mode(&self) -> &'static str {
        let machine = self.lock();
        if machine.is_commanding() {
            "[nav] "
        } else if machine.is_inserting() {
            TYPING
        } else {
            "[rep] "
        }
    }

    /// The lines of a cell that are selected with the cursor at `position`, in bytes.
    pub fn selected(&self, cell: &str, position: usize) -> Option<Range<usize>> {
        self.lock().selected(cell, position)
    }

    /// Whether keys do what they do in other modes, but for those that end that.
    pub fn is_inserting(&self, context: &EventContext) -> bool {
        context.mode() != EditMode::Vi || self.lock().is_inserting()
    }

    /// What a key does, if that isn't what it does by itself.
    pub fn command(&self, key: KeyEvent, keys: &Keys, context: &EventContext) -> Option<Cmd> {
        if context.mode() != EditMode::Vi {
            return None;
        }
        let (cell, position) = (context.line(), context.pos());
        let indents = |before: &str| keys.indent_behind(before);
        let (key, is_behind_escape) = known(key);
        let mode = self.mode();
        let selected = self.selected(cell, position);
        let mut machine = self.lock();
        let clears = matches!(key, Known::ClearScreen) && !keys.is_searching();
        if clears && machine.is_commanding() {
            keys.view.clear();
            return Some(Cmd::ClearScreen);
        }
        let key = match key {
            Known::Key(key) => key,
            Known::ClearScreen => Key::Other,
        };
        let step = match (keys.is_searching(), is_behind_escape) {
            // Where a search ends with a key, nothing else can be done by it.
            (true, true) => machine.key_while_searching(Key::Escape, cell, position),
            (true, false) => machine.key_while_searching(key, cell, position),
            (false, true) => machine.key_behind_escape(key, cell, position, &indents),
            (false, false) => machine.key(key, cell, position, &indents),
        };
        if step == Step::Search && keys.recent.is_empty() {
            machine.leave_search();
            return Some(Cmd::Noop);
        }
        drop(machine);
        let command = perform(step, keys, context);
        match command {
            Some(Cmd::Noop) if self.mode() != mode || self.selected(cell, position) != selected => {
                Some(Cmd::Repaint)
            }
            command => command,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Known {
    Key(Key),
    ClearScreen,
}

/// What a key is to vi, and whether terminals send it as Escape and another.
fn known(event: KeyEvent) -> (Known, bool) {
    let KeyEvent(code, modifiers) = event;
    if modifiers == Modifiers::ALT
        && let KeyCode::Char(letter) = code
    {
        return (Known::Key(Key::Character(letter)), true);
    }
    let key = match (code, modifiers) {
        (KeyCode::Char('L'), Modifiers::CTRL) => return (Known::ClearScreen, false),
        (KeyCode::Char('K'), Modifiers::CTRL) => Key::Like('D'),
        (KeyCode::Char('R' | 'S'), Modifiers::CTRL) => Key::HistorySearch,
        (KeyCode::Char('G'), Modifiers::CTRL) => Key::Abort,
        (KeyCode::Char('D'), Modifiers::CTRL) => Key::End,
        (KeyCode::Char('H'), Modifiers::CTRL) => Key::Backspace,
        (KeyCode::Char('J' | 'M'), Modifiers::CTRL) => Key::Enter,
        (KeyCode::Left, Modifiers::CTRL) => Key::Like('B'),
        (KeyCode::Right, Modifiers::CTRL) => Key::Like('W'),
        (KeyCode::Home, Modifiers::CTRL) => Key::Motion(Motion::FirstLine),
        (KeyCode::End, Modifiers::CTRL) => Key::Motion(Motion::LastLetter),
        (_, modifiers) if modifiers != Modifiers::NONE => Key::Other,
        (KeyCode::Char(letter), _) => Key::Character(letter),
        (KeyCode::Tab, _) => Key::Character('\t'),
        (KeyCode::Enter, _) => Key::Enter,
        (KeyCode::Esc, _) => Key::Escape,
        (KeyCode::Backspace, _) => Key::Backspace,
        (KeyCode::Insert, _) => Key::Insert,
        (KeyCode::Left, _) => Key::Like('h'),
        (KeyCode::Right, _) => Key::Like('l'),
        (KeyCode::Home, _) => Key::Like('0'),
        (KeyCode::End, _) => Key::Like('$'),
        (KeyCode::Delete, _) => Key::Like('x'),
        _ => Key::Other,
    };
    (Known::Key(key), false)
}

/// The editor's command for a step.
fn perform(step: Step, keys: &Keys, context: &EventContext) -> Option<Cmd> {
    let (cell, position) = (context.line(), context.pos());
    Some(match step {
        Step::Own => return None,
        Step::Taken | Step::Failed => Cmd::Noop,
        Step::Go(to) => moves(cell, position, to)
            .unwrap_or_else(|| rewrites(keys, context, cell.to_owned(), to)),
        Step::Edit(Edit { text, at }) => rewrites(keys, context, text, at),
        Step::Run => Cmd::AcceptLine,
        Step::ToOther { is_before, from } => to_other(is_before, from, keys, context),
        Step::EditElsewhere => {
            keys.leaves_for_editor.store(true, Ordering::Relaxed);
            Cmd::AcceptLine
        }
        Step::Search => Cmd::ReverseSearchHistory,
        // A move, by nothing too, shows the cell that was found as one that is typed.
        Step::EndSearch => Cmd::Move(match places::on_letter(cell, position) == position {
            true => Movement::ForwardChar(0),
            false => Movement::BackwardChar(1),
        }),
        Step::AbortSearch => Cmd::Abort,
        Step::SearchOn {
            pattern,
            is_forward,
        } => {
            let direction = match is_forward {
                true => SearchDirection::Forward,
                false => SearchDirection::Reverse,
            };
            match keys.recent.find_again(&pattern, cell, direction) {
                Some((text, at)) => rewrites(keys, context, text, at),
                None => Cmd::Noop,
            }
        }
    })
}

fn rewrites(keys: &Keys, context: &EventContext, text: String, cursor: usize) -> Cmd {
    keys.edit(context, Edited { text, cursor })
}

/// To another cell, with the cursor at `from` in this one, or only there if there is no other.
fn to_other(is_before: bool, from: usize, keys: &Keys, context: &EventContext) -> Cmd {
    let direction = match is_before {
        true => SearchDirection::Reverse,
        false => SearchDirection::Forward,
    };
    let is_there = keys.recent.leave(context.line(), from, direction);
    match (is_there, direction) {
        (false, _) => moves(context.line(), context.pos(), from).unwrap_or(Cmd::Noop),
        (true, SearchDirection::Reverse) => Cmd::PreviousHistory,
        (true, SearchDirection::Forward) => Cmd::NextHistory,
    }
}

/// The move from one place to another, unless it is too far for one command.
fn moves(cell: &str, from: usize, to: usize) -> Option<Cmd> {
    let letters = |from: usize, to: usize| {
        let between = cell.get(from..to)?;
        RepeatCount::try_from(between.graphemes(true).count()).ok()
    };
    match to {
        _ if to == from => Some(Cmd::Noop),
        _ if to > from => letters(from, to).map(|by| Cmd::Move(Movement::ForwardChar(by))),
        _ => letters(to, from).map(|by| Cmd::Move(Movement::BackwardChar(by))),
    }
}
