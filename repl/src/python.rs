//! The one place where the interpreter is handed the modules that rhumba adds to Python.
//!
//! It knows no command line and no terminal. The shell, a script's process, the host and every
//! engine start from the same call, so that what one of them imports the others can import.

use rhumba_interpreter::runtime::{Runtime, RuntimeConfig};

/// What differs between the processes that hold a Python.
pub struct PythonOptions {
    /// `sys.argv`.
    pub argv: Vec<String>,
    /// Whether a person types the cells: `sys.flags.interactive`, and the prompts are set.
    pub interactive: bool,
}

/// Builds a Python with rhumba's modules in it.
pub fn build(options: PythonOptions) -> Runtime {
    Runtime::new(RuntimeConfig {
        argv: options.argv,
        interactive: options.interactive,
        native_modules: rhumba_stdlib::native_modules(),
        frozen: rhumba_stdlib::frozen_modules(),
        // SIGINT raises KeyboardInterrupt, in an engine too: that is how it is interrupted.
        install_signal_handlers: true,
    })
}
