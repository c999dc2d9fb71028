//! Which commands the keys of command mode make: a register, counts, an operator and what it is for.
//!
//! Keys to words, without a text. What the commands do is in [`super::machine`].

use std::mem;

use super::macros::Macros;
use super::motions::{Find, Motion};
use super::objects::Object;
use super::operators::{Case, Operator};
use super::places::Words;
use super::registers::{Marks, Registers};

/// Higher counts are taken for this one.
const COUNT_MAX: usize = 9999;

/// What the keys mean together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    pub register: Option<char>,
    pub count: Option<usize>,
    pub verb: Verb,
}

impl Default for Command {
    /// Typing where one is.
    fn default() -> Self {
        Self {
            register: None,
            count: None,
            verb: Verb::Insert(Place::Here),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Go(Motion),
    Operate(Operator, Target),
    Insert(Place),
    Overwrite,
    Put {
        is_before: bool,
    },
    Replace(char),
    OtherCase,
    Join {
        is_spaced: bool,
    },
    /// Begins to select lines, or ends it.
    Select,
    /// The lines that were selected last.
    SelectAgain,
    /// Goes to the other end of what is selected.
    SwapEnds,
    SelectObject {
        object: Object,
        is_around: bool,
    },
    Mark(char),
    /// Begins a macro.
    Record(char),
    Play(char),
    Undo,
    Repeat,
    Search {
        is_forward: bool,
    },
    EditElsewhere,
}

/// What an operator is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Motion(Motion),
    Object {
        object: Object,
        is_around: bool,
    },
    /// The line that one is in, and those below it by the count.
    Lines,
    /// The same as they were selected, with `<` and `>` by so many levels.
    Selected {
        levels: usize,
    },
}

/// Where typing begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Here,
    Behind,
    Indent,
    LineStart,
    LineEnd,
    LineBelow,
    LineAbove,
}

/// What has become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// It is part of a command.
    More,
    /// With the keys before it, it means nothing.
    Nothing,
    Whole(Command),
}

/// The beginning of a command.
#[derive(Clone, Debug, Default)]
pub struct Begun {
    register: Option<char>,
    count: Option<usize>,
    /// An operator, and the count before it.
    operator: Option<(Operator, Option<usize>)>,
    awaits: Awaits,
}

/// What the next key is.
#[derive(Clone, Copy, Debug, Default)]
enum Awaits {
    #[default]
    Key,
    Register,
    /// What `g` is the first half of.
    SecondHalf,
    Letter {
        is_forward: bool,
        is_till: bool,
    },
    Replacement,
    MarkToSet,
    MacroToRecord,
    Macro,
    Mark {
        is_line: bool,
    },
    Object {
        is_around: bool,
    },
}

impl Begun {
    pub fn has_operator(&self) -> bool {
        self.operator.is_some()
    }

    /// Whether the next key is taken as the character that it stands for.
    pub fn awaits_character(&self) -> bool {
        !matches!(self.awaits, Awaits::Key)
    }

    /// Whether the next key can be a command of its own.
    pub fn awaits_command(&self) -> bool {
        !self.has_operator() && !self.awaits_character()
    }

    /// Takes the next key. A command that is whole or means nothing leaves nothing begun.
    pub fn key(&mut self, key: char) -> Read {
        let read = match mem::take(&mut self.awaits) {
            Awaits::Key => self.plain(key),
            Awaits::SecondHalf => self.second_half(key),
            Awaits::Register if Registers::is_name(key) => {
                self.register = Some(key);
                Read::More
            }
            Awaits::Letter {
                is_forward,
                is_till,
            } => self.motion(Motion::Find(Find {
                letter: key,
                is_forward,
                is_till,
            })),
            Awaits::Replacement => self.whole(Verb::Replace(key)),
            Awaits::MarkToSet if Marks::is_name(key) => self.whole(Verb::Mark(key)),
            Awaits::MacroToRecord if Macros::is_recorded_into(key) => self.whole(Verb::Record(key)),
            Awaits::Macro if key == '@' || Registers::is_name(key) => self.whole(Verb::Play(key)),
            Awaits::Mark { is_line } if Marks::is_name(key) => {
                self.motion(Motion::Mark { name: key, is_line })
            }
            Awaits::Object { is_around } => match Object::of_key(key) {
                Some(object) => self.target(Target::Object { object, is_around }),
                None => Read::Nothing,
            },
            Awaits::Register
            | Awaits::MarkToSet
            | Awaits::MacroToRecord
            | Awaits::Macro
            | Awaits::Mark { .. } => Read::Nothing,
        };
        if read != Read::More {
            *self = Self::default();
        }
        read
    }

