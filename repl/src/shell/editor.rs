//! The line editor set up for cells: history, prompts, and what becomes of a cell that was typed.
//!
//! The editing itself is rustyline's. What the keys do is decided in [`super::keys`], what
//! is shown and offered in [`super::helper`], and how it looks on the terminal in [`super::view`].

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhumba_interpreter::interrupt;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::output::{OutputSink, Stream};
use rustpython_vm::builtins::PyStr;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};
use rustyline::config::{BellStyle, CompletionType, Config, Configurer};
use rustyline::error::{ReadlineError, Signal};
use rustyline::{
    ColorMode, EditMode, Editor, Event, EventHandler, ExternalPrinter, GraphemeClusterMode,
};

use super::colour::Colours;
use super::helper::CellHelper;
use super::history::{CELLS_MAX, History, RecentCells};
use super::indentation::INDENT;
use super::input::Reading;
use super::keys::Keys;
use super::reserve::Reserve;
use super::screen::Screen;
use super::shortcuts::{self, Action};
use super::title::Title;
use super::turn::{TAKEN, Turn};
use super::view::CellView;
use super::{external, looks, terminal, thread};

/// How long the Escape key of vi's mode is waited for to be the beginning of another key.
const ESCAPE_ALONE_MS: u16 = 25;

/// Asks a person at a terminal for cells.
pub struct CellEditor<'vm> {
    vm: &'vm VirtualMachine,
    namespace: &'vm Namespace,
    editor: LineEditor<'vm>,
    keys: Keys,
    colours: Colours,
    screen: Arc<Screen>,
    title: Title,
    /// The person's own keys, as they were last set.
    shortcuts: Option<PyObjectRef>,
    /// While it is there, the editor waits for keys before it reads them. Otherwise a terminal that
    /// somebody has left nonblocking would have none.
    waits: Box<dyn ExternalPrinter>,
    /// What has room for the files that a prompt opens.
    reserve: Reserve,
}

type LineEditor<'vm> = Editor<CellHelper<'vm>, RecentCells>;

/// Makes the line editor, and has what other threads write shown above it. It comes with what has it wait
/// for keys.
fn line_editor<'vm>(
    vm: &'vm VirtualMachine,
    namespace: &'vm Namespace,
    colours: Colours,
    screen: &Arc<Screen>,
    keys: &Keys,
) -> rustyline::Result<(LineEditor<'vm>, Box<dyn ExternalPrinter>)> {
    let config = Config::builder()
        .max_history_size(CELLS_MAX)?
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        // What is offered fits on the screen.
        .completion_prompt_limit(usize::MAX)
        .edit_mode(EditMode::Emacs)
        .bell_style(BellStyle::None)
        // So that the helper is told of all that is to be shown: it shows it.
        .color_mode(ColorMode::Forced)
        .bracketed_paste(false)
        // It counts control characters, which have their columns here, too.
        .grapheme_cluster_mode(GraphemeClusterMode::Unicode)
        .indent_size(INDENT as u8)
        .build();
    let recent = &keys.recent;
    let mut editor = Editor::with_history(config, RecentCells(Arc::clone(recent)))?;
    let helper = CellHelper::new(vm, namespace, colours, keys.clone());
    editor.set_helper(Some(helper));
    keys.bind(&mut editor);
    // Nobody sees what it writes.
    editor.enable_synchronized_output(false);
    let waits = Box::new(editor.create_external_printer()?);
    let wakes = editor.create_external_printer()?;
    keys.view.wake_by(Box::new(wakes));
    let view = Arc::downgrade(&keys.view);
    screen.above().follow(move || {
        if let Some(view) = view.upgrade() {
            view.add_written();
        }
    });
    let view = Arc::clone(&keys.view);
    let passer = screen.above().next_passer();
    let passes_on = Arc::clone(screen);
    // Without the thread, what other threads write is shown after the cell.
    let _ = thread::start("above the prompt", move || {
        passes_on
            .above()
            .pass_on(passer, |text| view.print_above(text));
    });
    Ok((editor, waits))
}

