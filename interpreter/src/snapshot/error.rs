//! `SnapshotError`, the exception Python code sees when something can't be carried.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyTypeRef};
use rustpython_vm::{AsObject, Context, VirtualMachine};

use super::Trust;
use super::format::FormatError;

/// The exception type `rhumba.SnapshotError`, a subclass of `TypeError`.
///
/// Interpreters of one process share it, as they share the built-in exceptions.
pub fn snapshot_error_type() -> &'static PyTypeRef {
    static TYPE: OnceLock<PyTypeRef> = OnceLock::new();
    TYPE.get_or_init(|| {
        let context = Context::genesis();
        context.new_exception_type(
            "rhumba",
            "SnapshotError",
            Some(vec![context.exceptions.type_error.to_owned()]),
        )
    })
}

pub(super) fn snapshot_error(vm: &VirtualMachine, sentence: String) -> PyBaseExceptionRef {
    vm.new_exception(
        snapshot_error_type().clone(),
        vec![vm.ctx.new_str(sentence).into()],
    )
}

/// Why decoding stopped: the bytes are bad, or Python code that rebuilds an object raised.
pub(super) enum Failure {
    Format(FormatError),
    Python(PyBaseExceptionRef),
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl From<PyBaseExceptionRef> for Failure {
    fn from(exception: PyBaseExceptionRef) -> Self {
        Self::Python(exception)
    }
}

impl Failure {
    /// The exception for whoever decodes. Where nothing that the bytes name is called, whatever
    /// goes wrong is the fault of the bytes.
    pub fn told(self, vm: &VirtualMachine, trust: Trust) -> PyBaseExceptionRef {
        let exception = self.into_exception(vm);
        let fault = vm.ctx.exceptions.exception_type;
        if trust == Trust::Members
            || exception.fast_isinstance(snapshot_error_type())
            || !exception.fast_isinstance(fault)
        {
            return exception;
        }
        let reason = exception.as_object().str(vm);
        let reason = reason.map_or_else(|_| "it doesn't say why".to_owned(), |r| r.to_string());
        let damaged = snapshot_error(vm, format!("the snapshot can't be read: {reason}"));
        damaged.set_cause(Some(exception));
        damaged
    }

    /// Whether it isn't about what was read: an interrupt.
    pub fn is_interrupt(&self, vm: &VirtualMachine) -> bool {
        match self {
            Self::Format(_) => false,
            Self::Python(exception) => {
                exception.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt)
            }
        }
    }

    /// With a note on where that was, if Python code raised.
    pub fn noted(self, vm: &VirtualMachine, note: &str) -> Self {
        match self {
            Self::Python(exception) => Self::Python(noted(vm, exception, note)),
            failure => failure,
        }
    }

    fn into_exception(self, vm: &VirtualMachine) -> PyBaseExceptionRef {
        match self {
            Self::Format(error) => {
                snapshot_error(vm, format!("the snapshot can't be read: {error}"))
            }
            Self::Python(exception) => exception,
        }
    }
}

/// What an exception says, with its type unless that says nothing more.
pub(super) fn sentence_of(vm: &VirtualMachine, exception: &PyBaseExceptionRef) -> String {
    let text = exception.as_object().str(vm);
    let text = text.map_or_else(|_| String::new(), |text| text.to_string());
    if exception.class().is(snapshot_error_type()) {
        return text;
    }
    match text.is_empty() {
        true => exception.class().name().to_string(),
        false => format!("{}: {text}", exception.class().name()),
    }
}

/// An exception that code of the user's raised, with a note on where that was. What ends a program
/// or a cell goes on as it is.
pub(super) fn noted(
    vm: &VirtualMachine,
    error: PyBaseExceptionRef,
    note: &str,
) -> PyBaseExceptionRef {
    if error.fast_isinstance(vm.ctx.exceptions.exception_type) {
        // One that takes no notes is told without.
        let _ = vm.call_method(error.as_object(), "add_note", (vm.ctx.new_str(note),));
    }
    error
}
