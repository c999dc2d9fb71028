//! What an engine does with its namespace: one function per operation, Python
//! objects in the middle, payloads at both ends.
//!
//! It knows no sockets: [`super`] hands it work and sends what it returns.
//! Whole namespaces are in [`namespace`].

mod breakpoint;
mod input;
mod namespace;

use super::output::EngineOutput;
use super::queue::Job;
use bytes::Bytes;
use rhumba_interpreter::cell::{self, CellOptions};
use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::output::{self, OutputSink};
use rhumba_interpreter::rustpython_vm::builtins::{PyBaseExceptionRef, PyDict, PyList, PyTuple};
use rhumba_interpreter::rustpython_vm::function::{FuncArgs, KwArgs};
use rhumba_interpreter::rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};
use rhumba_interpreter::snapshot::{self, DecodeContext, EncodeOptions};
use rhumba_proto::id::{BlobId, EngineId};
use rhumba_proto::message::{Failure, FailureKind, Operation, Payload};
use std::collections::HashMap;
use std::sync::Arc;

/// Decoded functions that are kept for the next call. Beyond that, all are
/// dropped and decoded anew as they are needed.
const FUNCTION_COUNT_MAX: usize = 4096;

/// The namespace, and the functions that are ready to be called in it.
pub(super) struct Operations {
    namespace: Namespace,
    /// Who this is, for people: `engine 2`.
    owner: String,
    context: DecodeContext,
    /// Functions that nothing can change between two calls.
    functions: HashMap<BlobId, PyObjectRef>,
}

impl Operations {
    /// Takes over the interpreter: what it prints goes to `output` from here on.
    pub(super) fn new(vm: &VirtualMachine, engine: EngineId, output: Arc<EngineOutput>) -> Self {
        capture(vm, &output);
        let namespace = Namespace::new(vm);
        // A function that was sent names the cells of the one who sent it: a traceback must not
        // show the lines of ours in their place.
        let owner = format!("engine {engine}");
        namespace.set_owner(&owner);
        if let Err(error) = breakpoint::install(vm, engine) {
            let report = ErrorReport::from_exception(vm, &error);
            tracing::error!(message = report.message, "breakpoint() is the standard one");
        }
        tracing::debug!(%engine, "the namespace is ready");
        let context = DecodeContext::new(namespace.dict().clone());
        Self {
            namespace,
            owner,
            context,
            functions: HashMap::new(),
        }
    }

    /// Runs one piece of work to its end.
    ///
    /// # Errors
    /// What it raised, or why it could not be run or its result not be sent.
    pub(super) fn run(&mut self, vm: &VirtualMachine, job: Job) -> Result<Payload, Failure> {
        let root_name = root_name(&job.operation);
        let Job {
            operation,
            function,
            payload,
            ..
        } = job;
        let function = match function {
            None => None,
            Some((_, None)) => return Err(invalid("the function was not sent before the call")),
            Some((blob, Some(content))) => Some(
                self.function(vm, blob, &content)
                    .map_err(|error| raised(vm, &error))?,
            ),
        };
        let result = self
            .operate(vm, operation, function, payload)
            .map_err(|error| raised(vm, &error))?;
        let result = match result {
            Product::Nothing => return Ok(Payload::default()),
            Product::Payload(payload) => return Ok(payload),
            Product::Object(object) => object,
        };
        let snapshot = snapshot::encode(vm, &result, &EncodeOptions::new(&root_name))
            .map_err(|error| raised(vm, &error))?;
        Ok(Payload::from(snapshot.buffers))
    }

