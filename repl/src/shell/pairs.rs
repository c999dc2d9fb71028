//! Brackets and quotes that are closed as they are typed (`auto_match`).
//!
//! Decisions from a cell and its cursor to what becomes of it, by IPython's rules, except that a quote
//! right behind a word is an apostrophe. Nothing is what the key does by itself. Which keys ask, and
//! when, is in [`super::keys`]; pasted text never does.

use super::rewrite::Edited;

/// The keys that ask what they type.
pub const KEYS: [char; 8] = ['(', ')', '[', ']', '{', '}', '"', '\''];

/// The letters before a quote that make a string of another kind, alone or two of them.
const STRING_PREFIXES: [&str; 11] = ["r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"];

/// What begins and ends strings, the longer ones first.
const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];

/// What becomes of the cell when this character is typed, if it isn't just inserted.
pub fn typed(cell: &str, position: usize, character: char) -> Option<Edited> {
    let (before, after) = cell.split_at(position);
    let cursor = position + character.len_utf8();
    if !is_opening_bracket(character) && after.starts_with(character) {
        let text = cell.to_owned();
        return Some(Edited { text, cursor });
    }
    let closing = match character {
        '"' | '\'' => behind_quote(before, after, character),
        _ => behind_bracket(before, after, character),
    }?;
    let text = format!("{before}{character}{closing}{after}");
    Some(Edited { text, cursor })
}

/// The cell without the two that are around the cursor, if they belong together.
pub fn without_pair(cell: &str, position: usize) -> Option<Edited> {
    let (before, after) = cell.split_at(position);
    let opening = before.chars().next_back()?;
    let before = before.strip_suffix(opening)?;
    let after = after.strip_prefix(closing(opening)?)?;
    Some(Edited {
        text: format!("{before}{after}"),
        cursor: before.len(),
    })
}

fn is_opening_bracket(character: char) -> bool {
    matches!(character, '(' | '[' | '{')
}

/// What ends that which this begins.
fn closing(character: char) -> Option<char> {
    match character {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        '"' | '\'' => Some(character),
        _ => None,
    }
}

/// What is to be behind a bracket that is typed. In a raw string, the dashes before it come with it:
/// that is how some languages write theirs.
fn behind_bracket(before: &str, after: &str, bracket: char) -> Option<String> {
    let closing = closing(bracket)?;
    let dashes = dashes_of_raw_string(before);
    (dashes.is_some() || leaves_room(after))
        .then(|| format!("{closing}{}", dashes.unwrap_or_default()))
}

/// What is to be behind a quote that is typed: two more, if it is the third.
fn behind_quote(before: &str, after: &str, quote: char) -> Option<String> {
    if is_in_string(before) {
        return None;
    }
    let line = before.rsplit('\n').next().unwrap_or_default();
    let quote_text = String::from(quote);
    if line.ends_with(&quote_text.repeat(2)) {
        return Some(quote_text.repeat(3));
    }
    let is_paired = has_pairs_only(line, quote) && leaves_room(after) && !ends_in_word(line);
    is_paired.then_some(quote_text)
}

/// Whether a bracket or quote may be put before this: there is nothing in its line, or what separates.
fn leaves_room(after: &str) -> bool {
    let line = after.split('\n').next().unwrap_or_default();
    line.trim().is_empty() || line.starts_with([',', ')', ']', '}'])
}

/// The dashes, if any, with which a raw string begins that ends the text.
fn dashes_of_raw_string(before: &str) -> Option<&str> {
    let quoted = before.trim_end_matches('-');
    let prefix = quoted.strip_suffix(['"', '\''])?;
    let begins = prefix.ends_with(['r', 'R']) && is_in_string(before);
    begins.then(|| &before[quoted.len()..])
}

/// Whether every quote of this kind in the line has another.
fn has_pairs_only(line: &str, quote: char) -> bool {
    let mut characters = line.chars();
    let mut is_open = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            _ => is_open ^= character == quote,
        }
    }
    !is_open
}

/// Whether a word ends the line that makes no string of what is quoted behind it.
fn ends_in_word(line: &str) -> bool {
    let is_of_word = |character: char| character.is_alphanumeric() || character == '_';
    let word = &line[line.trim_end_matches(is_of_word).len()..];
    !word.is_empty() && !STRING_PREFIXES.contains(&word.to_lowercase().as_str())
}

