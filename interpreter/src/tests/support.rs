//! An interpreter with a sink that remembers, for tests.

use std::sync::Arc;

use parking_lot::Mutex;
use rustpython_vm::VirtualMachine;

use crate::cell::{CellOptions, CellOutcome, run_cell};
use crate::failure::ErrorReport;
use crate::namespace::Namespace;
use crate::output::{OutputSink, Stream, install_sink};
use crate::runtime::{Runtime, RuntimeConfig};

/// What reached the sink, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Stdout(String),
    Stderr(String),
    Display(Vec<(String, String)>),
    Result(u32, String),
}

#[derive(Default)]
pub struct Recorder {
    shown: Mutex<Vec<Shown>>,
}

impl Recorder {
    pub fn take(&self) -> Vec<Shown> {
        std::mem::take(&mut self.shown.lock())
    }

    /// All that was written to stdout, joined.
    pub fn stdout(&self) -> String {
        let pieces = self.shown.lock();
        let texts = pieces.iter().filter_map(|piece| match piece {
            Shown::Stdout(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub fn stderr(&self) -> String {
        let pieces = self.shown.lock();
        let texts = pieces.iter().filter_map(|piece| match piece {
            Shown::Stderr(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub fn len(&self) -> usize {
        self.shown.lock().len()
    }
}

impl OutputSink for Recorder {
    fn write(&self, stream: Stream, text: &str) {
        let text = text.to_owned();
        self.shown.lock().push(match stream {
            Stream::Stdout => Shown::Stdout(text),
            Stream::Stderr => Shown::Stderr(text),
        });
    }

    fn display(&self, data: &[(String, String)]) {
        self.shown.lock().push(Shown::Display(data.to_vec()));
    }

    fn cell_result(&self, count: u32, text: &str) {
        self.shown
            .lock()
            .push(Shown::Result(count, text.to_owned()));
    }

    fn flush(&self) {}
}

/// A namespace, entered, with all that is written going to a recorder.
pub struct Bench<'vm> {
    pub vm: &'vm VirtualMachine,
    pub namespace: Namespace,
    pub recorder: Arc<Recorder>,
}

impl Bench<'_> {
    pub fn run(&self, source: &str, store: bool) -> CellOutcome {
        let options = CellOptions {
            store,
            ..CellOptions::default()
        };
        run_cell(self.vm, &self.namespace, source, options)
    }

    /// Runs a cell as a person enters it; it must succeed.
    pub fn cell(&self, source: &str) -> CellOutcome {
        let outcome = self.run(source, true);
        if let Some(failure) = &outcome.failure {
            let report = ErrorReport::from_exception(self.vm, failure);
            panic!("the cell failed:\n{source}\n{}", report.traceback);
        }
        outcome
    }

    /// Runs a cell that must fail, and tells how.
    pub fn failing(&self, source: &str) -> ErrorReport {
        let outcome = self.run(source, true);
        let failure = outcome.failure.expect("the cell must fail");
        ErrorReport::from_exception(self.vm, &failure)
    }

    /// The repr of an expression's value.
    pub fn value(&self, source: &str) -> String {
        let options = CellOptions {
            silent: true,
            ..CellOptions::default()
        };
        let outcome = run_cell(self.vm, &self.namespace, source, options);
        if let Some(failure) = &outcome.failure {
            let report = ErrorReport::from_exception(self.vm, failure);
            panic!("the cell failed:\n{source}\n{}", report.traceback);
        }
        let value = outcome.value.expect("the cell must have a value");
        let text = value.repr(self.vm).expect("the value has a repr");
        self.recorder.take();
        text.to_string_lossy().into_owned()
    }

    /// Runs a cell and gives what it wrote to stdout.
    pub fn printed(&self, source: &str) -> String {
        self.recorder.take();
        self.cell(source);
        let text = self.recorder.stdout();
        self.recorder.take();
        text
    }
}

/// Starts an interpreter with a recorder and hands it over.
pub fn with_bench<R>(work: impl FnOnce(&Bench) -> R) -> R {
    let runtime = Runtime::new(RuntimeConfig::default());
    runtime.enter(|vm| work(&bench(vm)))
}

pub fn bench(vm: &VirtualMachine) -> Bench<'_> {
    let recorder = Arc::new(Recorder::default());
    install_sink(vm, recorder.clone()).expect("a sink can be installed");
    Bench {
        vm,
        namespace: Namespace::new(vm),
        recorder,
    }
}