impl<'vm> CellEditor<'vm> {
    /// # Errors
    /// The terminal can't be used.
    pub fn new(
        vm: &'vm VirtualMachine,
        namespace: &'vm Namespace,
        colours: Colours,
        screen: Arc<Screen>,
        history: &History,
    ) -> rustyline::Result<Self> {
        let keys = Keys {
            recent: Arc::clone(history.recent()),
            rewriter: Arc::default(),
            vi: Arc::default(),
            view: Arc::new(CellView::new(Arc::clone(&screen))?),
            leaves_for_editor: Arc::new(AtomicBool::new(false)),
            indents: Arc::new(AtomicBool::new(true)),
            closes_pairs: Arc::default(),
            is_searching: Arc::default(),
            has_emacs_keys_in_vi: Arc::new(AtomicBool::new(true)),
        };
        let (editor, waits) = line_editor(vm, namespace, colours, &screen, &keys)?;
        let mut reserve = Reserve::default();
        reserve.fill();
        Ok(Self {
            vm,
            namespace,
            editor,
            waits,
            reserve,
            keys,
            colours,
            screen,
            title: Title::new(),
            shortcuts: None,
        })
    }

    /// Begins anew, where a cell has closed the files that the line editor works with.
    ///
    /// # Errors
    /// The terminal can't be used.
    pub fn reopen(&mut self) -> rustyline::Result<()> {
        self.keys.view = Arc::new(CellView::new(Arc::clone(&self.screen))?);
        let (fresh, waits) = line_editor(
            self.vm,
            self.namespace,
            self.colours,
            &self.screen,
            &self.keys,
        )?;
        // It isn't let go of: under the numbers of the files that it would close may be others by now.
        std::mem::forget(std::mem::replace(&mut self.editor, fresh));
        self.waits = waits;
        self.shortcuts = None;
        Ok(())
    }

    /// Reads the cell with this number; it is never empty. `text` is there to begin with.
    ///
    /// # Errors
    /// The sentence says why no cell can be edited now; lines may still be read.
    pub fn read_cell(&mut self, number: u32, text: Option<String>) -> Result<Reading, String> {
        let reading = self.read(number, text);
        self.reserve.fill();
        reading
    }

