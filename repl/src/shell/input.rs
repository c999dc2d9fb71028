//! Where cells come from: a person at a terminal, or lines without any editing.
//!
//! The line editor needs a terminal on both sides that understands escape codes. Without one the
//! same shell reads plain lines, through Python's own `sys.stdin`, so that `input()` in a cell
//! gets the line after it; through `sys.__stdin__` where a cell has taken that away.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use rhumba_interpreter::completeness::Missing;
use rhumba_interpreter::namespace::Namespace;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::colour::Colours;
use super::editor::CellEditor;
use super::history::History;
use super::keys::{Enter, on_enter};
use super::looks;
use super::screen::Screen;

/// What came of asking for a cell.
pub enum Reading {
    Cell(String),
    /// Ctrl-C: what was typed is gone.
    Cleared,
    /// Ctrl-D, or the end of the file.
    End,
    /// There can be no more cells, for the reason that the sentence gives.
    Broken(String),
}

pub enum Input<'vm> {
    Editor(Box<CellEditor<'vm>>),
    Lines(LineReader<'vm>),
}

impl<'vm> Input<'vm> {
    pub fn new(
        vm: &'vm VirtualMachine,
        namespace: &'vm Namespace,
        colours: Colours,
        screen: &Arc<Screen>,
        history: &History,
        edits_lines: bool,
    ) -> Self {
        if edits_lines
            && can_edit()
            && let Ok(editor) = CellEditor::new(vm, namespace, colours, Arc::clone(screen), history)
        {
            return Self::Editor(Box::new(editor));
        }
        Self::Lines(LineReader { vm, at_end: false })
    }

    /// Begins anew, where a cell has closed the files that it works with.
    pub fn reopen(&mut self) {
        if let Self::Editor(editor) = self {
            // Where the terminal is gone, reading from it will say so.
            let _ = editor.reopen();
        }
    }

    /// Reads the cell with this number; it is never empty. `text` is there to begin with.
    pub fn read_cell(&mut self, number: u32, text: Option<String>) -> Reading {
        match self {
            Self::Editor(editor) => match editor.read_cell(number, text) {
                Ok(reading) => reading,
                Err(sentence) => {
                    editor.tell(&format!("{sentence}; this cell is read without editing"));
                    let vm = editor.vm();
                    LineReader { vm, at_end: false }.read_cell(number)
                }
            },
            Self::Lines(reader) => {
                // It can't be edited here, only seen.
                if let Some(text) = text {
                    show(&format!("{text}\n"));
                }
                reader.read_cell(number)
            }
        }
    }
}

/// Whether a line editor has what it needs.
pub fn can_edit() -> bool {
    std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
        && std::env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty())
}

/// A cell as far as its lines have come.
struct Growing {
    cell: String,
    missing: Missing,
}

impl Default for Growing {
    fn default() -> Self {
        Self {
            cell: String::new(),
            missing: Missing::Anything,
        }
    }
}

impl Growing {
    /// Adds a line without its end; says whether the cell is to run with it.
    fn add(&mut self, line: &str) -> bool {
        self.cell.push_str(line);
        if self.cell.trim().is_empty() {
            self.cell.clear();
            return false;
        }
        if self.missing.is_in(line) {
            if on_enter(&self.cell, self.cell.len()) == Enter::Run {
                return true;
            }
            self.missing = Missing::of(&self.cell);
        }
        self.cell.push('\n');
        false
    }
}

/// Reads plain lines until they make a cell.
pub struct LineReader<'vm> {
    vm: &'vm VirtualMachine,
    at_end: bool,
}

