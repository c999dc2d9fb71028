//! Keeps the terminal as the shell found it.
//!
//! A cell or a command may leave the terminal raw or silent, or close the shell's own files of it, as
//! `open(0).close()` does, or put others in their place, as `os.dup2` does; the next prompt puts it right.
//! And where a signal or `os._exit` ends the shell while a line is edited, the terminal is given back first.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};

use super::own_file::OwnFile;

/// The modes of the terminal as the innermost shell found them; null while none is open. What it leads to is
/// never freed: a handler may be reading it.
static MODES: AtomicPtr<libc::termios> = AtomicPtr::new(std::ptr::null_mut());

/// Whether the terminal calls itself dumb, and is sent no codes.
static IS_DUMB: AtomicBool = AtomicBool::new(false);

/// What has the end of the process give the terminal back is asked for once.
static END: Once = Once::new();

/// Where the terminal is written to: while a cell is edited, that isn't standard output.
static OUTPUT: AtomicI32 = AtomicI32::new(libc::STDOUT_FILENO);

/// The process whose terminal it is: one that is forked has none to give back.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// Who shows what others write while a cell is edited is told here to show the last of it, else -1.
static LAST_WORDS: AtomicI32 = AtomicI32::new(-1);

/// Whether the last of it is shown: nothing is drawn after it.
static ARE_LAST_WORDS_SHOWN: AtomicBool = AtomicBool::new(false);

/// How many rows lead below a cell that is edited.
static ROWS_TO_LEAVE: AtomicUsize = AtomicUsize::new(0);

/// The signals that don't end a process which hasn't said what it does on them, and the one that nobody hears.
const HARMLESS: [libc::c_int; 9] = [
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGURG,
    libc::SIGWINCH,
];

/// Leaves the mode in which a paste is marked, shows the cursor, and ends all colours.
const SOBER: &[u8] = b"\x1b[?2004l\x1b[?25h\x1b[0m";

/// How long nothing may come before a paste counts as ended.
const QUIET_MS: libc::c_int = 150;

/// What is told for the last words to be shown.
pub const SHOW_LAST_WORDS: u8 = b'l';

/// How long an ending signal waits, in milliseconds, for the last words to be shown: who shows them may wait
/// for what the signal has stopped.
const LAST_WORDS_MS: usize = 500;

/// Says how many rows further down the cursor is to be where a signal ends the shell.
pub fn set_rows_to_leave(count: usize) {
    ROWS_TO_LEAVE.store(count, Ordering::Relaxed);
}

/// Writes all of it, also where somebody has made the terminal one that refuses what it has no room for yet. A
/// terminal that is gone is told of where it is read.
pub fn write(number: libc::c_int, text: &str) {
    write_bytes(number, text.as_bytes());
}

/// The same with any bytes.
pub fn write_bytes(number: libc::c_int, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: the bytes live through the call.
        let count = unsafe { libc::write(number, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(count) {
            Ok(count) => rest = &rest[count..],
            Err(_) => match std::io::Error::last_os_error().kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock => wait_until_it_takes(number),
                _ => return,
            },
        }
    }
}

fn wait_until_it_takes(number: libc::c_int) {
    let mut watched = libc::pollfd {
        fd: number,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: there is one, and it lives through the call.
    unsafe { libc::poll(&raw mut watched, 1, -1) };
}

/// Whether a file is a terminal.
pub fn is_terminal(number: libc::c_int) -> bool {
    // SAFETY: it is told of a number.
    unsafe { libc::isatty(number) == 1 }
}

/// Says where the terminal is written to from now on.
pub fn set_output(number: libc::c_int) {
    OUTPUT.store(number, Ordering::Relaxed);
}

/// Says where [`SHOW_LAST_WORDS`] is told from now on, or -1.
pub fn set_last_words(number: libc::c_int) {
    LAST_WORDS.store(number, Ordering::Relaxed);
}

/// Says that the last words are shown, and that nothing is drawn any more.
pub fn end_with_last_words() {
    ARE_LAST_WORDS_SHOWN.store(true, Ordering::SeqCst);
}

/// Whether the process ends, and nothing is to be drawn any more.
pub fn has_shown_last_words() -> bool {
    ARE_LAST_WORDS_SHOWN.load(Ordering::SeqCst)
}

/// How large a terminal is, in characters and pixels; nothing where it doesn't say, or is none.
pub fn window_size(number: libc::c_int) -> libc::winsize {
    // SAFETY: a zeroed structure is one, and it lives through the call.
    unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        libc::ioctl(number, libc::TIOCGWINSZ, &raw mut size);
        size
    }
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub rows: usize,
    pub columns: usize,
}

