//! Colours a traceback: the error's name, the places, and the lines that lead there.
//!
//! Text in, text out. The traceback itself, with its hidden frames and its source lines, is made
//! by `rhumba_interpreter::failure`; nothing of its words is changed here.

use super::colour::{Colours, Style};

/// The traceback with colours, line by line; the words stay the same.
pub fn paint(colours: Colours, traceback: &str) -> String {
    if !colours.enabled() {
        return traceback.to_owned();
    }
    let mut painted = String::with_capacity(traceback.len() * 2);
    for line in traceback.split_inclusive('\n') {
        let (text, end) = match line.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        painted.push_str(&paint_line(colours, text));
        painted.push_str(end);
    }
    painted
}

fn paint_line(colours: Colours, line: &str) -> String {
    let body = line.trim_start();
    let indent = &line[..line.len() - body.len()];
    if !body.is_empty() && body.bytes().all(|byte| b"^~ ".contains(&byte)) {
        return format!("{indent}{}", colours.paint(Style::Failure, body));
    }
    if body.starts_with("File \"") {
        return format!("{indent}{}", colours.paint(Style::Place, body));
    }
    if !indent.is_empty() || body.is_empty() {
        return line.to_owned();
    }
    if body.ends_with(':') && !body.contains(": ") && body.contains(' ') {
        // "Traceback (most recent call last):" and the sentences between chained errors.
        return colours.paint(Style::Quiet, body);
    }
    match error_name(body) {
        Some(name) => format!(
            "{}{}",
            colours.paint(Style::Failure, name),
            &body[name.len()..]
        ),
        None => line.to_owned(),
    }
}

/// The name at the start of `package.Error: message` or of a bare `Error`.
fn error_name(line: &str) -> Option<&str> {
    let name = line.split_once(':').map_or(line, |(name, _)| name);
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_' || character == '.');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEBACK: &str = "\
Traceback (most recent call last):
  File \"<cell 1>\", line 1, in <module>
    1 / 0
    ~~^~~
ZeroDivisionError: division by zero
";

    fn stripped(painted: &str) -> String {
        let mut text = String::new();
        let mut rest = painted;
        while let Some((before, after)) = rest.split_once('\x1b') {
            text.push_str(before);
            rest = after.split_once('m').expect("an escape code ends with m").1;
        }
        text + rest
    }

    #[test]
    fn only_colours_are_added() {
        let painted = paint(Colours::with(true), TRACEBACK);
        assert_eq!(stripped(&painted), TRACEBACK);
        assert!(painted.contains("\x1b[31;1mZeroDivisionError\x1b[0m: division by zero"));
        assert!(painted.contains("  \x1b[36mFile \"<cell 1>\", line 1, in <module>\x1b[0m"));
        assert!(painted.contains("    \x1b[31;1m~~^~~\x1b[0m"));
        assert!(painted.contains("    1 / 0\n"));
    }

    #[test]
    fn without_colours_nothing_changes() {
        assert_eq!(paint(Colours::with(false), TRACEBACK), TRACEBACK);
    }

    #[test]
    fn a_message_of_many_lines_is_left_alone() {
        assert_eq!(error_name("two words: no"), None);
        assert_eq!(
            error_name("json.decoder.JSONDecodeError: x"),
            Some("json.decoder.JSONDecodeError")
        );
        assert_eq!(error_name("KeyboardInterrupt"), Some("KeyboardInterrupt"));
    }
}