impl LineReader<'_> {
    fn read_cell(&mut self, number: u32) -> Reading {
        let mut growing = Growing::default();
        let prompt = looks::in_prompt(number);
        let continuation = looks::continuation_prompt(number);
        loop {
            if self.at_end {
                return Reading::End;
            }
            show(if growing.cell.is_empty() {
                &prompt
            } else {
                &continuation
            });
            match self.read_line() {
                Ok(line) if line.is_empty() => {
                    self.at_end = true;
                    show("\n");
                    if growing.cell.trim().is_empty() {
                        return Reading::End;
                    }
                    // As much of a cell as there is: Python says what is missing from it.
                    return Reading::Cell(growing.cell);
                }
                Ok(line) => {
                    if growing.add(line.strip_suffix('\n').unwrap_or(&line)) {
                        return Reading::Cell(growing.cell);
                    }
                }
                Err(reading) => return reading,
            }
        }
    }

    /// One line with its end, or nothing at the end of the file.
    fn read_line(&self) -> Result<String, Reading> {
        let own = self.stream("__stdin__");
        let read = match self.stream("stdin") {
            Some(stream) if own.as_ref().is_none_or(|own| own.is(&stream)) => self.line_of(&stream),
            replaced => {
                let read = replaced.map(|stream| self.line_of(&stream));
                let is_read = |read: &PyResult<String>| match read {
                    Ok(_) => true,
                    Err(failure) => self.is_interrupt(failure),
                };
                // A cell has taken it away, or put something there that can't be read.
                match (read.filter(is_read), own) {
                    (Some(read), _) => read,
                    (None, Some(own)) => self.line_of(&own),
                    (None, None) => Err(self.vm.new_type_error("sys.stdin is taken away")),
                }
            }
        };
        read.map_err(|failure| {
            if self.is_interrupt(&failure) {
                show("\n");
                return Reading::Cleared;
            }
            let why = failure
                .as_object()
                .str(self.vm)
                .map_or_else(|_| String::new(), |text| format!(": {text}"));
            Reading::Broken(format!("standard input can't be read{why}"))
        })
    }

    /// What `sys` has under this name, unless that is nothing.
    fn stream(&self, name: &'static str) -> Option<PyObjectRef> {
        let stream = self.vm.sys_module.get_attr(name, self.vm).ok();
        stream.filter(|stream| !self.vm.is_none(stream))
    }

    fn line_of(&self, stream: &PyObject) -> PyResult<String> {
        let line = self.vm.call_method(stream, "readline", ())?;
        match line.downcast_ref::<PyStr>() {
            Some(line) => Ok(line.to_string_lossy().into_owned()),
            None => Err(self.vm.new_type_error("sys.stdin gives no text")),
        }
    }

    fn is_interrupt(&self, failure: &PyBaseExceptionRef) -> bool {
        failure
            .class()
            .is(self.vm.ctx.exceptions.keyboard_interrupt)
    }
}

fn show(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // Nobody is left to be told when stdout is closed.
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells that lines make, and what is left at their end.
    fn read(text: &str) -> (Vec<String>, String) {
        let mut cells = Vec::new();
        let mut growing = Growing::default();
        for line in text.lines() {
            if growing.add(line) {
                cells.push(std::mem::take(&mut growing).cell);
            }
        }
        (cells, growing.cell)
    }

    #[test]
    fn lines_make_cells() {
        let text = "\nx = 1\nf(1,\n  2)\ndef f():\n    y = '''a\n\n    b'''\n    return y\n\n\
                    s = '''\nif x:\n   y'''\n%%px\nprint(\n\nx = 1 + \\\n    2\nif x:\n    y";
        let (cells, rest) = read(text);
        assert_eq!(
            cells,
            [
                "x = 1",
                "f(1,\n  2)",
                "def f():\n    y = '''a\n\n    b'''\n    return y\n",
                "s = '''\nif x:\n   y'''",
                "%%px\nprint(\n",
                "x = 1 + \\\n    2",
            ]
        );
        assert_eq!(rest, "if x:\n    y\n");
    }

    #[test]
    fn a_long_cell_is_not_read_again_for_each_of_its_lines() {
        let body = "    x = (x + 1) % 7\n".repeat(20_000);
        let text = format!("def f(x):\n{body}\n");
        let (cells, rest) = read(&text);
        assert_eq!((cells.len(), rest.as_str()), (1, ""));
        let numbers = "    1, 2, 3,\n".repeat(20_000);
        let (cells, rest) = read(&format!("x = [\n{numbers}]\n"));
        assert_eq!((cells.len(), rest.as_str()), (1, ""));
    }
}
