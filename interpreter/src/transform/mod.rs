//! Turns a cell into plain Python: `%magic`, `%%magic`, `!command` and `obj?` become calls.
//!
//! Pure, text to text: no interpreter, and no idea of which magics exist. Every line keeps its
//! number, so that a traceback can show the line that a person wrote. `scan` finds where statements
//! begin; [`crate::completeness`] tells whether source is finished.

mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use ruff_python_ast::Stmt;

pub use crate::completeness::{Completeness, completeness};
use scan::{Statement, statements};

/// Rewrites what isn't Python in a cell; source that needs nothing comes back as it is.
pub fn transform_cell(source: &str) -> Cow<'_, str> {
    if !source.contains(['%', '!', '?']) {
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

/// What a cell ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastStatement {
    /// An expression; `shown` unless a semicolon follows it.
    Expression {
        shown: bool,
    },
    Other,
}

/// Tells whether Python source ends with an expression. Source that doesn't parse ends with none.
pub fn last_statement(source: &str) -> LastStatement {
    let Ok(parsed) = ruff_python_parser::parse_module(source) else {
        return LastStatement::Other;
    };
    let Some(Stmt::Expr(last)) = parsed.syntax().body.last() else {
        return LastStatement::Other;
    };
    let after = &source[last.range.end().to_usize()..];
    // Brackets around the expression aren't part of it; nor is a comment.
    let shown = !after.trim_start_matches([')', ' ', '\t']).starts_with(';');
    LastStatement::Expression { shown }
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
            output.push_str(&format!(
                "get_ipython().run_cell_magic({}, {}, {})",
                quoted(self.name),
                quoted(self.line),
                quoted(self.body)
            ));
        }
        output.push('\n');
        output
    }
}

/// The Python that a statement stands for if it isn't Python itself, and where it begins.
fn rewrite(source: &str, statement: &Statement) -> Option<(usize, String)> {
    let text = &source[statement.start..statement.end];
    if let Some(call) = command(text).or_else(|| help(text)) {
        return Some((statement.start, call));
    }
    // `name = %magic` and `name = !command`: what is left of them is Python.
    let value_start = statement.value_start?;
    let value = &source[value_start..statement.end];
    let call = if let Some(command) = value.strip_prefix('!') {
        format!("get_ipython().getoutput({})", quoted(&joined(command)))
    } else {
        line_magic(value)?
    };
    Some((value_start, call))
}

fn command(text: &str) -> Option<String> {
    if let Some(command) = text.strip_prefix("!!") {
        return Some(format!(
            "get_ipython().getoutput({})",
            quoted(&joined(command))
        ));
    }
    if let Some(command) = text.strip_prefix('!') {
        return Some(format!(
            "get_ipython().system({})",
            quoted(&joined(command))
        ));
    }
    if !text.ends_with('?') {
        return line_magic(text);
    }
    None
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
    Some(format!(
        "get_ipython().run_line_magic({}, {})",
        quoted(name),
        quoted(joined(arguments).trim_start())
    ))
}

/// `obj?`, `obj??`, `?obj` and `??obj` as calls.
fn help(text: &str) -> Option<String> {
    let text = text.trim();
    let (asked, marks) = if text.starts_with('?') {
        let asked = text.trim_start_matches('?');
        (asked, text.len() - asked.len())
    } else {
        let asked = text.trim_end_matches('?');
        (asked, text.len() - asked.len())
    };
    let asked = asked.trim();
    let is_name = |part: &str| {
        let mut chars = part.chars();
        chars
            .next()
            .is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '*'))
            && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '*'))
    };
    let bare = asked.trim_start_matches('%');
    if !(1..=2).contains(&marks) || asked.len() - bare.len() > 2 || !bare.split('.').all(is_name) {
        return None;
    }
    Some(help_call(asked, marks == 2))
}

fn help_call(asked: &str, detail: bool) -> String {
    let magic = if detail { "pinfo2" } else { "pinfo" };
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

/// Where the source isn't Python: the names of magics, whole commands, and question marks.
pub(crate) fn line_escapes(source: &str) -> Vec<Range<usize>> {
    if !source.contains(['%', '!', '?']) {
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
        let text = &source[start..end];
        let value = statement.value_start.map_or(start, |value| offset + value);
        let escaped = &source[value..end];
        if escaped.starts_with('!') {
            escapes.push(value..end);
        } else if command(escaped).is_some() {
            let name = escaped.find([' ', '\t']).unwrap_or(escaped.len());
            escapes.push(value..value + name);
        } else if help(text).is_some() {
            let marks = text.len() - text.trim_end_matches('?').len();
            if marks > 0 {
                escapes.push(end - marks..end);
            } else {
                let marks = text.len() - text.trim_start_matches('?').len();
                escapes.push(start..start + marks);
            }
        }
    }
    escapes
}
