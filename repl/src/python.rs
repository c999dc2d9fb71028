//! The one place where the interpreter is handed the modules that rhumba adds to Python.
//!
//! It knows no command line and no terminal. The shell, a script's process, the host and every
//! engine start from the same call, so that what one of them imports the others can import.

use std::sync::{Mutex, PoisonError};

use rhumba_interpreter::runtime::{NativeModule, Runtime, RuntimeConfig, Switches};

/// Native modules that the executable adds to rhumba's.
static ADDED: Mutex<Vec<NativeModule>> = Mutex::new(Vec::new());

/// What differs between the processes that hold a Python.
pub struct PythonOptions {
    /// `sys.argv`.
    pub argv: Vec<String>,
    /// Whether a person types the cells: `sys.flags.interactive`, and the prompts are set.
    pub interactive: bool,
    /// What Python's own options of the command line say.
    pub switches: Switches,
}

/// Adds native modules to every Python that this process builds from here on.
pub fn add_native_modules(modules: &[NativeModule]) {
    let mut added = ADDED.lock().unwrap_or_else(PoisonError::into_inner);
    added.extend_from_slice(modules);
}

/// Builds a Python with rhumba's modules in it. A Ctrl-C on the way does what it does to this
/// process without a Python.
pub fn build(options: PythonOptions) -> Runtime {
    with_interrupt_held(|| build_unheld(options))
}

fn build_unheld(options: PythonOptions) -> Runtime {
    let mut native_modules = rhumba_stdlib::native_modules();
    native_modules.extend_from_slice(&ADDED.lock().unwrap_or_else(PoisonError::into_inner));
    let is_interactive = options.interactive;
    let runtime = Runtime::new(RuntimeConfig {
        argv: options.argv,
        interactive: options.interactive,
        native_modules,
        frozen: rhumba_stdlib::frozen_modules(),
        // SIGINT raises KeyboardInterrupt, in an engine too: that is how it is interrupted.
        install_signal_handlers: true,
        switches: options.switches,
    });
    runtime.enter(|vm| {
        // Nothing but a lack of memory stands against it; `rhumba.embed` says so then.
        let _ = crate::shell::embedded::offer(vm);
    });
    if !is_interactive {
        crate::start::over();
    }
    runtime
}

/// Holds SIGINT back while `work` runs, and then lets it do what it would have done before.
///
/// The handler that `work` installs for Python must not run before the Python is whole.
fn with_interrupt_held<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: the structures are valid when zeroed and live through the calls, and the actions
    // that are set were in force here before.
    unsafe {
        let mut interrupt: libc::sigset_t = std::mem::zeroed();
        let mut mask: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigaction = std::mem::zeroed();
        let mut after: libc::sigaction = std::mem::zeroed();
        libc::sigemptyset(&raw mut interrupt);
        libc::sigaddset(&raw mut interrupt, libc::SIGINT);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const interrupt, &raw mut mask);
        libc::sigaction(libc::SIGINT, std::ptr::null(), &raw mut before);
        let result = work();
        libc::sigaction(libc::SIGINT, &raw const before, &raw mut after);
        // One that was held back is delivered by this call.
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut());
        libc::sigaction(libc::SIGINT, &raw const after, std::ptr::null_mut());
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    static EARLY: AtomicU32 = AtomicU32::new(0);
    static LATE: AtomicU32 = AtomicU32::new(0);

    extern "C" fn early(_signal: libc::c_int) {
        EARLY.fetch_add(1, Ordering::Relaxed);
    }

    extern "C" fn late(_signal: libc::c_int) {
        LATE.fetch_add(1, Ordering::Relaxed);
    }

    fn handle_with(handler: extern "C" fn(libc::c_int)) {
        // SAFETY: a zeroed structure is valid, and the handlers only count.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut());
        }
    }

    #[test]
    fn an_interrupt_waits_and_goes_to_whom_it_was_for() {
        handle_with(early);
        let counted = with_interrupt_held(|| {
            handle_with(late);
            // SAFETY: the signal goes to this thread, which holds it back.
            unsafe { libc::raise(libc::SIGINT) };
            EARLY.load(Ordering::Relaxed) + LATE.load(Ordering::Relaxed)
        });
        assert_eq!(counted, 0, "it was not held back");
        assert_eq!(EARLY.load(Ordering::Relaxed), 1);
        // SAFETY: what was installed meanwhile takes it.
        unsafe { libc::raise(libc::SIGINT) };
        assert_eq!(LATE.load(Ordering::Relaxed), 1);
    }
}
