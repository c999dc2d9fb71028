//! Finds where the statements of a cell begin, in source that need not be Python yet.
//!
//! It knows strings, comments, brackets and joined lines, and nothing else: a parser would stop at
//! the first magic. What is inside a string or a bracket is never a statement.

/// A statement on lines of its own, without its indentation and its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub start: usize,
    pub end: usize,
    /// Where the right side of an assignment begins, if that looks like a magic or a command.
    pub value_start: Option<usize>,
    /// Whether its last character is neither in a string nor in a comment.
    pub ends_in_code: bool,
}

/// The statements of the source, in order. Those after a semicolon count with the one before.
pub(super) fn statements(source: &str) -> Vec<Statement> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at + leading_space(&bytes[at..]);
        if start >= bytes.len() {
            break;
        }
        if bytes[start] == b'\n' || bytes[start] == b'\r' {
            at = start + 1;
            continue;
        }
        if bytes[start] == b'#' {
            at = line_end(bytes, start) + 1;
            continue;
        }
        let statement = if is_raw_line(bytes, start) {
            Statement {
                start,
                end: joined_line_end(bytes, start),
                value_start: None,
                ends_in_code: true,
            }
        } else {
            python_statement(bytes, start)
        };
        at = statement.end + 1;
        found.push(statement);
    }
    for statement in &mut found {
        let text = &source[statement.start..statement.end];
        statement.end = statement.start + text.trim_end().len();
    }
    found
}

/// Whether the line begins with a magic, a command or a question: its quotes and brackets mean
/// nothing to Python.
fn is_raw_line(bytes: &[u8], start: usize) -> bool {
    match bytes[start] {
        b'!' | b'?' => true,
        b'%' => bytes
            .get(start + 1)
            .is_some_and(|&next| next == b'%' || is_name_byte(next)),
        b',' | b';' | b'/' => bytes.get(start + 1).is_some_and(|&next| is_name_byte(next)),
        _ => false,
    }
}

/// Follows a Python statement to the end of its last line.
fn python_statement(bytes: &[u8], start: usize) -> Statement {
    let mut at = start;
    let mut depth = 0_usize;
    let mut ends_in_code = true;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' if depth == 0 => break,
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'\\' => at += 2,
            b'#' => {
                at = line_end(bytes, at);
                ends_in_code = false;
                continue;
            }
            b'\'' | b'"' => {
                at = string_end(bytes, at);
                ends_in_code = false;
                continue;
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'=' if depth == 0 && is_assignment(bytes, at) => {
                let value = at + 1 + leading_space(&bytes[at + 1..]);
                if value < bytes.len() && is_magic_value(bytes, value) {
                    return Statement {
                        start,
                        end: joined_line_end(bytes, value),
                        value_start: Some(value),
                        ends_in_code: true,
                    };
                }
                at += 1;
            }
            _ => at += 1,
        }
        ends_in_code = true;
    }
    Statement {
        start,
        end: at.min(bytes.len()),
        value_start: None,
        ends_in_code,
    }
}

/// Whether the `=` stands alone, as in no comparison and no `+=`.
fn is_assignment(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|index| bytes[index]);
    let after = bytes.get(at + 1);
    after != Some(&b'=') && !before.is_some_and(|byte| b"=!<>:+-*/%&|^@".contains(&byte))
}

fn is_magic_value(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b'!' => bytes.get(at + 1) != Some(&b'='),
        b'%' => bytes.get(at + 1).is_some_and(|&next| is_name_byte(next)),
        _ => false,
    }
}

/// The end of the string that opens at `at`; of the source if it never closes.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let mut next = if triple { at + 3 } else { at + 1 };
    while next < bytes.len() {
        match bytes[next] {
            b'\\' => next += 2,
            // A string in single quotes that isn't closed is an error for Python to report.
            b'\n' if !triple => return next,
            byte if byte == quote => {
                if !triple {
                    return next + 1;
                }
                if bytes[next..].starts_with(&[quote; 3]) {
                    return next + 3;
                }
                next += 1;
            }
            _ => next += 1,
        }
    }
    bytes.len()
}

/// The end of a line, its line end not included.
fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(bytes.len(), |offset| at + offset)
}

/// The end of the last of the lines that backslashes join.
fn joined_line_end(bytes: &[u8], start: usize) -> usize {
    let mut end = line_end(bytes, start);
    while end < bytes.len()
        && bytes[start..end].trim_ascii_end().ends_with(b"\\")
        && !ends_with_space(&bytes[start..end])
    {
        end = line_end(bytes, end + 1);
    }
    end
}

/// Whether space follows the last visible character: a backslash before it joins nothing.
fn ends_with_space(line: &[u8]) -> bool {
    matches!(line.last(), Some(b' ' | b'\t'))
}

fn leading_space(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c'))
        .count()
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}
