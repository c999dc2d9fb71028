//! One Python interpreter: started, entered, forked, and used to run programs as `python` does.
//!
//! The thread that starts it is its main thread: the one that takes signals, and the only one
//! that may enter it through [`Runtime`]. Reading input from a person is not done here.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyInt, PyModuleDef};
use rustpython_vm::compiler::Mode;
use rustpython_vm::frozen::FrozenLib;
use rustpython_vm::host_env::ssl::providers::CryptoExt;
use rustpython_vm::vm::Context;
use rustpython_vm::{
    AsObject, Interpreter, InterpreterBuilder, PyObjectRef, PyResult, Settings, VirtualMachine,
};

use crate::cell::remember_failure;
use crate::compiling::{self, StandIn};
use crate::failure::{self, ErrorReport};
use crate::frozen;
use crate::namespace::Namespace;
use crate::session;
use crate::transform;

/// The frozen Python of this crate: the shell layer under `python/`.
static FROZEN_SHELL: &FrozenLib =
    rustpython_derive::py_freeze!(dir = "../python", crate_name = "rustpython_vm");

/// Makes the definition of one native module.
pub type NativeModule = fn(&'static Context) -> &'static PyModuleDef;

/// Python that a crate has frozen.
#[derive(Clone, Copy)]
pub struct FrozenModules {
    pub code: &'static FrozenLib,
    /// Its source, for people who read it: an archive as the build scripts make it, or nothing.
    pub source: &'static [u8],
}

/// How an interpreter is made.
pub struct RuntimeConfig {
    /// `sys.argv`.
    pub argv: Vec<String>,
    /// `-i`: after a program, somebody will go on in its namespace.
    pub interactive: bool,
    /// Native modules beside those of the standard library.
    pub native_modules: Vec<NativeModule>,
    /// Frozen Python beside the standard library and the shell layer.
    pub frozen: Vec<FrozenModules>,
    /// Whether SIGINT raises `KeyboardInterrupt`. Not for a process that handles it in Rust.
    pub install_signal_handlers: bool,
    pub switches: Switches,
}

/// What Python's own options of the command line say, beside what variables say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// `-B`
    pub no_bytecode: bool,
    /// `-u`
    pub unbuffered: bool,
    /// `-E`
    pub ignore_environment: bool,
    /// `-I`, which is `-E`, `-P` and `-s` as well.
    pub isolated: bool,
    /// `-s`
    pub no_user_site: bool,
    /// `-S`
    pub no_site: bool,
    /// `-O`, as often as it was given: 2 at most.
    pub optimize: u8,
    /// `-P`
    pub safe_path: bool,
    /// `-b`, as often as it was given.
    pub bytes_warning: u8,
    /// `-q`
    pub quiet: bool,
    /// `-v`, as often as it was given.
    pub verbose: u8,
    /// `-d`, as often as it was given.
    pub debug: u8,
    /// `-W`
    pub warnings: Vec<String>,
    /// `-X`
    pub extras: Vec<String>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            argv: vec![String::new()],
            interactive: false,
            native_modules: Vec::new(),
            frozen: Vec::new(),
            install_signal_handlers: true,
            switches: Switches::default(),
        }
    }
}

/// What every process needs once something fails or is shown: imported by [`Runtime::warm`].
const OWN_MODULES: [&str; 3] = ["linecache", "rhumba._failure", "rhumba.shell"];

/// One Python interpreter.
pub struct Runtime {
    interpreter: Interpreter,
}

/// Which of the two processes came back from [`Runtime::fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkResult {
    /// The process that forked; `child` is the pid of the new one.
    Parent(i32),
    Child,
}

/// Names what must be the same on both ends for code to travel: rhumba's version and bytecode's.
pub fn runtime_version() -> String {
    format!(
        "rhumba {} (bytecode {})",
        env!("CARGO_PKG_VERSION"),
        rustpython_vm::version::PYC_MAGIC_NUMBER
    )
}

