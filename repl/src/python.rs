//! The one place where the interpreter is handed the modules that rhumba adds to Python.
//!
//! It knows no command line and no terminal. The shell, a script's process, the host and every
//! engine start from the same call, so that what one of them imports the others can import.

use std::sync::{Mutex, PoisonError};

use rhumba_interpreter::runtime::{NativeModule, Runtime, RuntimeConfig};

/// Native modules that the executable adds to rhumba's.
static ADDED: Mutex<Vec<NativeModule>> = Mutex::new(Vec::new());

/// What differs between the processes that hold a Python.
pub struct PythonOptions {
    /// `sys.argv`.
    pub argv: Vec<String>,
    /// Whether a person types the cells: `sys.flags.interactive`, and the prompts are set.
    pub interactive: bool,
}

/// Adds native modules to every Python that this process builds from here on.
pub fn add_native_modules(modules: &[NativeModule]) {
    let mut added = ADDED.lock().unwrap_or_else(PoisonError::into_inner);
    added.extend_from_slice(modules);
}

/// Builds a Python with rhumba's modules in it.
pub fn build(options: PythonOptions) -> Runtime {
    let mut native_modules = rhumba_stdlib::native_modules();
    native_modules.extend_from_slice(&ADDED.lock().unwrap_or_else(PoisonError::into_inner));
    let runtime = Runtime::new(RuntimeConfig {
        argv: options.argv,
        interactive: options.interactive,
        native_modules,
        frozen: rhumba_stdlib::frozen_modules(),
        // SIGINT raises KeyboardInterrupt, in an engine too: that is how it is interrupted.
        install_signal_handlers: true,
    });
    runtime.enter(|vm| {
        // Nothing but a lack of memory stands against it; `rhumba.embed` says so then.
        let _ = crate::shell::embedded::offer(vm);
    });
    runtime
}
