//! Selected lines (`V`): from where they were begun to the cursor, and what is done with them.
//!
//! An operator does with them what it does with so many lines from the first on: so `.` does it again. Which
//! keys mean it is told in [`super::super::commands`].

use std::ops::Range;

use super::super::commands::{Command, Target, Verb};
use super::super::motions::{Kind, Motion};
use super::super::objects::{self, Object};
use super::super::operators::{Operator, Part};
use super::super::places;
use super::super::registers::{How, Marks};
use super::{Indents, Machine, Step};

impl Machine {
    /// The lines that are selected in this text with the cursor at `at`, without the last one's newline.
    pub fn selected(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let from = self.selection.filter(|_| self.seen.text == text)?;
        let start = places::line_start(text, from.min(at));
        Some(start..places::line_end(text, from.max(at)))
    }

    /// Whether lines are selected: when the text was changed by other keys they no longer are.
    pub(super) fn keeps_selection(&mut self, text: &str) -> bool {
        if self.seen.text != text {
            self.selection = None;
        }
        self.selection.is_some()
    }

    /// `V`: selects so many lines.
    pub(super) fn select(&mut self, count: usize, text: &str, at: usize) -> Step {
        self.selection = Some(at);
        match count {
            0 | 1 => Step::Taken,
            _ => match self.go_in_cell(Motion::Down, Some(count - 1), text, at) {
                Step::Failed => Step::Taken,
                step => step,
            },
        }
    }

    /// `gv`: selects the lines that were selected last, and has others be the last.
    pub(super) fn select_again(&mut self, text: &str, at: usize) -> Step {
        let [from, to] = Marks::SELECTION.map(|mark| self.marks.place(mark));
        let (Some(from), Some(to)) = (from, to) else {
            return Step::Failed;
        };
        self.leave_selection(at);
        self.selection = Some(text.floor_char_boundary(from));
        self.moved_in_selection(text, text.floor_char_boundary(to))
    }

    pub(super) fn leave_selection(&mut self, at: usize) {
        if let Some(from) = self.selection.take() {
            for (mark, at) in Marks::SELECTION.into_iter().zip([from, at]) {
                self.marks.set(mark, at);
            }
        }
    }

    /// What a command does while lines are selected.
    pub(super) fn command_of_selection(
        &mut self,
        command: Command,
        text: &str,
        at: usize,
        indents: Indents,
    ) -> Step {
        let count = command.count.unwrap_or(1);
        match command.verb {
            Verb::Go(motion) => self.go_in_cell(motion, command.count, text, at),
            Verb::Mark(name) => {
                self.marks.set(name, at);
                Step::Taken
            }
            Verb::Play(register) => self.play(register, count, (text, at), indents),
            Verb::Select => {
                self.leave_selection(at);
                Step::Taken
            }
            Verb::SelectAgain => self.select_again(text, at),
            Verb::SwapEnds => match self.selection.replace(at) {
                Some(from) => self.moved_in_selection(text, from),
                None => Step::Failed,
            },
            Verb::SelectObject { object, is_around } => {
                self.select_object(object, is_around, count, (text, at))
            }
            Verb::EditElsewhere => {
                self.leave_selection(at);
                Step::EditElsewhere
            }
            _ => self.change_selected(command, text, at, indents),
        }
    }

    /// A motion, where none leads to another cell.
    fn go_in_cell(&mut self, motion: Motion, count: Option<usize>, text: &str, at: usize) -> Step {
        match self.go(motion, count, text, at) {
            Step::ToOther { .. } | Step::SearchOn { .. } => Step::Failed,
            step => step,
        }
    }

    fn moved_in_selection(&mut self, text: &str, to: usize) -> Step {
        let to = places::on_letter(text, to);
        self.column = None;
        self.seen.at = to;
        Step::Go(to)
    }

    /// Selects an object that is lines: where several are selected, from the next one below on.
    fn select_object(
        &mut self,
        object: Object,
        is_around: bool,
        count: usize,
        (text, at): (&str, usize),
    ) -> Step {
        let Some(from) = self.selection else {
            return Step::Failed;
        };
        let line_end = places::line_end(text, at);
        let is_one_line = places::line_start(text, from) == places::line_start(text, at);
        let next = match is_one_line {
            true => Some(at),
            false => (from < at && line_end < text.len()).then_some(line_end + 1),
        };
        let extent = next.and_then(|next| objects::extent(object, (text, next), is_around, count));
        match extent {
            Some(extent) if extent.reach.kind == Kind::Lines => {
                if is_one_line {
                    self.selection = Some(extent.start);
                }
                self.moved_in_selection(text, extent.reach.at)
            }
            _ => Step::Failed,
        }
    }

    fn change_selected(
        &mut self,
        command: Command,
        text: &str,
        at: usize,
        indents: Indents,
    ) -> Step {
        let (Some(from), Some(lines)) = (self.selection, self.selected(text, at)) else {
            return Step::Failed;
        };
        let start = match at < places::line_start(text, from) {
            true => at,
            false => lines.start,
        };
        self.leave_selection(at);
        // Undoing it leads there.
        self.seen.at = start;
        if let Verb::Put { is_before } = command.verb {
            return self.put_over(command, text, lines, is_before);
        }
        let command = Command {
            count: Some(line_count(&text[lines])),
            ..command
        };
        self.change(command, text, start, indents)
    }

    /// `p`: what was kept takes the place of the lines, which are kept instead, but not by `P`.
    fn put_over(
        &mut self,
        command: Command,
        text: &str,
        lines: Range<usize>,
        is_before: bool,
    ) -> Step {
        let part = Part::lines(text, lines.start, lines.end);
        let edit = match self.registers.kept(command.register) {
            Some(kept) => part.replaced_by(text, kept, command.count.unwrap_or(1)),
            None => Some(part.removed(text)),
        };
        let Some(edit) = edit else {
            return Step::Failed;
        };
        if !is_before {
            self.registers.keep(None, part.kept(text), How::DeletedMuch);
        }
        // As in vim, doing it again deletes as many lines.
        let again = Command {
            register: None,
            count: Some(line_count(&text[lines])),
            verb: Verb::Operate(Operator::Delete, Target::Selected { levels: 1 }),
        };
        self.last = Some((again, None));
        self.column = None;
        self.edited(text, edit)
    }
}

fn line_count(lines: &str) -> usize {
    lines.matches('\n').count() + 1
}
