//! The line editor set up for cells: what Enter, Tab and Backspace do, history, and prompts.
//!
//! The editing itself is rustyline's. Whether a cell is complete and how far its next line is
//! indented is the interpreter's to say, from the text alone; what a key then does is decided
//! here, in functions from text to a command.

use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::transform::{Completeness, completeness};
use rustpython_vm::VirtualMachine;
use rustyline::config::{BellStyle, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::history::{History, MemHistory};
use rustyline::{
    Cmd, ColorMode, ConditionalEventHandler, EditMode, Editor, Event, EventContext, EventHandler,
    KeyCode, KeyEvent, Modifiers, Movement, RepeatCount,
};

use super::colour::{Colours, Style};
use super::helper::CellHelper;
use super::history::{CELLS_MAX, HistoryFile};
use super::input::Reading;

/// The spaces of one level, as Tab and Backspace count them.
const INDENT: usize = 4;

/// Asks a person at a terminal for cells.
pub struct CellEditor<'vm> {
    vm: &'vm VirtualMachine,
    editor: Editor<CellHelper<'vm>, MemHistory>,
    history: Option<HistoryFile>,
    colours: Colours,
}

impl<'vm> CellEditor<'vm> {
    /// # Errors
    /// The terminal can't be used.
    pub fn new(
        vm: &'vm VirtualMachine,
        namespace: &'vm Namespace,
        colours: Colours,
        history: Option<HistoryFile>,
    ) -> rustyline::Result<Self> {
        let colour_mode = if colours.enabled() {
            ColorMode::Enabled
        } else {
            ColorMode::Disabled
        };
        let config = Config::builder()
            .max_history_size(CELLS_MAX)?
            .history_ignore_dups(true)?
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .edit_mode(EditMode::Emacs)
            .bell_style(BellStyle::None)
            .color_mode(colour_mode)
            .tab_stop(INDENT as u8)
            .indent_size(INDENT as u8)
            .build();
        let mut remembered = MemHistory::with_config(&config);
        for cell in history.as_ref().map(HistoryFile::load).unwrap_or_default() {
            remembered.add(&cell)?;
        }
        let mut editor = Editor::with_history(config, remembered)?;
        editor.set_helper(Some(CellHelper::new(vm, namespace, colours)));
        bind_keys(&mut editor);
        Ok(Self {
            vm,
            editor,
            history,
            colours,
        })
    }

    /// Reads the cell with this number; it is never empty.
    pub fn read_cell(&mut self, number: u32) -> Reading {
        let raw = format!("In [{number}]: ");
        let styled = self.colours.paint(Style::InPrompt, &raw);
        loop {
            // While a person thinks, other threads of theirs run, and the collector with them.
            let read = self
                .vm
                .allow_threads(|| self.editor.readline(&(&raw, &styled)));
            match read {
                Ok(cell) if cell.trim().is_empty() => {}
                Ok(cell) => {
                    self.remember(cell.trim_end());
                    return Reading::Cell(cell);
                }
                Err(ReadlineError::Interrupted) => return Reading::Cleared,
                Err(ReadlineError::Eof) => return Reading::End,
                Err(error) if terminal_is_gone(&error) => return Reading::End,
                Err(error) => {
                    return Reading::Broken(format!("the terminal can't be read: {error}"));
                }
            }
        }
    }

    fn remember(&mut self, cell: &str) {
        // A cell that can't be remembered is still run.
        if self.editor.add_history_entry(cell).unwrap_or(false)
            && let Some(history) = &self.history
        {
            let _ = history.append(cell);
        }
    }
}

/// A terminal that was closed answers with an error rather than with its end.
fn terminal_is_gone(error: &ReadlineError) -> bool {
    match error {
        ReadlineError::Io(error) => error.raw_os_error() == Some(libc::EIO),
        ReadlineError::Errno(error) => *error as i32 == libc::EIO,
        _ => false,
    }
}

fn bind_keys(editor: &mut Editor<CellHelper<'_>, MemHistory>) {
    let enter = || EventHandler::Conditional(Box::new(EnterKey));
    editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::NONE), enter());
    editor.bind_sequence(KeyEvent::ctrl('J'), enter());
    editor.bind_sequence(KeyEvent::ctrl('M'), enter());
    editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), Cmd::Newline);
    editor.bind_sequence(
        KeyEvent(KeyCode::Tab, Modifiers::NONE),
        EventHandler::Conditional(Box::new(TabKey)),
    );
    editor.bind_sequence(
        KeyEvent(KeyCode::BackTab, Modifiers::NONE),
        Cmd::Dedent(Movement::WholeLine),
    );
    let backspace = || EventHandler::Conditional(Box::new(BackspaceKey));
    editor.bind_sequence(KeyEvent(KeyCode::Backspace, Modifiers::NONE), backspace());
    editor.bind_sequence(KeyEvent::ctrl('H'), backspace());
}

/// What Enter means for a cell.
#[derive(Debug, PartialEq, Eq)]
pub enum Enter {
    Run,
    NewLine { indent: usize },
}

