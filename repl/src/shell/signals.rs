//! Signals while a cell is typed: Python's handlers run as they do at other times, and Ctrl-C reaches what a
//! person's own code does for the line editor.
//!
//! The line editor has SIGINT for itself, and has the keys of the terminal send no signals. Of other signals it
//! knows nothing: who waits for a key runs no handler of Python's. So that which a handler is there for is told
//! to [`super::view`], which wakes the editor; then they run. How the terminal is given back where a signal ends
//! the process is [`super::terminal`]'s.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::interrupt;
use rhumba_interpreter::output::Stream;
use rustpython_vm::{AsObject, VirtualMachine};

use super::screen::Screen;
use super::told_exit;

/// Those below this number are looked at: Python programs use no others.
const SIGNALS: usize = 32;

/// What is told when a signal has come.
pub const CAME: u8 = b'c';

/// The number that it is told under, or -1.
static TOLD: AtomicI32 = AtomicI32::new(-1);

/// The handlers that are called before it is told, by the numbers of their signals; 0 where there is none.
static HANDLERS: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];

/// Has each signal that a handler is there for be told to a file until [`leave`]: a byte, [`CAME`].
pub fn follow(number: libc::c_int) {
    TOLD.store(number, Ordering::Relaxed);
    for (signal, handler) in numbered() {
        let Some(mut action) = action_of(signal) else {
            continue;
        };
        let is_handler = !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
        // Handlers of Python's ask for nothing more than their number, and stay.
        let has_other_form = action.sa_flags & (libc::SA_SIGINFO | libc::SA_RESETHAND) != 0;
        if is_handler && !has_other_form && action.sa_sigaction != own_handler() {
            handler.store(action.sa_sigaction, Ordering::Relaxed);
            action.sa_sigaction = own_handler();
            set_action(signal, &action);
        }
    }
}

/// Puts the handlers back, but for signals that have been given others meanwhile.
pub fn leave() {
    TOLD.store(-1, Ordering::Relaxed);
    for (signal, handler) in numbered() {
        let known = handler.load(Ordering::Relaxed);
        if known == 0 {
            continue;
        }
        if let Some(mut action) = action_of(signal)
            && action.sa_sigaction == own_handler()
        {
            action.sa_sigaction = known;
            set_action(signal, &action);
        }
        handler.store(0, Ordering::Relaxed);
    }
}

/// The signals that are followed: not those that the line editor and the view have for themselves.
fn numbered() -> impl Iterator<Item = (libc::c_int, &'static AtomicUsize)> {
    let numbered = (0..).zip(&HANDLERS).skip(1);
    numbered.filter(|(signal, _)| ![libc::SIGINT, libc::SIGWINCH].contains(signal))
}

fn own_handler() -> libc::sighandler_t {
    on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t
}

extern "C" fn on_signal(signal: libc::c_int) {
    let index = usize::try_from(signal).unwrap_or(0);
    let handler = HANDLERS
        .get(index)
        .map_or(0, |handler| handler.load(Ordering::Relaxed));
    if handler != 0 {
        let handler = handler as *const ();
        // SAFETY: what was put there is the handler of a signal, of the form that takes its number.
        let handler =
            unsafe { std::mem::transmute::<*const (), extern "C" fn(libc::c_int)>(handler) };
        handler(signal);
    }
    let number = TOLD.load(Ordering::Relaxed);
    if number >= 0 {
        let told = CAME;
        // SAFETY: the byte lives through the call, which may be made in a signal's handler. What that interrupts
        // finds the error number as it was.
        unsafe {
            let error = *libc::__errno_location();
            libc::write(number, (&raw const told).cast(), 1);
            *libc::__errno_location() = error;
        }
    }
}

fn action_of(signal: libc::c_int) -> Option<libc::sigaction> {
    // SAFETY: a zeroed structure is one, and it lives through the call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0).then_some(action)
    }
}

fn set_action(signal: libc::c_int, action: &libc::sigaction) {
    // SAFETY: the structure was filled by the system, and its handler does only what is allowed in one.
    unsafe { libc::sigaction(signal, action, std::ptr::null_mut()) };
}

