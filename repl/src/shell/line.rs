//! One line from a person at the terminal, for Python code that asks for it: the debugger.
//!
//! Python finds the function as `sys._rhumba_read_line`, and only where cells are edited too:
//! without a terminal it asks with `input()`. What completes a word is the asker's to say.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyListRef, PyStrRef, PyTuple};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use rustyline::completion::Completer;
use rustyline::config::{BellStyle, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{History, MemHistory};
use rustyline::{
    Cmd, ConditionalEventHandler, Context, EditMode, Editor, Event, EventContext, EventHandler,
    Helper, KeyEvent, RepeatCount, Validator,
};

use super::choices::{self, Choice};
use super::colour::{Colours, Style};
use super::terminal::Size;
use super::turn::TAKEN;
use super::{asking, editor as cells, looks, terminal};

/// The attribute of `sys` that holds the function.
const ATTRIBUTE: &str = "_rhumba_read_line";
/// What is said of a paste with bytes that are no text.
const NO_TEXT: &str = "what came in isn't UTF-8 text and was left out";
/// Lines that are remembered.
const LINES_MAX: usize = 1_000;

/// Lets Python code ask for lines with editing, history and completion.
///
/// # Errors
/// What setting the attribute raised.
pub fn offer(vm: &VirtualMachine, colours: Colours) -> PyResult<()> {
    let remembered = Arc::new(Mutex::new(Vec::new()));
    let function = vm.new_function(
        "read_line",
        move |prompt: PyStrRef, candidates: PyObjectRef, vm: &VirtualMachine| -> PyResult<String> {
            read(
                vm,
                colours,
                &prompt.to_string_lossy(),
                candidates,
                &remembered,
            )
        },
    );
    vm.sys_module
        .set_attr(vm.ctx.intern_str(ATTRIBUTE), function, vm)
}

fn read(
    vm: &VirtualMachine,
    colours: Colours,
    prompt: &str,
    candidates: PyObjectRef,
    remembered: &Mutex<Vec<String>>,
) -> PyResult<String> {
    let turn = asking::turn(vm)?;
    let mut editor = editor(vm, candidates, remembered).map_err(|error| unreadable(vm, &error))?;
    let styled = colours.paint(Style::InPrompt, prompt);
    let waiting = Waiting::begin();
    let line = read_text(vm, &mut editor, (prompt, &styled));
    drop(waiting);
    drop(turn);
    match line {
        Ok(line) => {
            let mut remembered = locked(remembered);
            if !line.trim().is_empty() && remembered.last() != Some(&line) {
                if remembered.len() == LINES_MAX {
                    remembered.remove(0);
                }
                remembered.push(line.clone());
            }
            Ok(line)
        }
        // One that comes behind Ctrl-V is told as a signal.
        Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => {
            Err(vm.new_exception_empty(vm.ctx.exceptions.keyboard_interrupt.to_owned()))
        }
        Err(ReadlineError::Eof) => {
            Err(vm.new_exception_empty(vm.ctx.exceptions.eof_error.to_owned()))
        }
        Err(error) => Err(unreadable(vm, &error)),
    }
}

/// Reads a line; what comes in that is no text is left out of it.
fn read_text(
    vm: &VirtualMachine,
    editor: &mut Editor<LineHelper<'_>, MemHistory>,
    prompt: (&str, &str),
) -> rustyline::Result<String> {
    let (mut before_cursor, mut after_cursor) = (String::new(), String::new());
    loop {
        let line = vm.allow_threads(|| {
            editor.readline_with_initial(&prompt, (&before_cursor, &after_cursor))
        });
        match line {
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                // The rest of a paste would be taken for keys, and its lines run.
                terminal::discard_input();
                // Where it can't be written, nothing can be shown at all.
                let _ = writeln!(std::io::stderr(), "rhumba: {NO_TEXT}");
                let seen = editor.helper().map(LineHelper::seen);
                (before_cursor, after_cursor) = seen.unwrap_or_default();
            }
            read => return read,
        }
    }
}

/// Has reads wait for keys, until it is dropped: somebody may have left the terminal so that they don't.
struct Waiting {
    /// What is put back then.
    flags: Option<libc::c_int>,
}