    fn operate(
        &self,
        vm: &VirtualMachine,
        operation: Operation,
        function: Option<PyObjectRef>,
        payload: Payload,
    ) -> PyResult<Product> {
        let called = || {
            let function = function.as_deref();
            function.ok_or_else(|| vm.new_value_error("the call came without its function"))
        };
        match operation {
            Operation::Execute { code, silent, .. } => {
                self.execute(vm, &code, silent).map(Product::Object)
            }
            Operation::Apply => {
                let arguments = self.decode(vm, payload.buffers)?;
                call(vm, called()?, &arguments).map(Product::Object)
            }
            Operation::Map => {
                let items = self.decode(vm, payload.buffers)?;
                map(vm, called()?, &items).map(Product::Object)
            }
            Operation::Push => {
                let names = self.decode(vm, payload.buffers)?;
                let names = names
                    .downcast::<PyDict>()
                    .map_err(|_| vm.new_type_error("only a dict can be pushed"))?;
                for (name, value) in names.items_vec() {
                    let name = name.str(vm)?;
                    self.namespace.set(vm, &name.to_string_lossy(), value)?;
                }
                Ok(Product::Nothing)
            }
            Operation::Pull { names, single } => {
                let values: PyResult<Vec<_>> = names
                    .iter()
                    .map(|name| self.namespace.get(vm, name))
                    .collect();
                let mut values = values?;
                match values.pop() {
                    Some(only) if single && values.is_empty() => Ok(Product::Object(only)),
                    last => {
                        values.extend(last);
                        Ok(Product::Object(vm.ctx.new_list(values).into()))
                    }
                }
            }
            Operation::Clear => {
                cell::forget_failure(vm);
                self.namespace.clear(vm).map(|()| Product::Nothing)
            }
            Operation::Checkpoint { name, partial } => {
                let store = namespace::store(vm)?;
                namespace::checkpoint(vm, &self.namespace, &store, &self.owner, name, partial)
                    .map(Product::Object)
            }
            Operation::Restore { name, partial } => {
                let store = namespace::store(vm)?;
                let context = DecodeContext {
                    partial,
                    ..self.context.clone()
                };
                namespace::restore(vm, &self.namespace, &store, &context, &name)
                    .map(Product::Object)
            }
            Operation::Recover { name } => {
                let store = namespace::store(vm)?;
                namespace::recover(vm, &self.namespace, &store, &self.context, &name)
                    .map(Product::Payload)
            }
            Operation::TakeNamespace { partial } => {
                namespace::take(vm, &self.namespace, &self.owner, partial).map(Product::Payload)
            }
            Operation::PutNamespace => {
                namespace::put(vm, &self.namespace, &self.context, payload).map(Product::Object)
            }
        }
    }

    fn execute(&self, vm: &VirtualMachine, code: &str, silent: bool) -> PyResult {
        let options = CellOptions {
            name: None,
            silent,
            store: !silent,
            ..CellOptions::default()
        };
        let outcome = cell::run_cell(vm, &self.namespace, code, options);
        match outcome.failure {
            Some(failure) => Err(failure),
            None => Ok(vm.ctx.new_int(outcome.count).into()),
        }
    }

    fn decode(&self, vm: &VirtualMachine, buffers: Vec<Bytes>) -> PyResult {
        snapshot::decode(vm, buffers, &self.context)
    }

    /// Returns the function to call: the kept one where nothing can have
    /// changed it, else a fresh one as it was sent.
    fn function(&mut self, vm: &VirtualMachine, blob: BlobId, content: &Payload) -> PyResult {
        if let Some(function) = self.functions.get(&blob) {
            return Ok(function.clone());
        }
        let function = self.decode(vm, content.buffers.clone())?;
        if content
            .buffers
            .first()
            .is_some_and(|table| snapshot::is_immutable(table))
        {
            if self.functions.len() >= FUNCTION_COUNT_MAX {
                self.functions.clear();
            }
            self.functions.insert(blob, function.clone());
        }
        Ok(function)
    }
}

/// Lets `input()` say that nobody types here.
pub(super) fn prepare_input(vm: &VirtualMachine, engine: EngineId) {
    if let Err(error) = input::install(vm, engine) {
        let report = ErrorReport::from_exception(vm, &error);
        tracing::error!(message = report.message, "input() is the standard one");
    }
}