/// Runs the handlers of the signals that have come while a cell is typed. What they raise is shown, and is none
/// of the cell's.
pub fn run_handlers(vm: &VirtualMachine, screen: &Screen) {
    while let Err(raised) = interrupt::check(vm) {
        if raised.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt) {
            screen.put(Stream::Stderr, "KeyboardInterrupt\n");
            continue;
        }
        let report = ErrorReport::from_exception(vm, &raised);
        if raised.fast_isinstance(vm.ctx.exceptions.system_exit) {
            screen.put(Stream::Stderr, &told_exit(&report));
        } else {
            screen.show_failure(&report);
        }
    }
}

/// What SIGINT does outside of the line editor.
#[derive(Clone, Copy)]
pub struct Interrupt(libc::sigaction);

impl Interrupt {
    /// As it is now; `None` where it would end the process.
    pub fn now() -> Option<Self> {
        let action = action_of(libc::SIGINT)?;
        (action.sa_sigaction != libc::SIG_DFL).then_some(Self(action))
    }

    /// Has Ctrl-C and SIGINT do that until what this gives is dropped.
    pub fn reach(self) -> Reaching {
        let editors = action_of(libc::SIGINT);
        set_action(libc::SIGINT, &self.0);
        Reaching {
            editors,
            modes: have_key_interrupt(),
        }
    }
}

/// That SIGINT is what it is outside of the line editor.
pub struct Reaching {
    editors: Option<libc::sigaction>,
    modes: Option<libc::termios>,
}

impl Drop for Reaching {
    fn drop(&mut self) {
        if let Some(modes) = &self.modes {
            set_modes(modes);
        }
        if let Some(editors) = &self.editors {
            set_action(libc::SIGINT, editors);
        }
    }
}

/// Has the key that interrupts send a signal, and no other key; gives what the modes of the terminal were.
fn have_key_interrupt() -> Option<libc::termios> {
    // SAFETY: tcgetattr fills the structure it is given, and a zeroed one is valid.
    let before = unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        (libc::tcgetattr(libc::STDIN_FILENO, &raw mut modes) == 0).then_some(modes)?
    };
    let mut modes = before;
    // What is typed ahead, and what is shown, stays.
    modes.c_lflag |= libc::ISIG | libc::NOFLSH;
    modes.c_cc[libc::VQUIT] = libc::_POSIX_VDISABLE;
    modes.c_cc[libc::VSUSP] = libc::_POSIX_VDISABLE;
    set_modes(&modes);
    Some(before)
}

fn set_modes(modes: &libc::termios) {
    // SAFETY: the structure was filled by tcgetattr. A terminal that is gone refuses, and needs no modes.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, modes) };
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;

    use super::*;

    static CALLS: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn count(_: libc::c_int) {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }

    /// The only test that has signals followed, by one that no other test has a handler for.
    #[test]
    fn what_a_handler_is_there_for_is_told_and_handled() {
        let handler = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: the handler only counts.
        unsafe { libc::signal(libc::SIGURG, handler) };
        let handler_now = || action_of(libc::SIGURG).map(|action| action.sa_sigaction);
        let (mut told, tells) = std::io::pipe().expect("there are pipes");
        follow(tells.as_raw_fd());
        // SAFETY: there is a handler for it.
        unsafe { libc::raise(libc::SIGURG) };
        let mut byte = [0];
        told.read_exact(&mut byte).expect("it is told");
        assert_eq!((byte, CALLS.load(Ordering::Relaxed)), ([CAME], 1));
        leave();
        assert_eq!(handler_now(), Some(handler));
        // SAFETY: as above.
        unsafe { libc::raise(libc::SIGURG) };
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
        // One that is changed meanwhile stays what it was changed to.
        follow(tells.as_raw_fd());
        // SAFETY: no handler is set.
        unsafe { libc::signal(libc::SIGURG, libc::SIG_IGN) };
        leave();
        assert_eq!(handler_now(), Some(libc::SIG_IGN));
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGURG, libc::SIG_DFL) };
    }
}
