//! The shell: reads cells from a person, runs them in the namespace, shows what they give.
//!
//! It decides nothing about Python: whether a cell is complete, what `%magic` means, what can
//! complete a name are the interpreter's, and come as data. Here is the terminal.
//!
//! Read next: [`input`] for where cells come from, [`editor`] for the keys, [`screen`] for what
//! is shown.

mod colour;
mod editor;
mod helper;
mod history;
mod input;
mod screen;
mod terminal;
mod traceback;

use std::sync::Arc;

use rhumba_interpreter::cell::{CellOptions, CellOutcome, run_cell};
use rhumba_interpreter::failure::{self, ErrorReport};
use rhumba_interpreter::interrupt;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::output::{OutputSink, Stream, install_sink};
use rhumba_interpreter::runtime::Runtime;
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{AsObject, VirtualMachine};

use colour::Colours;
use history::HistoryFile;
use input::{Input, Reading};
use screen::Screen;

/// How the shell starts.
pub struct ShellOptions {
    /// Whether a program was run in the namespace before: its names and paths stay, and there
    /// is no need to say what this is.
    pub after_program: bool,
    /// The engines that this process started, if it did.
    pub engine_count: Option<u32>,
    /// What the names that are there came from, and how many they are, if any did.
    pub restored: Option<(String, usize)>,
}

/// What makes the engines of `rhumba -n N` known to the person at the prompt.
const CONNECT: &str = "import ipyparallel as ipp\nrc = ipp.Client()\nview = rc[:]\n";

/// The names that it binds. They are the shell's: they stay when a namespace is restored.
const CONNECT_NAMES: [&str; 3] = ["ipp", "rc", "view"];

/// Runs the shell until the person leaves it, and gives the exit status.
pub fn run(runtime: &Runtime, options: ShellOptions) -> i32 {
    let colours = Colours::from_environment();
    let screen = Arc::new(Screen::new(colours));
    runtime.enter(|vm| {
        let namespace = Namespace::new(vm);
        Shell {
            vm,
            namespace: &namespace,
            screen,
            colours,
        }
        .run(options)
    })
}

struct Shell<'vm> {
    vm: &'vm VirtualMachine,
    namespace: &'vm Namespace,
    screen: Arc<Screen>,
    colours: Colours,
}

impl Shell<'_> {
    fn run(self, options: ShellOptions) -> i32 {
        let sink = Arc::clone(&self.screen) as Arc<dyn OutputSink>;
        if let Err(failure) = install_sink(self.vm, sink) {
            self.screen
                .show_failure(&ErrorReport::from_exception(self.vm, &failure));
            return 1;
        }
        if !options.after_program {
            self.find_modules_here();
        }
        let terminal = terminal::Keeper::new();
        let mut input = Input::new(self.vm, self.namespace, self.colours, history_file());
        if !options.after_program {
            self.screen.write(Stream::Stdout, &banner(&options));
        }
        // After a program its own names stay as they are, whatever they are called.
        if !options.after_program && options.engine_count.is_some() {
            if let Some(status) = self.run_unnumbered(CONNECT) {
                return status;
            }
            if let Err(failure) = self.namespace.lend(self.vm, &CONNECT_NAMES) {
                self.screen
                    .show_failure(&ErrorReport::from_exception(self.vm, &failure));
            }
        }
        let mut number = 1;
        loop {
            terminal.restore();
            self.screen.start_line();
            // An interrupt that came too late for the last cell must not hit the next one.
            interrupt::discard_pending(self.vm);
            match input.read_cell(number) {
                Reading::Cell(source) => {
                    if let Some(status) = self.run_numbered(&source, &mut number) {
                        return status;
                    }
                }
                Reading::Cleared => self.screen.write(Stream::Stderr, "KeyboardInterrupt\n"),
                Reading::End => return 0,
                Reading::Broken(sentence) => {
                    self.screen
                        .write(Stream::Stderr, &format!("rhumba: {sentence}\n"));
                    return 1;
                }
            }
        }
    }

    /// Makes the working folder the first in which modules are found, wherever that moves to.
    fn find_modules_here(&self) {
        if !self.vm.state.config.settings.safe_path {
            // Nothing but a lack of memory stands against it.
            let _ = self.vm.insert_sys_path(self.vm.ctx.new_str("").into());
        }
    }

    /// Runs a cell that a person entered; gives the exit status if it ends the shell.
    fn run_numbered(&self, source: &str, number: &mut u32) -> Option<i32> {
        if self.leaves(source) {
            return Some(0);
        }
        let outcome = run_cell(
            self.vm,
            self.namespace,
            source,
            CellOptions {
                store: true,
                ..CellOptions::default()
            },
        );
        // The interpreter counts: magics may have run cells of their own.
        *number = outcome.count + 1;
        self.settle(outcome)
    }

    /// Runs what the shell itself wants in the namespace.
    fn run_unnumbered(&self, source: &str) -> Option<i32> {
        let outcome = run_cell(
            self.vm,
            self.namespace,
            source,
            CellOptions {
                silent: true,
                ..CellOptions::default()
            },
        );
        self.settle(outcome)
    }

    fn settle(&self, outcome: CellOutcome) -> Option<i32> {
        let failure = outcome.failure?;
        if let Some(status) = self.exit_status(&failure) {
            return Some(status);
        }
        if failure.fast_isinstance(self.vm.ctx.exceptions.keyboard_interrupt) {
            self.screen.leave_echoed_key();
        }
        self.screen
            .show_failure(&ErrorReport::from_exception(self.vm, &failure));
        None
    }

    /// Whether the cell is the bare word that leaves the shell, and still means that.
    fn leaves(&self, source: &str) -> bool {
        let word = source.trim();
        matches!(word, "exit" | "quit") && !self.namespace.dict().contains_key(word, self.vm)
    }

    /// The status that a SystemExit asks for; what it says is printed as Python does.
    fn exit_status(&self, failure: &PyBaseExceptionRef) -> Option<i32> {
        let (status, message) = failure::exit_request(self.vm, failure)?;
        if let Some(message) = message {
            self.screen.write(Stream::Stderr, &format!("{message}\n"));
        }
        Some(status)
    }
}

fn banner(options: &ShellOptions) -> String {
    let mut text = format!(
        "rhumba {} (Python {}.{} on RustPython)\n",
        env!("CARGO_PKG_VERSION"),
        rustpython_vm::version::MAJOR,
        rustpython_vm::version::MINOR,
    );
    if let Some((source, count)) = &options.restored {
        text.push_str(&format!("{} from {source}.\n", counted(*count, "name")));
    }
    match options.engine_count {
        None => {
            text.push_str("obj? explains an object, %lsmagic lists the magics, Ctrl-D leaves.\n")
        }
        Some(count) => {
            let engines = counted(count as usize, "engine");
            text.push_str(&format!(
                "{engines}: `rc` is their Client, `view` is all of them, %px runs a line on each.\n\
                 They end with this shell. obj? explains an object, Ctrl-D leaves.\n"
            ));
        }
    }
    text.push('\n');
    text
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// Where cells are remembered over runs; without a folder for state they aren't.
fn history_file() -> Option<HistoryFile> {
    let home = rhumba_engine::home::home_directory().ok()?;
    Some(HistoryFile::new(home.join("history")))
}