/// Sends what is printed from here on to clients.
pub(super) fn capture(vm: &VirtualMachine, output: &Arc<EngineOutput>) {
    let sink: Arc<dyn OutputSink> = Arc::clone(output) as Arc<dyn OutputSink>;
    if let Err(error) = output::install_sink(vm, sink) {
        let report = ErrorReport::from_exception(vm, &error);
        tracing::error!(message = report.message, "output can't be captured");
    }
}

/// What messages call the object that an operation makes.
fn root_name(operation: &Operation) -> String {
    match operation {
        Operation::Pull { names, single } => match &names[..] {
            [only] if *single => format!("namespace['{only}']"),
            _ => "namespace".to_owned(),
        },
        _ => "result".to_owned(),
    }
}

/// What an operation makes.
enum Product {
    Nothing,
    Object(PyObjectRef),
    /// It is to be sent as it is.
    Payload(Payload),
}

/// Calls a function with a pair of positional and keyword arguments.
fn call(vm: &VirtualMachine, function: &PyObject, arguments: &PyObject) -> PyResult {
    let malformed = || vm.new_type_error("arguments travel as a pair of a tuple and a dict");
    let pair = arguments.downcast_ref::<PyTuple>().ok_or_else(malformed)?;
    let [positional, keywords] = pair.as_slice() else {
        return Err(malformed());
    };
    let positional = positional.downcast_ref::<PyTuple>().ok_or_else(malformed)?;
    let keywords = keywords.downcast_ref::<PyDict>().ok_or_else(malformed)?;
    let positional = positional.as_slice().to_vec();
    if keywords.is_empty() {
        return function.call(FuncArgs::from(positional), vm);
    }
    let mut named = Vec::with_capacity(keywords.__len__());
    for (name, value) in keywords.items_vec() {
        named.push((name.str(vm)?.to_string_lossy().into_owned(), value));
    }
    let arguments = FuncArgs::new(positional, KwArgs::from_iter(named));
    function.call(arguments, vm)
}

/// Calls a function once per tuple of arguments.
fn map(vm: &VirtualMachine, function: &PyObject, items: &PyObject) -> PyResult {
    let malformed = || vm.new_type_error("the items of a map travel as a list of tuples");
    let items = items.downcast_ref::<PyList>().ok_or_else(malformed)?;
    let items = items.borrow_vec().to_vec();
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        let item = item.downcast::<PyTuple>().map_err(|_| malformed())?;
        results.push(function.call(FuncArgs::from(item.as_slice().to_vec()), vm)?);
    }
    Ok(vm.ctx.new_list(results).into())
}

fn raised(vm: &VirtualMachine, error: &PyBaseExceptionRef) -> Failure {
    // A debugger can look at its frames until the next failure.
    cell::remember_failure(vm, error);
    let report = ErrorReport::from_exception(vm, error);
    Failure {
        kind: FailureKind::Raised,
        exception: report.exception,
        message: report.message,
        traceback: report.traceback,
    }
}

/// A result that is beyond the limits of a message; `cause` says which.
pub(super) fn too_large(operation: &str, cause: &str) -> Failure {
    let (what, advice) = match operation {
        "take_namespace" => ("namespace", "Checkpoint it and restore it there"),
        _ => ("result", "Return less, leave it in the namespace"),
    };
    Failure {
        kind: FailureKind::Limit,
        exception: "ResultTooLarge".into(),
        message: format!(
            "the {what} can't be sent: {cause}. {advice}, or start the cluster with a larger {}",
            crate::socket::PAYLOAD_BYTES_MAX_VARIABLE
        ),
        traceback: String::new(),
    }
}

fn invalid(message: &str) -> Failure {
    Failure {
        kind: FailureKind::Invalid,
        exception: "InvalidRequest".into(),
        message: message.to_owned(),
        traceback: String::new(),
    }
}
