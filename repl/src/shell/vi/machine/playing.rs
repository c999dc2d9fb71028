//! Macros: what is recorded of the keys, and what becomes of a cell as they are played.
//!
//! A macro is played as a whole, from a text to another: where a key leads to another cell, or nowhere, it
//! ends. What somebody has typed is recorded as the keys that would type it, whatever the line editor
//! has helped with.

use unicode_segmentation::UnicodeSegmentation;

use super::super::macros::{self, ABORT, BACKSPACE, ENTER, ESCAPE, LEFT, RIGHT};
use super::{Begun, Edit, Indents, Key, Machine, Mode, Motion, Step};

/// By how much a macro makes a text longer at most.
const GROWTH_BYTES_MAX: usize = 1 << 20;

impl Machine {
    /// Whether the key is that which ends a macro; then it is kept.
    pub(super) fn ends_recording(&mut self, key: Key) -> bool {
        let Mode::Command(begun) = &mut self.mode else {
            return false;
        };
        let is_end = key == Key::Character('q') && begun.awaits_command();
        if !is_end || !self.macros.is_recording() {
            return false;
        }
        *begun = Begun::default();
        if let Some((register, keys)) = self.macros.end_recording() {
            self.registers.record(register, keys);
        }
        true
    }

    /// Keeps a key for the macro that is being recorded; of what is typed, all of it at its end.
    pub(super) fn record(&mut self, key: Key, text: &str, at: usize) {
        if !self.macros.is_recording() {
            return;
        }
        match &self.mode {
            Mode::Insert(insertion) => {
                if matches!(key, Key::Escape | Key::Insert) {
                    let typed = insertion.keys(text, at);
                    for key in typed.chars() {
                        self.macros.record(key);
                    }
                    self.macros.record(ESCAPE);
                }
            }
            Mode::Command(begun) => {
                let kept = macros::kept(key, begun.awaits_character());
                self.macros.record(kept);
            }
            Mode::Search(_) => {
                if let Some(kept) = macros::kept_of_search(key) {
                    self.macros.record(kept);
                }
            }
        }
    }

    /// `@`: plays what is in a register, so many times.
    pub(super) fn play(
        &mut self,
        name: char,
        times: usize,
        (text, at): (&str, usize),
        indents: Indents,
    ) -> Step {
        let is_within_another = self.macros.is_playing();
        let name = self.macros.named(name);
        let kept = name.and_then(|name| self.registers.kept(Some(name)));
        let is_there = kept.is_some_and(|kept| self.macros.play(kept, times));
        match (is_there, is_within_another) {
            (false, _) => Step::Failed,
            (true, true) => Step::Taken,
            (true, false) => self.play_all(text, at, indents),
        }
    }

    /// Plays the keys up to the first that fails. That is one change to undo.
    fn play_all(&mut self, text: &str, at: usize, indents: Indents) -> Step {
        let changes = self.undo.kept();
        let text_bytes_max = text.len() + GROWTH_BYTES_MAX;
        let before = Edit {
            text: text.to_owned(),
            at,
        };
        let mut now = before.clone();
        while let Some(kept) = self.macros.next_key() {
            let goes_on = self.play_key(kept, &mut now, indents);
            if !goes_on || now.text.len() > text_bytes_max {
                break;
            }
        }
        self.macros.end_playing();
        self.undo.join(changes, before);
        if matches!(self.mode, Mode::Search(_)) {
            self.leave_search();
        }
        match now.text == text {
            true => Step::Go(now.at),
            false => Step::Edit(now),
        }
    }

    /// What a key makes of a text; whether the next one is played.
    fn play_key(&mut self, kept: char, now: &mut Edit, indents: Indents) -> bool {
        let step = match &self.mode {
            Mode::Insert(_) => self.played_typing(kept, now),
            Mode::Search(_) => self.played_search(kept, now),
            // Nothing is recorded of what is played.
            Mode::Command(begun) if kept == 'q' && begun.awaits_command() => Step::Taken,
            Mode::Command(begun) => {
                let key = macros::played(kept, begun.awaits_character());
                self.key_of_command(key, &now.text, now.at, indents)
            }
        };
        match step {
            Step::Taken | Step::Search => {}
            Step::Go(at) => now.at = at,
            Step::Edit(edit) => *now = edit,
            _ => return false,
        }
        true
    }

    fn played_typing(&mut self, kept: char, now: &Edit) -> Step {
        let (text, at) = (now.text.as_str(), now.at);
        let key = match kept {
            ESCAPE => Key::Escape,
            BACKSPACE => Key::Backspace,
            LEFT => return Step::Go(letter_before(text, at)),
            RIGHT => return Step::Go(letter_behind(text, at)),
            ENTER => Key::Character('\n'),
            letter => Key::Character(letter),
        };
        match (self.key_of_insertion(key, text, at), key) {
            (Step::Own, Key::Character(letter)) => {
                let mut text = text.to_owned();
                text.insert(at, letter);
                let at = at + letter.len_utf8();
                Step::Edit(Edit { text, at })
            }
            (Step::Own, _) => {
                let start = letter_before(text, at);
                let text = [&text[..start], &text[at..]].concat();
                Step::Edit(Edit { text, at: start })
            }
            (step, _) => step,
        }
    }

    /// A search that is played stays in the cell.
    fn played_search(&mut self, kept: char, now: &Edit) -> Step {
        let key = match kept {
            ENTER | '\n' | ESCAPE => Key::Enter,
            BACKSPACE => Key::Backspace,
            ABORT => Key::Abort,
            letter => Key::Character(letter),
        };
        if self.key_of_search(key, &now.text) != Step::EndSearch {
            return Step::Taken;
        }
        let motion = Motion::SearchAgain { is_opposite: false };
        self.go(motion, None, &now.text, now.at)
    }
}

/// The letter before, of the line before too.
fn letter_before(text: &str, at: usize) -> usize {
    let letter = text[..at].graphemes(true).next_back();
    at - letter.map_or(0, str::len)
}

/// Behind the letter that is there, or its newline.
fn letter_behind(text: &str, at: usize) -> usize {
    let letter = text[at..].graphemes(true).next();
    at + letter.map_or(0, str::len)
}
