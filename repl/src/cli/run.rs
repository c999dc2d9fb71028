//! Runs a program or the shell, with engines of its own where they are asked for.
//!
//! The engines are started first, so that they come up while this process builds its own Python.
//! They end with this process, whatever ends it: by name here, else by their lifeline.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use rhumba_engine::cluster::{self, StartOptions, StartedCluster};
use rhumba_engine::tasks::TaskStoreOptions;
use rhumba_interpreter::configuration as handed;
use rhumba_interpreter::failure::{self, ErrorReport};
use rhumba_interpreter::runtime::Runtime;
use rhumba_interpreter::snapshot::{Trust, snapshot_error_type};
use rhumba_proto::message::Scheduling;
use rhumba_stdlib::namespace::{self, Source};
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use super::program::{self, Program};
use super::python_options::PythonArguments;
use super::shell_options::ShellArguments;
use super::{Failure, Outcome};
use crate::configuration::Configuration;
use crate::python::{self, PythonOptions};
use crate::shell::{self, ShellOptions};

/// How long engines may take to connect before the start counts as failed.
pub(super) const ENGINES_TIMEOUT: Duration = Duration::from_secs(60);

/// What the command line asked for.
pub struct RunOptions {
    pub program: Program,
    /// How many engines of its own are started, if any.
    pub engine_count: Option<u32>,
    /// Whether the shell follows the program.
    pub interactive: bool,
    /// The file, or else the checkpoint, whose names are there from the start.
    pub namespace: Option<String>,
    /// How the shell starts.
    pub shell: ShellArguments,
    /// How Python starts.
    pub python: PythonArguments,
}

/// Runs what the command line asked for and gives its own exit status.
///
/// # Errors
/// The engines can't be started, or the program or the namespace can't be read.
pub fn run(options: RunOptions) -> Outcome {
    let RunOptions {
        program,
        engine_count,
        interactive,
        namespace,
        shell: arguments,
        python,
    } = options;
    let shell_follows = interactive || program == Program::Shell;
    // A script in Python is no concern of what a person has set the shell to.
    let configuration = if shell_follows || program.is_cells() {
        arguments.configuration()?
    } else {
        arguments.configuration_of_script()?
    };
    // Read before anything is started: a program that can't be read starts nothing.
    let saved = namespace.map(SavedNamespace::find).transpose()?;
    let source = match &program {
        Program::StandardInput { .. } => Some(program::read_standard_input()?),
        _ => None,
    };
    let mut own = match engine_count {
        Some(count) => Some(OwnCluster::start(count, &program)?),
        None => None,
    };
    let runtime = python::build(PythonOptions {
        argv: program.argv(),
        interactive: shell_follows,
        switches: python.into_switches(),
    });
    let restored = saved.map(|saved| saved.restore(&runtime)).transpose()?;
    if let Some(own) = &mut own {
        own.wait_for_engines()?;
    }
    let starts_now = program.is_cells() || !shell_follows;
    if let Some(status) = prepare(&runtime, &program, &configuration, starts_now) {
        return Ok(ended(runtime, status, own));
    }
    let shell = shell_follows.then(|| ShellOptions {
        configuration: (!starts_now).then_some(configuration),
        shows_banner: arguments.shows_banner(),
        edits_lines: arguments.edits_lines(),
        has_colours: arguments.has_colours(),
        after_program: program != Program::Shell,
        program_failed: false,
        engine_count,
        restored,
        header: String::new(),
    });
    let status = run_in(&runtime, program, source, shell);
    Ok(ended(runtime, status, own))
}

/// Ends Python and the engines; gives the exit status.
fn ended(runtime: Runtime, status: i32, own: Option<OwnCluster>) -> ExitCode {
    // What the program still holds, its connections too, goes before its engines go.
    let status = runtime.finish(status);
    if let Some(own) = own {
        own.stop();
    }
    // The operating system keeps the low byte of a status.
    ExitCode::from((status & 0xff) as u8)
}

/// Sets what is to be set, where extensions and startup files find the modules that those of a shell
/// find.
fn start_as_shell(vm: &VirtualMachine, configuration: &Configuration) -> PyResult<()> {
    if vm.state.config.settings.safe_path {
        return configuration.start(vm);
    }
    let here = vm.ctx.new_str("");
    vm.insert_sys_path(here.clone().into())?;
    configuration.start(vm)?;
    let path = vm.sys_module.get_attr("path", vm)?;
    if path.sequence_unchecked().contains(here.as_object(), vm)? {
        vm.call_method(&path, "remove", (here,))?;
    }
    Ok(())
}

/// Tells Python where it may keep things, before a program runs, and sets what is to be set for it;
/// gives the exit status if what runs for that ends the process.
fn prepare(
    runtime: &Runtime,
    program: &Program,
    configuration: &Configuration,
    starts_now: bool,
) -> Option<i32> {
    let is_set = starts_now && configuration.has_something_to_set();
    runtime.enter(|vm| {
        let prepared = || {
            if !starts_now {
                configuration.hand_over(vm)?;
                return match configuration.traceback_mode() {
                    Some(mode) if *program != Program::Shell => {
                        handed::tell_of_program_as(vm, mode)
                    }
                    _ => Ok(()),
                };
            }
            if !is_set {
                return configuration.start(vm);
            }
            start_as_shell(vm, configuration)?;
            shell::offer_line_editing(vm)?;
            if program.is_cells() {
                return Ok(());
            }
            handed::tell_of_program(vm)
        };
        let failure = prepared().err()?;
        let Some((status, message)) = failure::exit_request(vm, &failure) else {
            vm.print_exception(&failure);
            return Some(1);
        };
        if let Some(message) = message {
            let _ = writeln!(std::io::stderr().lock(), "{message}");
        }
        Some(status)
    })
}

