//! A console in the middle of a Rust program: `rhumba::embed!(mut steps, name = "sim")`.
//!
//! The program's values and functions are Python objects there, and what the person sets comes
//! back as Rust values. It opens on a terminal, or reads standard input; [`Console::join_cluster`]
//! makes the program an engine as well, steered from elsewhere.
//!
//! Values are converted as [`rhumba_interpreter::conversion`] says: they are copies. What the
//! program and the person are to share goes through a function that looks at it. Read next:
//! [`function`] for how those are called, [`steering`] for engines.

mod function;
mod interrupts;
mod steering;

use std::fmt::{self, Display};
use std::path::Path;

use rhumba_engine::engine::EngineError;
use rhumba_interpreter::conversion::{self, ConversionError};
use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::runtime::{Runtime, Switches};
use rhumba_interpreter::serde::Serialize;
use rhumba_interpreter::serde::de::DeserializeOwned;
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{PyResult, VirtualMachine};

use crate::python::{self, PythonOptions};
use crate::shell;

pub use function::HostFunction;

/// Why a console can't be opened, or a value not be had. Each is a sentence.
#[derive(Debug)]
pub enum ConsoleError {
    /// A value of the program or of the person can't be converted.
    Value { name: String, why: ConversionError },
    /// No such name is bound in the console.
    Missing { name: String },
    /// What is to be bound is no name of Python's.
    BadName { name: String },
    /// Python raised what nobody caught.
    Python { exception: String, message: String },
    /// The program can't become an engine of the cluster.
    Cluster(EngineError),
}

