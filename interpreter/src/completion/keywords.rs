//! The words that the grammar owns, and where they fit.
//!
//! What stands before the word in its line tells that well enough; nothing is parsed.

use super::{is_name, last_statement};

/// The words that the grammar owns.
pub(crate) const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Those of them that only begin a statement.
const BEGINNINGS: &[&str] = &[
    "assert", "break", "class", "continue", "def", "del", "elif", "except", "finally", "global",
    "import", "nonlocal", "pass", "raise", "return", "try", "while", "with",
];

/// Words that the grammar owns at the begin of a statement, and nowhere else.
const SOFT_KEYWORDS: &[&str] = &["case", "match", "type"];

/// The keywords that begin with `prefix` and fit there: `head` is what stands before it in its line,
/// `before` all that does.
pub(super) fn fitting<'a>(
    before: &'a str,
    head: &str,
    prefix: &'a str,
) -> impl Iterator<Item = &'static str> + use<'a> {
    let place = Place::behind(head);
    let is_begin_of_case = |line: &str| {
        let code = line.split_once(" #").map_or(line, |(code, _)| code);
        let opens = |text: &str| text.trim_end().ends_with(':');
        line.trim_start().starts_with("match ") && (opens(code) || opens(line))
    };
    let fits_softly = move |word: &str| {
        place == Place::Begin && (word != "case" || before.lines().any(is_begin_of_case))
    };
    let keywords = KEYWORDS.iter().filter(move |word| place.fits(word));
    let soft_keywords = SOFT_KEYWORDS.iter().filter(move |word| fits_softly(word));
    keywords
        .chain(soft_keywords)
        .copied()
        .filter(move |word| word.starts_with(prefix))
}

/// What a word in code can be, by what stands before it in its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first of a statement.
    Begin,
    BehindAsync,
    /// Behind a word that only the name of a magic can be.
    Unknown,
    Within,
}

impl Place {
    fn behind(head: &str) -> Self {
        let statement = last_statement(head).trim();
        match statement {
            "" => Self::Begin,
            "async" => Self::BehindAsync,
            _ if statement.starts_with('%') => Self::Unknown,
            word if is_name(word) && !KEYWORDS.contains(&word) => Self::Unknown,
            _ => Self::Within,
        }
    }

    fn fits(self, keyword: &str) -> bool {
        match self {
            Self::Begin | Self::Unknown => true,
            Self::BehindAsync => matches!(keyword, "def" | "for" | "with"),
            Self::Within => !BEGINNINGS.contains(&keyword),
        }
    }
}
