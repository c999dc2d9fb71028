//! Functions of a Rust program as Python calls them.
//!
//! Arguments are converted by position, and each that doesn't fit is told by its number. While the
//! function runs, the interpreter's other threads go on. A panic ends the call and not the program.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use rhumba_interpreter::conversion::{from_python, to_python};
use rhumba_interpreter::serde::Serialize;
use rhumba_interpreter::serde::de::DeserializeOwned;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

/// A closure whose arguments can be made of Python objects: of up to six of them.
pub trait HostFunction<Arguments>: Send + Sync + 'static {
    type Output;

    /// Calls it; `name` is for what is said of arguments that don't fit.
    ///
    /// # Errors
    /// `TypeError` for arguments that don't fit, `RuntimeError` if it panics.
    fn invoke(
        &self,
        vm: &VirtualMachine,
        name: &str,
        arguments: &[PyObjectRef],
    ) -> PyResult<Self::Output>;
}

macro_rules! host_function {
    ($count:literal $($argument:ident $index:tt)*) => {
        impl<F, R, $($argument),*> HostFunction<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> R + Send + Sync + 'static,
            $($argument: DeserializeOwned,)*
        {
            type Output = R;

            fn invoke(
                &self,
                vm: &VirtualMachine,
                name: &str,
                arguments: &[PyObjectRef],
            ) -> PyResult<R> {
                if arguments.len() != $count {
                    return Err(wrong_count(vm, name, $count, arguments.len()));
                }
                $(
                    #[allow(non_snake_case, reason = "the type's letter is the value's too")]
                    let $argument = argument::<$argument>(vm, name, $index, &arguments[$index])?;
                )*
                guarded(vm, name, || self($($argument),*))
            }
        }
    };
}

host_function!(0);
host_function!(1 A 0);
host_function!(2 A 0 B 1);
host_function!(3 A 0 B 1 C 2);
host_function!(4 A 0 B 1 C 2 D 3);
host_function!(5 A 0 B 1 C 2 D 3 E 4);
host_function!(6 A 0 B 1 C 2 D 3 E 4 G 5);

/// The function as an object; `convert` makes an object of what it gives.
pub(super) fn bind<A, F>(
    vm: &VirtualMachine,
    name: &str,
    function: F,
    convert: fn(&VirtualMachine, &str, F::Output) -> PyResult,
) -> PyObjectRef
where
    F: HostFunction<A>,
    A: 'static,
{
    // The runtime keeps the names of functions for ever.
    let name: &'static str = name.to_owned().leak();
    vm.new_function(
        name,
        move |arguments: FuncArgs, vm: &VirtualMachine| -> PyResult {
            if let Some((keyword, _)) = arguments.kwargs.iter().next() {
                return Err(vm.new_type_error(format!(
                    "{name}() takes its arguments by position: {keyword}= can't be given"
                )));
            }
            let output = function.invoke(vm, name, &arguments.args)?;
            convert(vm, name, output)
        },
    )
    .into()
}

/// What a function gave, as an object.
pub(super) fn converted<T: Serialize>(vm: &VirtualMachine, name: &str, output: &T) -> PyResult {
    to_python(vm, output).map_err(|error| {
        vm.new_runtime_error(format!("what {name}() gives can't be shown: {error}"))
    })
}

fn argument<T: DeserializeOwned>(
    vm: &VirtualMachine,
    name: &str,
    index: usize,
    object: &PyObjectRef,
) -> PyResult<T> {
    from_python(vm, object)
        .map_err(|error| vm.new_type_error(format!("{name}(): argument {}: {error}", index + 1)))
}

fn wrong_count(
    vm: &VirtualMachine,
    name: &str,
    wanted: usize,
    given: usize,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    let plural = if wanted == 1 { "" } else { "s" };
    vm.new_type_error(format!(
        "{name}() takes {wanted} argument{plural}, not {given}"
    ))
}

thread_local! {
    /// Whether a function of the program runs on this thread: then its panics are Python's.
    static IN_HOST: Cell<bool> = const { Cell::new(false) };
    /// Where the last of them was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a function of the program, detached from the interpreter; its panic is an exception.
fn guarded<R>(vm: &VirtualMachine, name: &str, function: impl FnOnce() -> R) -> PyResult<R> {
    note_places();
    let was = IN_HOST.replace(true);
    let outcome = vm.allow_threads(|| catch_unwind(AssertUnwindSafe(function)));
    IN_HOST.set(was);
    outcome.map_err(|payload| {
        let place = PLACE
            .take()
            .map_or_else(String::new, |at| format!(" at {at}"));
        vm.new_runtime_error(format!(
            "{name}() of the program has panicked{place}: {}",
            words(&*payload)
        ))
    })
}

fn words(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it didn't say why".to_owned())
}

/// Keeps panics that become exceptions from being printed as well, and notes where they were.
fn note_places() {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if IN_HOST.get() {
                let place = panic
                    .location()
                    .map(|at| format!("{}:{}", at.file(), at.line()));
                PLACE.set(place);
            } else {
                others(panic);
            }
        }));
    });
}
