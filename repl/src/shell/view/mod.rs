//! The cell that is edited, as a person sees it: a prompt before each line, a part of it where it is taller
//! than the terminal, and other output above it.
//!
//! rustyline edits, and asks [`super::helper`] for colours each time that something has changed; what it
//! asks for is drawn here, on the terminal itself, and what rustyline would draw goes [`aside`]. It has no
//! prompts for further lines and shows no part of a cell. Where letters stand is [`layout`]'s, how the
//! terminal is changed [`painter`]'s.

mod aside;
mod layout;
mod painter;

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use parking_lot::{FairMutex, Mutex};
use rustyline::{ExternalPrinter, GraphemeClusterMode};

use aside::{Aside, Others};
pub use layout::CellText;
use painter::Painter;

use super::own_file::OwnFile;
use super::screen::Screen;
use super::terminal::{self, Size};
use super::{signals, thread};

/// Marks pastes, and doesn't.
const PASTES_MARKED: &str = "\x1b[?2004h";
const PASTES_UNMARKED: &str = "\x1b[?2004l";
/// Ends colours, and shows the cursor: a cell may have left both otherwise.
const SOBER: &str = "\x1b[0m\x1b[?25h";
/// Empties the screen.
const CLEAR: &str = "\x1b[H\x1b[J";

/// How wide the editor takes the terminal to be: cells are hardly ever wider.
const COLUMNS_OF_EDITOR: u16 = 30_000;

/// As much as is read at once of what others write.
const READ_BYTES_MAX: usize = 64 * 1024;

/// How long a line of others that has begun is waited for to end.
const LINE_END_MS: libc::c_int = 200;

/// What the thread of a view is told.
const RESIZED: u8 = b's';
const ENDED: u8 = b'e';

/// The number that a change of the terminal's size is told under, or -1.
static RESIZES: AtomicI32 = AtomicI32::new(-1);

/// Shows cells while they are edited, one after the other.
pub struct CellView {
    shared: Arc<Shared>,
}

struct Shared {
    aside: Aside,
    /// Tells the thread that shows what others write, and where it is told.
    tells: OwnFile,
    told: OwnFile,
    /// Has what others write be shown in its turn.
    screen: Arc<Screen>,
    /// Held by who reads what others have written, until it is handed on: so that it stays in its order.
    others: Mutex<Others>,
    /// Wakes the editor while it waits for a key, and whether it has been woken since it last heard of it.
    wakes: Mutex<Option<Box<dyn ExternalPrinter + Send>>>,
    is_woken: AtomicBool,
    /// The process that reads it: one that is forked would take it away from this one.
    reader: u32,
    state: FairMutex<State>,
}

struct State {
    /// The terminal, while a cell is edited.
    terminal: Option<OwnFile>,
    /// What standard error was, if that is the same terminal.
    errors: Option<OwnFile>,
    painter: Painter,
    cell: CellText,
    /// Whether the next that is drawn is drawn on an empty screen.
    clears: bool,
    /// Whether the terminal has to be told again that pastes are to be marked.
    marks_pastes: bool,
    /// Whether changes of the terminal's size are heard of.
    hears_of_size: bool,
}