impl Runtime {
    /// Starts an interpreter on this thread.
    pub fn new(config: RuntimeConfig) -> Self {
        let builder = InterpreterBuilder::new().settings(settings(&config));
        let context = Context::genesis();
        let mut modules = rustpython_stdlib::stdlib_module_defs(context);
        crate::event_loop::replace(&mut modules);
        modules.extend(compiling::symbol_tables::replacement(context));
        modules.push(crate::bridge::module_def(context));
        modules.push(crate::profiler::module_def(context));
        modules.push(crate::history::module_def(context));
        modules.extend(config.native_modules.iter().map(|module| module(context)));
        let mut builder = builder
            .add_native_modules(&modules)
            .add_frozen_modules(frozen::library())
            .init_hook(|vm| {
                // All that a start makes is in use: the collector would look through it ten times.
                vm.state.gc.disable();
                install_tls_provider();
            });
        if python_folder().is_none() {
            builder = builder.add_frozen_modules(FROZEN_SHELL);
            for frozen in config.frozen {
                builder = builder.add_frozen_modules(frozen.code);
                crate::library::add(frozen.source);
            }
        }
        let runtime = Self {
            interpreter: builder.build(),
        };
        runtime.enter(|vm| {
            Namespace::new(vm);
            crate::bridge::install_builtins(vm);
            crate::bridge::reseed_after_fork(vm);
            let prepared = crate::library::install(vm)
                .and_then(|()| crate::docstrings::install(vm))
                .and_then(|()| crate::interruptible::install(vm))
                .and_then(|()| crate::waiting::install(vm))
                .and_then(|()| crate::memory::install(vm))
                .and_then(|()| crate::compiling::builtins::install(vm))
                .and_then(|()| crate::trees::install(vm))
                .and_then(|()| crate::ending::prepare(vm));
            if let Err(failure) = prepared {
                vm.print_exception(&failure);
            }
            // Its filters take effect when it is imported, and not before.
            if !vm.state.config.settings.warnoptions.is_empty()
                && let Err(failure) = vm.import("warnings", 0)
            {
                vm.print_exception(&failure);
            }
            // Before anything is put in front of sys.path: it makes all entries absolute. A site
            // that can't be set up leaves a Python without its extras, as with `python -S`.
            if vm.state.config.settings.import_site
                && let Err(failure) = vm.import("site", 0)
            {
                vm.print_exception(&failure);
            }
            // And it stays in use: the collector passes over it from now on.
            vm.state.gc.freeze();
            vm.state.gc.enable();
        });
        runtime
    }

    /// Runs Rust code with the interpreter at hand.
    pub fn enter<R>(&self, work: impl FnOnce(&VirtualMachine) -> R) -> R {
        self.interpreter.enter(work)
    }

    /// Imports modules now, so that every process forked later has them already, in memory that
    /// all of them share.
    ///
    /// # Errors
    /// What the first import that failed raised.
    pub fn warm(&self, modules: &[&str]) -> PyResult<()> {
        self.enter(|vm| {
            for module in OWN_MODULES.iter().chain(modules) {
                session::import(vm, module)?;
            }
            // A collection writes into every object that it looks at, and would give each process
            // a copy of its own of all that is here. Garbage stays with the rest: where it was
            // freed, the processes would write.
            let collector = vm.import("gc", 0)?;
            vm.call_method(&collector, "freeze", ())?;
            Ok(())
        })
    }

    /// Forks this process through the runtime's own `os.fork`, so that whatever registered for it
    /// (random numbers, locks, threads) starts afresh in the child.
    ///
    /// # Errors
    /// What the operating system answered, such as a lack of processes.
    pub fn fork(&self) -> io::Result<ForkResult> {
        self.enter(|vm| {
            let forked = vm
                .import("posix", 0)
                .and_then(|module| module.get_attr("fork", vm))
                .and_then(|fork| fork.call((), vm))
                .and_then(|pid| pid.try_into_value::<i32>(vm));
            match forked {
                Ok(0) => Ok(ForkResult::Child),
                Ok(pid) => Ok(ForkResult::Parent(pid)),
                Err(failure) => Err(os_error(vm, &failure)),
            }
        })
    }

    /// Runs a file, or a folder or archive with a `__main__`, as `python FILE` does; a notebook or a
    /// file of cells, as `%run` does.
    ///
    /// The answer is the exit status; what a program prints at its end has been printed.
    pub fn run_script(&self, path: &str, args: &[String]) -> i32 {
        self.run_program(path, args, |vm, namespace| run_file(vm, namespace, path))
    }

