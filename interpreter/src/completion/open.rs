//! What is open at the end of a text that is typed: a string, the brackets of a call, the field of a formatted
//! string, a statement. Told from its marks; nothing is parsed.

use super::Code;
use crate::typed::string_end;

/// What is open at the end of a text.
#[derive(Default)]
pub(super) struct Open {
    /// The last quote of the mark that opens a string.
    pub(super) string: Option<usize>,
    /// The bracket of the innermost call, if nothing else is open inside of it.
    pub(super) call: Option<usize>,
}

impl Open {
    pub(super) fn at_end(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut brackets: Vec<(u8, usize)> = Vec::new();
        while at < bytes.len() {
            match bytes[at] {
                b'#' => at = text[at..].find('\n').map_or(bytes.len(), |end| at + end),
                quote @ (b'\'' | b'"') => match string_end(bytes, at) {
                    Some(end) => at = end,
                    None => {
                        let is_triple = bytes[at..].starts_with(&[quote; 3]);
                        return Self {
                            string: Some(if is_triple { at + 2 } else { at }),
                            call: None,
                        };
                    }
                },
                bracket @ (b'(' | b'[' | b'{') => brackets.push((bracket, at)),
                b')' | b']' | b'}' => {
                    brackets.pop();
                }
                _ => {}
            }
            at += 1;
        }
        let call = brackets
            .last()
            .filter(|(bracket, _)| *bracket == b'(')
            .map(|(_, at)| *at);
        Self { string: None, call }
    }
}

/// Where that part of a text begins that is read: of one that isn't longer than so many bytes all; of others
/// what is at the end, from the begin of a statement on if one begins there. None if it ends in a string or
/// a line that is longer.
pub(super) fn recent(text: &str, bytes_max: usize) -> Option<usize> {
    if text.len() <= bytes_max {
        return Some(0);
    }
    let earliest = text.len() - bytes_max;
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut is_decorated) = (0, 0_usize, false);
    let mut first_line = None;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => {
                at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
                continue;
            }
            b'\'' | b'"' => match string_end(bytes, at) {
                Some(end) if bytes[end] == b'\n' => {
                    at = end;
                    continue;
                }
                Some(end) => at = end,
                None if at < earliest => return None,
                None => break,
            },
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\\' => at += 1,
            b'\n' => {
                let line = &text[at + 1..];
                let is_begin = depth == 0 && begins_statement(line);
                if at + 1 >= earliest {
                    if is_begin && !is_decorated {
                        return Some(at + 1);
                    }
                    first_line.get_or_insert(at + 1);
                }
                // What is decorated is no statement without its decorators.
                if is_begin {
                    is_decorated = line.starts_with('@');
                }
            }
            _ => {}
        }
        at += 1;
    }
    first_line
}

/// Whether a line that stands in no bracket begins a statement of the cell.
fn begins_statement(line: &str) -> bool {
    let continues = ["elif", "else", "except", "finally"];
    let is_apart = line.starts_with(|c: char| c.is_whitespace() || c == '#');
    !line.is_empty() && !is_apart && !continues.iter().any(|word| line.starts_with(word))
}

/// The rest of the line behind the word at the cursor, if it may be of the comprehension that the word is in:
/// `[x.| for x in y]`.
pub(super) fn comprehension_behind(rest: &str) -> &str {
    let line = rest.lines().next().unwrap_or_default();
    let line = line.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    let is_clause = line.contains(" for ") && line.contains(" in ");
    if is_clause { line } else { "" }
}

/// The code of the field that is open in a formatted string: `f"{na`.
pub(super) fn open_field<'a>(code: &Code<'a>, quote: usize) -> Option<Code<'a>> {
    let before = code.before;
    let head = before[..quote].trim_end_matches(['"', '\'']);
    let prefix: String = head
        .chars()
        .rev()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    if prefix.len() > 2 || !prefix.to_ascii_lowercase().contains(['f', 't']) {
        return None;
    }
    let text = &before[quote + 1..];
    let mut field = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, field) {
            ('{', None) if chars.peek().is_some_and(|(_, next)| *next == '{') => {
                chars.next();
            }
            ('{', None) => field = Some(at + 1),
            ('}', Some(_)) => field = None,
            _ => {}
        }
    }
    field.map(|at| Code {
        unread: code.unread,
        around: &head[..head.len() - prefix.len()],
        line: &text[at..],
        ..Code::new(&text[at..])
    })
}

/// The last statement of a line: what stands behind `;`, or behind the colon of `if x:`.
pub(super) fn last_statement(line: &str) -> &str {
    let bytes = line.as_bytes();
    let (mut at, mut start, mut depth) = (0, 0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'#' => break,
            b'\'' | b'"' => match string_end(bytes, at) {
                Some(end) => at = end,
                None => break,
            },
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' | b':' if depth == 0 => start = at + 1,
            _ => {}
        }
        at += 1;
    }
    line[start..].trim_start()
}

#[cfg(test)]
mod tests {
    use super::recent;

    #[test]
    fn of_a_long_text_the_last_statements_are_read() {
        for (text, bytes_max, expected) in [
            ("a\nb\nc", 9, Some("a\nb\nc")),
            ("a\nb\nc", 4, Some("b\nc")),
            ("a\nb\nc", 1, Some("c")),
            ("if a:\n  b\n  c\nd\ne", 8, Some("d\ne")),
            ("if a:\n  b\nelse:\n  c\nd", 12, Some("d")),
            ("a\n@b\ndef c():\n  d", 16, Some("@b\ndef c():\n  d")),
            ("a\n@b\ndef c():\n  d\ne", 16, Some("e")),
            ("f(a,\nb,\nc)\nd", 8, Some("d")),
            ("'''a\nb\nc'''\nd", 8, Some("d")),
            ("a = 1 \\\n+ b\nc", 6, Some("c")),
            ("it's\nb", 3, Some("b")),
            ("# it's (\nb", 3, Some("b")),
            // What is in a bracket is read from some line on.
            ("f(a,\nb,\nc", 4, Some("b,\nc")),
            ("'''a\nb\nc", 4, None),
            ("abcdef", 3, None),
            ("é\nü", 2, Some("ü")),
        ] {
            let begin = recent(text, bytes_max);
            assert_eq!(begin.map(|begin| &text[begin..]), expected, "{text:?}");
        }
    }
}