impl CellView {
    /// What is written past the shell is handed to the screen, as what is to be shown above the cell.
    ///
    /// # Errors
    /// The system gives no more files or threads.
    pub fn new(screen: Arc<Screen>) -> io::Result<Self> {
        let (tells, told) = UnixStream::pair()?;
        // In a signal's handler nothing may wait.
        tells.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            aside: Aside::new()?,
            tells: aside::kept(tells.into())?,
            told: aside::kept(told.into())?,
            screen,
            others: Mutex::default(),
            wakes: Mutex::default(),
            is_woken: AtomicBool::new(false),
            reader: std::process::id(),
            state: FairMutex::new(State {
                terminal: None,
                errors: None,
                painter: Painter::new(GraphemeClusterMode::from_env()),
                cell: CellText::default(),
                clears: false,
                marks_pastes: false,
                hears_of_size: false,
            }),
        });
        let own = Arc::clone(&shared);
        thread::start("beside the prompt", move || own.show_others())?;
        Ok(Self { shared })
    }

    /// Begins to show a cell, until what this gives is dropped. Standard output leads aside meanwhile, and
    /// standard error where it is the same terminal.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn begin(&self) -> io::Result<Edited<'_>> {
        let closed = || io::Error::from(io::ErrorKind::NotConnected);
        // What was printed before stands above. Who can't be told of it reads that the terminal is gone.
        let _ = io::stdout().flush();
        let terminal = OwnFile::copy_of(libc::STDOUT_FILENO).ok_or_else(closed)?;
        let mut state = self.shared.state.lock();
        // What rustyline makes of the width is never seen. It takes two places for one where a row ends.
        self.shared.aside.set_size(&libc::winsize {
            ws_col: COLUMNS_OF_EDITOR,
            ..terminal::window_size(terminal.number())
        });
        let errors = Some(libc::STDERR_FILENO).filter(|number| terminal.is_under(*number));
        let errors = errors.and_then(OwnFile::copy_of);
        if let Err(error) = self.shared.aside.put_in_place(libc::STDOUT_FILENO) {
            terminal.close();
            if let Some(errors) = errors {
                errors.close();
            }
            return Err(error);
        }
        // Where it is refused, it stays the terminal.
        state.errors = errors.filter(|errors| {
            let is_in_place = self.shared.aside.put_in_place(libc::STDERR_FILENO).is_ok();
            if !is_in_place {
                errors.close();
            }
            is_in_place
        });
        terminal::set_output(terminal.number());
        terminal::set_last_words(self.shared.tells.number());
        // From here on nobody else writes there.
        let end = terminal::end_of_line(Size::of(terminal.number()).columns);
        terminal::write(terminal.number(), &format!("{SOBER}{end}"));
        RESIZES.store(self.shared.tells.number(), Ordering::Relaxed);
        signals::follow(self.shared.tells.number());
        state.terminal = Some(terminal);
        state.cell = CellText::default();
        state.painter.forget();
        state.marks_pastes = true;
        state.hears_of_size = false;
        drop(state);
        Ok(Edited { view: self })
    }

    /// Whether nobody has closed the files of it.
    pub fn is_there(&self) -> bool {
        self.shared.is_there()
    }

    /// Has a signal that comes while the editor waits for a key wake it by this: then it draws the cell.
    pub fn wake_by(&self, wakes: Box<dyn ExternalPrinter + Send>) {
        *self.shared.wakes.lock() = Some(wakes);
    }

    /// Forgets that the editor was woken: it is awake, and runs the handlers of what has come. Gives where what
    /// they raise is shown.
    pub fn take_wake(&self) -> &Screen {
        self.shared.is_woken.store(false, Ordering::SeqCst);
        &self.shared.screen
    }

    /// Shows the cell as it is now.
    pub fn draw(&self, cell: CellText) {
        let mut state = self.shared.state.lock();
        let Some(terminal) = state.terminal else {
            return;
        };
        if !state.hears_of_size {
            // The editor has begun to hear of it itself, which ends with the cell, too.
            hear_of_size();
            self.shared
                .aside
                .set_size(&terminal::window_size(terminal.number()));
            state.hears_of_size = true;
        }
        let mut codes = String::new();
        if std::mem::take(&mut state.marks_pastes) {
            codes.push_str(PASTES_MARKED);
        }
        if std::mem::take(&mut state.clears) {
            codes.push_str(CLEAR);
            state.painter.forget();
        }
        codes.push_str(&state.painter.draw(&cell, Size::of(terminal.number())));
        state.cell = cell;
        state.put(&codes);
    }

    /// Shows the cell with its own prompt, if what is searched for stands there.
    pub fn end_search(&self) {
        let mut state = self.shared.state.lock();
        if state.cell.search.take().is_some()
            && let Some(terminal) = state.terminal
        {
            let State { painter, cell, .. } = &mut *state;
            let codes = painter.draw(cell, Size::of(terminal.number()));
            state.put(&codes);
        }
    }

    /// Shows text above the cell, if one is edited, else where the cursor is.
    pub fn print_above(&self, text: &str) {
        self.shared.print_above(text);
    }

    /// Hands what has been written past the shell so far to the screen, a line that has begun, too.
    pub fn add_written(&self) {
        self.shared.add_written();
    }

    /// Has the screen be empty when the cell is drawn next.
    pub fn clear(&self) {
        self.shared.state.lock().clears = true;
    }

    /// Leaves the terminal to the shell that this one was started from; the cell is drawn below what that
    /// leaves there.
    pub fn suspend(&self) {
        let mut state = self.shared.state.lock();
        let codes = state.painter.leave();
        state.marks_pastes = true;
        state.put(&format!("{PASTES_UNMARKED}{codes}"));
    }

    fn end(&self) {
        let mut state = self.shared.state.lock();
        RESIZES.store(-1, Ordering::Relaxed);
        signals::leave();
        let Some(terminal) = state.terminal.take() else {
            return;
        };
        let cell = std::mem::take(&mut state.cell);
        let codes = state.painter.finish(&cell, Size::of(terminal.number()));
        let codes = format!("{PASTES_UNMARKED}{codes}");
        if terminal.is_there() {
            terminal::write(terminal.number(), &codes);
            put_in_place(terminal.number(), libc::STDOUT_FILENO);
            terminal.close();
        } else if let Ok(terminal) = terminal::open_terminal() {
            // A thread has closed it meanwhile.
            terminal::write(terminal.as_raw_fd(), &codes);
            put_in_place(terminal.as_raw_fd(), libc::STDOUT_FILENO);
        }
        if let Some(errors) = state.errors.take() {
            if errors.is_there() {
                put_in_place(errors.number(), libc::STDERR_FILENO);
                errors.close();
            } else {
                put_in_place(libc::STDOUT_FILENO, libc::STDERR_FILENO);
            }
        }
        terminal::set_output(libc::STDOUT_FILENO);
        terminal::set_last_words(-1);
        terminal::set_rows_to_leave(0);
    }
}

