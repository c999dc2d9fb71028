//! Output as data: what Python code writes and displays, handed to a sink as it happens.
//!
//! A sink decides where text goes: a terminal, a client, a list in a test. Nothing is buffered
//! here, so the order in which things were written is the order in which the sink sees them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
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

/// One thing to show, in every form that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisplayItem {
    /// Pairs of a MIME type and the form, as text: what is binary is in base64, data is in JSON.
    pub data: Vec<(String, String)>,
    /// Pairs of a MIME type and what is said of that form, in JSON: `{"width": 300}`.
    pub metadata: Vec<(String, String)>,
    /// The name by which it can be replaced later.
    pub id: Option<String>,
    /// Whether it takes the place of what was shown under its id.
    pub is_update: bool,
}

impl DisplayItem {
    /// What a terminal of text shows of it.
    pub fn plain_text(&self) -> &str {
        let plain = self.data.iter().find(|(kind, _)| kind == "text/plain");
        let (_, text) = match plain.or(self.data.first()) {
            Some(pair) => pair,
            None => return "",
        };
        text
    }
}

/// Takes output in the order it is made. Any Python thread may call it, at any time.
///
/// Its methods run detached from the interpreter and must not touch Python objects. Those that show
/// something long ask [`crate::interrupt::is_stopped`] between its parts.
pub trait OutputSink: Send + Sync {
    /// Text written to a stream: any piece of it, whole lines or not.
    fn write(&self, stream: Stream, text: &str);

    /// Bytes written to a stream, and the text that they make with what came before: a character may come in several
    /// writes, and its end is then with the last of them. Whoever has no use for bytes takes the text.
    fn write_bytes(&self, stream: Stream, _bytes: &[u8], text: &str) {
        if !text.is_empty() {
            self.write(stream, text);
        }
    }

    /// One object shown by `display`, as pairs of a MIME type and its text.
    fn display(&self, data: &[(String, String)]);

    /// The value of a cell's last expression, as `Out[count]` shows it.
    fn cell_result(&self, count: u32, text: &str);

    /// One object with all that came along with it.
    fn display_item(&self, item: &DisplayItem) {
        self.display(&item.data);
    }

    /// The value of a cell's last expression in every form that it has.
    fn cell_result_item(&self, count: u32, item: &DisplayItem) {
        self.cell_result(count, item.plain_text());
    }

    /// What was shown by the cell so far may go; with `wait`, once there is something new.
    fn clear(&self, _wait: bool) {}

    /// Code asked for everything so far to be visible.
    fn flush(&self);

    /// The MIME types of the forms that anybody sees, None if all may be. Objects are asked for no others.
    fn shown_kinds(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Objects told while something runs, by their names: the buffers of a snapshot each.
    ///
    /// # Errors
    /// Why nobody can be told, as a sentence.
    fn publish(&self, _data: Vec<(String, Vec<Bytes>)>) -> Result<(), String> {
        Err("data is published by what runs on an engine, and this is none".to_owned())
    }

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
    crate::bridge::install_get_ipython(vm)?;
    crate::bridge::install_displayhook(vm)
}

/// Whether a program has put something of its own in the place of `sys.stdout`.
pub(crate) fn is_redirected(vm: &VirtualMachine) -> bool {
    let stdout = vm.sys_module.get_attr("stdout", vm);
    stdout.is_ok_and(|stdout| stdout.downcast_ref::<OutputStream>().is_none())
}

/// What takes the output of Python code at a moment, to be put back later.
pub struct Streams {
    sink: Option<Arc<dyn OutputSink>>,
    stdout: PyObjectRef,
    stderr: PyObjectRef,
}

impl Streams {
    /// Those of now.
    ///
    /// # Errors
    /// A program has taken `sys.stdout` or `sys.stderr` away.
    pub fn now(vm: &VirtualMachine) -> PyResult<Self> {
        Ok(Self {
            sink: Session::of(vm)?.sink(),
            stdout: vm.sys_module.get_attr("stdout", vm)?,
            stderr: vm.sys_module.get_attr("stderr", vm)?,
        })
    }