impl Size {
    /// That of a terminal; what is usual where it doesn't say.
    pub fn of(number: libc::c_int) -> Self {
        let size = window_size(number);
        let or_usual = |count: u16, usual| match count {
            0 => usual,
            count => usize::from(count),
        };
        Self {
            rows: or_usual(size.ws_row, 24),
            columns: or_usual(size.ws_col, 80),
        }
    }
}

/// Gives the terminal back when it is dropped. Where stdin is no terminal it keeps no modes.
pub struct Keeper {
    streams: Vec<Stream>,
    /// The modes that there were.
    modes: Option<&'static libc::termios>,
    /// Those of the shell around this one, if there is any.
    modes_around: Option<&'static libc::termios>,
    /// Whether it was said that a file of the terminal was replaced.
    told: Cell<bool>,
    /// Whether the shell's own files were found closed, and nobody has asked since.
    lost: Cell<bool>,
}

impl Keeper {
    /// Remembers the modes, and sees to it that they come back however the process ends.
    pub fn new() -> Self {
        let modes_around = kept_modes();
        let modes = current_modes().map(|modes| &*Box::leak(Box::new(modes)));
        if modes.is_some() {
            let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
            IS_DUMB.store(is_dumb, Ordering::Relaxed);
            // SAFETY: it asks for a number.
            OWNER.store(unsafe { libc::getpid() }, Ordering::Relaxed);
            keep_modes(modes);
            restore_on_signals();
            restore_on_exit();
        }
        let numbers = [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO];
        Self {
            // One that isn't open can't be closed by a cell.
            streams: numbers.into_iter().filter_map(Stream::keep).collect(),
            modes,
            modes_around,
            told: Cell::new(false),
            lost: Cell::new(false),
        }
    }

    /// Puts back the files that were closed or replaced; gives a sentence to be shown where it is the
    /// first time that what is written went elsewhere.
    pub fn restore_files(&self) -> Option<String> {
        // A library that puts back what Python knows of takes a handler away that it doesn't.
        if self.modes.is_some() {
            restore_on_signals();
        }
        let mut taken = None;
        for stream in &self.streams {
            if stream.restore() {
                taken = taken.or(stream.name());
            }
            if !stream.renew() {
                self.lost.set(true);
            }
        }
        let name = taken.filter(|_| !self.told.replace(true))?;
        Some(format!(
            "{name} had been replaced and is the terminal again: a cell that redirects it has to put \
             it back itself"
        ))
    }

    /// Whether a cell has closed the shell's own files since this was last asked: not those that
    /// everybody knows, but all that were open, as `os.closerange` does.
    pub fn take_lost(&self) -> bool {
        self.lost.take()
    }

    /// Puts back the modes.
    pub fn restore_modes(&self) {
        if let Some(modes) = self.modes {
            // SAFETY: the structure was filled by tcgetattr. A terminal that is gone refuses,
            // and needs no modes.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, modes) };
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Nobody is left to be told at a prompt.
        let _ = self.restore_files();
        self.restore_modes();
        keep_modes(self.modes_around);
        if self.modes.is_some() && self.modes_around.is_none() {
            leave_signals();
        }
        for stream in &self.streams {
            if let Some(copy) = stream.copy() {
                copy.close();
            }
        }
    }
}

/// One of the shell's own files.
struct Stream {
    number: libc::c_int,
    was_terminal: bool,
    /// The same file under another number.
    copy: Cell<Option<OwnFile>>,
}

impl Stream {
    fn keep(number: libc::c_int) -> Option<Self> {
        let copy = OwnFile::copy_of(number)?;
        // SAFETY: it is told of a number.
        let was_terminal = unsafe { libc::isatty(number) } == 1;
        Some(Self {
            number,
            was_terminal,
            copy: Cell::new(Some(copy)),
        })
    }

    /// Opens it again where it was closed, or where a file that is no terminal has its number; says
    /// whether one had, and has it no more.
    fn restore(&self) -> bool {
        // SAFETY: these are told of numbers, and touch no memory of this process.
        let (is_open, is_taken) = unsafe {
            let is_open = libc::fcntl(self.number, libc::F_GETFD) != -1;
            let is_terminal = libc::isatty(self.number) == 1;
            (is_open, is_open && self.was_terminal && !is_terminal)
        };
        if is_open && !is_taken {
            return false;
        }
        if let Some(copy) = self.copy() {
            // SAFETY: as above; the copy is open.
            unsafe { libc::dup2(copy.number(), self.number) };
        } else if self.was_terminal
            && let Ok(terminal) = open_terminal()
        {
            if terminal.as_raw_fd() == self.number {
                // It stays, and programs that are started get it, too.
                let number = terminal.into_raw_fd();
                // SAFETY: as above.
                unsafe { libc::fcntl(number, libc::F_SETFD, 0) };
            } else {
                // SAFETY: as above; the file is open while it is copied.
                unsafe { libc::dup2(terminal.as_raw_fd(), self.number) };
            }
        }
        // SAFETY: as above. Where neither can be had, the other file stays.
        is_taken && unsafe { libc::isatty(self.number) } == 1
    }