    /// Takes the next key where lines are selected.
    pub fn key_of_selection(&mut self, key: char) -> Read {
        let read = match mem::take(&mut self.awaits) {
            Awaits::Key => self.plain_of_selection(key),
            Awaits::SecondHalf => match verb_of_selection_behind_g(key) {
                Some(verb) => self.whole(verb),
                None => self.second_half(key),
            },
            Awaits::Object { is_around } => match Object::of_key(key) {
                Some(object) => self.whole(Verb::SelectObject { object, is_around }),
                None => Read::Nothing,
            },
            awaits => {
                self.awaits = awaits;
                return self.key(key);
            }
        };
        if read != Read::More {
            *self = Self::default();
        }
        read
    }

    /// Takes a key that moves, where no character is awaited.
    pub fn motion_key(&mut self, motion: Motion) -> Read {
        let read = self.motion(motion);
        *self = Self::default();
        read
    }

    fn plain(&mut self, key: char) -> Read {
        if let Some(digit) = key.to_digit(10)
            && (digit > 0 || self.count.is_some())
        {
            let digits = self.count.unwrap_or(0) * 10 + digit as usize;
            self.count = Some(digits.min(COUNT_MAX));
            return Read::More;
        }
        if let Some(awaits) = awaits(key) {
            self.awaits = awaits;
            return Read::More;
        }
        if let Some(motion) = motion(key) {
            return self.motion(motion);
        }
        match self.operator {
            Some((operator, _)) => self.under_operator(key, operator),
            None => self.without_operator(key),
        }
    }

    fn plain_of_selection(&mut self, key: char) -> Read {
        if let Some(verb) = verb_of_selection(key, self.count.unwrap_or(1)) {
            return self.whole(verb);
        }
        match key {
            'i' | 'a' => {
                self.awaits = Awaits::Object {
                    is_around: key == 'a',
                };
                Read::More
            }
            '"' | 'm' | '@' => self.plain(key),
            _ if key.is_ascii_digit() || awaits(key).is_some() || motion(key).is_some() => {
                self.plain(key)
            }
            _ => Read::Nothing,
        }
    }

    fn under_operator(&mut self, key: char, operator: Operator) -> Read {
        match key {
            'i' | 'a' => {
                self.awaits = Awaits::Object {
                    is_around: key == 'a',
                };
                Read::More
            }
            _ if is_doubled_by(operator, key) => self.target(Target::Lines),
            _ => Read::Nothing,
        }
    }

    fn without_operator(&mut self, key: char) -> Read {
        if let Some(operator) = operator(key) {
            return self.operator(operator);
        }
        if let Some(awaits) = awaits_alone(key) {
            self.awaits = awaits;
            return Read::More;
        }
        verb(key).map_or(Read::Nothing, |verb| self.whole(verb))
    }

    /// Behind `g`.
    fn second_half(&mut self, key: char) -> Read {
        match key {
            'g' => self.motion(Motion::FirstLine),
            'e' => self.motion(Motion::WordEndBack(Words::Small)),
            'E' => self.motion(Motion::WordEndBack(Words::Big)),
            '_' => self.motion(Motion::LastNonBlank),
            '*' | '#' => self.motion(Motion::SameWord {
                is_forward: key == '*',
                is_whole: false,
            }),
            '~' => self.operator(Operator::Case(Case::Other)),
            'u' => self.operator(Operator::Case(Case::Lower)),
            'U' => self.operator(Operator::Case(Case::Upper)),
            'J' if !self.has_operator() => self.whole(Verb::Join { is_spaced: false }),
            'I' if !self.has_operator() => self.whole(Verb::Insert(Place::LineStart)),
            'v' if !self.has_operator() => self.whole(Verb::SelectAgain),
            _ => Read::Nothing,
        }
    }

    fn operator(&mut self, operator: Operator) -> Read {
        match self.operator {
            None => {
                self.operator = Some((operator, self.count.take()));
                Read::More
            }
            Some((begun, _)) if begun == operator => self.target(Target::Lines),
            Some(_) => Read::Nothing,
        }
    }

    fn motion(&self, motion: Motion) -> Read {
        match self.operator {
            Some(_) => self.target(Target::Motion(motion)),
            None => self.whole(Verb::Go(motion)),
        }
    }

