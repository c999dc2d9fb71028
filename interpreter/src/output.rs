//! Output as data: what Python code writes and displays, handed to a sink as it happens.
//!
//! A sink decides where text goes: a terminal, a client, a list in a test. Nothing is buffered
//! here, so the order in which things were written is the order in which the sink sees them.

use std::fmt;
use std::sync::Arc;

use rustpython_vm::builtins::PyStr;
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::function::{ArgBytesLike, FuncArgs};
use rustpython_vm::{
    AsObject, Py, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};

use crate::session::Session;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn file_descriptor(self) -> i32 {
        match self {
            Self::Stdout => 1,
            Self::Stderr => 2,
        }
    }
}

/// Takes output in the order it is made. Any Python thread may call it, at any time.
///
/// Its methods run detached from the interpreter and must not touch Python objects.
pub trait OutputSink: Send + Sync {
    /// Text written to a stream: any piece of it, whole lines or not.
    fn write(&self, stream: Stream, text: &str);

    /// One object shown by `display`, as pairs of a MIME type and its text.
    fn display(&self, data: &[(String, String)]);

    /// The value of a cell's last expression, as `Out[count]` shows it.
    fn cell_result(&self, count: u32, text: &str);

    /// Code asked for everything so far to be visible.
    fn flush(&self);

    /// Whether the stream's text ends up on a terminal, as `isatty()` tells Python code.
    fn is_terminal(&self, _stream: Stream) -> bool {
        false
    }
}

/// Sends everything that Python code writes from now on to the sink.
///
/// # Errors
/// What replacing `sys.stdout` raised, which is nothing but lack of memory.
pub fn install_sink(vm: &VirtualMachine, sink: Arc<dyn OutputSink>) -> PyResult<()> {
    Session::of(vm)?.set_sink(sink.clone());
    for (name, stream) in [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)] {
        let text = OutputStream::new_object(vm, stream, sink.clone());
        vm.sys_module.set_attr(vm.ctx.intern_str(name), text, vm)?;
    }
    Ok(())
}

/// Shows an object through the session's sink, or prints it where no sink is set.
pub(crate) fn display(vm: &VirtualMachine, data: &[(String, String)]) -> PyResult<()> {
    match Session::of(vm)?.sink() {
        Some(sink) => {
            vm.allow_threads(|| sink.display(data));
            Ok(())
        }
        None => {
            let text = data
                .iter()
                .find(|(kind, _)| kind == "text/plain")
                .map_or("", |(_, text)| text.as_str());
            write_stdout(vm, &format!("{text}\n"))
        }
    }
}

/// Writes to whatever `sys.stdout` is now.
pub(crate) fn write_stdout(vm: &VirtualMachine, text: &str) -> PyResult<()> {
    let stdout = vm.sys_module.get_attr("stdout", vm)?;
    vm.call_method(&stdout, "write", (vm.ctx.new_str(text),))?;
    Ok(())
}

/// `sys.stdout` or `sys.stderr` as Python code sees it: text in, to the sink.
#[pyclass(module = "rhumba", name = "OutputStream")]
#[derive(PyPayload)]
pub(crate) struct OutputStream {
    stream: Stream,
    sink: Arc<dyn OutputSink>,
}

impl fmt::Debug for OutputStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OutputStream({:?})", self.stream)
    }
}

impl OutputStream {
    fn new_object(vm: &VirtualMachine, stream: Stream, sink: Arc<dyn OutputSink>) -> PyObjectRef {
        let class = Self::make_static_type();
        // A dictionary, because programs hang attributes on their streams.
        let object = PyRef::new_ref(Self { stream, sink }, class, Some(vm.ctx.new_dict()));
        object.into()
    }

    fn put(&self, vm: &VirtualMachine, text: &str) {
        vm.allow_threads(|| self.sink.write(self.stream, text));
    }
}

#[pyclass(flags(HAS_DICT, HAS_WEAKREF))]
impl OutputStream {
    #[pymethod]
    fn write(zelf: &Py<Self>, text: PyObjectRef, vm: &VirtualMachine) -> PyResult<usize> {
        let Some(text) = text.downcast_ref::<PyStr>() else {
            return Err(vm.new_type_error(format!(
                "write() argument must be str, not {}",
                text.class().name()
            )));
        };
        if !text.is_empty() {
            zelf.put(vm, &text.to_string_lossy());
        }
        Ok(text.char_len())
    }

