//! vi: what has been typed, kept and changed, and what the next key makes of the cell.
//!
//! A pure machine from a text, a cursor and a key to a [`Step`]; [`super`] makes commands of the line
//! editor's of it. Which keys are a command is told by [`super::commands`], where motions lead by
//! [`super::motions`], what operators do by [`super::operators`].
//!
//! While somebody inserts, the keys are the line editor's own; what they have typed is seen at Escape.
//! Macros are in [`playing`], selected lines in [`selecting`], searches of earlier cells in [`searching`].

mod playing;
mod searching;
mod selecting;

use super::commands::{Begun, Command, Read, Target, Verb};
use super::insertion::{Insertion, Typed};
use super::macros::Macros;
use super::motions::{self, Column, Find, Memory, Motion, Purpose};
use super::objects;
use super::operators::{self, Edit, Operator, Part};
use super::patterns::{Pattern, Sought};
use super::places;
use super::registers::{How, Kept, Marks, Registers};
use super::undo::Undo;

/// A key, as far as vi tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Character(char),
    /// One that does what that of a letter does, and stands for no character.
    Like(char),
    /// One that moves, and that no letter is for.
    Motion(Motion),
    Enter,
    Escape,
    Backspace,
    /// The one that goes between typing and commands.
    Insert,
    /// Searching as in the other modes.
    HistorySearch,
    /// Gives a search up.
    Abort,
    /// Ends the session where nothing is typed.
    End,
    Other,
}

/// What becomes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It does what it does by itself.
    Own,
    /// It is taken, and changes nothing that is seen.
    Taken,
    /// The same, as it means nothing or leads nowhere: a macro ends with it.
    Failed,
    Go(usize),
    Edit(Edit),
    /// Runs the cell.
    Run,
    /// To the cell before this one, or after it, with the cursor there in this one.
    ToOther {
        is_before: bool,
        from: usize,
    },
    EditElsewhere,
    /// Has earlier cells searched, for what is typed next.
    Search,
    /// The search ends with what it has found.
    EndSearch,
    AbortSearch,
    /// To the next cell that a search finds.
    SearchOn {
        pattern: String,
        is_forward: bool,
    },
}

/// How far in a line is that begins behind a text.
pub type Indents<'i> = &'i dyn Fn(&str) -> usize;

#[derive(Debug)]
enum Mode {
    Insert(Insertion),
    Command(Begun),
    Search(Pattern),
}

impl Default for Mode {
    fn default() -> Self {
        Self::Insert(Insertion::default())
    }
}

#[derive(Debug, Default)]
pub struct Machine {
    mode: Mode,
    registers: Registers,
    marks: Marks,
    undo: Undo,
    find: Option<Find>,
    pattern: Option<Pattern>,
    /// Where `j` and `k` keep to, while there is nothing between them.
    column: Option<Column>,
    /// Where lines were begun to be selected, while they are. They go on to the cursor.
    selection: Option<usize>,
    macros: Macros,
    /// What `.` does again, and what was typed in it.
    last: Option<(Command, Option<Typed>)>,
    /// What commands have left, to see what else has changed it.
    seen: Edit,
}

/// What a command makes of a cell.
enum Done {
    Nothing,
    Go(usize),
    Edit(Edit),
    Insert(Insertion),
}

impl Machine {
    /// Another cell is begun, with this text, and typing.
    pub fn begin(&mut self, text: String, at: usize) {
        self.mode = Mode::Insert(Insertion::plain(Edit { text, at }));
        self.marks = Marks::default();
        self.undo = Undo::default();
        self.column = None;
        self.selection = None;
        self.macros.end_recording();
    }

    /// Whether keys are the line editor's own.
    pub fn is_inserting(&self) -> bool {
        matches!(&self.mode, Mode::Insert(insertion) if !insertion.is_over)
    }

    /// Whether keys are commands, or search for those who gave one.
    pub fn is_commanding(&self) -> bool {
        !matches!(self.mode, Mode::Insert(_))
    }

    /// What a key makes of the text with the cursor at `at`.
    pub fn key(&mut self, key: Key, text: &str, at: usize, indents: Indents) -> Step {
        if self.ends_recording(key) {
            return Step::Taken;
        }
        self.record(key, text, at);
        match self.mode {
            Mode::Insert(_) => self.key_of_insertion(key, text, at),
            Mode::Command(_) => self.key_of_command(key, text, at, indents),
            Mode::Search(_) => self.key_of_search(key, text),
        }
    }

