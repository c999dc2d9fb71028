//! What is open at the end of a text that is typed: a string, the brackets of a call, the field of a formatted
//! string, a statement. Told from its marks; nothing is parsed.

use super::Code;

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

/// The last quote of the string that opens at `at`, or the end of its line if it must end there;
/// `None` if it stays open.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let width = if bytes[at..].starts_with(&[quote; 3]) {
        3
    } else {
        1
    };
    let mut next = at + width;
    while next < bytes.len() {
        match bytes[next] {
            b'\\' => next += 1,
            b'\n' if width == 1 => return Some(next),
            byte if byte == quote && bytes[next..].starts_with(&[quote; 3][..width]) => {
                return Some(next + width - 1);
            }
            _ => {}
        }
        next += 1;
    }
    None
}

/// The code of the field that is open in a formatted string: `f"{na`.
pub(super) fn open_field(before: &str, quote: usize) -> Option<Code<'_>> {
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
        around: &head[..head.len() - prefix.len()],
        ..Code::new(&text[at..], &text[at..])
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
