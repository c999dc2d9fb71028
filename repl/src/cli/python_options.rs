//! Python's own options, which programs put before what they have this executable run: those of
//! `sys.flags` that `subprocess` and `multiprocessing` hand on, and those of a shebang.
//!
//! What they do is `rhumba_interpreter::runtime`'s.

use clap::{ArgAction, Args};
use rhumba_interpreter::runtime::Switches;

#[derive(Debug, Default, Args)]
pub struct PythonArguments {
    /// Write no .pyc files
    #[arg(short = 'B', action = ArgAction::Count, hide = true)]
    no_bytecode: u8,

    /// Write what is printed at once
    #[arg(short = 'u', action = ArgAction::Count, hide = true)]
    unbuffered: u8,

    /// Pass over the variables whose names begin with PYTHON
    #[arg(short = 'E', action = ArgAction::Count, hide = true)]
    ignore_environment: u8,

    /// The same as -E, -P and -s
    #[arg(short = 'I', action = ArgAction::Count, hide = true)]
    isolated: u8,

    /// Find no modules in the user's own folder for them
    #[arg(short = 's', action = ArgAction::Count, hide = true)]
    no_user_site: u8,

    /// Don't import the module site at the start
    #[arg(short = 'S', action = ArgAction::Count, hide = true)]
    no_site: u8,

    /// Leave out assertions; twice, docstrings too
    #[arg(short = 'O', action = ArgAction::Count, hide = true)]
    optimize: u8,

    /// Put no folder before sys.path that could hold somebody else's modules
    #[arg(short = 'P', action = ArgAction::Count, hide = true)]
    safe_path: u8,

    /// Warn where bytes are taken for text; twice, fail
    #[arg(short = 'b', action = ArgAction::Count, hide = true)]
    bytes_warning: u8,

    /// sys.flags.quiet
    #[arg(short = 'q', action = ArgAction::Count, hide = true)]
    quiet: u8,

    /// Tell what is imported
    #[arg(short = 'v', action = ArgAction::Count, hide = true)]
    verbose: u8,

    /// sys.flags.debug
    #[arg(short = 'd', action = ArgAction::Count, hide = true)]
    debug: u8,

    /// A filter of warnings; may be given several times
    #[arg(short = 'W', value_name = "FILTER", hide = true)]
    warnings: Vec<String>,

    /// An entry of sys._xoptions; may be given several times
    #[arg(short = 'X', value_name = "OPTION", hide = true)]
    extras: Vec<String>,
}

impl PythonArguments {
    /// Whether any of them was given.
    pub fn are_given(&self) -> bool {
        let counts = [
            self.no_bytecode,
            self.unbuffered,
            self.ignore_environment,
            self.isolated,
            self.no_user_site,
            self.no_site,
            self.optimize,
            self.safe_path,
            self.bytes_warning,
            self.quiet,
            self.verbose,
            self.debug,
        ];
        counts.iter().any(|count| *count > 0)
            || !self.warnings.is_empty()
            || !self.extras.is_empty()
    }

    /// What the interpreter is told of them.
    pub fn into_switches(self) -> Switches {
        Switches {
            no_bytecode: self.no_bytecode > 0,
            unbuffered: self.unbuffered > 0,
            ignore_environment: self.ignore_environment > 0,
            isolated: self.isolated > 0,
            no_user_site: self.no_user_site > 0,
            no_site: self.no_site > 0,
            optimize: self.optimize.min(2),
            safe_path: self.safe_path > 0,
            bytes_warning: self.bytes_warning,
            quiet: self.quiet > 0,
            verbose: self.verbose,
            debug: self.debug,
            warnings: self.warnings,
            extras: self.extras,
        }
    }
}
