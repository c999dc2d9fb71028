//! An exception as data: its type, its message, and the traceback as text.
//!
//! Nothing here raises or prints. `python/rhumba/_failure.py` does the formatting; if that fails in
//! its turn, the runtime's own formatting is used.

use rustpython_vm::builtins::{PyBaseExceptionRef, PyInt, PyStr, PyTuple};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use crate::session;

/// What is told of an exception to whoever can't hold the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReport {
    /// The name of its type: `ZeroDivisionError`.
    pub exception: String,
    /// What `str()` of it gives: `division by zero`.
    pub message: String,
    /// The whole traceback as Python prints it, causes included, without a newline at the end.
    pub traceback: String,
}

impl ErrorReport {
    /// Describes an exception. Never fails: a broken `__str__` is named in the message.
    pub fn from_exception(vm: &VirtualMachine, exception: &PyBaseExceptionRef) -> Self {
        let formatted = format(vm, exception);
        let mut report = formatted.unwrap_or_else(|_| Self::without_python(vm, exception));
        name_numbers_as_python_does(&mut report.message);
        name_numbers_as_python_does(&mut report.traceback);
        report
    }

    /// The same from the runtime's own formatting, for when Python code can't run: no stack left,
    /// no memory, an interrupt.
    fn without_python(vm: &VirtualMachine, exception: &PyBaseExceptionRef) -> Self {
        let mut traceback = String::new();
        if vm.write_exception(&mut traceback, exception).is_err() {
            traceback.push_str("the traceback can't be shown");
        }
        let message = exception.as_object().str(vm).map_or_else(
            |_| "the message can't be shown".to_owned(),
            |text| text.to_string_lossy().into_owned(),
        );
        Self {
            exception: exception.class().name().to_string(),
            message,
            traceback: traceback.trim_end().to_owned(),
        }
    }
}

/// The runtime names its own types where an int is too large; Python's words are those of C.
fn name_numbers_as_python_does(text: &mut String) {
    const SAID: &str = "int too large to convert to Rust ";
    if !text.contains(SAID) {
        return;
    }
    for (own, known) in [
        ("isize", "C ssize_t"),
        ("usize", "C size_t"),
        ("i64", "C long"),
        ("u64", "C unsigned long"),
        ("i32", "C int"),
        ("u32", "C unsigned int"),
        ("i16", "C short"),
        ("u16", "C unsigned short"),
        ("i8", "C char"),
        ("u8", "C unsigned char"),
    ] {
        let said = format!("{SAID}{own}");
        *text = text.replace(&said, &format!("int too large to convert to {known}"));
    }
}

fn format(vm: &VirtualMachine, exception: &PyBaseExceptionRef) -> PyResult<ErrorReport> {
    let module = session::import(vm, "rhumba._failure")?;
    let report = module.get_attr("report", vm)?;
    let parts = report.call((exception.clone(),), vm)?;
    let parts = parts
        .downcast::<PyTuple>()
        .map_err(|_| vm.new_type_error("a report has three parts"))?;
    let text = |index: usize| -> PyResult<String> {
        let part: Option<&PyObjectRef> = parts.as_slice().get(index);
        part.and_then(|part| part.downcast_ref::<PyStr>())
            .map(|text| text.to_string_lossy().into_owned())
            .ok_or_else(|| vm.new_type_error("a report has three texts"))
    };
    Ok(ErrorReport {
        exception: text(0)?,
        message: text(1)?,
        traceback: text(2)?,
    })
}

/// Opens the debugger where the exception was raised, if `%pdb` has asked for that.
///
/// # Errors
/// What ended the debugger early: an interrupt, or a request to leave the shell.
pub fn debug_if_asked(vm: &VirtualMachine, exception: &PyBaseExceptionRef) -> PyResult<()> {
    let session = session::Session::of(vm)?;
    let Some(shell) = session.shell_if_made() else {
        return Ok(());
    };
    let asked = vm.get_attribute_opt(shell, vm.ctx.intern_str("call_pdb"))?;
    if !asked.is_some_and(|asked| asked.is(&vm.ctx.true_value)) {
        return Ok(());
    }
    let debugger = session::import(vm, "rhumba._debugger")?;
    let examine = debugger.get_attr("on_failure", vm)?;
    examine.call((exception.clone(),), vm).map(drop)
}

/// The status that a process should end with if the exception asks for its end.
///
/// `None` for everything but `SystemExit`. A status that is text belongs on stderr: it is the
/// second part.
pub fn exit_request(
    vm: &VirtualMachine,
    exception: &PyBaseExceptionRef,
) -> Option<(i32, Option<String>)> {
    if !exception.fast_isinstance(vm.ctx.exceptions.system_exit) {
        return None;
    }
    let code = exception
        .as_object()
        .get_attr("code", vm)
        .unwrap_or_else(|_| vm.ctx.none());
    if vm.is_none(&code) {
        return Some((0, None));
    }
    if let Some(number) = code.downcast_ref::<PyInt>() {
        let status = number.try_to_primitive::<i64>(vm).unwrap_or(-1);
        return Some(((status & 0xff) as i32, None));
    }
    let text = code.str(vm).map_or_else(
        |_| String::new(),
        |text| text.to_string_lossy().into_owned(),
    );
    Some((1, Some(text)))
}
