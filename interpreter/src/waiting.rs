//! Has what waits for other programs let Python's other threads run: commands, and named pipes that are opened.
//!
//! The runtime's `os.system` and `open` wait as threads that run Python. The collector stops all of these first, and so
//! would stand still until the command ended, and with it whoever needs it: a person at a prompt, too. What
//! waits in Python's own threading is [`crate::interruptible`]'s.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::sync::OnceLock;

use rustpython_vm::builtins::PyType;
use rustpython_vm::convert::{IntoPyException, ToPyObject};
use rustpython_vm::function::{FsPath, FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{AsObject, FromArgs, PyObject, PyResult, VirtualMachine};

type Init = fn(&PyObject, FuncArgs, &VirtualMachine) -> PyResult<()>;

/// The runtime's own. Its classes are there once for all interpreters of a process.
static INIT_FILE: OnceLock<Init> = OnceLock::new();

/// Which of the arguments of a `FileIO` is its opener.
const OPENER: usize = 3;

static SYSTEM: PyMethodDef = PyMethodDef::new_const(
    "system",
    system,
    PyMethodFlags::STATIC,
    ItemDoc::static_text(
        "system($module, /, command)\n--\n\nExecute the command in a subshell. Other threads run meanwhile.",
    ),
);

static OPEN_PIPE: PyMethodDef =
    PyMethodDef::new_const("open_pipe", open_pipe, PyMethodFlags::STATIC, ItemDoc::NONE);

/// Puts these in the place of the runtime's.
///
/// # Errors
/// What looking those up raised.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let posix = vm.import("posix", 0)?;
    let system = SYSTEM.build_bound_function(&vm.ctx, posix.clone());
    system
        .as_object()
        .set_attr("__module__", vm.ctx.new_str("posix"), vm)?;
    posix.set_attr("system", system.clone(), vm)?;
    let modules = vm.sys_module.get_attr("modules", vm)?;
    // What is in it was copied when it was imported.
    if let Ok(os) = modules.get_item("os", vm) {
        os.set_attr("system", system, vm)?;
    }
    let class = vm.import("_io", 0)?.get_attr("FileIO", vm)?;
    let class = class
        .downcast::<PyType>()
        .map_err(|_| vm.new_type_error("FileIO is a class"))?;
    let slot = &class.slots().init;
    if let Some(init) = slot.load()
        && INIT_FILE.set(init).is_ok()
    {
        slot.store(Some(init_file));
    }
    Ok(())
}

#[derive(FromArgs)]
struct SystemArgs {
    #[pyarg(any)]
    command: FsPath,
}

fn system(args: SystemArgs, vm: &VirtualMachine) -> PyResult<i32> {
    let command = args.command.to_cstring(vm)?;
    // SAFETY: the text lives through the call.
    Ok(vm.allow_threads(|| unsafe { libc::system(command.as_ptr()) }))
}

fn init_file(file: &PyObject, mut args: FuncArgs, vm: &VirtualMachine) -> PyResult<()> {
    if is_pipe_to_open(&args, vm) {
        args.args.truncate(OPENER);
        let opener = OPEN_PIPE.build_function(&vm.ctx);
        args.kwargs.insert("opener".into(), opener.into());
    }
    let init = INIT_FILE.get().expect("set when this was put in its place");
    init(file, args, vm)
}

/// Whether the file is a named pipe that is opened by the path of it.
fn is_pipe_to_open(args: &FuncArgs, vm: &VirtualMachine) -> bool {
    let named = args.args.first().or_else(|| args.kwargs.get("file"));
    let Some(named) = named.filter(|named| !named.fast_isinstance(vm.ctx.types.int_type)) else {
        return false;
    };
    let opener = args.args.get(OPENER).or_else(|| args.kwargs.get("opener"));
    if opener.is_some_and(|opener| !vm.is_none(opener)) {
        return false;
    }
    // What is wrong about it, the runtime says.
    FsPath::try_from_path_like(named.clone(), true, vm).is_ok_and(|path| {
        let path = OsStr::from_bytes(path.as_bytes());
        std::fs::metadata(path).is_ok_and(|status| status.file_type().is_fifo())
    })
}

/// Opens a named pipe: that waits until somebody opens its other end.
fn open_pipe(path: FsPath, flags: i32, vm: &VirtualMachine) -> PyResult<i32> {
    let name = path.to_cstring(vm)?;
    loop {
        let opened = vm.allow_threads(|| {
            // SAFETY: the name lives through the call.
            match unsafe { libc::open(name.as_ptr(), flags | libc::O_CLOEXEC) } {
                -1 => Err(io::Error::last_os_error()),
                number => Ok(number),
            }
        });
        match opened {
            Ok(number) => return Ok(number),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => vm.check_signals()?,
            Err(error) => {
                let raised = error.into_pyexception(vm);
                raised
                    .as_object()
                    .set_attr("filename", path.to_pyobject(vm), vm)?;
                return Err(raised);
            }
        }
    }
}
