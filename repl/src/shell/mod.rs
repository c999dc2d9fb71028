//! The shell: reads cells from a person, runs them in the namespace, shows what they give.
//!
//! It decides nothing about Python: whether a cell is complete, what `%magic` means, what can
//! complete a name are the interpreter's, and come as data. Here is the terminal.
//!
//! Read next: [`input`] for where cells come from, [`editor`] for the keys, [`view`] for the cell as
//! it is edited, [`screen`] for what is shown.

mod above;
mod asking;
mod choices;
mod colour;
mod editor;
mod editors_own;
mod emacs_keys;
pub mod embedded;
mod external;
mod helper;
pub mod history;
mod indentation;
mod input;
mod keys;
mod line;
mod looks;
mod opened;
mod own_file;
mod pairs;
mod picture;
mod reserve;
mod rewrite;
mod screen;
mod shortcuts;
mod signals;
mod terminal;
mod thread;
mod tip;
mod title;
mod traceback;
mod turn;
mod vi;
mod view;

use std::io::IsTerminal;
use std::sync::Arc;

use rhumba_interpreter::cell::{CellOptions, run_cell_telling};
use rhumba_interpreter::failure::{self, ErrorReport};
use rhumba_interpreter::history as past;
use rhumba_interpreter::interrupt;
use rhumba_interpreter::leaving;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::output::{OutputSink, Stream, install_sink};
use rhumba_interpreter::runtime::Runtime;
use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef, PyStr};
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use crate::configuration::Configuration;
use colour::Colours;
use history::History;
use input::{Input, Reading};
use opened::Opened;
use screen::Screen;
use terminal::Keeper;

/// How the shell starts.
pub struct ShellOptions {
    /// What it is set to, and what runs before the first prompt; `None` where that has been done.
    pub configuration: Option<Configuration>,
    /// Whether it says what it is.
    pub shows_banner: bool,
    /// Whether lines are edited, where the terminal allows it.
    pub edits_lines: bool,
    /// Whether there may be colours.
    pub has_colours: bool,
    /// Whether a program was run in the namespace before: its names and paths stay, and there
    /// is no need to say what this is.
    pub after_program: bool,
    /// Whether that program failed, which the debugger opens for where `%pdb` is on.
    pub program_failed: bool,
    /// The engines that this process started, if it did.
    pub engine_count: Option<u32>,
    /// What the names that are there came from, and how many they are, if any did.
    pub restored: Option<(String, usize)>,
    /// What is said first, after a program or inside of one.
    pub header: String,
}

/// What makes the engines of `rhumba -n N` known to the person at the prompt.
const CONNECT: &str = "import ipyparallel as ipp\nrc = ipp.Client()\nview = rc.direct_view()\n";

/// The exit status of a shell that Ctrl-C ends.
const INTERRUPTED: i32 = 128 + libc::SIGINT;

/// The module that macros are made by.
const MACRO_MODULE: &str = "IPython.core.macro";

/// The names that it binds. They are the shell's: they stay when a namespace is restored.
const CONNECT_NAMES: [&str; 3] = ["ipp", "rc", "view"];

/// Runs the shell until the person leaves it, and gives the exit status.
pub fn run(runtime: &Runtime, options: ShellOptions) -> i32 {
    looks::set_colours(options.has_colours);
    let colours = Colours::from_environment();
    let screen = Arc::new(Screen::new(colours));
    runtime.enter(|vm| {
        // A thread of a program that was run before may be in a shell of its own.
        let _opened = vm.allow_threads(Opened::wait);
        let namespace = Namespace::new(vm);
        Shell {
            vm,
            namespace: &namespace,
            screen,
            colours,
            terminal: Keeper::new(),
        }
        .run(options)
    })
}

/// Lets the debugger of a program read lines with editing, as that of the shell does.
///
/// # Errors
/// A lack of memory.
pub fn offer_line_editing(vm: &VirtualMachine) -> PyResult<()> {
    asking::offer(vm)?;
    if input::can_edit() {
        line::offer(vm, Colours::from_environment())?;
    }
    Ok(())
}

struct Shell<'vm> {
    vm: &'vm VirtualMachine,
    namespace: &'vm Namespace,
    screen: Arc<Screen>,
    colours: Colours,
    terminal: Keeper,
}