    /// Runs source as `python -c SOURCE` does; as a cell, where it has magics and the like.
    pub fn run_command(&self, source: &str, args: &[String]) -> i32 {
        self.run_program("-c", args, |vm, namespace| {
            insert_path(vm, "")?;
            run_text(vm, namespace, source, "<string>")
        })
    }

    /// Runs source that was read from standard input, as `python -` does, or as a cell. `name` is
    /// `sys.argv[0]`.
    pub fn run_source(&self, source: &str, name: &str, args: &[String]) -> i32 {
        self.run_program(name, args, |vm, namespace| {
            insert_path(vm, "")?;
            run_text(vm, namespace, source, "<stdin>")
        })
    }

    /// Runs a module as `python -m MODULE` does.
    pub fn run_module(&self, module: &str, args: &[String]) -> i32 {
        self.run_program("-m", args, |vm, _| {
            insert_path(vm, &current_folder())?;
            vm.run_module(module)
        })
    }

    /// Ends the interpreter as `python` ends: waits for threads, runs `atexit`, flushes.
    ///
    /// The answer is the status to exit with: `status`, or another if ending failed.
    pub fn finish(self, status: i32) -> i32 {
        let ended = self.interpreter.finalize(None);
        if status == 0 { ended as i32 } else { status }
    }

    fn run_program(
        &self,
        name: &str,
        args: &[String],
        program: impl FnOnce(&VirtualMachine, &Namespace) -> PyResult<()>,
    ) -> i32 {
        self.enter(|vm| {
            let namespace = Namespace::new(vm);
            let ran = set_argv(vm, name, args).and_then(|()| program(vm, &namespace));
            let status = match ran {
                Ok(()) => 0,
                Err(failure) => {
                    let status = exit_status(vm, &failure);
                    if vm.state.config.settings.inspect {
                        // The shell that follows can look at it.
                        remember_failure(vm, &failure);
                    }
                    status
                }
            };
            flush_streams(vm);
            status
        })
    }
}

/// `$RHUMBA_PYTHON`: where rhumba's own Python modules are read from instead of the executable,
/// by those who work on them.
fn python_folder() -> Option<OsString> {
    std::env::var_os("RHUMBA_PYTHON").filter(|folder| !folder.is_empty())
}

fn settings(config: &RuntimeConfig) -> Settings {
    let mut settings = Settings::default();
    settings.argv = config.argv.clone();
    settings.inspect = config.interactive;
    settings.interactive = config.interactive;
    settings.install_signal_handlers = config.install_signal_handlers;
    settings.utf8_mode = 1;
    let switches = &config.switches;
    let isolated = switches.isolated;
    let ignores_environment = isolated || switches.ignore_environment;
    let variable = |name: &str| -> Option<OsString> {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.filter(|_| !ignores_environment)
    };
    if let Some(paths) = variable("PYTHONPATH") {
        settings.path_list = std::env::split_paths(&paths)
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
    }
    if let Some(folder) = python_folder() {
        let folder = folder.to_string_lossy().into_owned();
        settings.path_list.insert(0, folder);
    }
    let is_set = |name: &str| variable(name).is_some();
    settings.write_bytecode = !(switches.no_bytecode || is_set("PYTHONDONTWRITEBYTECODE"));
    settings.user_site_directory =
        !(isolated || switches.no_user_site || is_set("PYTHONNOUSERSITE"));
    settings.buffered_stdio = !(switches.unbuffered || is_set("PYTHONUNBUFFERED"));
    settings.safe_path = isolated || switches.safe_path || is_set("PYTHONSAFEPATH");
    if let Some(filters) = variable("PYTHONWARNINGS").and_then(|text| text.into_string().ok()) {
        settings.warnoptions = filters.split(',').map(str::to_owned).collect();
    }
    if let Some(seed) = variable("PYTHONHASHSEED").and_then(|text| text.into_string().ok()) {
        settings.hash_seed = seed.parse().ok();
    }
    switch(&mut settings, switches);
    settings
}

