//! Waiting and being interrupted: native code that blocks asks here whether a signal has arrived.
//!
//! It installs no handler (the runtime does, see `runtime`), and it can't interrupt native code
//! that never asks. A real SIGINT to the main thread is what makes a signal "arrive".

use std::cell::RefCell;
use std::time::Duration;

use rustpython_vm::vm::thread;
use rustpython_vm::{PyResult, VirtualMachine};

/// The longest that a Ctrl-C waits for native code to look up.
const SLICE_MAX: Duration = Duration::from_millis(20);

/// Runs the handlers of the signals that have arrived.
///
/// # Errors
/// What a handler raised: `KeyboardInterrupt` for SIGINT, unless the user set another handler.
pub fn check(vm: &VirtualMachine) -> PyResult<()> {
    vm.check_signals()
}

/// Waits in slices until `done` says so, and looks at the signals between two slices.
///
/// `done` is called with the time it may block. It must not touch Python objects: other Python
/// threads run while it blocks.
///
/// # Errors
/// What the handler of a signal raised: `KeyboardInterrupt` after Ctrl-C.
pub fn interruptible_wait(
    vm: &VirtualMachine,
    mut done: impl FnMut(Duration) -> bool,
) -> PyResult<()> {
    // Most waits that matter for latency are short: the first slices are, too, so that a `done`
    // which polls rather than blocks still answers soon.
    let mut slice = Duration::from_millis(1);
    loop {
        vm.check_signals()?;
        if vm.allow_threads(|| done(slice)) {
            return Ok(());
        }
        slice = (slice * 2).min(SLICE_MAX);
    }
}

/// Takes the signals that have arrived and drops what their handlers raise.
///
/// For the moment between two pieces of work: an interrupt that was meant for the last one, and
/// came too late, must not hit the next.
pub fn discard_pending(vm: &VirtualMachine) {
    while vm.check_signals().is_err() {}
}

thread_local! {
    /// While [`stoppable`] work runs on this thread: what the handler of a signal has raised.
    static RAISED: RefCell<Option<PyResult<()>>> = const { RefCell::new(None) };
}

/// Runs work that touches no Python objects and may take long: it asks [`is_stopped`] between its
/// parts. Other Python threads run meanwhile.
///
/// # Errors
/// What the handler of a signal raised meanwhile.
pub fn stoppable<R>(vm: &VirtualMachine, work: impl FnOnce() -> R) -> PyResult<R> {
    let outer = RAISED.replace(Some(Ok(())));
    let done = vm.allow_threads(work);
    match RAISED.replace(outer) {
        Some(Err(failure)) => Err(failure),
        _ => Ok(done),
    }
}

/// Whether the [`stoppable`] work that this is called from should end early: looks at the signals.
pub fn is_stopped() -> bool {
    match RAISED.with_borrow(|raised| raised.as_ref().map(Result::is_err)) {
        // Nobody would hear of what a handler raises.
        None => return false,
        Some(true) => return true,
        Some(false) => {}
    }
    let checked =
        thread::try_with_current_vm(|vm| thread::attach_for_callback(vm, || vm.check_signals()));
    let Some(Err(failure)) = checked else {
        return false;
    };
    RAISED.set(Some(Err(failure)));
    true
}