/// Whether a string that the text begins isn't over where it ends. A comment is text like any other:
/// nothing is closed behind its apostrophes.
fn is_in_string(text: &str) -> bool {
    let mut open: Option<&str> = None;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        match open {
            None => {
                open = QUOTES.into_iter().find(|quotes| rest.starts_with(*quotes));
                length = open.map_or(length, str::len);
            }
            Some(quotes) if rest.starts_with(quotes) => {
                open = None;
                length = quotes.len();
            }
            Some(_) if character == '\\' => {
                length = rest.chars().take(2).map(char::len_utf8).sum();
            }
            Some(quotes) if quotes.len() == 1 && character == '\n' => open = None,
            Some(_) => {}
        }
        rest = &rest[length..];
    }
    open.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cell as it is written here: with its cursor.
    fn parts(cell: &str) -> (String, usize) {
        let cursor = cell.find('|').expect("it has a cursor");
        (cell.replacen('|', "", 1), cursor)
    }

    fn written(edited: Option<Edited>) -> Option<String> {
        edited.map(|it| format!("{}|{}", &it.text[..it.cursor], &it.text[it.cursor..]))
    }

    #[track_caller]
    fn becomes(cell: &str, character: char, expected: &str) {
        let (text, cursor) = parts(cell);
        let made = written(typed(&text, cursor, character));
        assert_eq!(made.as_deref(), Some(expected), "{cell} {character}");
    }

    #[track_caller]
    fn stays(cell: &str, character: char) {
        let (text, cursor) = parts(cell);
        assert_eq!(typed(&text, cursor, character), None, "{cell} {character}");
    }

    #[test]
    fn brackets_are_closed_where_there_is_room() {
        becomes("f|", '(', "f(|)");
        becomes("|", '[', "[|]");
        becomes("f(|)", '{', "f({|})");
        becomes("f(|, 1)", '(', "f((|), 1)");
        becomes("f|\ng(1)", '(', "f(|)\ng(1)");
        becomes("f|  ", '(', "f(|)  ");
        becomes("été = |", '(', "été = (|)");
        stays("f|x", '(');
        stays("| + 1", '(');
        stays("(|(", '(');
        stays("f(1|", ')');
    }

    #[test]
    fn what_is_there_is_stepped_over() {
        becomes("f(|)", ')', "f()|");
        becomes("[1|] + x", ']', "[1]| + x");
        becomes("'a|'", '\'', "'a'|");
        becomes("\"\"\"|\"\"\"", '"', "\"\"\"\"|\"\"");
    }

    #[test]
    fn quotes_are_closed_outside_of_strings_and_words() {
        becomes("x = |", '"', "x = \"|\"");
        becomes("f(|)", '\'', "f('|')");
        becomes("'a', |", '\'', "'a', '|'");
        becomes("f|", '\'', "f'|'");
        becomes("x = Rb|", '"', "x = Rb\"|\"");
        becomes("'\\''|, b", '"', "'\\''\"|\", b");
        stays("don|", '\'');
        stays("'it |", '"');
        stays("# don't |", '\'');
        stays("# don't |", '"');
        stays("'''a\n|", '"');
        stays("x = |y", '"');
        becomes("# don't\nx = |", '"', "# don't\nx = \"|\"");
    }

    #[test]
    fn the_third_quote_is_closed_by_three() {
        becomes("\"\"|", '"', "\"\"\"|\"\"\"");
        becomes("x = ''|", '\'', "x = '''|'''");
        stays("\"\"\"|", '"');
        stays("'\"\"|", '"');
    }

    #[test]
    fn in_raw_strings_dashes_come_along() {
        becomes("x = r'|'", '(', "x = r'(|)'");
        becomes("R\"--|\"", '[', "R\"--[|]--\"");
        stays("'|'", '(');
        stays("'bar'|x", '(');
    }

    #[test]
    fn a_pair_is_removed_at_once() {
        let removed = |cell: &str| {
            let (text, cursor) = parts(cell);
            written(without_pair(&text, cursor))
        };
        assert_eq!(removed("f(|)").as_deref(), Some("f|"));
        assert_eq!(removed("x = '|' + y").as_deref(), Some("x = | + y"));
        assert_eq!(removed("\"\"\"|\"\"\"").as_deref(), Some("\"\"|\"\""));
        assert_eq!(removed("f(|]"), None);
        assert_eq!(removed("f(1|)"), None);
        assert_eq!(removed("|)"), None);
        assert_eq!(removed(")|)"), None);
    }
}