    /// What Escape and then this key make of it: terminals send Alt with a key so.
    pub fn key_behind_escape(&mut self, key: Key, text: &str, at: usize, indents: Indents) -> Step {
        let first = self.key(Key::Escape, text, at, indents);
        let (now, at) = match &first {
            Step::Edit(edit) => (edit.text.as_str(), edit.at),
            Step::Go(at) => (text, *at),
            _ => (text, at),
        };
        match self.key(key, now, at, indents) {
            Step::Taken | Step::Failed | Step::Own => first,
            // What was typed several times over can't be kept and left in one step.
            Step::ToOther { .. } if now != text => first,
            Step::Go(at) if now != text => Step::Edit(Edit {
                text: now.to_owned(),
                at,
            }),
            step => step,
        }
    }

    fn key_of_insertion(&mut self, key: Key, text: &str, at: usize) -> Step {
        let Mode::Insert(insertion) = &self.mode else {
            return Step::Own;
        };
        match key {
            Key::Escape | Key::Insert => self.end_insertion(text, at),
            Key::Character(letter) if insertion.is_over => {
                Step::Edit(operators::overwritten((text, at), &letter.to_string()))
            }
            Key::Backspace if insertion.is_over => match insertion.uncovered(text, at) {
                Some(edit) => Step::Edit(edit),
                None => Step::Taken,
            },
            _ => Self::by_itself(key, text),
        }
    }

    /// A key that is left to the editor, but for the end of the session with a cell that isn't empty:
    /// the editor would run that.
    fn by_itself(key: Key, text: &str) -> Step {
        match key {
            Key::End if !text.is_empty() => Step::Taken,
            _ => Step::Own,
        }
    }

    fn end_insertion(&mut self, text: &str, at: usize) -> Step {
        let mode = std::mem::replace(&mut self.mode, Mode::Command(Begun::default()));
        let Mode::Insert(insertion) = mode else {
            return Step::Own;
        };
        let typed = insertion.typed(text, at);
        let end = insertion.ended(text, at, &typed);
        self.last = Some((insertion.command, Some(typed)));
        self.note_change(&insertion.before, &end.text);
        self.leave(text, end)
    }

    /// Keeps what there was before a change, and lets marks follow it.
    fn note_change(&mut self, before: &Edit, text: &str) {
        if before.text != text {
            self.marks.follow(&before.text, text);
            self.undo.keep(before.clone());
        }
    }

    /// The step from a text to another, and the end of a command.
    fn leave(&mut self, text: &str, end: Edit) -> Step {
        self.seen = end.clone();
        if end.text == text {
            Step::Go(end.at)
        } else {
            Step::Edit(end)
        }
    }

    fn key_of_command(&mut self, key: Key, text: &str, at: usize, indents: Indents) -> Step {
        let is_selecting = self.keeps_selection(text);
        let Mode::Command(begun) = &mut self.mode else {
            return Step::Own;
        };
        let letter = match key {
            Key::Character(letter) => letter,
            Key::Enter if begun.awaits_character() => '\n',
            Key::Enter if begun.has_operator() || is_selecting => '+',
            Key::Enter => {
                *begun = Begun::default();
                return Step::Run;
            }
            Key::Like(_) | Key::Motion(_) | Key::Backspace | Key::Insert
                if begun.awaits_character() =>
            {
                *begun = Begun::default();
                return Step::Taken;
            }
            Key::Motion(motion) => {
                let read = begun.motion_key(motion);
                return self.begun(read, text, at, indents);
            }
            Key::Like(letter) => letter,
            Key::Backspace => 'h',
            Key::Insert => 'i',
            Key::Escape => {
                *begun = Begun::default();
                self.leave_selection(at);
                return Step::Taken;
            }
            Key::HistorySearch | Key::Abort | Key::End | Key::Other => {
                *begun = Begun::default();
                return Self::by_itself(key, text);
            }
        };
        let read = match is_selecting {
            true => begun.key_of_selection(letter),
            false => begun.key(letter),
        };
        self.begun(read, text, at, indents)
    }

    /// What becomes of a command that is whole, or isn't yet.
    fn begun(&mut self, read: Read, text: &str, at: usize, indents: Indents) -> Step {
        match read {
            Read::More => Step::Taken,
            Read::Nothing => Step::Failed,
            Read::Whole(command) => {
                self.command(command, text, places::on_letter(text, at), indents)
            }
        }
    }