/// Decides what Enter means with the cursor at `position` bytes of `cell`.
///
/// A cell is run when it is whole and the cursor is at its end; a block is ended by an empty line.
pub fn on_enter(cell: &str, position: usize) -> Enter {
    let (before, after) = cell.split_at(position);
    if !after.trim().is_empty() && cell.trim_end().contains('\n') {
        // In the middle of several lines Enter makes one more, as far in as the line it leaves.
        return Enter::NewLine {
            indent: leading_spaces(before),
        };
    }
    match completeness(&format!("{cell}\n")) {
        Completeness::Incomplete { indent } => Enter::NewLine { indent },
        // Python itself explains best what is wrong.
        Completeness::Complete | Completeness::Invalid(_) => Enter::Run,
    }
}

/// How many columns Tab inserts, or `None` where it completes.
fn on_tab(cell: &str, position: usize) -> Option<usize> {
    let line = cell[..position].rsplit('\n').next().unwrap_or_default();
    let blank = line.chars().all(|character| character == ' ');
    blank.then(|| INDENT - line.len() % INDENT)
}

/// How many spaces Backspace takes away at once, or `None` where it takes one character.
fn on_backspace(cell: &str, position: usize) -> Option<usize> {
    let line = cell[..position].rsplit('\n').next().unwrap_or_default();
    let blank = !line.is_empty() && line.chars().all(|character| character == ' ');
    blank.then(|| (line.len() - 1) % INDENT + 1)
}

fn leading_spaces(text: &str) -> usize {
    let line = text.rsplit('\n').next().unwrap_or_default();
    line.len() - line.trim_start_matches(' ').len()
}

struct EnterKey;

impl ConditionalEventHandler for EnterKey {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        Some(match on_enter(context.line(), context.pos()) {
            Enter::Run => Cmd::AcceptLine,
            Enter::NewLine { indent } => Cmd::Insert(1, format!("\n{}", " ".repeat(indent))),
        })
    }
}

struct TabKey;

impl ConditionalEventHandler for TabKey {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        on_tab(context.line(), context.pos()).map(|count| Cmd::Insert(1, " ".repeat(count)))
    }
}

struct BackspaceKey;

impl ConditionalEventHandler for BackspaceKey {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let count = on_backspace(context.line(), context.pos())?;
        RepeatCount::try_from(count)
            .ok()
            .map(|count| Cmd::Kill(Movement::BackwardChar(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(cell: &str) -> Enter {
        on_enter(cell, cell.len())
    }

    #[test]
    fn a_whole_line_is_run() {
        assert_eq!(enter("1 + 1"), Enter::Run);
        assert_eq!(on_enter("1 + 1", 2), Enter::Run);
        assert_eq!(enter("%px print(1)"), Enter::Run);
    }

    #[test]
    fn a_block_goes_on_until_an_empty_line() {
        assert_eq!(enter("def f(x):"), Enter::NewLine { indent: 4 });
        assert_eq!(enter("def f(x):\n    y = x"), Enter::NewLine { indent: 4 });
        assert_eq!(enter("def f(x):\n    y = x\n    "), Enter::Run);
        assert_eq!(enter("def f(x):\n    y = x\n"), Enter::Run);
        assert!(matches!(
            enter("def f(x):\n    return x"),
            Enter::NewLine { .. }
        ));
        assert_eq!(enter("def f(x):\n    return x\n"), Enter::Run);
    }

    #[test]
    fn brackets_and_strings_stay_open() {
        assert!(matches!(enter("f(1,"), Enter::NewLine { .. }));
        assert_eq!(enter("f(1,\n  2)"), Enter::Run);
        assert!(matches!(enter("x = '''a"), Enter::NewLine { .. }));
        assert!(matches!(enter("x = '''a\n\n"), Enter::NewLine { .. }));
    }

    #[test]
    fn what_can_never_be_right_is_run_so_that_python_explains_it() {
        assert_eq!(enter("1 +* 2"), Enter::Run);
        assert_eq!(enter("print 'x'"), Enter::Run);
    }

    #[test]
    fn enter_inside_several_lines_makes_another() {
        let cell = "if x:\n    a()\n    b()";
        let after_a = cell.find("\n    b").expect("it is there");
        assert_eq!(on_enter(cell, after_a), Enter::NewLine { indent: 4 });
    }

    #[test]
    fn tab_indents_only_where_nothing_can_be_completed() {
        assert_eq!(on_tab("", 0), Some(4));
        assert_eq!(on_tab("if x:\n  ", 8), Some(2));
        assert_eq!(on_tab("x = ma", 6), None);
    }

    #[test]
    fn backspace_takes_a_level_of_indentation() {
        assert_eq!(on_backspace("if x:\n        ", 14), Some(4));
        assert_eq!(on_backspace("if x:\n      ", 12), Some(2));
        assert_eq!(on_backspace("if x:\n", 6), None);
        assert_eq!(on_backspace("abc", 3), None);
    }
}