    fn target(&self, target: Target) -> Read {
        match self.operator {
            Some((operator, _)) => self.whole(Verb::Operate(operator, target)),
            None => Read::Nothing,
        }
    }

    fn whole(&self, verb: Verb) -> Read {
        let before = self.operator.and_then(|(_, count)| count);
        let count = match (before, self.count) {
            (Some(before), Some(count)) => Some((before * count).min(COUNT_MAX)),
            (before, count) => before.or(count),
        };
        Read::Whole(Command {
            register: self.register,
            count,
            verb,
        })
    }
}

/// What is said by the key behind this one, with an operator or without.
fn awaits(key: char) -> Option<Awaits> {
    Some(match key {
        'g' => Awaits::SecondHalf,
        'f' | 't' | 'F' | 'T' => Awaits::Letter {
            is_forward: key.is_lowercase(),
            is_till: matches!(key, 't' | 'T'),
        },
        '\'' | '`' => Awaits::Mark {
            is_line: key == '\'',
        },
        _ => return None,
    })
}

/// The same of keys that no operator is for.
fn awaits_alone(key: char) -> Option<Awaits> {
    match key {
        '"' => Some(Awaits::Register),
        'r' => Some(Awaits::Replacement),
        'm' => Some(Awaits::MarkToSet),
        'q' => Some(Awaits::MacroToRecord),
        '@' => Some(Awaits::Macro),
        _ => None,
    }
}

fn motion(key: char) -> Option<Motion> {
    Some(match key {
        'h' => Motion::Left,
        'l' | ' ' => Motion::Right,
        'j' => Motion::Down,
        'k' => Motion::Up,
        '0' => Motion::LineStart,
        '$' => Motion::LineEnd,
        '^' => Motion::Indent,
        '|' => Motion::Column,
        '+' => Motion::NextLine,
        '-' => Motion::PreviousLine,
        '_' => Motion::ThisLine,
        'G' => Motion::LastLine,
        'w' => Motion::Word(Words::Small),
        'W' => Motion::Word(Words::Big),
        'e' => Motion::WordEnd(Words::Small),
        'E' => Motion::WordEnd(Words::Big),
        'b' => Motion::WordBack(Words::Small),
        'B' => Motion::WordBack(Words::Big),
        ';' => Motion::FindAgain { is_opposite: false },
        ',' => Motion::FindAgain { is_opposite: true },
        '%' => Motion::Bracket,
        '}' => Motion::ParagraphForward,
        '{' => Motion::ParagraphBack,
        ')' => Motion::SentenceForward,
        '(' => Motion::SentenceBack,
        'n' => Motion::SearchAgain { is_opposite: false },
        'N' => Motion::SearchAgain { is_opposite: true },
        '*' | '#' => Motion::SameWord {
            is_forward: key == '*',
            is_whole: true,
        },
        _ => return None,
    })
}

fn operator(key: char) -> Option<Operator> {
    Some(match key {
        'd' => Operator::Delete,
        'c' => Operator::Change,
        'y' => Operator::Copy,
        '>' => Operator::Indent,
        '<' => Operator::Dedent,
        _ => return None,
    })
}

/// Whether the key says of an operator that it is for lines.
fn is_doubled_by(begun: Operator, key: char) -> bool {
    let case = match key {
        '~' => Some(Case::Other),
        'u' => Some(Case::Lower),
        'U' => Some(Case::Upper),
        _ => None,
    };
    operator(key).or(case.map(Operator::Case)) == Some(begun)
}

fn verb(key: char) -> Option<Verb> {
    let on = |operator, motion| Verb::Operate(operator, Target::Motion(motion));
    Some(match key {
        'x' => on(Operator::Delete, Motion::Right),
        'X' => on(Operator::Delete, Motion::Left),
        'D' => on(Operator::Delete, Motion::LineEnd),
        'C' => on(Operator::Change, Motion::LineEnd),
        's' => on(Operator::Change, Motion::Right),
        'S' => Verb::Operate(Operator::Change, Target::Lines),
        'Y' => Verb::Operate(Operator::Copy, Target::Lines),
        'i' => Verb::Insert(Place::Here),
        'a' => Verb::Insert(Place::Behind),
        'I' => Verb::Insert(Place::Indent),
        'A' => Verb::Insert(Place::LineEnd),
        'o' => Verb::Insert(Place::LineBelow),
        'O' => Verb::Insert(Place::LineAbove),
        'R' => Verb::Overwrite,
        'p' => Verb::Put { is_before: false },
        'P' => Verb::Put { is_before: true },
        '~' => Verb::OtherCase,
        'J' => Verb::Join { is_spaced: true },
        'u' => Verb::Undo,
        '.' => Verb::Repeat,
        '/' => Verb::Search { is_forward: false },
        '?' => Verb::Search { is_forward: true },
        'v' => Verb::EditElsewhere,
        'V' => Verb::Select,
        _ => return None,
    })
}

