//! What rustyline asks while a cell is edited: colours for the text, completions for a word.
//!
//! Both answers are the interpreter's; this file turns them into the form that rustyline wants.

use std::borrow::Cow;

use rhumba_interpreter::completion;
use rhumba_interpreter::highlight::{self, TokenClass};
use rhumba_interpreter::namespace::Namespace;
use rustpython_vm::VirtualMachine;
use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::{Context, Helper, Hinter, Validator};

use super::colour::{Colours, Style};

/// As many candidates as are offered at once; more would only fill the screen.
const CANDIDATES_MAX: usize = 5_000;
/// A cell longer than this is shown without colours, so that typing stays quick.
const COLOURED_BYTES_MAX: usize = 64 * 1024;

#[derive(Helper, Hinter, Validator)]
pub struct CellHelper<'vm> {
    vm: &'vm VirtualMachine,
    namespace: &'vm Namespace,
    colours: Colours,
}

impl<'vm> CellHelper<'vm> {
    pub fn new(vm: &'vm VirtualMachine, namespace: &'vm Namespace, colours: Colours) -> Self {
        Self {
            vm,
            namespace,
            colours,
        }
    }
}

impl Completer for CellHelper<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let mut found = self
            .vm
            .attach_for_callback(|| completion::complete(self.vm, self.namespace, line, position));
        found.matches.truncate(CANDIDATES_MAX);
        Ok((found.start, found.matches))
    }
}

impl Highlighter for CellHelper<'_> {
    fn highlight<'l>(&self, line: &'l str, _position: usize) -> Cow<'l, str> {
        if !self.colours.enabled() || line.len() > COLOURED_BYTES_MAX {
            return Cow::Borrowed(line);
        }
        Cow::Owned(paint(self.colours, line))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }

    fn highlight_char(&self, _line: &str, _position: usize, kind: CmdKind) -> bool {
        // One more character can change the colour of all of them: a quote, for one.
        self.colours.enabled() && kind != CmdKind::MoveCursor
    }
}

/// The cell with colours; its characters stay the same.
fn paint(colours: Colours, cell: &str) -> String {
    let mut painted = String::with_capacity(cell.len() * 2);
    let mut end = 0;
    for (range, class) in highlight::tokens(cell) {
        let (Some(before), Some(token)) = (cell.get(end..range.start), cell.get(range.clone()))
        else {
            continue;
        };
        painted.push_str(before);
        // A colour that runs over the end of a line would colour the terminal's margin.
        for line in token.split_inclusive('\n') {
            let text = line.strip_suffix('\n').unwrap_or(line);
            painted.push_str(&colours.paint(style_of(class), text));
            painted.push_str(&line[text.len()..]);
        }
        end = range.end;
    }
    painted.push_str(cell.get(end..).unwrap_or_default());
    painted
}

fn style_of(class: TokenClass) -> Style {
    match class {
        TokenClass::Keyword => Style::Keyword,
        TokenClass::Builtin => Style::Builtin,
        TokenClass::Definition => Style::Definition,
        TokenClass::Decorator | TokenClass::Magic => Style::Magic,
        TokenClass::String => Style::Text,
        TokenClass::Number => Style::Number,
        TokenClass::Comment => Style::Comment,
        TokenClass::Operator => Style::Operator,
        TokenClass::Error => Style::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: [&str; 5] = [
        "def f(x):\n    return '''a\nb''' + x  # π",
        "%px 1",
        "x = !ls",
        "f('",
        "\u{1F40D}",
    ];

    #[test]
    fn painting_changes_no_character() {
        for cell in CELLS {
            assert_eq!(paint(Colours::with(false), cell), cell);
            let painted = paint(Colours::with(true), cell);
            let mut stripped = String::new();
            let mut rest = painted.as_str();
            while let Some((before, after)) = rest.split_once('\x1b') {
                stripped.push_str(before);
                rest = after.split_once('m').expect("an escape code ends with m").1;
            }
            assert_eq!(stripped + rest, cell);
        }
    }

    #[test]
    fn no_colour_runs_over_the_end_of_a_line() {
        let painted = paint(Colours::with(true), "x = '''a\nb'''");
        assert!(painted.contains("a\x1b[0m\n\x1b[33mb'''"), "{painted:?}");
    }
}