    #[pymethod]
    fn writelines(zelf: &Py<Self>, lines: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
        for line in lines.get_iter(vm)?.iter::<PyObjectRef>(vm)? {
            Self::write(zelf, line?, vm)?;
        }
        Ok(())
    }

    #[pymethod]
    fn flush(zelf: &Py<Self>, vm: &VirtualMachine) {
        vm.allow_threads(|| zelf.sink.flush());
    }

    #[pymethod]
    fn isatty(zelf: &Py<Self>) -> bool {
        zelf.sink.is_terminal(zelf.stream)
    }

    #[pymethod]
    fn writable(_zelf: &Py<Self>) -> bool {
        true
    }

    #[pymethod]
    fn readable(_zelf: &Py<Self>) -> bool {
        false
    }

    #[pymethod]
    fn seekable(_zelf: &Py<Self>) -> bool {
        false
    }

    /// The descriptor that the real stream has, for programs that start others.
    #[pymethod]
    fn fileno(zelf: &Py<Self>) -> i32 {
        zelf.stream.file_descriptor()
    }

    /// Does nothing: the stream belongs to the session.
    #[pymethod]
    fn close(_zelf: &Py<Self>) {}

    /// Accepts the options of `io.TextIOWrapper`; text is never re-encoded here.
    #[pymethod]
    fn reconfigure(_zelf: &Py<Self>, _options: FuncArgs) {}

    #[pymethod]
    fn __enter__(zelf: &Py<Self>) -> PyRef<OutputStream> {
        zelf.to_owned()
    }

    #[pymethod]
    fn __exit__(_zelf: &Py<Self>, _failure: FuncArgs) {}

    #[pygetset]
    fn encoding(_zelf: &Py<Self>) -> &'static str {
        "utf-8"
    }

    #[pygetset]
    fn errors(_zelf: &Py<Self>) -> &'static str {
        "replace"
    }

    #[pygetset]
    fn newlines(_zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        vm.ctx.none()
    }

    #[pygetset]
    fn closed(_zelf: &Py<Self>) -> bool {
        false
    }

    #[pygetset]
    fn line_buffering(_zelf: &Py<Self>) -> bool {
        true
    }

    #[pygetset]
    fn mode(_zelf: &Py<Self>) -> &'static str {
        "w"
    }

    #[pygetset]
    fn name(zelf: &Py<Self>) -> &'static str {
        match zelf.stream {
            Stream::Stdout => "<stdout>",
            Stream::Stderr => "<stderr>",
        }
    }

    /// The stream for bytes, which are taken as UTF-8.
    #[pygetset]
    fn buffer(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        let class = OutputBuffer::make_static_type();
        let dict = Some(vm.ctx.new_dict());
        let text = zelf.to_owned();
        PyRef::new_ref(OutputBuffer { text }, class, dict).into()
    }
}

/// `sys.stdout.buffer`.
#[pyclass(module = "rhumba", name = "OutputBuffer")]
#[derive(Debug, PyPayload)]
pub(crate) struct OutputBuffer {
    text: PyRef<OutputStream>,
}

#[pyclass(flags(HAS_DICT, HAS_WEAKREF))]
impl OutputBuffer {
    #[pymethod]
    fn write(zelf: &Py<Self>, data: ArgBytesLike, vm: &VirtualMachine) -> usize {
        let bytes = data.borrow_buf().to_vec();
        if !bytes.is_empty() {
            zelf.text.put(vm, &String::from_utf8_lossy(&bytes));
        }
        bytes.len()
    }

    #[pymethod]
    fn flush(zelf: &Py<Self>, vm: &VirtualMachine) {
        OutputStream::flush(&zelf.text, vm);
    }

    #[pymethod]
    fn writable(_zelf: &Py<Self>) -> bool {
        true
    }

    #[pymethod]
    fn isatty(_zelf: &Py<Self>) -> bool {
        false
    }

    #[pymethod]
    fn fileno(zelf: &Py<Self>) -> i32 {
        OutputStream::fileno(&zelf.text)
    }

    #[pygetset]
    fn closed(_zelf: &Py<Self>) -> bool {
        false
    }
}