fn run_in(
    runtime: &Runtime,
    program: Program,
    source: Option<String>,
    shell: Option<ShellOptions>,
) -> i32 {
    let status = match program {
        Program::Shell => 0,
        Program::Script { path, arguments } => {
            runtime.run_script(&path.to_string_lossy(), &arguments)
        }
        Program::Code { source, arguments } => runtime.run_command(&source, &arguments),
        Program::Module { name, arguments } => runtime.run_module(&name, &arguments),
        Program::StandardInput { name, arguments } => {
            runtime.run_source(&source.unwrap_or_default(), name, &arguments)
        }
    };
    match shell {
        Some(options) => shell::run(
            runtime,
            ShellOptions {
                program_failed: status != 0,
                ..options
            },
        ),
        None => status,
    }
}

/// A namespace that was saved, to start from.
struct SavedNamespace {
    name: String,
    source: Source,
}

impl SavedNamespace {
    fn find(name: String) -> Result<Self, Failure> {
        match Source::find(&name) {
            Some(source) => Ok(Self { name, source }),
            None => Err(Failure::usage(format_args!(
                "there is no file and no checkpoint named '{name}'"
            ))
            .hint("`rhumba checkpoint list` shows the checkpoints")),
        }
    }

    /// Puts its names into the namespace; gives its name and how many names that were.
    fn restore(self, runtime: &Runtime) -> Result<(String, usize), Failure> {
        let restored = runtime.enter(|vm| {
            namespace::restore(vm, &self.source, Trust::Members, false).map_err(|error| {
                let known = error.fast_isinstance(snapshot_error_type());
                (ErrorReport::from_exception(vm, &error), known)
            })
        });
        match restored {
            Ok((names, _)) => Ok((self.name, names.len())),
            Err((report, true)) => Err(Failure::from_error(report.message)),
            Err((report, false)) => Err(Failure::new(format_args!(
                "the namespace '{}' can't be rebuilt here: {}: {}",
                self.name, report.exception, report.message
            ))),
        }
    }
}

/// The cluster that belongs to this process.
struct OwnCluster {
    started: StartedCluster,
}

impl OwnCluster {
    fn start(count: u32, program: &Program) -> Result<Self, Failure> {
        let started = cluster::start(&StartOptions {
            count,
            cluster_id: None,
            working_directory: working_directory()?,
            module_directories: program.module_directories(),
            daemonize: false,
            task_store: TaskStoreOptions::default(),
            scheduling: Scheduling::default(),
            executable: executable()?,
        })
        .map_err(Failure::from_error)?;
        // SAFETY: this process has no second thread yet, so nothing reads the environment now.
        unsafe { std::env::set_var("RHUMBA_CLUSTER_FILE", started.cluster_file()) };
        Ok(Self { started })
    }

    fn wait_for_engines(&mut self) -> Result<(), Failure> {
        // Python isn't running yet: Ctrl-C ends this process, and its engines with it.
        let _interrupt = DefaultInterrupt::set();
        self.started
            .wait_for_engines(ENGINES_TIMEOUT)
            .map_err(Failure::from_error)
    }

    fn stop(self) {
        if let Err(error) = self.started.stop() {
            // The program's own status stands; its engines end by their lifeline all the same.
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(stderr, "rhumba: the engines didn't stop cleanly: {error}");
        }
    }
}

/// Lets SIGINT end the process, until it is dropped and Python has it back.
struct DefaultInterrupt {
    before: libc::sigaction,
}

impl DefaultInterrupt {
    fn set() -> Self {
        // SAFETY: a zeroed structure asks for the default action, and both structures live
        // through the call. With sigaction, unlike signal, the old flags come back as well.
        unsafe {
            let default: libc::sigaction = std::mem::zeroed();
            let mut before: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGINT, &raw const default, &raw mut before);
            Self { before }
        }
    }
}

impl Drop for DefaultInterrupt {
    fn drop(&mut self) {
        // SAFETY: this is the action that was set before.
        unsafe { libc::sigaction(libc::SIGINT, &raw const self.before, std::ptr::null_mut()) };
    }
}

/// The folder in which engines begin.
pub(super) fn working_directory() -> Result<std::path::PathBuf, Failure> {
    std::env::current_dir().map_err(|error| {
        Failure::new(format_args!("the working folder can't be found: {error}"))
            .hint("change to a folder that exists, and try again")
    })
}

/// This executable, for the processes of a cluster.
pub(super) fn executable() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(|error| {
        Failure::new(format_args!(
            "rhumba can't find its own executable: {error}"
        ))
        .hint("is /proc mounted?")
    })
}