    fn command(&mut self, command: Command, text: &str, at: usize, indents: Indents) -> Step {
        self.see(text, at);
        if self.selection.is_some() {
            return self.command_of_selection(command, text, at, indents);
        }
        let count = command.count.unwrap_or(1);
        match command.verb {
            Verb::Undo => match self.undo.back(text, count) {
                Some(before) => {
                    self.marks.follow(text, &before.text);
                    let at = places::on_letter(&before.text, before.at);
                    self.leave(text, Edit { at, ..before })
                }
                None => Step::Failed,
            },
            Verb::Repeat => self.repeat(command.count, text, at, indents),
            Verb::EditElsewhere => Step::EditElsewhere,
            Verb::Search { is_forward } => {
                self.mode = Mode::Search(Pattern {
                    is_forward,
                    ..Pattern::default()
                });
                Step::Search
            }
            Verb::Go(motion) => self.go(motion, command.count, text, at),
            Verb::Mark(name) => {
                self.marks.set(name, at);
                Step::Taken
            }
            Verb::Record(register) => {
                self.macros.begin_recording(register);
                Step::Taken
            }
            Verb::Play(register) => self.play(register, count, (text, at), indents),
            Verb::Select => self.select(count, text, at),
            Verb::SelectAgain => self.select_again(text, at),
            _ => self.change(command, text, at, indents),
        }
    }

    /// Takes notice of what was changed by other keys than vi's: what was pasted, another cell.
    fn see(&mut self, text: &str, at: usize) {
        if self.seen.text != text {
            let before = std::mem::take(&mut self.seen);
            self.note_change(&before, text);
            self.column = None;
        }
        self.seen = Edit {
            text: text.to_owned(),
            at,
        };
    }

    fn go(&mut self, motion: Motion, count: Option<usize>, text: &str, at: usize) -> Step {
        let reach = motions::reach(motion, (text, at), count, Purpose::Go, &self.memory());
        self.remember(motion, text, at);
        if !motion.is_vertical() {
            self.column = (motion == Motion::LineEnd).then_some(Column::End);
        }
        if let Some(reach) = reach {
            if motion.is_vertical() && self.column.is_none() {
                self.column = Some(Column::Letter(places::column(text, at)));
            }
            if motion.is_jump() {
                self.marks.set(Marks::BEFORE_JUMP, at);
            }
            let to = places::on_letter(text, reach.at);
            if to == at && motion.has_to_move() {
                return Step::Failed;
            }
            self.seen.at = to;
            return Step::Go(to);
        }
        match motion {
            Motion::Down | Motion::Up => Step::ToOther {
                is_before: motion == Motion::Up,
                from: at,
            },
            Motion::SearchAgain { is_opposite } => match &self.pattern {
                Some(pattern) if pattern.sought == Sought::Typed => Step::SearchOn {
                    pattern: pattern.text.clone(),
                    is_forward: pattern.is_forward ^ is_opposite,
                },
                _ => Step::Failed,
            },
            _ => Step::Failed,
        }
    }