impl Waiting {
    fn begin() -> Self {
        // SAFETY: this asks for the flags of a file, and touches no memory.
        let flags = unsafe { libc::fcntl(libc::STDIN_FILENO, libc::F_GETFL) };
        if flags == -1 || flags & libc::O_NONBLOCK == 0 {
            return Self { flags: None };
        }
        set_flags(flags & !libc::O_NONBLOCK);
        Self { flags: Some(flags) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(flags) = self.flags {
            set_flags(flags);
        }
    }
}

fn set_flags(flags: libc::c_int) {
    // SAFETY: this sets the flags of a file, and touches no memory. Where it can't, reading says what is wrong.
    unsafe { libc::fcntl(libc::STDIN_FILENO, libc::F_SETFL, flags) };
}

fn locked(remembered: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    remembered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is raised for who wants to read while somebody else does.
pub(super) fn out_of_turn(vm: &VirtualMachine) -> PyBaseExceptionRef {
    vm.new_exception_msg(vm.ctx.exceptions.eof_error.to_owned(), TAKEN.into())
}

fn unreadable(vm: &VirtualMachine, error: &ReadlineError) -> PyBaseExceptionRef {
    vm.new_exception_msg(
        vm.ctx.exceptions.eof_error.to_owned(),
        format!("the terminal can't be read: {error}").into(),
    )
}

fn editor<'vm>(
    vm: &'vm VirtualMachine,
    candidates: PyObjectRef,
    remembered: &Mutex<Vec<String>>,
) -> rustyline::Result<Editor<LineHelper<'vm>, MemHistory>> {
    let config = Config::builder()
        .max_history_size(LINES_MAX)?
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        // What is offered fits on the screen.
        .completion_prompt_limit(usize::MAX)
        .bell_style(BellStyle::None)
        .build();
    let mut history = MemHistory::with_config(&config);
    for line in locked(remembered).iter() {
        history.add(line)?;
    }
    let mut editor = Editor::with_history(config, history)?;
    editor.set_helper(Some(LineHelper {
        vm,
        candidates,
        seen: RefCell::default(),
    }));
    let end = EventHandler::Conditional(Box::new(EndKey));
    editor.bind_sequence(KeyEvent::ctrl('D'), end);
    // A program that runs without a shell has none to look at.
    if looks::are_followed()
        && let Some(shell) = cells::shell_object(vm)
    {
        cells::set_mode(&mut editor, cells::edit_mode(vm, &shell));
    }
    Ok(editor)
}

/// The key that says that there is nothing more. In vi mode the editor would take what is typed for a line.
struct EndKey;

impl ConditionalEventHandler for EndKey {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let is_kept = context.mode() == EditMode::Vi && !context.line().is_empty();
        is_kept.then_some(Cmd::Noop)
    }
}

#[derive(Helper, Validator)]
struct LineHelper<'vm> {
    vm: &'vm VirtualMachine,
    /// Called with the line and the place in it, in characters; gives where the word begins and
    /// what it could become.
    candidates: PyObjectRef,
    /// The line as it was last seen, and where the cursor was.
    seen: RefCell<(String, usize)>,
}

impl LineHelper<'_> {
    /// The line as it was last seen, before the cursor and after it.
    fn seen(&self) -> (String, String) {
        let seen = self.seen.borrow();
        let (before, after) = seen.0.split_at_checked(seen.1).unwrap_or((&seen.0, ""));
        (before.to_owned(), after.to_owned())
    }

    fn asked(&self, line: &str, position: usize) -> PyResult<(usize, Vec<String>)> {
        let vm = self.vm;
        let before = line.get(..position).unwrap_or(line).chars().count();
        let found = self
            .candidates
            .call((vm.ctx.new_str(line), vm.ctx.new_int(before)), vm)?;
        let malformed = || vm.new_type_error("completions are a place and a list of texts");
        let found = found.downcast::<PyTuple>().map_err(|_| malformed())?;
        let [start, texts] = found.as_slice() else {
            return Err(malformed());
        };
        let start = start.clone().try_into_value::<usize>(vm)?;
        let texts = texts.clone().try_into_value::<PyListRef>(vm)?;
        let texts = texts.borrow_vec().to_vec();
        let texts: PyResult<Vec<String>> = texts
            .into_iter()
            .map(|text| Ok(text.str(vm)?.to_string_lossy().into_owned()))
            .collect();
        let start = line
            .char_indices()
            .nth(start)
            .map_or(line.len(), |(index, _)| index);
        Ok((start, texts?))
    }
}

impl Completer for LineHelper<'_> {
    type Candidate = Choice;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Choice>)> {
        let found = self.vm.attach_for_callback(|| self.asked(line, position));
        // A word that can't be completed stays as it is.
        let (start, texts) = found.unwrap_or_else(|_| (position, Vec::new()));
        let typed = line.get(start..position).unwrap_or_default();
        let offered = choices::offered(texts, typed, Size::of(libc::STDOUT_FILENO));
        Ok((start, offered))
    }
}

impl Hinter for LineHelper<'_> {
    type Hint = String;

    /// Notes what there is; nothing is suggested.
    fn hint(&self, line: &str, position: usize, _context: &Context<'_>) -> Option<String> {
        let mut seen = self.seen.borrow_mut();
        line.clone_into(&mut seen.0);
        seen.1 = position;
        None
    }
}

impl Highlighter for LineHelper<'_> {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }
}
