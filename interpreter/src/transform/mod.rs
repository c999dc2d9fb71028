//! Turns a cell into plain Python: `%magic`, `%%magic`, `!command`, `obj?` and `,call with text`
//! become calls.
//!
//! Pure, text to text: no interpreter, and no idea of which magics exist. Every line keeps its
//! number, so that a traceback can show the line that a person wrote. `pasted` takes off what was
//! copied along, `outline` says how the result is compiled, `scan` finds where statements begin, `automatic` reads a line by the names that
//! are there; [`crate::completeness`] tells whether source is finished.

pub(crate) mod automatic;
mod outline;
mod pasted;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use ruff_python_ast::token::TokenKind;

pub use crate::completeness::{Completeness, completeness};
use crate::parsing::parse_module;
pub(crate) use outline::{LastStatement, Outline};
pub use pasted::unpasted;
use scan::{Statement, statements};

/// Rewrites what isn't Python in a cell; source that needs nothing comes back as it is.
pub fn transform_cell(source: &str) -> Cow<'_, str> {
    match unpasted(source) {
        Cow::Borrowed(source) => escapes_to_python(source),
        Cow::Owned(source) => Cow::Owned(escapes_to_python(&source).into_owned()),
    }
}

/// Rewrites magics, commands and questions in a cell that is free of what was copied along.
pub(crate) fn escapes_to_python(source: &str) -> Cow<'_, str> {
    if !may_have_escapes(source) {
        return Cow::Borrowed(source);
    }
    if let Some(magic) = CellMagic::parse(source) {
        return Cow::Owned(magic.to_python());
    }
    let mut output = String::new();
    let mut copied = 0;
    for statement in statements(source) {
        let Some((start, call)) = rewrite(source, &statement) else {
            continue;
        };
        output.push_str(&source[copied..start]);
        output.push_str(&call);
        // A command may run over several lines; those that follow keep their numbers.
        let lines = source[start..statement.end].matches('\n').count();
        output.extend(std::iter::repeat_n('\n', lines));
        copied = statement.end;
    }
    if copied == 0 {
        return Cow::Borrowed(source);
    }
    output.push_str(&source[copied..]);
    Cow::Owned(output)
}

/// Whether anything in the source could be something else than Python.
fn may_have_escapes(source: &str) -> bool {
    source.contains(['%', '!', '?'])
        || source
            .lines()
            .any(|line| line.trim_start().starts_with([',', ';', '/']))
}

/// Whether the last statement is followed by a semicolon, whatever it is.
pub(crate) fn ends_with_semicolon(source: &str) -> bool {
    let Ok(parsed) = parse_module(source) else {
        return false;
    };
    let last = parsed.tokens().iter().rev().find(|token| {
        !token.kind().is_trivia()
            && !matches!(token.kind(), TokenKind::Newline | TokenKind::EndOfFile)
    });
    last.is_some_and(|token| token.kind() == TokenKind::Semi)
}

/// A cell that begins with `%%name`: the rest of it is the magic's to read.
pub(crate) struct CellMagic<'a> {
    pub name: &'a str,
    pub line: &'a str,
    pub body: &'a str,
    /// Lines before the magic, which hold nothing.
    blank_lines: usize,
}

impl<'a> CellMagic<'a> {
    pub(crate) fn parse(source: &'a str) -> Option<Self> {
        let trimmed = source.trim_start();
        let rest = trimmed.strip_prefix("%%")?;
        let (first, body) = rest.split_once('\n').unwrap_or((rest, ""));
        let first = first.trim_end_matches('\r');
        let name_end = first
            .find(|c: char| !is_magic_name_char(c))
            .unwrap_or(first.len());
        // `%%!` runs the cell as a command does a line.
        let name_end = if first.starts_with('!') { 1 } else { name_end };
        let (name, line) = first.split_at(name_end);
        if name.is_empty() || !line.is_empty() && !line.starts_with([' ', '\t', '?']) {
            return None;
        }
        let before = &source[..source.len() - trimmed.len()];
        Some(Self {
            name,
            line: line.trim(),
            body,
            blank_lines: before.matches('\n').count(),
        })
    }