impl Display for ConsoleError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { name, why } => write!(formatter, "`{name}` can't be converted: {why}"),
            Self::Missing { name } => write!(formatter, "`{name}` isn't bound in the console"),
            Self::BadName { name } => write!(formatter, "`{name}` is no name that Python knows"),
            Self::Python { exception, message } => write!(formatter, "{exception}: {message}"),
            Self::Cluster(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for ConsoleError {}

/// A Python with the names that a program gives it, and a shell on them.
///
/// It belongs to the thread that made it. Between two openings it keeps its names.
pub struct Console {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    interrupts: interrupts::Interrupts,
    name: String,
    header: Option<String>,
    engine: Option<steering::Steering>,
    /// What a building step met: told by the next that may fail.
    trouble: Option<ConsoleError>,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// Starts an interpreter on this thread.
    #[must_use]
    pub fn new() -> Self {
        let interrupts = interrupts::Interrupts::of_host();
        let runtime = python::build(PythonOptions {
            argv: std::env::args_os()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
            interactive: true,
            switches: Switches::default(),
        });
        let interrupts = interrupts.and_of_python();
        Self {
            runtime: Some(runtime),
            interrupts,
            name: "a console".to_owned(),
            header: None,
            engine: None,
            trouble: None,
        }
    }

    /// What the program is called at the top of the console.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// What is said first, in place of the program's name and how to leave.
    #[must_use]
    pub fn header(mut self, header: &str) -> Self {
        self.header = Some(header.to_owned());
        self
    }

    /// Binds a name to a copy of a value.
    #[must_use]
    pub fn value<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        let set = self.set(name, value);
        self.note(set);
        self
    }

    /// Binds a name to a function of the program. Its arguments and its result are converted; if
    /// it panics, a `RuntimeError` is raised in Python.
    #[must_use]
    pub fn function<A, F>(mut self, name: &str, function: F) -> Self
    where
        F: HostFunction<A>,
        F::Output: Serialize,
        A: 'static,
    {
        let bound = self.bind_with(name, |vm| {
            Ok(function::bind(vm, name, function, |vm, name, output| {
                function::converted(vm, name, &output)
            }))
        });
        self.note(bound);
        self
    }

    /// Binds a name to a function that may fail: its error's words become a `RuntimeError`.
    #[must_use]
    pub fn try_function<A, F, T, E>(mut self, name: &str, function: F) -> Self
    where
        F: HostFunction<A, Output = Result<T, E>>,
        T: Serialize,
        E: Display,
        A: 'static,
    {
        let bound = self.bind_with(name, |vm| {
            Ok(function::bind(
                vm,
                name,
                function,
                |vm, name, output| match output {
                    Ok(output) => function::converted(vm, name, &output),
                    Err(error) => Err(vm.new_runtime_error(error.to_string())),
                },
            ))
        });
        self.note(bound);
        self
    }

    /// Makes Ctrl-C a flag that [`Console::interrupted`] reads, while the console isn't open.
    #[must_use]
    pub fn catch_interrupts(mut self) -> Self {
        self.interrupts.catch();
        self
    }

    /// Makes the program an engine of the cluster that the file describes; what clients ask of it
    /// is done in [`Console::serve`].
    #[must_use]
    pub fn join_cluster(mut self, cluster_file: impl AsRef<Path>) -> Self {
        let joined = steering::Steering::join(self.runtime(), cluster_file.as_ref());
        match joined {
            Ok(engine) => self.engine = Some(engine),
            Err(error) => self.note(Err(ConsoleError::Cluster(error))),
        }
        self
    }

    /// Opens the console until the person leaves it.
    ///
    /// # Errors
    /// What a step before met, or what keeps the console from opening.
    pub fn run(mut self) -> Result<Self, ConsoleError> {
        self.open()?;
        Ok(self)
    }

    /// Tells what the steps before met, without opening the console.
    ///
    /// # Errors
    /// What a step before met.
    pub fn build(mut self) -> Result<Self, ConsoleError> {
        self.trouble.take().map_or(Ok(self), Err)
    }

    /// The same as [`Console::run`], for a console that is kept and opened again.
    ///
    /// # Errors
    /// What a step before met, or what keeps the console from opening.
    pub fn open(&mut self) -> Result<(), ConsoleError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        let header = self.header.clone().unwrap_or_else(|| {
            format!("rhumba, in {}. Ctrl-D goes on with the program.", self.name)
        });
        let header = if header.is_empty() {
            header
        } else {
            format!("{}\n\n", header.trim_end())
        };
        let _python = self.interrupts.give_to_python();
        self.runtime()
            .enter(|vm| {
                shell::embedded::open(vm, &header).map_err(|error| python_error(vm, &error))
            })
            .map(drop)
    }

    /// Whether Ctrl-C came since this was asked last; see [`Console::catch_interrupts`].
    pub fn interrupted(&self) -> bool {
        self.interrupts.take()
    }

    /// Runs what clients have sent to this engine so far, and returns; false once the cluster is
    /// gone. Without a cluster it does nothing.
    pub fn serve(&mut self) -> bool {
        let _python = self.interrupts.give_to_python();
        match (&self.engine, &self.runtime) {
            (Some(engine), Some(runtime)) => engine.serve(runtime),
            _ => false,
        }
    }

    /// The number that clients know this engine by, if it joined a cluster.
    #[must_use]
    pub fn engine_id(&self) -> Option<u32> {
        self.engine.as_ref().map(steering::Steering::id)
    }

    /// Binds a name to a copy of a value.
    ///
    /// # Errors
    /// The value can't be converted, or the name is none.
    pub fn set<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), ConsoleError> {
        self.bind_with(name, |vm| {
            conversion::to_python(vm, value).map_err(|why| ConsoleError::Value {
                name: name.to_owned(),
                why,
            })
        })
    }

    /// The value that a name has now, as a value of this type.
    ///
    /// # Errors
    /// The name isn't bound, or its value is none of this type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConsoleError> {
        self.runtime().enter(|vm| {
            let namespace = Namespace::new(vm);
            let object = namespace
                .dict()
                .get_item_opt(name, vm)
                .map_err(|error| python_error(vm, &error))?
                .ok_or_else(|| ConsoleError::Missing {
                    name: name.to_owned(),
                })?;
            conversion::from_python(vm, &object).map_err(|why| ConsoleError::Value {
                name: name.to_owned(),
                why,
            })
        })
    }

    /// Runs source in the console's names, without a shell.
    ///
    /// # Errors
    /// What it raised.
    pub fn execute(&mut self, source: &str) -> Result<(), ConsoleError> {
        use rhumba_interpreter::cell::{CellOptions, run_cell};
        let _python = self.interrupts.give_to_python();
        self.runtime().enter(|vm| {
            let options = CellOptions {
                silent: true,
                ..CellOptions::default()
            };
            let outcome = run_cell(vm, &Namespace::new(vm), source, options);
            match outcome.failure {
                None => Ok(()),
                Some(failure) => Err(python_error(vm, &failure)),
            }
        })
    }

    fn bind_with(
        &mut self,
        name: &str,
        make: impl FnOnce(&VirtualMachine) -> Result<rustpython_vm::PyObjectRef, ConsoleError>,
    ) -> Result<(), ConsoleError> {
        if !is_name(name) {
            return Err(ConsoleError::BadName {
                name: name.to_owned(),
            });
        }
        self.runtime().enter(|vm| {
            let object = make(vm)?;
            let bound: PyResult<()> = Namespace::new(vm).dict().set_item(name, object, vm);
            bound.map_err(|error| python_error(vm, &error))
        })
    }

    fn runtime(&self) -> &Runtime {
        self.runtime
            .as_ref()
            .expect("it is taken only when the console is dropped")
    }

    fn note(&mut self, step: Result<(), ConsoleError>) {
        if let Err(error) = step {
            self.trouble.get_or_insert(error);
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.leave();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.finish(0);
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && characters.all(|character| character == '_' || character.is_alphanumeric())
}

fn python_error(vm: &VirtualMachine, error: &PyBaseExceptionRef) -> ConsoleError {
    let report = ErrorReport::from_exception(vm, error);
    ConsoleError::Python {
        exception: report.exception,
        message: report.message,
    }
}

/// Opens a console here, with values of the program as names, and gives it back when it is left:
/// `Result<Console, ConsoleError>`.
///
/// `name` is a copy of the variable of that name, `name = value` a copy of a value, and `mut name`
/// one whose new value is put into the variable when the console is left.
///
/// ```no_run
/// # fn main() -> Result<(), rhumba::ConsoleError> {
/// let mut steps = 10;
/// let title = "a run";
/// rhumba::embed!(mut steps, title, scale = 0.5)?;
/// println!("{steps} steps from here on");
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! embed {
    (@add $console:ident []) => {};
    (@add $console:ident [mut $name:ident $(, $($rest:tt)*)?]) => {
        $console = $console.value(stringify!($name), &$name);
        $crate::embed!(@add $console [$($($rest)*)?]);
    };
    (@add $console:ident [$name:ident = $value:expr $(, $($rest:tt)*)?]) => {
        $console = $console.value(stringify!($name), &$value);
        $crate::embed!(@add $console [$($($rest)*)?]);
    };
    (@add $console:ident [$name:ident $(, $($rest:tt)*)?]) => {
        $console = $console.value(stringify!($name), &$name);
        $crate::embed!(@add $console [$($($rest)*)?]);
    };
    (@back $console:ident $outcome:ident []) => {};
    (@back $console:ident $outcome:ident [mut $name:ident $(, $($rest:tt)*)?]) => {
        if $outcome.is_ok() {
            match $console.get(stringify!($name)) {
                Ok(value) => $name = value,
                Err(error) => $outcome = Err(error),
            }
        }
        $crate::embed!(@back $console $outcome [$($($rest)*)?]);
    };
    (@back $console:ident $outcome:ident [$name:ident = $value:expr $(, $($rest:tt)*)?]) => {
        $crate::embed!(@back $console $outcome [$($($rest)*)?]);
    };
    (@back $console:ident $outcome:ident [$name:ident $(, $($rest:tt)*)?]) => {
        $crate::embed!(@back $console $outcome [$($($rest)*)?]);
    };
    ($($entries:tt)*) => {{
        #[allow(unused_mut, reason = "there may be no entry")]
        let mut console = $crate::Console::new().name(concat!(file!(), ", line ", line!()));
        $crate::embed!(@add console [$($entries)*]);
        match console.run() {
            Ok(console) => {
                #[allow(unused_mut, reason = "there may be nothing to take back")]
                let mut outcome: Result<(), $crate::ConsoleError> = Ok(());
                $crate::embed!(@back console outcome [$($entries)*]);
                outcome.map(|()| console)
            }
            Err(error) => Err(error),
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_functions_are_names_of_the_console() {
        let mut console = Console::new()
            .value("steps", &10)
            .value("names", &["a", "b"])
            .function("doubled", |number: i64| number * 2)
            .function("joined", |left: String, right: Option<String>| {
                left + &right.unwrap_or_default()
            })
            .try_function("checked", |number: i64| {
                u8::try_from(number).map_err(|_| format!("{number} is no byte"))
            })
            .build()
            .expect("all of it can be bound");
        console
            .execute(
                "steps = doubled(steps) + len(names); text = joined('x', None) + joined('y', 'z')",
            )
            .expect("it runs");
        assert_eq!(console.get::<i64>("steps").expect("it fits"), 22);
        assert_eq!(console.get::<String>("text").expect("it fits"), "xyz");
        console.set("steps", &vec![1, 2]).expect("it can be shown");
        assert_eq!(console.get::<Vec<u8>>("steps").expect("it fits"), [1, 2]);
        let said = |error: ConsoleError| error.to_string();
        assert_eq!(
            said(console.get::<i64>("steps").expect_err("it is a list")),
            "`steps` can't be converted: an integer of 64 bits is wanted, not a list"
        );
        assert_eq!(
            said(console.get::<i64>("nothing").expect_err("it isn't there")),
            "`nothing` isn't bound in the console"
        );
        assert_eq!(
            said(console.execute("checked(300)").expect_err("it fails")),
            "RuntimeError: 300 is no byte"
        );
        assert_eq!(
            said(console.execute("doubled('2')").expect_err("it fails")),
            "TypeError: doubled(): argument 1: an integer of 64 bits is wanted, not the text \"2\""
        );
        assert!(!console.serve(), "it is no engine");
        let error = Console::new().value("no name", &1).build();
        assert_eq!(
            said(error.err().expect("it is refused")),
            "`no name` is no name that Python knows"
        );
        let error = Console::new().join_cluster("/no/such/cluster.json").build();
        assert!(said(error.err().expect("there is none")).contains("cluster"));
    }

    #[test]
    fn a_panic_of_the_program_is_an_exception() {
        let mut console = Console::new()
            .function("fails", |number: usize| [1, 2, 3][number])
            .build()
            .expect("it can be bound");
        console
            .execute("try: fails(7)\nexcept RuntimeError as error: told = str(error)")
            .expect("it is caught");
        let told = console.get::<String>("told").expect("it is text");
        assert!(
            told.starts_with("fails() of the program has panicked at ")
                && told.contains("the len is 3 but the index is 7"),
            "{told}"
        );
        console.execute("told = fails(1)").expect("it goes on");
        assert_eq!(console.get::<i32>("told").expect("it fits"), 2);
    }

    #[test]
    fn interrupts_are_the_programs_between_two_openings() {
        let mut console = Console::new()
            .catch_interrupts()
            .build()
            .expect("it starts");
        assert!(!console.interrupted());
        // SAFETY: the signal's handler is this console's, which sets a flag.
        unsafe { libc::raise(libc::SIGINT) };
        assert!(console.interrupted());
        assert!(!console.interrupted());
        let raised = console.execute("import signal; signal.raise_signal(signal.SIGINT)");
        assert_eq!(
            raised.expect_err("it is interrupted").to_string(),
            "KeyboardInterrupt: "
        );
        assert!(!console.interrupted(), "that one was Python's");
    }
}
