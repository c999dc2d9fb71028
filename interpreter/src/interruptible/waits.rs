//! Makes the waits of Python's own threading end on Ctrl-C: for a lock, and for a thread.
//!
//! The runtime's `acquire` and `join` block where no signal reaches, and with them `Event.wait`,
//! `Condition.wait`, `Queue.get` and a future's `result`. On the main thread, which is the one that
//! takes signals, theirs are replaced by waits in slices; other threads wait as before. What is
//! waited for in rhumba's own native code asks [`crate::interrupt`].

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustpython_vm::builtins::PyType;
use rustpython_vm::function::{FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags, TimeoutSeconds};
use rustpython_vm::{FromArgs, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::is_main_thread;

/// The longest that a Ctrl-C waits: a person doesn't notice it, nor does a processor.
const SLICE: Duration = Duration::from_millis(50);

/// The runtime's own methods. Its types are there once for all interpreters of a process.
struct Replaced {
    lock_acquire: PyObjectRef,
    rlock_acquire: PyObjectRef,
    join: PyObjectRef,
}

static REPLACED: OnceLock<Replaced> = OnceLock::new();

/// What a class gets in the place of its own: the first of these names is that of the method.
struct Replacement {
    class: &'static str,
    names: &'static [&'static str],
    method: PyMethodDef,
}

const ACQUIRE_DOC: ItemDoc = ItemDoc::static_text(
    "acquire(blocking=True, timeout=-1)\n--\n\nWaits until the lock is free, at most for timeout \
     seconds, and takes it. Returns whether it did.",
);
const ACQUIRE_NAMES: &[&str] = &["acquire", "acquire_lock", "__enter__"];

static REPLACEMENTS: [Replacement; 3] = [
    Replacement {
        class: "lock",
        names: ACQUIRE_NAMES,
        method: PyMethodDef::new_const("acquire", lock_acquire, PyMethodFlags::METHOD, ACQUIRE_DOC),
    },
    Replacement {
        class: "RLock",
        names: ACQUIRE_NAMES,
        method: PyMethodDef::new_const(
            "acquire",
            rlock_acquire,
            PyMethodFlags::METHOD,
            ACQUIRE_DOC,
        ),
    },
    Replacement {
        class: "_ThreadHandle",
        names: &["join"],
        method: PyMethodDef::new_const("join", join, PyMethodFlags::METHOD, ItemDoc::NONE),
    },
];

/// Puts the waits in slices in the place of the runtime's.
///
/// # Errors
/// What looking the runtime's classes up raised.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let module = vm.import("_thread", 0)?;
    let mut classes = Vec::new();
    let mut methods = Vec::new();
    for replacement in &REPLACEMENTS {
        let class = module.get_attr(replacement.class, vm)?;
        methods.push(class.get_attr(replacement.names[0], vm)?);
        classes.push(class);
    }
    let [lock_acquire, rlock_acquire, join] =
        <[PyObjectRef; 3]>::try_from(methods).expect("each replacement has a method");
    let replaced = Replaced {
        lock_acquire,
        rlock_acquire,
        join,
    };
    if REPLACED.set(replaced).is_err() {
        // Another interpreter of this process was there first.
        return Ok(());
    }
    for (class, replacement) in classes.into_iter().zip(&REPLACEMENTS) {
        let class = class
            .downcast::<PyType>()
            .map_err(|_| vm.new_type_error("the classes of _thread are classes"))?;
        // A native class lives as long as the process.
        let class: &'static Py<PyType> = Box::leak(Box::new(class));
        let method = replacement.method.build_method(&vm.ctx, class);
        for &name in replacement.names {
            class.set_attr(vm.ctx.intern_str(name), method.clone().into());
        }
    }
    Ok(())
}

fn replaced() -> &'static Replaced {
    REPLACED.get().expect("it is set before it is asked for")
}

#[derive(FromArgs)]
struct AcquireArgs {
    #[pyarg(any, default = true)]
    blocking: bool,
    #[pyarg(any, default = TimeoutSeconds::new(-1.0))]
    timeout: TimeoutSeconds,
}

fn lock_acquire(lock: PyObjectRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    acquire(&replaced().lock_acquire, &lock, args, vm)
}

fn rlock_acquire(lock: PyObjectRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    acquire(&replaced().rlock_acquire, &lock, args, vm)
}

fn acquire(method: &PyObject, lock: &PyObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    if !is_main_thread(vm) {
        return call(method, lock, args, vm);
    }
    let limit = if args.args.is_empty() && args.kwargs.is_empty() {
        None
    } else {
        let AcquireArgs { blocking, timeout } = args.clone().bind(vm)?;
        let seconds = timeout.to_secs_f64();
        let limit = Duration::try_from_secs_f64(seconds).ok();
        if !blocking || limit.is_none() && seconds != -1.0 {
            // Nothing to wait for, or it says what is wrong.
            return call(method, lock, args, vm);
        }
        limit
    };
    let at_once = method.call((lock.to_owned(), false), vm)?;
    if at_once.clone().is_true(vm)? || limit == Some(Duration::ZERO) {
        return Ok(at_once);
    }
    in_slices(vm, limit, |slice| {
        let taken = method.call((lock.to_owned(), true, slice.as_secs_f64()), vm)?;
        let is_over = taken.clone().is_true(vm)?;
        Ok((is_over, taken))
    })
}

fn join(thread: PyObjectRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let method = &replaced().join;
    let seconds = match args.args.first() {
        None => None,
        Some(timeout) if vm.is_none(timeout) => None,
        Some(timeout) => Some(timeout.clone().try_into_value::<TimeoutSeconds>(vm)),
    };
    let limit = match seconds {
        None => None,
        Some(Ok(seconds)) => match Duration::try_from_secs_f64(seconds.to_secs_f64()) {
            Ok(limit) => Some(limit),
            Err(_) => return call(method, &thread, args, vm),
        },
        Some(Err(_)) => return call(method, &thread, args, vm),
    };
    if !is_main_thread(vm) || args.args.len() > 1 || !args.kwargs.is_empty() {
        return call(method, &thread, args, vm);
    }
    in_slices(vm, limit, |slice| {
        method.call((thread.clone(), slice.as_secs_f64()), vm)?;
        let is_done = vm.call_method(&thread, "is_done", ())?.is_true(vm)?;
        Ok((is_done, vm.ctx.none()))
    })
}

/// Waits until `wait` says that it is over, the limit is reached, or a signal's handler raises.
/// Gives what `wait` gave last.
fn in_slices(
    vm: &VirtualMachine,
    limit: Option<Duration>,
    wait: impl Fn(Duration) -> PyResult<(bool, PyObjectRef)>,
) -> PyResult {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        vm.check_signals()?;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let slice = left.map_or(SLICE, |left| left.min(SLICE));
        let (is_over, value) = wait(slice)?;
        if is_over || left.is_some_and(|left| left <= slice) {
            return Ok(value);
        }
    }
}

fn call(method: &PyObject, object: &PyObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let mut all = args;
    all.prepend_arg(object.to_owned());
    method.call_with_args(all, vm)
}
