//! Asking a controller as Python does: whatever is waited for, Ctrl-C ends the waiting.

use crate::failure;
use rhumba_engine::client::ClientError;
use rhumba_engine::client::asking::Patience;
use rhumba_interpreter::interrupt;
use rustpython_vm::{PyResult, VirtualMachine};
use std::time::Duration;

/// Runs what asks, and looks at the signals while it waits.
///
/// What asks must not touch Python objects: other Python threads run while it waits.
///
/// # Errors
/// What the handler of a signal raised: `KeyboardInterrupt` after Ctrl-C. What was asked goes
/// on then; only nobody waits for it.
pub(crate) fn interruptibly<R, E>(
    vm: &VirtualMachine,
    timeout: Option<Duration>,
    ask: impl FnOnce(Patience<'_>) -> Result<R, E>,
) -> PyResult<Result<R, E>> {
    let mut raised = None;
    let answer = ask(Patience::new(timeout, &mut |done| {
        let waited = interrupt::interruptible_wait(vm, done);
        let is_done = waited.is_ok();
        raised = waited.err();
        is_done
    }));
    match raised {
        Some(exception) => Err(exception),
        None => Ok(answer),
    }
}

/// Does what [`interruptibly`] does where a client asks.
pub(crate) fn asking<R>(
    vm: &VirtualMachine,
    timeout: Option<Duration>,
    ask: impl FnOnce(Patience<'_>) -> Result<R, ClientError>,
) -> PyResult<R> {
    interruptibly(vm, timeout, ask)?.map_err(|error| failure::of_client(vm, &error))
}