    fn to_python(&self) -> String {
        let mut output = "\n".repeat(self.blank_lines);
        if matches!(self.line, "?" | "??") && self.body.trim().is_empty() {
            output.push_str(&help_call(&format!("%%{}", self.name), self.line == "??"));
        } else {
            // As it is in a file, whether or not the text that the cell came in ended its last line.
            let end = if self.body.is_empty() || self.body.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            output.push_str(&format!(
                "get_ipython().run_cell_magic({}, {}, {})",
                quoted(self.name),
                quoted(self.line),
                quoted(&format!("{}{end}", self.body))
            ));
        }
        output.push('\n');
        output
    }
}

/// The Python that a statement stands for if it isn't Python itself, and where it begins.
fn rewrite(source: &str, statement: &Statement) -> Option<(usize, String)> {
    let text = &source[statement.start..statement.end];
    if let Some(call) = escaped_line(text, statement.ends_in_code) {
        return Some((statement.start, call));
    }
    // `name = %magic` and `name = !command`: what is left of them is Python.
    let value_start = statement.value_start?;
    let value = &source[value_start..statement.end];
    let call = if let Some(command) = value.strip_prefix('!') {
        output_call(command.strip_prefix('!').unwrap_or(command))
    } else {
        line_magic(value)?
    };
    Some((value_start, call))
}

/// The call that a line stands for, by the mark that it begins or ends with.
fn escaped_line(text: &str, ends_in_code: bool) -> Option<String> {
    if let Some(command) = text.strip_prefix("!!") {
        return Some(output_call(command));
    }
    if let Some(command) = text.strip_prefix('!') {
        let command = quoted(&joined(command));
        return Some(format!("get_ipython().system({command})"));
    }
    if let Some(call) = help(text, ends_in_code) {
        return Some(call);
    }
    line_magic(text).or_else(|| call_with_text(text))
}

fn output_call(command: &str) -> String {
    format!("get_ipython().getoutput({})", quoted(&joined(command)))
}

/// `%name arguments` as a call.
fn line_magic(text: &str) -> Option<String> {
    let rest = text.strip_prefix('%')?;
    let name_end = rest
        .find(|c: char| !is_magic_name_char(c))
        .unwrap_or(rest.len());
    let (name, arguments) = rest.split_at(name_end);
    if name.is_empty() {
        return None;
    }
    let arguments = joined(arguments);
    // A semicolon alone mutes, and is no argument.
    let arguments = match arguments.trim() {
        ";" => "",
        _ => arguments.trim_start(),
    };
    Some(format!(
        "get_ipython().run_line_magic({}, {})",
        quoted(name),
        quoted(arguments)
    ))
}

/// `,f a b`, `;f a b` and `/f a b` as calls: with each word as text, with all of them as one
/// text, with each word as Python.
fn call_with_text(text: &str) -> Option<String> {
    let mark = text
        .chars()
        .next()
        .filter(|c| matches!(c, ',' | ';' | '/'))?;
    let call = joined(&text[1..]);
    let (function, arguments) = call.split_once([' ', '\t']).unwrap_or((&call, ""));
    if !function.split('.').all(is_name) {
        return None;
    }
    let arguments = arguments.trim();
    let words = arguments.split_whitespace();
    let arguments = match mark {
        ';' => quoted(arguments),
        ',' if arguments.is_empty() => quoted(""),
        ',' => words.map(quoted).collect::<Vec<_>>().join(", "),
        _ => words.collect::<Vec<_>>().join(", "),
    };
    Some(format!("{function}({arguments})"))
}