/// What a key does with lines that are selected.
fn verb_of_selection(key: char, levels: usize) -> Option<Verb> {
    let operator = match key {
        'd' | 'D' | 'x' | 'X' => Operator::Delete,
        'c' | 'C' | 's' | 'S' | 'R' => Operator::Change,
        'y' | 'Y' => Operator::Copy,
        '>' => Operator::Indent,
        '<' => Operator::Dedent,
        '~' => Operator::Case(Case::Other),
        'u' => Operator::Case(Case::Lower),
        'U' => Operator::Case(Case::Upper),
        'o' | 'O' => return Some(Verb::SwapEnds),
        'J' | 'p' | 'P' | 'v' | 'V' => return verb(key),
        _ => return None,
    };
    Some(Verb::Operate(operator, Target::Selected { levels }))
}

fn verb_of_selection_behind_g(key: char) -> Option<Verb> {
    match key {
        '~' | 'u' | 'U' => verb_of_selection(key, 1),
        'J' => Some(Verb::Join { is_spaced: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &str) -> Read {
        let mut begun = Begun::default();
        let mut reads = keys.chars().map(|key| begun.key(key));
        let first = reads.find(|read| *read != Read::More);
        assert_eq!(reads.next(), None, "{keys}");
        first.unwrap_or(Read::More)
    }

    fn whole(register: Option<char>, count: Option<usize>, verb: Verb) -> Read {
        Read::Whole(Command {
            register,
            count,
            verb,
        })
    }

    #[test]
    fn counts_are_multiplied_and_registers_named() {
        let word = Target::Motion(Motion::Word(Words::Small));
        let delete = Verb::Operate(Operator::Delete, word);
        assert_eq!(read("dw"), whole(None, None, delete));
        assert_eq!(read("2\"ad3w"), whole(Some('a'), Some(6), delete));
        assert_eq!(read("99999x"), read("9999x"));
        assert_eq!(
            read("10G"),
            whole(None, Some(10), Verb::Go(Motion::LastLine))
        );
    }

    #[test]
    fn digits_are_letters_where_letters_are_awaited() {
        let find = Motion::Find(Find {
            letter: '3',
            is_forward: true,
            is_till: true,
        });
        assert_eq!(read("t3"), whole(None, None, Verb::Go(find)));
        assert_eq!(read("2r1"), whole(None, Some(2), Verb::Replace('1')));
        assert_eq!(read("0"), whole(None, None, Verb::Go(Motion::LineStart)));
    }

    #[test]
    fn an_operator_is_whole_where_lines_are_selected() {
        let mut begun = Begun::default();
        let mut read = |keys: &str| {
            let next = |_, key| begun.key_of_selection(key);
            keys.chars().fold(Read::More, next)
        };
        let shifted = Verb::Operate(Operator::Indent, Target::Selected { levels: 2 });
        assert_eq!(read("2>"), whole(None, Some(2), shifted));
        let find = Motion::Find(Find {
            letter: 'd',
            is_forward: true,
            is_till: false,
        });
        assert_eq!(read("fd"), whole(None, None, Verb::Go(find)));
        let put = Verb::Put { is_before: false };
        assert_eq!(read("\"ap"), whole(Some('a'), None, put));
        for key in ["r", "/", "I"] {
            assert_eq!(read(key), Read::Nothing, "{key}");
        }
    }

    #[test]
    fn an_operator_twice_is_for_lines() {
        let lines = |operator| whole(None, None, Verb::Operate(operator, Target::Lines));
        let lower = Operator::Case(Case::Lower);
        assert_eq!(read(">>"), lines(Operator::Indent));
        assert_eq!(read("guu"), lines(lower));
        assert_eq!(read("gugu"), lines(lower));
        assert_eq!(read("d>"), Read::Nothing);
        assert_eq!(read("dx"), Read::Nothing);
        assert_eq!(read("dr"), Read::Nothing);
        assert_eq!(read("di"), Read::More);
        assert_eq!(read("diz"), Read::Nothing);
    }
}