impl Drop for CellView {
    fn drop(&mut self) {
        if self.shared.tells.is_there() {
            tell(self.shared.tells.number(), ENDED);
        }
    }
}

/// That a cell is being edited.
pub struct Edited<'view> {
    view: &'view CellView,
}

impl Drop for Edited<'_> {
    fn drop(&mut self) {
        self.view.end();
    }
}

impl State {
    /// Writes to the terminal, while a cell is edited.
    fn put(&self, codes: &str) {
        let terminal = self.terminal.filter(OwnFile::is_there);
        if let Some(terminal) = terminal
            && !terminal::has_shown_last_words()
        {
            terminal::write(terminal.number(), codes);
            terminal::set_rows_to_leave(self.painter.rows_below() + 1);
        }
    }
}

impl Shared {
    fn print_above(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        match state.terminal {
            Some(_) => {
                let codes = state.painter.above(text);
                state.put(&codes);
            }
            // It would come back here.
            None if self.aside.is_in_place() => {}
            None => terminal::write(libc::STDOUT_FILENO, text),
        }
    }

    fn resized(&self) {
        let mut state = self.state.lock();
        let Some(terminal) = state.terminal else {
            return;
        };
        self.aside
            .set_size(&terminal::window_size(terminal.number()));
        let State { painter, cell, .. } = &mut *state;
        let codes = painter.redraw(cell, Size::of(terminal.number()));
        state.put(&codes);
    }

    /// Wakes the editor, once until it has heard of it.
    fn wake(&self) {
        if let Some(wakes) = &mut *self.wakes.lock()
            && !self.is_woken.swap(true, Ordering::SeqCst)
        {
            // One that can't be woken looks when a key is typed.
            let _ = wakes.print(String::new());
        }
    }

    fn is_there(&self) -> bool {
        self.aside.is_there() && self.tells.is_there() && self.told.is_there()
    }