impl Shell<'_> {
    fn run(self, options: ShellOptions) -> i32 {
        let sink = Arc::clone(&self.screen) as Arc<dyn OutputSink>;
        let opened = install_sink(self.vm, sink).and_then(|()| leaving::offer(self.vm));
        if let Err(failure) = opened {
            self.screen
                .show_failure(&ErrorReport::from_exception(self.vm, &failure));
            return if self.is_interrupt(&failure) {
                INTERRUPTED
            } else {
                1
            };
        }
        if !options.after_program {
            self.find_modules_here();
        }
        let history = self.remember_cells();
        let mut input = Input::new(
            self.vm,
            self.namespace,
            self.colours,
            &self.screen,
            &history,
            options.edits_lines,
        );
        // As below.
        let _ = asking::offer(self.vm);
        if matches!(input, Input::Editor(_)) {
            // Nothing but a lack of memory stands against it; then there is `input()`.
            let _ = line::offer(self.vm, self.colours);
        }
        let header = if options.after_program {
            &options.header
        } else {
            &banner(&options)
        };
        let configuration = options.configuration.as_ref();
        let mut shows_banner = options.shows_banner;
        // What is set may be not to show it.
        let waits = configuration.is_some_and(Configuration::has_something_to_set);
        if shows_banner && !waits {
            self.screen.put(Stream::Stdout, header);
        }
        if let Some(configuration) = configuration {
            match configuration.start_shell(self.vm, header, shows_banner && waits) {
                Ok(is_wanted) => shows_banner &= is_wanted,
                Err(ended) => {
                    if let Some(status) = self.exit_status(&ended) {
                        return status;
                    }
                }
            }
        }
        // Otherwise nothing has made the shell object yet, and nobody waits for that.
        if configuration.is_none_or(Configuration::has_something_to_set) {
            looks::follow(self.vm);
        }
        if options.program_failed
            && let Some(status) = self.debug_program()
        {
            return status;
        }
        if shows_banner && !options.after_program && looks::shows_tips() {
            let tip = format!("Tip: {}\n\n", tip::tip_of_now());
            self.screen.put(Stream::Stdout, &tip);
        }
        // After a program its own names stay as they are, whatever they are called.
        if !options.after_program && options.engine_count.is_some() {
            if let Some(status) = self.connect() {
                return status;
            }
            if let Err(failure) = self.namespace.lend(self.vm, &CONNECT_NAMES) {
                self.screen
                    .show_failure(&ErrorReport::from_exception(self.vm, &failure));
            }
        }
        let status = self
            .namespace
            .between_cells(|| self.read_and_run(&mut input, &history));
        self.restore_files();
        self.finish(input, &history);
        status
    }

    /// Lets go of what cells come from, and waits until the history is written; tells what isn't kept of it.
    fn finish(&self, input: Input<'_>, history: &History) {
        let is_file_lost = self.terminal.take_lost();
        if is_file_lost {
            history.lose_file();
            // It is let go of without its end, which is that of its thread, too: under the numbers of
            // the files that it would close may be others by now.
            self.screen.above().stop();
            std::mem::forget(input);
        } else {
            drop(input);
        }
        let mut told = self.vm.allow_threads(|| history.finish());
        if !is_file_lost && self.namespace.cell_count() > 0 {
            // There is no further prompt to tell it at.
            told = told.or_else(|| history.trouble());
        }
        if let Some(sentence) = told {
            self.screen
                .put(Stream::Stderr, &format!("rhumba: {sentence}\n"));
        }
    }

    /// Runs cells until the person leaves, and gives the exit status.
    fn read_and_run(&self, input: &mut Input<'_>, history: &History) -> i32 {
        let mut number = self.namespace.cell_count() + 1;
        loop {
            self.restore_files();
            self.terminal.restore_modes();
            self.screen.start_line();
            if self.terminal.take_lost() {
                self.begin_again(input, history);
            }
            if let Some(sentence) = history.trouble() {
                self.screen
                    .put(Stream::Stderr, &format!("rhumba: {sentence}\n"));
            }
            // An interrupt that came too late for the last cell must not hit the next one.
            interrupt::discard_pending(self.vm);
            if number > 1 {
                looks::follow(self.vm);
            }
            let read = input.read_cell(number, past::take_brought_back(self.vm));
            crate::start::over();
            // One that came while the cell was typed is none of the cell's.
            if let Some(status) = self.settle_signals() {
                return status;
            }
            match read {
                Reading::Cell(source) => {
                    if let Some(status) = self.run_numbered(&source, &mut number) {
                        return status;
                    }
                }
                Reading::Cleared => self.screen.put(Stream::Stderr, "KeyboardInterrupt\n"),
                Reading::End if leaving::is_meant(self.vm) => return 0,
                Reading::End => {}
                Reading::Broken(sentence) => {
                    self.screen
                        .put(Stream::Stderr, &format!("rhumba: {sentence}\n"));
                    return 1;
                }
            }
        }
    }

    /// Goes on where a cell has closed files that the shell works with.
    fn begin_again(&self, input: &mut Input<'_>, history: &History) {
        history.lose_file();
        input.reopen();
        self.screen.put(
            Stream::Stderr,
            "rhumba: a cell closed files that the shell works with; it goes on without them\n",
        );
    }

    /// Has what is shown reach the terminal again, whatever a cell did to the files of it.
    fn restore_files(&self) {
        if let Some(sentence) = self.terminal.restore_files() {
            self.screen.start_line();
            self.screen
                .put(Stream::Stderr, &format!("rhumba: {sentence}\n"));
        }
    }

    /// Begins to remember cells: those that a person types at a terminal over runs, others until
    /// the shell ends.
    fn remember_cells(&self) -> Arc<History> {
        let folder = std::io::stdin()
            .is_terminal()
            .then(|| rhumba_engine::home::home_directory().ok())
            .flatten();
        let history = Arc::new(History::open(folder));
        self.screen.remember_outputs(Arc::clone(&history));
        // Nothing but a lack of memory stands against it.
        let _ = past::keep_history(self.vm, Arc::clone(&history) as Arc<dyn past::CellHistory>);
        history
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
        let macro_text = self.macro_text(source);
        let mut status = None;
        run_cell_telling(
            self.vm,
            self.namespace,
            macro_text.as_deref().unwrap_or(source),
            CellOptions {
                store: true,
                ..CellOptions::default()
            },
            &mut |failure| status = self.settle(failure),
        );
        // The interpreter counts: magics and shells inside of it may have run cells of their own.
        *number = self.namespace.cell_count() + 1;
        status
    }

    /// Makes the engines known by the names that the banner has told; gives the exit status if the
    /// person doesn't wait for that.
    fn connect(&self) -> Option<i32> {
        let mut status = None;
        run_cell_telling(
            self.vm,
            self.namespace,
            CONNECT,
            CellOptions {
                silent: true,
                ..CellOptions::default()
            },
            &mut |failure| {
                if !self.is_interrupt(failure) {
                    status = self.settle(failure);
                    return;
                }
                self.screen.leave_echoed_key();
                self.screen.start_line();
                self.screen.put(
                    Stream::Stderr,
                    "rhumba: interrupted before the engines were connected\n",
                );
                status = Some(INTERRUPTED);
            },
        );
        status
    }

    /// Gives the exit status if the person leaves from within the debugger.
    fn debug_program(&self) -> Option<i32> {
        let failure = self.vm.sys_module.get_attr("last_exc", self.vm).ok()?;
        let failure = failure.downcast::<PyBaseException>().ok()?;
        let debugged = failure::debug_if_asked(self.vm, &failure);
        debugged.err().and_then(|ended| self.settle_exit(&ended))
    }

    fn is_interrupt(&self, failure: &PyBaseExceptionRef) -> bool {
        failure.fast_isinstance(self.vm.ctx.exceptions.keyboard_interrupt)
    }

    /// Shows what a cell failed with, and debugs it where that is asked for; gives the exit status
    /// if the person leaves.
    fn settle(&self, failure: &PyBaseExceptionRef) -> Option<i32> {
        if failure.fast_isinstance(self.vm.ctx.exceptions.system_exit) {
            return self.settle_exit(failure);
        }
        self.restore_files();
        if self.is_interrupt(failure) {
            self.screen.leave_echoed_key();
        }
        let mut report = ErrorReport::from_exception(self.vm, failure);
        while let Err(stopped) = interrupt::stoppable(self.vm, || self.screen.show_failure(&report))
        {
            self.screen.leave_echoed_key();
            self.screen.start_line();
            if self.is_interrupt(&stopped) {
                self.screen.put(Stream::Stderr, "KeyboardInterrupt\n");
                break;
            }
            if stopped.fast_isinstance(self.vm.ctx.exceptions.system_exit) {
                return self.settle_exit(&stopped);
            }
            // What a signal's handler has raised takes the place of what it kept from being shown.
            report = ErrorReport::from_exception(self.vm, &stopped);
        }
        let debugged = failure::debug_if_asked(self.vm, failure);
        debugged.err().and_then(|ended| self.settle_exit(&ended))
    }

    /// Runs the handlers of signals that have come, and shows what they raise; gives the exit status if it ends
    /// the shell.
    fn settle_signals(&self) -> Option<i32> {
        while let Err(raised) = interrupt::check(self.vm) {
            if self.is_interrupt(&raised) {
                self.screen.put(Stream::Stderr, "KeyboardInterrupt\n");
            } else if let Some(status) = self.settle(&raised) {
                return Some(status);
            }
        }
        None
    }

    /// Gives the exit status if the person leaves. Any other SystemExit means a program, as that of
    /// `sys.exit()` does: it is told, and the shell goes on.
    fn settle_exit(&self, failure: &PyBaseExceptionRef) -> Option<i32> {
        if leaving::is_asked_for(self.vm, failure) {
            return self.exit_status(failure);
        }
        if failure.fast_isinstance(self.vm.ctx.exceptions.system_exit) {
            let report = ErrorReport::from_exception(self.vm, failure);
            self.screen.start_line();
            self.screen.put(Stream::Stderr, &told_exit(&report));
        }
        None
    }

    /// What the cell stands for if it is nothing but the name of a macro.
    fn macro_text(&self, source: &str) -> Option<String> {
        let word = source.trim();
        let bound = self.namespace.dict().get_item_opt(word, self.vm);
        let bound = bound.ok().flatten()?;
        let class = bound.class();
        let module = class.get_attr(self.vm.ctx.intern_str("__module__"))?;
        let is_macro = *class.name() == *"Macro"
            && module
                .downcast_ref::<PyStr>()
                .is_some_and(|module| module.as_bytes() == MACRO_MODULE.as_bytes());
        if !is_macro {
            return None;
        }
        let text = bound.get_attr("value", self.vm).ok()?;
        let text = text.downcast_ref::<PyStr>()?;
        Some(text.to_string_lossy().into_owned())
    }

    /// Whether the cell is the bare word that leaves the shell, and still means that.
    fn leaves(&self, source: &str) -> bool {
        let word = source.trim().trim_end_matches([';', ' ']);
        if matches!(word, "%exit" | "%quit") {
            return true;
        }
        leaving::NAMES.contains(&word) && !self.namespace.dict().contains_key(word, self.vm)
    }

    /// The status that a SystemExit asks for; what it says is printed as Python does.
    fn exit_status(&self, failure: &PyBaseExceptionRef) -> Option<i32> {
        let (status, message) = failure::exit_request(self.vm, failure)?;
        if let Some(message) = message {
            self.screen.put(Stream::Stderr, &format!("{message}\n"));
        }
        Some(status)
    }
}

/// What is said of a cell that ended itself as a program does.
fn told_exit(report: &ErrorReport) -> String {
    // `sys.exit()` asks for no status.
    let message = match report.message.trim_end() {
        "None" => "",
        message => message,
    };
    let name = &report.exception;
    let mark = if message.is_empty() { "" } else { ": " };
    format!("{name}{mark}{message}; `exit` or Ctrl-D leaves the shell\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_that_leaves_nothing_is_told_in_a_line() {
        let told = |message: &str| {
            told_exit(&ErrorReport {
                exception: "SystemExit".to_owned(),
                message: message.to_owned(),
                traceback: String::new(),
            })
        };
        let how = "`exit` or Ctrl-D leaves the shell\n";
        assert_eq!(told("2"), format!("SystemExit: 2; {how}"));
        assert_eq!(told("usage: x\n"), format!("SystemExit: usage: x; {how}"));
        assert_eq!(told(""), format!("SystemExit; {how}"));
    }
}
