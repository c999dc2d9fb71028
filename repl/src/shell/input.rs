//! Where cells come from: a person at a terminal, or lines without any editing.
//!
//! The line editor needs a terminal on both sides that understands escape codes. Without one the
//! same shell reads plain lines, through Python's own `sys.stdin`, so that `input()` in a cell
//! gets the line after it.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use rhumba_interpreter::namespace::Namespace;
use rustpython_vm::builtins::PyStr;
use rustpython_vm::{AsObject, VirtualMachine};

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
        let editable = edits_lines
            && std::io::stdin().is_terminal()
            && std::io::stdout().is_terminal()
            && std::env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty());
        if editable
            && let Ok(editor) = CellEditor::new(vm, namespace, colours, Arc::clone(screen), history)
        {
            return Self::Editor(Box::new(editor));
        }
        Self::Lines(LineReader { vm, at_end: false })
    }

    /// Reads the cell with this number; it is never empty. `text` is there to begin with.
    pub fn read_cell(&mut self, number: u32, text: Option<String>) -> Reading {
        match self {
            Self::Editor(editor) => editor.read_cell(number, text),
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

/// Reads plain lines until they make a cell.
pub struct LineReader<'vm> {
    vm: &'vm VirtualMachine,
    at_end: bool,
}

impl LineReader<'_> {
    fn read_cell(&mut self, number: u32) -> Reading {
        let mut cell = String::new();
        let prompt = looks::in_prompt(number);
        let continuation = looks::continuation_prompt(number);
        loop {
            if self.at_end {
                return Reading::End;
            }
            show(if cell.is_empty() {
                &prompt
            } else {
                &continuation
            });
            match self.read_line() {
                Ok(line) if line.is_empty() => {
                    self.at_end = true;
                    show("\n");
                    if cell.trim().is_empty() {
                        return Reading::End;
                    }
                    // As much of a cell as there is: Python says what is missing from it.
                    return Reading::Cell(cell);
                }
                Ok(line) => cell.push_str(line.strip_suffix('\n').unwrap_or(&line)),
                Err(reading) => return reading,
            }
            if cell.trim().is_empty() {
                cell.clear();
                continue;
            }
            match on_enter(&cell, cell.len()) {
                Enter::Run => return Reading::Cell(cell),
                Enter::NewLine { .. } => cell.push('\n'),
            }
        }
    }

    /// One line with its end, or nothing at the end of the file.
    fn read_line(&self) -> Result<String, Reading> {
        let read = self
            .vm
            .sys_module
            .get_attr("stdin", self.vm)
            .and_then(|stdin| self.vm.call_method(&stdin, "readline", ()));
        match read {
            Ok(line) => match line.downcast_ref::<PyStr>() {
                Some(line) => Ok(line.to_string_lossy().into_owned()),
                None => Err(Reading::Broken("sys.stdin gives no text".to_owned())),
            },
            Err(failure)
                if failure
                    .class()
                    .is(self.vm.ctx.exceptions.keyboard_interrupt) =>
            {
                show("\n");
                Err(Reading::Cleared)
            }
            Err(failure) => {
                let why = failure
                    .as_object()
                    .str(self.vm)
                    .map_or_else(|_| String::new(), |text| format!(": {text}"));
                Err(Reading::Broken(format!(
                    "standard input can't be read{why}"
                )))
            }
        }
    }
}

fn show(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // Nobody is left to be told when stdout is closed.
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}