/// Sets what options alone say, no variable.
fn switch(settings: &mut Settings, switches: &Switches) {
    settings.ignore_environment = switches.ignore_environment || switches.isolated;
    settings.isolated = switches.isolated;
    settings.import_site = !switches.no_site;
    settings.optimize = switches.optimize;
    settings.bytes_warning = u64::from(switches.bytes_warning);
    settings.quiet = switches.quiet;
    settings.verbose = switches.verbose;
    settings.debug = switches.debug;
    settings.dev_mode = switches.extras.iter().any(|extra| extra == "dev");
    settings.xoptions = switches
        .extras
        .iter()
        .map(|extra| match extra.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (extra.clone(), None),
        })
        .collect();
    // Of several filters the last counts most, and what was asked for by name more than a mode.
    if settings.dev_mode {
        settings.warnoptions.insert(0, "default".to_owned());
    }
    settings
        .warnoptions
        .extend(switches.warnings.iter().cloned());
}

/// Lets `ssl` work: the runtime leaves the choice of a cryptography library to its embedder.
fn install_tls_provider() {
    use rustls::crypto::ring;
    let extension = CryptoExt {
        all_cipher_suites: Some(ring::ALL_CIPHER_SUITES),
        default_cipher_suites: Some(ring::DEFAULT_CIPHER_SUITES),
        all_kx_groups: Some(ring::ALL_KX_GROUPS),
        any_supported_key: Some(ring::sign::any_supported_type),
        ticketer: ring::Ticketer::new,
    };
    // A second interpreter of the process finds the provider set already.
    let _ = CryptoExt::set_provider(ring::default_provider(), extension);
}

fn os_error(vm: &VirtualMachine, failure: &PyBaseExceptionRef) -> io::Error {
    let number = failure
        .as_object()
        .get_attr("errno", vm)
        .ok()
        .and_then(|number| {
            let number = number.downcast_ref::<PyInt>()?;
            number.try_to_primitive::<i32>(vm).ok()
        });
    match number {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(ErrorReport::from_exception(vm, failure).message),
    }
}

fn set_argv(vm: &VirtualMachine, name: &str, args: &[String]) -> PyResult<()> {
    let argv: Vec<PyObjectRef> = std::iter::once(name)
        .chain(args.iter().map(String::as_str))
        .map(|argument| vm.ctx.new_str(argument).into())
        .collect();
    let argv = vm.ctx.new_list(argv);
    vm.sys_module.set_attr(vm.ctx.intern_str("argv"), argv, vm)
}

fn insert_path(vm: &VirtualMachine, path: &str) -> PyResult<()> {
    if vm.state.config.settings.safe_path {
        return Ok(());
    }
    vm.insert_sys_path(vm.ctx.new_str(path).into())
}

fn namespace_scope(vm: &VirtualMachine, namespace: &Namespace) -> rustpython_vm::scope::Scope {
    rustpython_vm::scope::Scope::with_builtins(None, namespace.dict().clone(), vm)
}

fn current_folder() -> String {
    std::env::current_dir().map_or_else(
        |_| String::new(),
        |path| path.to_string_lossy().into_owned(),
    )
}

fn run_file(vm: &VirtualMachine, namespace: &Namespace, path: &str) -> PyResult<()> {
    let absolute = std::path::absolute(path).map_or_else(
        |_| path.to_owned(),
        |path| path.to_string_lossy().into_owned(),
    );
    if may_be_package(&absolute) && has_importer(vm, &absolute)? {
        insert_path(vm, &absolute)?;
        let runpy = vm.import("runpy", 0)?;
        let run = runpy.get_attr("_run_module_as_main", vm)?;
        run.call((vm.ctx.new_str("__main__"), false), vm)?;
        return Ok(());
    }
    if let Err(failure) = std::fs::metadata(&absolute) {
        let number = failure.raw_os_error().unwrap_or(libc::ENOENT);
        let reason = failure.kind();
        let name = vm.ctx.new_str(absolute).as_object().repr(vm)?;
        let name = name.to_string_lossy();
        let message = format!("can't open file {name}: [Errno {number}] {reason}");
        return Err(exit_with(vm, 2, &message));
    }
    insert_path(vm, &script_folder(path))?;
    if absolute.ends_with(".ipy") || absolute.ends_with(".ipynb") {
        let running = session::import(vm, "rhumba._magics.running")?;
        let run = running.get_attr("run_program", vm)?;
        return run.call((vm.ctx.new_str(absolute),), vm).map(drop);
    }
    let source = std::fs::read(&absolute).ok();
    let Some(source) = source.and_then(|bytes| compiling::builtins::decoded(&bytes, vm)) else {
        return vm.run_any_file(namespace_scope(vm, namespace), &absolute);
    };
    if StandIn::of(&source).is_some() {
        return run_named(vm, namespace, &source, &absolute);
    }
    compiling::check(vm, &source, &absolute, Mode::Exec)?;
    vm.run_any_file(namespace_scope(vm, namespace), &absolute)
        .map_err(|failure| compiling::worded(vm, failure, &source))
}