    fn read(&mut self, number: u32, text: Option<String>) -> Result<Reading, String> {
        if !self.keys.view.is_there() {
            self.reserve.make_room();
            self.reopen().map_err(|error| unwritable(&error))?;
        }
        let prompt = looks::edited_in_prompt(number, self.colours);
        let further = looks::edited_further_prompt(number, self.colours);
        if let Some(helper) = self.editor.helper_mut() {
            helper.begin(number, further);
        }
        let mut before_cursor = text.unwrap_or_default();
        let mut after_cursor = String::new();
        if looks::are_followed() {
            self.take_settings();
        }
        match looks::title_format() {
            format if format.is_empty() => self.title.restore(),
            format => self.title.show(&format),
        }
        self.keys.recent.begin();
        loop {
            // Until what has come of it is seen to: the person's own editor reads the terminal, too.
            let Some(_turn) = self.vm.allow_threads(Turn::wait_for_cell) else {
                return Ok(Reading::Broken(TAKEN.to_owned()));
            };
            match self.edited((&prompt.0, &prompt.1), (&before_cursor, &after_cursor))? {
                Ok(cell) if self.keys.leaves_for_editor.load(Ordering::Relaxed) => {
                    before_cursor = self.edited_elsewhere(cell);
                    after_cursor.clear();
                }
                Ok(cell) if cell.trim().is_empty() => {
                    before_cursor.clear();
                    after_cursor.clear();
                }
                Ok(cell) => return Ok(Reading::Cell(cell)),
                // The second is one that came where the editor waited for the key after Ctrl-V.
                Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt)) => {
                    return Ok(Reading::Cleared);
                }
                Err(ReadlineError::Signal(Signal::Resize)) => {
                    (before_cursor, after_cursor) = self.seen();
                }
                Err(ReadlineError::Eof) => return Ok(Reading::End),
                Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                    // The rest of a paste would be taken for keys, and its lines run.
                    terminal::discard_input();
                    self.tell("what came in isn't UTF-8 text and was left out");
                    (before_cursor, after_cursor) = self.seen();
                }
                Err(error) if terminal_is_gone(&error) => return Ok(Reading::End),
                Err(error) => return Err(format!("the terminal can't be read: {error}")),
            }
        }
    }

    /// Lets a person edit a cell, as it is before the cursor and after it, until they enter it or leave it.
    ///
    /// # Errors
    /// The sentence says why it can't be shown, or what has kept the line editor from going on.
    fn edited(
        &mut self,
        prompt: (&str, &str),
        (before_cursor, after_cursor): (&str, &str),
    ) -> Result<rustyline::Result<String>, String> {
        self.keys.leaves_for_editor.store(false, Ordering::Relaxed);
        self.keys.vi.begin(before_cursor, after_cursor);
        self.screen.above().begin();
        self.reserve.make_room();
        let shown = match self.keys.view.begin() {
            Ok(shown) => shown,
            Err(error) => {
                let waiting = self.screen.above().end();
                self.screen.put(Stream::Stdout, &waiting);
                return Err(unwritable(&error));
            }
        };
        // While a person thinks, other threads of theirs run, and the collector with them.
        let read = self.vm.allow_threads(|| {
            let editor = &mut self.editor;
            let text = (before_cursor, after_cursor);
            catch_unwind(AssertUnwindSafe(|| {
                editor.readline_with_initial(&prompt, text)
            }))
        });
        drop(shown);
        self.keys.view.add_written();
        let waiting = self.screen.above().end();
        // It was noted when it was handed over.
        self.screen.put(Stream::Stdout, &waiting);
        self.screen.start_line();
        read.map_err(|_| "the line editor has ended by a fault".to_owned())
    }

    /// The cell as it was last shown, before the cursor and after it.
    fn seen(&self) -> (String, String) {
        let seen = self.editor.helper().map(CellHelper::seen);
        seen.unwrap_or_default()
    }

    /// The interpreter that reads plain lines where no cell can be edited.
    pub fn vm(&self) -> &'vm VirtualMachine {
        self.vm
    }

    /// The cell as the person's own editor leaves it.
    fn edited_elsewhere(&self, cell: String) -> String {
        let edited = self.vm.allow_threads(|| external::edit(&cell));
        // A Ctrl-C in the editor was for the editor.
        interrupt::discard_pending(self.vm);
        match edited {
            Ok(text) => text,
            Err(sentence) => {
                self.tell(&sentence);
                cell
            }
        }
    }

    /// Tells a person something, outside of a cell that is edited.
    pub fn tell(&self, sentence: &str) {
        self.screen
            .write(Stream::Stderr, &format!("rhumba: {sentence}\n"));
    }

    /// Follows what the shell object is set to.
    fn take_settings(&mut self) {
        let Some(shell) = shell_object(self.vm) else {
            return;
        };
        let setting = |name: &'static str| shell.get_attr(name, self.vm).ok();
        set_mode(&mut self.editor, edit_mode(self.vm, &shell));
        let is_on = |name: &'static str| {
            setting(name).is_none_or(|value| value.is_true(self.vm).unwrap_or(true))
        };
        let suggests = is_on("autosuggestions_provider");
        self.keys
            .indents
            .store(is_on("autoindent"), Ordering::Relaxed);
        self.keys
            .has_emacs_keys_in_vi
            .store(is_on("emacs_bindings_in_vi_insert_mode"), Ordering::Relaxed);
        let closes_pairs =
            setting("auto_match").is_some_and(|value| value.is_true(self.vm).unwrap_or(false));
        self.keys
            .closes_pairs
            .store(closes_pairs, Ordering::Relaxed);
        let has_bracket_marks = is_on("highlight_matching_brackets");
        self.keys
            .recent
            .begin_as_typed(is_on("enable_history_search"));
        if let Some(helper) = self.editor.helper_mut() {
            helper.suggests = suggests;
            helper.has_bracket_marks = has_bracket_marks;
        }
        let shortcuts = shell.dict().and_then(|dict| {
            let found = dict.get_item_opt("shortcuts", self.vm);
            found.ok().flatten()
        });
        let is_known = match (&shortcuts, &self.shortcuts) {
            (Some(set), Some(known)) => set.is(known),
            (set, _) => set.is_none(),
        };
        if !is_known {
            self.take_shortcuts(shortcuts);
        }
    }

    /// Gives keys what a person wants them to do. What they did before comes back first.
    fn take_shortcuts(&mut self, set: Option<PyObjectRef>) {
        let bindings = |entries: PyObjectRef| -> PyResult<Vec<(String, String)>> {
            let vm = self.vm;
            let module = vm
                .import("rhumba._shortcuts", 0)?
                .get_attr("_shortcuts", vm)?;
            let made = vm.call_method(&module, "bindings", (entries,))?;
            let made: Vec<PyObjectRef> = made.try_to_value(vm)?;
            let pair = |pair: PyObjectRef| {
                let mut parts: Vec<String> = pair.try_to_value(vm)?;
                let action = parts.pop().unwrap_or_default();
                Ok((parts.pop().unwrap_or_default(), action))
            };
            made.into_iter().map(pair).collect()
        };
        // They were checked when they were set.
        let of = |entries: Option<PyObjectRef>| entries.map(|it| bindings(it).unwrap_or_default());
        for (keys, _) in of(self.shortcuts.take()).unwrap_or_default() {
            if let Some(keys) = shortcuts::keys(&keys) {
                self.editor.unbind_sequence(Event::KeySeq(keys));
            }
        }
        self.keys.bind(&mut self.editor);
        for (keys, action) in of(set.clone()).unwrap_or_default() {
            let (Some(keys), Some(action)) = (shortcuts::keys(&keys), shortcuts::action(&action))
            else {
                continue;
            };
            let handler = match action {
                Action::Command(command) => EventHandler::Simple(command),
                Action::Special(special) => self.keys.handler(special),
            };
            self.editor.bind_sequence(Event::KeySeq(keys), handler);
        }
        self.shortcuts = set;
    }
}

