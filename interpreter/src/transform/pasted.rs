//! Takes off a cell what came along when it was copied: line ends of other systems, the prompts
//! of a session, and indentation that all of its lines share.
//!
//! Pure. Lines keep their numbers. What isn't Python yet (`%magic`) is left to the rest of
//! [`crate::transform`].

use std::borrow::Cow;

use crate::parsing::parse_module;

/// The cell as it would have been typed; what needs nothing comes back as it is.
pub fn unpasted(source: &str) -> Cow<'_, str> {
    let mut text = with_line_feeds(source);
    if let Some(dedented) = dedented(&text) {
        text = Cow::Owned(dedented);
    }
    if let Some(bare) = without_prompts(&text) {
        text = Cow::Owned(bare);
    }
    text
}

/// The text with `\n` alone at the ends of lines, and without a byte order mark.
fn with_line_feeds(source: &str) -> Cow<'_, str> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if !source.contains('\r') {
        return Cow::Borrowed(source);
    }
    Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The first line that has code on it.
fn first_code_line(text: &str) -> Option<&str> {
    text.lines().find(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    })
}

/// The text without the indentation of its first line of code, if that has any.
fn dedented(text: &str) -> Option<String> {
    let first = first_code_line(text)?;
    let indent = &first[..first.len() - first.trim_start_matches([' ', '\t']).len()];
    // The continuation of a prompt is indented as the prompt is wide.
    if indent.is_empty() || session_prompt(first).is_some() {
        return None;
    }
    let mut output = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        output.push_str(line.strip_prefix(indent).unwrap_or(line));
    }
    Some(output)
}

/// The text without the prompts of a session, if it begins with one.
fn without_prompts(text: &str) -> Option<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next()?;
    let second = lines.next().unwrap_or_default();
    for prompt in [classic_prompt, session_prompt] {
        let begins = prompt(first).is_some() && !first.starts_with("...");
        // The first prompt is easily missed with the mouse. Three dots are Python as well.
        if begins || (prompt(second).is_some() && !parses(text)) {
            let mut output = String::with_capacity(text.len());
            for line in text.split_inclusive('\n') {
                output.push_str(prompt(line).unwrap_or(line));
            }
            return Some(output);
        }
    }
    None
}

fn parses(text: &str) -> bool {
    parse_module(text).is_ok()
}

/// What follows `>>> ` or `... `.
fn classic_prompt(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix(">>>")
        .or_else(|| line.strip_prefix("..."))?;
    if rest.is_empty() || rest.starts_with('\n') {
        return Some(rest);
    }
    rest.strip_prefix(' ')
}

/// What follows `In [3]: ` or `   ...: `.
fn session_prompt(line: &str) -> Option<&str> {
    let line = ["[ins] ", "[nav] "]
        .iter()
        .find_map(|mode| line.strip_prefix(mode))
        .unwrap_or(line);
    let rest = if let Some(numbered) = line.strip_prefix("In [") {
        let after = numbered.trim_start_matches(|c: char| c.is_ascii_digit());
        if after.len() == numbered.len() {
            return None;
        }
        after.strip_prefix("]:")?
    } else {
        let dots = line.trim_start_matches(' ');
        let after = dots.trim_start_matches('.');
        if dots.len() - after.len() < 3 {
            return None;
        }
        after.strip_prefix(':')?
    };
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_along_is_taken_off() {
        for (source, expected) in [
            ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
            ("x = 1\ry", "x = 1\ny"),
            ("\u{feff}x", "x"),
            ("    x = 1\n    if x:\n        y", "x = 1\nif x:\n    y"),
            ("\tx\n\ty", "x\ny"),
            ("\n\n  x\n  y\n", "\n\nx\ny\n"),
            ("  x\ny", "x\ny"),
            ("  # c\n  x\n  y", "# c\nx\ny"),
            (">>> x = 1", "x = 1"),
            (
                ">>> def f():\n...     return 1\n...\n>>> f()",
                "def f():\n    return 1\n\nf()",
            ),
            ("  >>> if x:\n  ...   y", "if x:\n  y"),
            ("if x:\n...     y\n... ", "if x:\n    y\n"),
            ("In [12]: x = 1", "x = 1"),
            (
                "In [1]: def f():\n   ...:     return 1\n   ...: \nIn [2]: f()",
                "def f():\n    return 1\n\nf()",
            ),
            ("[ins] In [1]: if x:\n         ...:   y", "if x:\n  y"),
            ("In [1]: %%time\n   ...: x", "%%time\nx"),
            ("   ...: x", "x"),
            ("for i in x:\n   ...:     y", "for i in x:\n    y"),
            (">>> s = '''\n... a\n... '''", "s = '''\na\n'''"),
        ] {
            assert_eq!(unpasted(source), expected, "{source:?}");
            assert_eq!(unpasted(expected), expected, "{source:?}");
        }
    }

    #[test]
    fn what_was_typed_stays() {
        for source in [
            "",
            "x = 1\n",
            "\n\nx",
            "...",
            "x = [\n...\n]",
            "...\n... == 1",
            "class P:\n    ...",
            "s = '''\n>>> x\n... y\n'''",
            "s = '''\nIn [1]: x\n'''",
            "  # c\nif x:\n  y",
            "In = [1]\nIn[0]",
            "# >>> x",
        ] {
            assert!(matches!(unpasted(source), Cow::Borrowed(_)), "{source:?}");
            assert_eq!(unpasted(source), source);
        }
    }
}
