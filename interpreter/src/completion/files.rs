//! Paths of files and folders, where the text that is typed can name some: in strings, behind commands and
//! where a word can be nothing else.

use super::quoted::Quoted;
use super::{Completions, KEYWORDS, is_name};

/// The path that is typed without quotes, and whether it can be nothing but a path: `/name` at the
/// begin of a line calls it, too, and behind a value it divides.
pub(super) fn bare_path<'a>(
    before: &str,
    line: &'a str,
    is_in_call: bool,
) -> Option<(&'a str, bool)> {
    let mut start = 0;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        if !is_escaped && (c.is_whitespace() || "=,([{".contains(c)) {
            start = at + c.len_utf8();
        }
        is_escaped = !is_escaped && c == '\\';
    }
    let word = &line[start..];
    if ["./", "../", "~/"]
        .iter()
        .any(|begin| word.starts_with(begin))
    {
        return Some((word, true));
    }
    if !word.starts_with('/') {
        return None;
    }
    let head = before[..before.len() - word.len()].trim_end();
    let may_call = head.is_empty() && !is_in_call && is_name(&word[1..]);
    let last = head.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    let last = &head[last.len()..];
    let is_value = !KEYWORDS.contains(&last) || matches!(last, "False" | "None" | "True");
    let may_divide = head.ends_with(is_value_end) && is_value;
    Some((word, !may_call && !may_divide))
}

fn is_value_end(c: char) -> bool {
    c.is_alphanumeric() || "_)]}\"'.".contains(c)
}

/// Whether the line is the right side of `files = !ls`.
pub(super) fn is_command(line: &str) -> bool {
    line.split_once('=')
        .is_some_and(|(_, value)| value.trim_start().starts_with('!'))
}

/// Files and folders that the open string could name, written as it must be there.
pub(super) fn quoted_paths(before: &str, open: usize) -> Completions {
    let quoted = Quoted::at(before, open);
    let typed = &before[open + 1..];
    let Some(path) = quoted.read(typed) else {
        return Completions::default();
    };
    let part = typed.rfind('/').map_or(0, |slash| slash + 1);
    let found = paths(&path, before.len()).matches.into_iter();
    Completions {
        start: open + 1 + part,
        matches: found.filter_map(|name| quoted.written(&name)).collect(),
    }
}

/// Files and folders that the last word of a command could name, written as the system's shell
/// reads them: a backslash stands in front of what would end the word.
pub(super) fn command_paths(line: &str, cursor: usize) -> Completions {
    let mut word = String::new();
    // Where the last part of the path starts.
    let mut part_start = 0;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => word.extend(chars.next().map(|(_, escaped)| escaped)),
            ' ' | '\t' | '!' | '<' | '>' | '|' | '&' | ';' => {
                word.clear();
                part_start = at + 1;
            }
            '/' => {
                word.push(c);
                part_start = at + 1;
            }
            _ => word.push(c),
        }
    }
    let mut found = paths(&word, cursor);
    found.start = cursor - (line.len() - part_start);
    for name in &mut found.matches {
        if name.contains(ESCAPED) {
            let escaped = name.chars().flat_map(|c| {
                let mark = ESCAPED.contains(&c).then_some('\\');
                mark.into_iter().chain([c])
            });
            *name = escaped.collect();
        }
    }
    found
}

/// What a backslash stands in front of in the names of files.
const ESCAPED: [char; 20] = [
    ' ', '\t', '\\', '\'', '"', '(', ')', '&', ';', '|', '<', '>', '*', '?', '[', ']', '#', '`',
    '!', '$',
];

/// Files and folders whose path begins with the text.
fn paths(typed: &str, cursor: usize) -> Completions {
    let (folder, prefix) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None => ("", typed),
    };
    let searched = match folder.strip_prefix("~/") {
        Some(rest) => std::env::var("HOME")
            .map_or_else(|_| folder.to_owned(), |home| format!("{home}/{rest}")),
        None if folder.is_empty() => ".".to_owned(),
        None => folder.to_owned(),
    };
    let mut matches = Vec::new();
    for entry in std::fs::read_dir(searched).into_iter().flatten().flatten() {
        let Ok(mut name) = entry.file_name().into_string() else {
            continue;
        };
        if !name.starts_with(prefix) || (name.starts_with('.') && !prefix.starts_with('.')) {
            continue;
        }
        // Through metadata of the target, so that a link to a folder counts as one.
        if std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir()) {
            name.push('/');
        }
        matches.push(name);
    }
    Completions {
        start: cursor - prefix.len(),
        matches,
    }
}
