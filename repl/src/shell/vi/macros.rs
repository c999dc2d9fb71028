//! Macros: keys as a register keeps them, which are being recorded, and which are to be played.
//!
//! What the keys do while they are played is told in [`super::machine`].

use super::machine::Key;
use super::motions::Motion;
use super::registers::Kept;

/// More keys than these aren't played for one that is typed, as of a macro that calls itself.
const PLAYED_MAX: usize = 50_000;

/// How many macros may be played within each other, those at their ends not counted.
const DEPTH_MAX: usize = 100;

pub const ESCAPE: char = '\x1b';
pub const BACKSPACE: char = '\x08';
pub const ENTER: char = '\r';
pub const ABORT: char = '\x07';
// Keys without a character have one of those for private use, as on Apple's computers.
pub const LEFT: char = '\u{f702}';
pub const RIGHT: char = '\u{f703}';
const HOME: char = '\u{f729}';
const END: char = '\u{f72b}';

#[derive(Debug, Default)]
pub struct Macros {
    recording: Option<Recording>,
    playing: Option<Playing>,
    /// The register that was played last.
    last: Option<char>,
}

#[derive(Debug)]
struct Recording {
    register: char,
    keys: String,
}

/// What is played: each macro within the one that calls it, the innermost last.
#[derive(Debug, Default)]
struct Playing {
    turns: Vec<Turn>,
    played: usize,
}

#[derive(Debug)]
struct Turn {
    keys: Vec<char>,
    next: usize,
    /// How often the keys are played once more behind this time.
    times_left: usize,
}

impl Macros {
    /// Whether keys can be recorded into a register of this name.
    pub fn is_recorded_into(name: char) -> bool {
        name.is_ascii_alphanumeric() || name == '"'
    }

    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    pub fn begin_recording(&mut self, register: char) {
        let keys = String::new();
        self.recording = Some(Recording { register, keys });
    }

    pub fn record(&mut self, key: char) {
        if let Some(recording) = &mut self.recording {
            recording.keys.push(key);
        }
    }

    /// The register and what was recorded for it.
    pub fn end_recording(&mut self) -> Option<(char, String)> {
        let recording = self.recording.take()?;
        Some((recording.register, recording.keys))
    }

    /// The register that is meant by a name, and by `@` the same as before.
    pub fn named(&mut self, name: char) -> Option<char> {
        if name != '@' {
            self.last = Some(name);
        }
        self.last
    }

    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Has played what a register has, before the rest of what is being played; whether that can be.
    pub fn play(&mut self, kept: &Kept, times: usize) -> bool {
        let end = if kept.is_lines { "\n" } else { "" };
        let turn = Turn {
            keys: kept.text.chars().chain(end.chars()).collect(),
            next: 0,
            times_left: times.saturating_sub(1),
        };
        let playing = self.playing.get_or_insert_default();
        while playing.turns.last().is_some_and(Turn::is_over) {
            playing.turns.pop();
        }
        let is_possible = playing.turns.len() < DEPTH_MAX;
        if is_possible {
            playing.turns.push(turn);
        }
        is_possible
    }

    /// The next key that is played, unless it would be one too many.
    pub fn next_key(&mut self) -> Option<char> {
        let playing = self.playing.as_mut()?;
        if playing.played == PLAYED_MAX {
            return None;
        }
        playing.played += 1;
        while let Some(turn) = playing.turns.last_mut() {
            if let Some(key) = turn.next_key() {
                return Some(key);
            }
            playing.turns.pop();
        }
        None
    }

    pub fn end_playing(&mut self) {
        self.playing = None;
    }
}

impl Turn {
    fn is_over(&self) -> bool {
        self.next == self.keys.len() && self.times_left == 0
    }

    fn next_key(&mut self) -> Option<char> {
        if self.next == self.keys.len() {
            self.times_left = self.times_left.checked_sub(1)?;
            self.next = 0;
        }
        let key = self.keys.get(self.next).copied()?;
        self.next += 1;
        Some(key)
    }
}

/// A key of command mode as it is kept. One that would be taken for a letter and isn't ends what it is in.
pub fn kept(key: Key, awaits_character: bool) -> char {
    match key {
        Key::Character(letter) => letter,
        Key::Enter => ENTER,
        Key::Like(letter) if !awaits_character => letter,
        Key::Backspace if !awaits_character => 'h',
        Key::Insert if !awaits_character => 'i',
        Key::Motion(Motion::FirstLine) if !awaits_character => HOME,
        Key::Motion(_) if !awaits_character => END,
        _ => ESCAPE,
    }
}

/// A key of a search as it is kept.
pub fn kept_of_search(key: Key) -> Option<char> {
    match key {
        Key::Character(letter) => Some(letter),
        Key::Backspace => Some(BACKSPACE),
        Key::HistorySearch => None,
        Key::Abort => Some(ABORT),
        _ => Some(ENTER),
    }
}

/// The key of command mode that is kept so.
pub fn played(kept: char, awaits_character: bool) -> Key {
    match kept {
        ESCAPE => Key::Escape,
        ENTER | '\n' if awaits_character => Key::Enter,
        // It runs nothing.
        ENTER | '\n' => Key::Character('+'),
        BACKSPACE => Key::Backspace,
        LEFT => Key::Like('h'),
        RIGHT => Key::Like('l'),
        HOME => Key::Motion(Motion::FirstLine),
        END => Key::Motion(Motion::LastLetter),
        letter => Key::Character(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Kept {
        Kept {
            text: text.to_owned(),
            is_lines: false,
        }
    }

    fn rest(macros: &mut Macros) -> String {
        std::iter::from_fn(|| macros.next_key()).collect()
    }

    #[test]
    fn what_is_called_is_played_before_the_rest() {
        let mut macros = Macros::default();
        assert!(macros.play(&keys("ab"), 2));
        assert_eq!(macros.next_key(), Some('a'));
        assert!(macros.play(&keys("xy"), 2));
        assert_eq!(rest(&mut macros), "xyxybab");
        macros.end_playing();
        macros.play(&keys(""), 3);
        assert_eq!(rest(&mut macros), "");
        let lines = Kept {
            is_lines: true,
            ..keys("a")
        };
        macros.play(&lines, 1);
        assert_eq!(rest(&mut macros), "a\n");
    }

    #[test]
    fn no_macro_is_played_for_ever() {
        let mut macros = Macros::default();
        macros.play(&keys("a"), 1);
        let mut played = 0;
        while macros.next_key().is_some() {
            played += 1;
            macros.play(&keys("a"), 9);
        }
        assert_eq!(played, PLAYED_MAX);
        macros.end_playing();
        macros.play(&keys("a"), usize::MAX);
        assert_eq!(rest(&mut macros).len(), PLAYED_MAX);
    }

    #[test]
    fn keys_without_a_character_are_kept_too() {
        let last = Key::Motion(Motion::LastLetter);
        assert_eq!(played(kept(last, false), false), last);
        assert_eq!(
            played(kept(Key::Like('D'), false), false),
            Key::Character('D')
        );
        assert_eq!(kept(Key::Like('D'), true), ESCAPE);
        assert_eq!(kept(Key::Character('D'), true), 'D');
        assert_eq!(played(kept(Key::Enter, true), true), Key::Enter);
    }
}