/// `obj?`, `obj??`, `?obj` and `??obj` as calls; a line that ends so asks for its last name.
fn help(text: &str, ends_in_code: bool) -> Option<String> {
    if let Some(asked) = text.strip_prefix('?') {
        let detail = asked.starts_with('?');
        let asked = asked.strip_prefix('?').unwrap_or(asked).trim();
        return match asked {
            "" => Some("get_ipython().show_usage()".to_owned()),
            asked if asked.starts_with('?') => None,
            asked => Some(help_call(&joined(asked), detail)),
        };
    }
    let before = text.strip_suffix('?').filter(|_| ends_in_code)?;
    if text.starts_with("%px") && text.contains([' ', '\t']) {
        // What stands behind it is asked of engines.
        return None;
    }
    let (before, detail) = match before.strip_suffix('?') {
        Some(before) => (before, true),
        None => (before, false),
    };
    let asked = asked_name(before.trim_end())?;
    Some(help_call(asked, detail))
}

/// The name that the text ends with: `%magic`, `a.b[0].c`, `a.*b`.
fn asked_name(text: &str) -> Option<&str> {
    let mut start = text.len();
    loop {
        let mut before = &text[..start];
        while let Some(open) = before.strip_suffix(']').and_then(|_| before.rfind('[')) {
            let index = &before[open + 1..before.len() - 1];
            let digits = index.strip_prefix('-').unwrap_or(index);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            before = &before[..open];
        }
        let part = before.trim_end_matches(|c: char| c.is_alphanumeric() || "_*".contains(c));
        if part.len() == before.len() || before[part.len()..].starts_with(char::is_numeric) {
            return None;
        }
        start = part.len();
        match part.strip_suffix('.') {
            Some(owner) => start = owner.len(),
            None => break,
        }
    }
    let marked = &text[..start];
    let marks = marked.len() - marked.trim_end_matches('%').len();
    Some(&text[start - marks.min(2)..])
}

fn is_name(part: &str) -> bool {
    let mut chars = part.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(is_magic_name_char)
}

fn help_call(asked: &str, detail: bool) -> String {
    let magic = match (asked.contains('*'), detail) {
        (true, _) => "psearch",
        (false, true) => "pinfo2",
        (false, false) => "pinfo",
    };
    format!("get_ipython().run_line_magic('{magic}', {})", quoted(asked))
}

/// One line from several that backslashes join.
fn joined(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\\\r\n", " ").replace("\\\n", " "))
}

fn is_magic_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text as a Python string literal.
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\'' => literal.push_str("\\'"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\0' => literal.push_str("\\x00"),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

/// Where the source isn't Python: the names of magics, whole commands, and marks.
pub(crate) fn line_escapes(source: &str) -> Vec<Range<usize>> {
    if !may_have_escapes(source) {
        return Vec::new();
    }
    let mut escapes = Vec::new();
    let mut offset = 0;
    if let Some(magic) = CellMagic::parse(source) {
        let start = source.len() - source.trim_start().len();
        let first_line = source[start..]
            .find('\n')
            .map_or(source.len(), |end| start + end);
        escapes.push(start..start + source[start..first_line].trim_end().len());
        offset = source.len() - magic.body.len();
    }
    for statement in statements(&source[offset..]) {
        let (start, end) = (offset + statement.start, offset + statement.end);
        let value = statement.value_start.map_or(start, |value| offset + value);
        let escaped = &source[value..end];
        if escaped.starts_with('!') {
            escapes.push(value..end);
        } else if help(escaped, statement.ends_in_code).is_some() {
            let marks = escaped.len() - escaped.trim_start_matches('?').len();
            if marks > 0 {
                escapes.push(start..start + marks);
            } else {
                let marks = escaped.len() - escaped.trim_end_matches('?').len();
                escapes.push(end - marks..end);
            }
        } else if line_magic(escaped).is_some() {
            let name = escaped.find([' ', '\t']).unwrap_or(escaped.len());
            escapes.push(value..value + name);
        } else if call_with_text(escaped).is_some() {
            escapes.push(value..value + 1);
        }
    }
    escapes
}