    fn memory(&self) -> Memory<'_> {
        Memory {
            find: self.find,
            pattern: self.pattern.as_ref(),
            marks: &self.marks,
            column: self.column,
        }
    }

    /// Keeps what a motion searches for, from a place on.
    fn remember(&mut self, motion: Motion, text: &str, at: usize) {
        match motion {
            Motion::Find(find) => self.find = Some(find),
            Motion::SameWord {
                is_forward,
                is_whole,
            } => {
                if let Some((pattern, _)) = Pattern::at_cursor(text, at, is_forward, is_whole) {
                    self.pattern = Some(pattern);
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, command: Command, text: &str, at: usize, indents: Indents) -> Step {
        let done = self.done(command, (text, at), indents);
        self.column = None;
        match done {
            Done::Nothing => Step::Failed,
            Done::Go(at) => {
                let at = places::on_letter(text, at);
                self.seen.at = at;
                Step::Go(at)
            }
            Done::Edit(edit) => {
                self.last = Some((command, None));
                self.edited(text, edit)
            }
            Done::Insert(insertion) => {
                let start = insertion.start.clone();
                self.mode = Mode::Insert(insertion);
                self.leave(text, start)
            }
        }
    }

    /// `.`: the last change again, with another count if one is given.
    fn repeat(&mut self, count: Option<usize>, text: &str, at: usize, indents: Indents) -> Step {
        let Some((mut command, typed)) = self.last.clone() else {
            return Step::Failed;
        };
        command.count = match command.verb {
            // As many lines as were selected.
            Verb::Operate(_, Target::Selected { .. }) => command.count,
            _ => count.or(command.count),
        };
        let end = match (self.done(command, (text, at), indents), &typed) {
            (Done::Edit(edit), _) => edit,
            (Done::Insert(insertion), Some(typed)) => insertion.repeated(typed),
            _ => return Step::Failed,
        };
        self.last = Some((command, typed));
        self.column = None;
        self.edited(text, end)
    }

    /// The step to what a command has made of a text.
    fn edited(&mut self, text: &str, edit: Edit) -> Step {
        let before = self.seen.clone();
        self.note_change(&before, &edit.text);
        let at = places::on_letter(&edit.text, edit.at);
        self.leave(text, Edit { at, ..edit })
    }

    /// What a command that changes something makes of a text.
    fn done(&mut self, command: Command, place: (&str, usize), indents: Indents) -> Done {
        let count = command.count.unwrap_or(1);
        let edit = match command.verb {
            Verb::Operate(operator, target) => {
                return self.operated(command, operator, target, place);
            }
            Verb::Insert(_) | Verb::Overwrite => {
                return Done::Insert(Insertion::begun(command, place, indents));
            }
            Verb::Put { is_before } => {
                let kept = self.registers.kept(command.register);
                kept.and_then(|kept| operators::put(place, kept, is_before, count))
            }
            Verb::Replace(letter) => operators::with_letters(place, count, letter),
            Verb::OtherCase => operators::in_other_case(place, count),
            Verb::Join { is_spaced } => operators::joined(place, count, is_spaced),
            _ => None,
        };
        edit.map_or(Done::Nothing, Done::Edit)
    }

    fn operated(
        &mut self,
        command: Command,
        operator: Operator,
        target: Target,
        (text, at): (&str, usize),
    ) -> Done {
        let Some((part, cursor)) = self.target(command.count, operator, target, (text, at)) else {
            return Done::Nothing;
        };
        if matches!(
            operator,
            Operator::Delete | Operator::Change | Operator::Copy
        ) && !part.is_empty()
        {
            let kept = part.kept(text);
            let how = how_kept(&kept, operator, target);
            self.registers.keep(command.register, kept, how);
        }
        if !part.is_lines {
            // Undoing it leads to where it begins.
            self.seen.at = part.start;
        }
        match operator {
            Operator::Delete => Done::Edit(part.removed(text)),
            Operator::Copy => Done::Go(cursor),
            Operator::Indent | Operator::Dedent => {
                let levels = match target {
                    Target::Selected { levels } => levels,
                    _ => 1,
                };
                Done::Edit(part.shifted(text, operator, levels))
            }
            Operator::Case(case) => Done::Edit(part.in_case(text, case, cursor)),
            Operator::Change => Done::Insert(Insertion::over(command, part, (text, at))),
        }
    }

    /// The part of the text that an operator is for, and where the cursor is if nothing moves it.
    fn target(
        &mut self,
        count: Option<usize>,
        operator: Operator,
        target: Target,
        (text, at): (&str, usize),
    ) -> Option<(Part, usize)> {
        let (from, reach) = match target {
            Target::Motion(motion) => {
                let purpose = match operator {
                    Operator::Change => Purpose::Change,
                    _ => Purpose::Operate,
                };
                let reach = motions::reach(motion, (text, at), count, purpose, &self.memory());
                self.remember(motion, text, at);
                (at, reach?)
            }
            Target::Object { object, is_around } => {
                let count = count.unwrap_or(1);
                let extent = objects::extent(object, (text, at), is_around, count)?;
                (extent.start, extent.reach)
            }
            Target::Lines | Target::Selected { .. } => {
                let lines = |count| {
                    let motion = Motion::ThisLine;
                    motions::reach(motion, (text, at), count, Purpose::Operate, &self.memory())
                };
                let reach = match target {
                    // Of so many lines as were selected, those that there are.
                    Target::Selected { .. } => lines(count).or_else(|| lines(None)),
                    _ => lines(count),
                };
                let part = Part::on_way(text, at, reach?, operator);
                let cursor = match (operator, target) {
                    (Operator::Copy, _) | (_, Target::Selected { .. }) => at,
                    _ => at.min(places::indent_end(text, at)),
                };
                return Some((part, cursor));
            }
        };
        let part = Part::on_way(text, from, reach, operator);
        Some((part, from.min(reach.at)))
    }
}

fn how_kept(kept: &Kept, operator: Operator, target: Target) -> How {
    let goes_far = match target {
        Target::Motion(motion) => motion.is_jump(),
        Target::Object { .. } | Target::Lines | Target::Selected { .. } => false,
    };
    match operator {
        Operator::Copy => How::Copied,
        _ if kept.is_lines || goes_far || kept.text.contains('\n') => How::DeletedMuch,
        _ => How::Deleted,
    }
}