/// Runs a file with names that the runtime's parser refuses, as the runtime runs others.
fn run_named(vm: &VirtualMachine, namespace: &Namespace, source: &str, path: &str) -> PyResult<()> {
    let code = compiling::program(vm, source, path)?;
    let machinery = session::import(vm, "importlib.machinery")?;
    let loader = machinery
        .get_attr("SourceFileLoader", vm)?
        .call(("__main__", path), vm)?;
    let names = namespace.dict();
    names.set_item("__loader__", loader, vm)?;
    names.set_item("__file__", vm.ctx.new_str(path).into(), vm)?;
    names.set_item("__cached__", vm.ctx.none(), vm)?;
    let ran = vm.run_code_obj(code, namespace_scope(vm, namespace));
    for name in ["__file__", "__cached__"] {
        // The program may have deleted it.
        let _ = names.del_item(name, vm);
    }
    ran.map(drop)
}

/// Runs a program that isn't in a file: Python, or a cell, where only that makes sense of it.
fn run_text(vm: &VirtualMachine, namespace: &Namespace, source: &str, name: &str) -> PyResult<()> {
    let is_cell = *transform::transform_cell(source) != *source
        && crate::parsing::parse_module(&compiling::readable(source)).is_err();
    if is_cell {
        let running = session::import(vm, "rhumba._magics.running")?;
        let run = running.get_attr("run_cells", vm)?;
        let cells = vm.ctx.new_list(vec![vm.ctx.new_str(source).into()]);
        return run.call((cells,), vm).map(drop);
    }
    let code = compiling::program(vm, source, name)?;
    // What its tracebacks show. Without it they show no lines.
    let _ = vm.register_code_in_linecache(&code, source);
    vm.run_code_obj(code, namespace_scope(vm, namespace))
        .map(drop)
}

/// Says why a program can't start, and asks for the process to end with that status.
fn exit_with(vm: &VirtualMachine, status: i32, message: &str) -> PyBaseExceptionRef {
    write_stderr(vm, &format!("rhumba: {message}\n"));
    vm.new_system_exit(vec![vm.ctx.new_int(status).into()].into())
}

/// Whether the path may be a folder or an archive; asking Python costs the start of every script.
fn may_be_package(path: &str) -> bool {
    !path.ends_with(".py") || Path::new(path).is_dir()
}

/// Whether the path is a folder or an archive that modules can be imported from.
fn has_importer(vm: &VirtualMachine, path: &str) -> PyResult<bool> {
    let pkgutil = vm.import("pkgutil", 0)?;
    let importer = pkgutil.get_attr("get_importer", vm)?;
    let found = importer.call((vm.ctx.new_str(path),), vm)?;
    Ok(!vm.is_none(&found))
}

/// The folder that holds the script, with symbolic links followed.
fn script_folder(path: &str) -> String {
    let path = Path::new(path);
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real.parent()
        .map_or_else(String::new, |folder| folder.to_string_lossy().into_owned())
}

/// The status a program ends with, having said on stderr why.
fn exit_status(vm: &VirtualMachine, failure: &PyBaseExceptionRef) -> i32 {
    if let Some((status, message)) = failure::exit_request(vm, failure) {
        if let Some(message) = message {
            write_stderr(vm, &format!("{message}\n"));
        }
        return status;
    }
    flush_streams(vm);
    vm.print_exception(failure);
    if failure.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt) {
        128 + libc::SIGINT
    } else {
        1
    }
}

fn write_stderr(vm: &VirtualMachine, text: &str) {
    let written = vm
        .sys_module
        .get_attr("stderr", vm)
        .and_then(|stderr| vm.call_method(&stderr, "write", (vm.ctx.new_str(text),)));
    // A program may have closed its stderr: there is nobody left to tell.
    drop(written);
}

fn flush_streams(vm: &VirtualMachine) {
    for name in ["stdout", "stderr"] {
        if let Ok(stream) = vm.sys_module.get_attr(name, vm) {
            let _ = vm.call_method(&stream, "flush", ());
        }
    }
}