    /// Makes another copy where a cell has closed the one that there was; false if it has.
    fn renew(&self) -> bool {
        if self.copy().is_some() {
            return true;
        }
        // What has its number now is another's, and stays.
        let lost = self.copy.replace(OwnFile::copy_of(self.number));
        lost.is_none()
    }

    /// The copy, unless a cell has closed it.
    fn copy(&self) -> Option<OwnFile> {
        self.copy.get().filter(OwnFile::is_there)
    }

    /// What it is called, if it is written to.
    fn name(&self) -> Option<&'static str> {
        match self.number {
            libc::STDOUT_FILENO => Some("standard output (descriptor 1)"),
            libc::STDERR_FILENO => Some("standard error (descriptor 2)"),
            _ => None,
        }
    }
}

/// The terminal of this process, whatever its files are.
///
/// # Errors
/// It has none.
pub fn open_terminal() -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Throws away what was typed or pasted and not read yet, to the end of the paste.
///
/// Where that end is can't be known from here: it is where nothing has come for a while.
pub fn discard_input() {
    let Some(before) = current_modes() else {
        return;
    };
    // SAFETY: the structures are valid, and the buffer is as long as is said.
    unsafe {
        let mut raw = before;
        libc::cfmakeraw(&raw mut raw);
        raw.c_oflag = before.c_oflag;
        libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &raw const raw);
        let mut buffer = [0_u8; 4096];
        loop {
            let mut watched = libc::pollfd {
                fd: libc::STDIN_FILENO,
                events: libc::POLLIN,
                revents: 0,
            };
            if libc::poll(&raw mut watched, 1, QUIET_MS) <= 0 {
                break;
            }
            if libc::read(libc::STDIN_FILENO, buffer.as_mut_ptr().cast(), buffer.len()) <= 0 {
                break;
            }
        }
        libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &raw const before);
    }
}

/// What lets stay what commands have written where it doesn't end its line: the prompt begins by clearing
/// the line that it is in.
///
/// Nobody knows where they left the cursor. A line of blanks leaves the line that it begins in exactly
/// if that was begun.
pub fn end_of_line(columns: usize) -> String {
    format!("{}\r", " ".repeat(columns.saturating_sub(1)))
}

/// The key that suspends the shell, as a letter that is typed with Ctrl, where the terminal has one.
pub fn suspend_key() -> Option<char> {
    let key = current_modes()?.c_cc[libc::VSUSP];
    (1..b' ').contains(&key).then(|| char::from(key + b'@'))
}

fn current_modes() -> Option<libc::termios> {
    // SAFETY: tcgetattr fills the structure it is given, and a zeroed one is valid.
    unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        (libc::tcgetattr(libc::STDIN_FILENO, &raw mut modes) == 0).then_some(modes)
    }
}

/// The modes that the terminal is given back with.
fn kept_modes() -> Option<&'static libc::termios> {
    // SAFETY: what it leads to is never freed, and never changed.
    unsafe { MODES.load(Ordering::Acquire).as_ref() }
}

fn keep_modes(modes: Option<&'static libc::termios>) {
    let modes = modes.map_or(std::ptr::null(), std::ptr::from_ref);
    MODES.store(modes.cast_mut(), Ordering::Release);
}

/// The signals that end a process by themselves. What ends with an abort has said why just before.
fn ending_signals() -> impl Iterator<Item = libc::c_int> {
    (1..=libc::SIGRTMAX()).filter(|signal| !HARMLESS.contains(signal))
}

fn restore_on_signals() {
    ending_signals().for_each(restore_on);
}

/// Has the process end as `std::process::exit` ends it, which `os._exit` calls, with the terminal given back.
fn restore_on_exit() {
    END.call_once(|| {
        // SAFETY: the function lives as long as the process does. Where there is no room for it, the terminal
        // stays as it is.
        unsafe { libc::atexit(on_exit) };
    });
}

/// What is done with a signal; `None` for one that nobody can do anything with.
fn action_of(signal: libc::c_int) -> Option<libc::sigaction> {
    // SAFETY: a zeroed structure is one, and it lives through the call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0).then_some(action)
    }
}

fn handler() -> libc::sighandler_t {
    on_signal as extern "C" fn(libc::c_int) as usize
}