    /// Puts them back in the place of those that were installed since.
    ///
    /// # Errors
    /// A lack of memory.
    pub fn put_back(self, vm: &VirtualMachine) -> PyResult<()> {
        Session::of(vm)?.swap_sink(self.sink);
        for (name, stream) in [("stdout", self.stdout), ("stderr", self.stderr)] {
            vm.sys_module
                .set_attr(vm.ctx.intern_str(name), stream, vm)?;
        }
        Ok(())
    }
}

/// Tells whoever waits for what runs some objects by their names, as snapshots.
///
/// # Errors
/// RuntimeError if nobody can be told.
pub fn publish(vm: &VirtualMachine, data: Vec<(String, Vec<Bytes>)>) -> PyResult<()> {
    let published = match Session::of(vm)?.sink() {
        Some(sink) => vm.allow_threads(|| sink.publish(data)),
        None => Err("data is published by what runs on an engine, and this is none".to_owned()),
    };
    published.map_err(|reason| vm.new_runtime_error(reason))
}

/// Writes to whatever `sys.stdout` is now.
pub(crate) fn write_stdout(vm: &VirtualMachine, text: &str) -> PyResult<()> {
    let stdout = vm.sys_module.get_attr("stdout", vm)?;
    vm.call_method(&stdout, "write", (vm.ctx.new_str(text),))?;
    Ok(())
}

/// As much is written before a Ctrl-C is looked for: a terminal may take minutes for all of it.
const PART_BYTES_MAX: usize = 16 * 1024;

/// `sys.stdout` or `sys.stderr` as Python code sees it: text in, to the sink.
#[pyclass(module = "rhumba", name = "OutputStream")]
#[derive(PyPayload)]
pub(crate) struct OutputStream {
    stream: Stream,
    sink: Arc<dyn OutputSink>,
    /// What has come as bytes of a character that isn't whole yet.
    begun: Mutex<Vec<u8>>,
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
        let stream = Self {
            stream,
            sink,
            begun: Mutex::default(),
        };
        PyRef::new_ref(stream, class, Some(vm.ctx.new_dict())).into()
    }

    /// Hands text on; where it is long in parts, between which a Ctrl-C ends it.
    fn put(&self, vm: &VirtualMachine, text: &str) -> PyResult<()> {
        if !std::mem::take(&mut *self.begun.lock()).is_empty() {
            let lost = char::REPLACEMENT_CHARACTER.to_string();
            vm.allow_threads(|| self.sink.write_bytes(self.stream, &[], &lost));
        }
        let mut rest = text;
        while rest.len() > PART_BYTES_MAX {
            let (part, behind) = rest.split_at(rest.floor_char_boundary(PART_BYTES_MAX));
            vm.allow_threads(|| self.sink.write(self.stream, part));
            vm.check_signals()?;
            rest = behind;
        }
        vm.allow_threads(|| self.sink.write(self.stream, rest));
        Ok(())
    }

    /// The same with bytes.
    fn put_bytes(&self, vm: &VirtualMachine, bytes: &[u8]) -> PyResult<()> {
        for (index, part) in bytes.chunks(PART_BYTES_MAX).enumerate() {
            if index > 0 {
                vm.check_signals()?;
            }
            let text = self.decoded(part);
            vm.allow_threads(|| self.sink.write_bytes(self.stream, part, &text));
        }
        Ok(())
    }

    /// The text of bytes, as far as its characters are whole.
    fn decoded(&self, bytes: &[u8]) -> String {
        let mut begun = self.begun.lock();
        begun.extend_from_slice(bytes);
        let whole_length = begun.len() - begun_length(&begun);
        let rest = begun.split_off(whole_length);
        let whole = std::mem::replace(&mut *begun, rest);
        String::from_utf8_lossy(&whole).into_owned()
    }
}

/// How many bytes at the end begin a character that goes on behind them.
fn begun_length(bytes: &[u8]) -> usize {
    // Of a character of four bytes three may be there.
    let last = &bytes[bytes.len().saturating_sub(3)..];
    let first = last.iter().rposition(|byte| byte & 0xc0 != 0x80);
    let begun = first.map_or(&[][..], |first| &last[first..]);
    match std::str::from_utf8(begun) {
        Err(error) if error.error_len().is_none() => begun.len(),
        _ => 0,
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
            zelf.put(vm, &text.to_string_lossy())?;
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
    fn write(zelf: &Py<Self>, data: ArgBytesLike, vm: &VirtualMachine) -> PyResult<usize> {
        let bytes = data.borrow_buf().to_vec();
        if !bytes.is_empty() {
            zelf.text.put_bytes(vm, &bytes)?;
        }
        Ok(bytes.len())
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