    /// Hands on what others than the editor write until the files of the view are gone: when it ends, with the last
    /// command that was started while a cell was edited.
    fn show_others(&self) {
        let mut buffer = vec![0; READ_BYTES_MAX];
        let read_end = self.aside.read_end();
        let mut has_ended = false;
        loop {
            let watched = |number| libc::pollfd {
                fd: number,
                events: libc::POLLIN,
                revents: 0,
            };
            // One that is negative is passed over.
            let told = if has_ended { -1 } else { self.told.number() };
            let mut files = [watched(read_end.number()), watched(told)];
            let has_begun = self.others.lock().has_begun();
            let patience = if has_begun { LINE_END_MS } else { -1 };
            // SAFETY: there are two of them, and they live through the call.
            match unsafe { libc::poll(files.as_mut_ptr(), 2, patience) } {
                -1 if was_interrupted() => continue,
                -1 => return,
                0 => self.end_line(),
                _ => {}
            }
            // Under the numbers of files that are gone may be others by now.
            if !read_end.is_there() || !(has_ended || self.is_there()) {
                return;
            }
            if files[1].revents != 0 {
                match read(self.told, &mut buffer[..1]) {
                    Some(1) if buffer[0] == RESIZED => self.resized(),
                    Some(1) if buffer[0] == signals::CAME => self.wake(),
                    Some(1) if buffer[0] == terminal::SHOW_LAST_WORDS => {
                        self.show_last_words();
                        return;
                    }
                    Some(1) => {
                        self.aside.close_written();
                        self.tells.close();
                        self.told.close();
                        has_ended = true;
                    }
                    _ => return,
                }
            }
            if files[0].revents != 0 && !self.add_what_came(&mut buffer) {
                self.end_line();
                read_end.close();
                return;
            }
        }
    }

    /// Hands on what has been written aside; false where nobody is left who could write.
    fn add_what_came(&self, buffer: &mut [u8]) -> bool {
        let mut others = self.others.lock();
        // Somebody else may have read it meanwhile.
        if !self.has_come() {
            return true;
        }
        let count = read(self.aside.read_end(), buffer).filter(|count| *count != 0);
        if let Some(count) = count {
            self.add(&others.take(&buffer[..count]));
        }
        count.is_some()
    }

    fn add_written(&self) {
        if self.reader != std::process::id() || !self.is_there() {
            return;
        }
        let mut others = self.others.lock();
        let mut buffer = Vec::new();
        while self.has_come() {
            buffer.resize(READ_BYTES_MAX, 0);
            match read(self.aside.read_end(), &mut buffer) {
                None | Some(0) => break,
                Some(count) => self.add(&others.take(&buffer[..count])),
            }
        }
        self.add(&others.take_begun());
    }

    /// Hands on a line that has begun as one that has ended.
    fn end_line(&self) {
        let mut others = self.others.lock();
        if others.has_begun() {
            self.add(&others.take_line());
        }
    }

    /// Whether something has been written aside that nobody has read, or nobody is left who could write.
    fn has_come(&self) -> bool {
        let mut watched = libc::pollfd {
            fd: self.aside.read_end().number(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: there is one, and it lives through the call.
        unsafe { libc::poll(&raw mut watched, 1, 0) == 1 }
    }

    /// Has text of others be shown in its turn, at once where no cell is edited.
    fn add(&self, text: &str) {
        if !text.is_empty() && !self.screen.above().add(text) {
            self.print_above(text);
        }
    }

    /// Shows all that has been written, as the process ends, and draws nothing after that.
    fn show_last_words(&self) {
        self.add_written();
        self.end_line();
        self.print_above(&self.screen.above().last_words());
        let _last = self.state.lock();
        terminal::end_with_last_words();
    }
}

/// Reads what has come in; `None` where there is nothing to read any more.
fn read(file: OwnFile, buffer: &mut [u8]) -> Option<usize> {
    loop {
        // SAFETY: the buffer is as long as is said.
        let count = unsafe { libc::read(file.number(), buffer.as_mut_ptr().cast(), buffer.len()) };
        match usize::try_from(count) {
            Ok(count) => return Some(count),
            Err(_) if was_interrupted() => {}
            Err(_) => return None,
        }
    }
}

fn was_interrupted() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
}

/// Has a number stand for this file, too.
fn put_in_place(file: libc::c_int, number: libc::c_int) {
    // SAFETY: it is told of numbers. What can't be put in place is missed by whoever writes there.
    unsafe { libc::dup2(file, number) };
}

/// Has a change of the terminal's size be told to the thread of the view.
fn hear_of_size() {
    // SAFETY: the handler does only what is allowed in one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_resize as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGWINCH, &raw const action, std::ptr::null_mut());
    }
}

extern "C" fn on_resize(_: libc::c_int) {
    let number = RESIZES.load(Ordering::Relaxed);
    if number >= 0 {
        tell(number, RESIZED);
    }
}

/// Tells the thread of a view something, without waiting. It is allowed in a signal's handler.
fn tell(number: libc::c_int, what: u8) {
    // SAFETY: the byte lives through the call.
    unsafe { libc::write(number, (&raw const what).cast(), 1) };
}