/// Gives the terminal back before this signal ends the process, unless it is ignored (as `nohup` has it) or the
/// program around the shell has a handler of its own.
fn restore_on(signal: libc::c_int) {
    let Some(mut action) = action_of(signal) else {
        return;
    };
    if action.sa_sigaction != libc::SIG_DFL {
        return;
    }
    action.sa_sigaction = handler();
    action.sa_flags = libc::SA_RESETHAND | libc::SA_NODEFER;
    // SAFETY: the handler does only what is allowed in one. SA_RESETHAND makes the signal that
    // it raises end the process the way the first one was meant to.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
}

/// Has signals end the process as they did before there was a shell.
fn leave_signals() {
    for signal in ending_signals() {
        if action_of(signal).is_some_and(|action| action.sa_sigaction == handler()) {
            // SAFETY: no handler is set.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

extern "C" fn on_signal(signal: libc::c_int) {
    give_back();
    // SAFETY: it is async-signal-safe.
    unsafe { libc::raise(signal) };
}

extern "C" fn on_exit() {
    give_back();
}

/// Gives the terminal back if a shell of this process has it. It is allowed in a signal's handler: of what it calls
/// all is, and what is asked of a file is asked as tcgetattr does.
fn give_back() {
    let Some(modes) = kept_modes() else {
        return;
    };
    // SAFETY: it asks for a number.
    if unsafe { libc::getpid() } != OWNER.load(Ordering::Relaxed) {
        return;
    }
    // They stand above the cell, which is as it was.
    show_last_words();
    // SAFETY: the structure was filled by tcgetattr.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, modes) };
    let output = OUTPUT.load(Ordering::Relaxed);
    if !is_terminal(output) {
        return;
    }
    // SAFETY: the bytes live through the calls.
    unsafe {
        for _ in 0..ROWS_TO_LEAVE.load(Ordering::Relaxed) {
            libc::write(output, c"\n".as_ptr().cast(), 1);
        }
        if !IS_DUMB.load(Ordering::Relaxed) {
            libc::write(output, SOBER.as_ptr().cast(), SOBER.len());
        }
    }
}

/// Has what others have written last be shown, and waits until it is. It is allowed in a signal's handler.
fn show_last_words() {
    let number = LAST_WORDS.load(Ordering::Relaxed);
    if number < 0 {
        return;
    }
    let told = SHOW_LAST_WORDS;
    // SAFETY: the byte lives through the call, and no file is waited for.
    unsafe {
        libc::write(number, (&raw const told).cast(), 1);
        for _ in 0..LAST_WORDS_MS {
            if ARE_LAST_WORDS_SHOWN.load(Ordering::SeqCst) {
                return;
            }
            libc::poll(std::ptr::null_mut(), 0, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_stays_is_not_told_to_be_the_terminal_again() {
        let other = File::open("/dev/null").expect("it is there");
        let stream = Stream {
            number: other.into_raw_fd(),
            was_terminal: true,
            copy: Cell::new(None),
        };
        let told = stream.restore();
        // Where the tests have a terminal, it was opened.
        // SAFETY: the number is this test's.
        let is_terminal = unsafe { libc::isatty(stream.number) } == 1;
        assert_eq!(told, is_terminal);
        // SAFETY: as above.
        unsafe { libc::close(stream.number) };
    }

    #[test]
    fn a_signal_that_is_ignored_stays_ignored() {
        let handler_of = |signal| action_of(signal).map(|action| action.sa_sigaction);
        // Nobody sends these two.
        // SAFETY: no handler is set.
        unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
        restore_on(libc::SIGUSR1);
        assert_eq!(handler_of(libc::SIGUSR1), Some(libc::SIG_IGN));
        restore_on(libc::SIGUSR2);
        assert_eq!(handler_of(libc::SIGUSR2), Some(handler()));
        leave_signals();
        assert_eq!(handler_of(libc::SIGUSR1), Some(libc::SIG_IGN));
        assert_eq!(handler_of(libc::SIGUSR2), Some(libc::SIG_DFL));
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGUSR1, libc::SIG_DFL) };
    }

    #[test]
    fn signals_that_end_a_process_are_known() {
        let ending: Vec<libc::c_int> = ending_signals().collect();
        let ends = [
            libc::SIGHUP,
            libc::SIGALRM,
            libc::SIGUSR1,
            libc::SIGVTALRM,
            libc::SIGRTMIN(),
            libc::SIGRTMAX(),
        ];
        for signal in ends {
            assert!(ending.contains(&signal), "{signal}");
        }
        for signal in [libc::SIGCHLD, libc::SIGTSTP, libc::SIGWINCH] {
            assert!(!ending.contains(&signal), "{signal}");
        }
    }
}