impl Drop for CellEditor<'_> {
    fn drop(&mut self) {
        self.screen.above().stop();
    }
}

/// Whose keys the shell object is set to.
pub(super) fn edit_mode(vm: &VirtualMachine, shell: &PyObject) -> EditMode {
    let mode = shell.get_attr("editing_mode", vm);
    let is_vi = mode.is_ok_and(|mode| {
        mode.downcast_ref::<PyStr>()
            .is_some_and(|mode| mode.as_bytes() == b"vi")
    });
    if is_vi { EditMode::Vi } else { EditMode::Emacs }
}

/// Gives the keys to an editor.
pub(super) fn set_mode(editor: &mut impl Configurer, mode: EditMode) {
    editor.set_edit_mode(mode);
    if mode == EditMode::Vi {
        // A terminal sends what a key sends at once; a person needs longer for two.
        editor.set_keyseq_timeout(Some(ESCAPE_ALONE_MS));
    }
}

/// What `get_ipython()` gives.
pub(super) fn shell_object(vm: &VirtualMachine) -> Option<PyObjectRef> {
    let function = vm.builtins.get_attr("get_ipython", vm).ok()?;
    function
        .call((), vm)
        .ok()
        .filter(|shell| !vm.is_none(shell))
}

fn unwritable(error: &dyn std::fmt::Display) -> String {
    format!("the terminal can't be written to: {error}")
}

/// A terminal that was closed answers with an error rather than with its end.
fn terminal_is_gone(error: &ReadlineError) -> bool {
    match error {
        ReadlineError::Io(error) => error.raw_os_error() == Some(libc::EIO),
        ReadlineError::Errno(error) => *error as i32 == libc::EIO,
        _ => false,
    }
}
