//! How a [`Connection`] sends work: every kind of request, and tasks.
//!
//! Each method takes Python objects, makes payloads of them, and returns a [`Group`] at once. What
//! the caller said of the work beforehand, its label and its manner, holds for one call, whatever
//! becomes of that.

use crate::connection::Connection;
use crate::group::Group;
use crate::patience::asking;
use crate::{terms, values};
use rhumba_engine::client::{FunctionBlob, Piece};
use rhumba_engine::proto::id::EngineId;
use rhumba_engine::proto::message::{Manner, Operation, Payload, Terms, Work};
use rustpython_vm::builtins::{PyDictRef, PyListRef, PyTupleRef};
use rustpython_vm::function::ArgSequence;
use rustpython_vm::{
    Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a caller has said of the work that it sends next.
#[derive(Default)]
struct Said {
    label: Option<String>,
    manner: Option<Manner>,
}

thread_local! {
    static LABEL: RefCell<Option<String>> = const { RefCell::new(None) };
    static MANNER: Cell<Option<Manner>> = const { Cell::new(None) };
}

impl Said {
    /// Takes what was said: the next call of this thread is said anew what holds for it.
    fn take() -> Self {
        Self {
            label: LABEL.take(),
            manner: MANNER.take(),
        }
    }

    fn manner(&self) -> Manner {
        self.manner.unwrap_or_default()
    }

    fn submit(
        &self,
        connection: &Connection,
        vm: &VirtualMachine,
        pieces: &[Piece],
        function: Option<&FunctionBlob>,
    ) -> PyResult<PyRef<Group>> {
        let client = &connection.client;
        let label = self.label.as_deref();
        let parts = asking(vm, None, |mut patience| {
            client.submit_labelled(pieces, function, label, &mut patience)
        })?;
        Ok(Group::new(parts, Arc::clone(client)).into_ref(&vm.ctx))
    }

    /// Sends the same work to several engines. An engine that is named twice
    /// runs it twice.
    fn submit_to(
        &self,
        connection: &Connection,
        vm: &VirtualMachine,
        targets: ArgSequence<u32>,
        (work, payload): (Work, Payload),
        function: Option<&FunctionBlob>,
    ) -> PyResult<PyRef<Group>> {
        let targets: Vec<EngineId> = targets.iter().copied().map(EngineId).collect();
        let distinct: BTreeSet<EngineId> = targets.iter().copied().collect();
        let piece = |targets| self.request(targets, work.clone(), payload.clone());
        let pieces = if targets.is_empty() {
            Vec::new()
        } else if distinct.len() == targets.len() {
            vec![piece(targets)]
        } else {
            targets
                .into_iter()
                .map(|target| piece(vec![target]))
                .collect()
        };
        self.submit(connection, vm, &pieces, function)
    }

    /// Sends each engine its own operation, made of its own name.
    fn submit_named(
        &self,
        connection: &Connection,
        vm: &VirtualMachine,
        targets: &[u32],
        names: &[String],
        operation: impl Fn(String) -> Operation,
    ) -> PyResult<PyRef<Group>> {
        let pieces = paired(vm, targets, names)?.map(|(&target, name)| {
            let work = without_function(operation(name.clone()));
            self.request(vec![EngineId(target)], work, Payload::default())
        });
        let pieces: Vec<Piece> = pieces.collect();
        self.submit(connection, vm, &pieces, None)
    }

    fn request(&self, targets: Vec<EngineId>, work: Work, payload: Payload) -> Piece {
        Piece {
            targets,
            work,
            payload,
            terms: Terms::default(),
            manner: self.manner(),
        }
    }
}

#[pyclass]
pub(crate) trait Submission: PyPayload {
    /// Calls f on each of these engines.
    #[pymethod]
    fn submit_apply(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        f: PyObjectRef,
        args: PyTupleRef,
        kwargs: PyDictRef,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let (work, payload, function) = apply(zelf, vm, &f, args, kwargs)?;
        said.submit_to(zelf, vm, targets, (work, payload), Some(&function))
    }

    /// Calls f on any engine.
    #[pymethod]
    fn submit_task(
        zelf: &Py<Connection>,
        f: PyObjectRef,
        args: PyTupleRef,
        kwargs: PyDictRef,
        terms: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let (work, payload, function) = apply(zelf, vm, &f, args, kwargs)?;
        let terms = terms::terms(vm, &zelf.client, &terms)?;
        let piece = Piece {
            targets: Vec::new(),
            work,
            payload,
            terms,
            manner: said.manner(),
        };
        said.submit(zelf, vm, &[piece], Some(&function))
    }

    /// Runs a cell on each of these engines.
    #[pymethod]
    fn submit_execute(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        code: String,
        silent: bool,
        stop_on_error: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let operation = Operation::Execute {
            code,
            silent,
            stop_on_error,
        };
        said.submit_to(
            zelf,
            vm,
            targets,
            (without_function(operation), Payload::default()),
            None,
        )
    }

    /// Binds the same names to the same objects on each of these engines.
    #[pymethod]
    fn submit_push(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        mapping: PyDictRef,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let payload = values::encode(vm, mapping.as_ref(), "namespace", zelf.globals())?;
        said.submit_to(
            zelf,
            vm,
            targets,
            (without_function(Operation::Push), payload),
            None,
        )
    }

    /// Binds names on engines, each its own.
    #[pymethod]
    fn submit_push_each(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        mappings: ArgSequence<PyDictRef>,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let work = without_function(Operation::Push);
        let mut pieces = Vec::with_capacity(targets.len());
        for (&target, mapping) in paired(vm, &targets, &mappings)? {
            let payload = values::encode(vm, mapping.as_ref(), "namespace", zelf.globals())?;
            let targets = vec![EngineId(target)];
            pieces.push(said.request(targets, work.clone(), payload));
        }
        said.submit(zelf, vm, &pieces, None)
    }

    /// Asks each of these engines for objects by name.
    #[pymethod]
    fn submit_pull(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        names: ArgSequence<String>,
        single: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let operation = Operation::Pull {
            names: names.to_vec(),
            single,
        };
        said.submit_to(
            zelf,
            vm,
            targets,
            (without_function(operation), Payload::default()),
            None,
        )
    }

    /// Empties the namespaces of these engines.
    #[pymethod]
    fn submit_clear(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        said.submit_to(
            zelf,
            vm,
            targets,
            (without_function(Operation::Clear), Payload::default()),
            None,
        )
    }

    /// Keeps the namespace of each of these engines in the store, each under its name.
    #[pymethod]
    fn submit_checkpoint(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        names: ArgSequence<String>,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        said.submit_named(zelf, vm, &targets, &names, |name| Operation::Checkpoint {
            name,
            partial,
        })
    }

    /// Replaces the namespace of each of these engines by a checkpoint, each by its name.
    #[pymethod]
    fn submit_restore(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        names: ArgSequence<String>,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        said.submit_named(zelf, vm, &targets, &names, |name| Operation::Restore {
            name,
            partial,
        })
    }

    /// Takes a copy of an engine's namespace; `submit_put` is given the group.
    #[pymethod]
    fn submit_take(
        zelf: &Py<Connection>,
        target: u32,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let piece = Piece {
            targets: vec![EngineId(target)],
            work: without_function(Operation::TakeNamespace { partial }),
            payload: Payload::default(),
            terms: Terms::default(),
            manner: said.manner(),
        };
        said.submit(zelf, vm, &[piece], None)
    }

    /// Replaces the namespaces of these engines by one that was taken. It can be put once.
    #[pymethod]
    fn submit_put(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        taken: PyRef<Group>,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let payload = taken.parts().take_payload(0).unwrap_or_default();
        if payload.is_empty() {
            return Err(vm.new_value_error("no namespace was taken, or it was put already"));
        }
        let work = without_function(Operation::PutNamespace);
        said.submit_to(zelf, vm, targets, (work, payload), None)
    }

    /// Maps f over the i-th list of argument tuples at the i-th engine.
    #[pymethod]
    fn submit_map(
        zelf: &Py<Connection>,
        targets: ArgSequence<u32>,
        f: PyObjectRef,
        chunks: ArgSequence<PyListRef>,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let function = zelf.functions.blob(vm, &f, zelf.globals())?;
        let work = map_work(&function);
        let mut pieces = Vec::with_capacity(targets.len());
        for (&target, chunk) in paired(vm, &targets, &chunks)? {
            let payload = values::encode(vm, chunk.as_ref(), "items", zelf.globals())?;
            let targets = vec![EngineId(target)];
            pieces.push(said.request(targets, work.clone(), payload));
        }
        said.submit(zelf, vm, &pieces, Some(&function))
    }

    /// Maps f over sequences, in tasks of chunksize items that any engine may run.
    #[pymethod]
    fn submit_task_map(
        zelf: &Py<Connection>,
        f: PyObjectRef,
        sequences: ArgSequence<PyListRef>,
        chunksize: usize,
        terms: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::take();
        let chunksize = chunksize.max(1);
        let function = zelf.functions.blob(vm, &f, zelf.globals())?;
        let work = map_work(&function);
        let terms = terms::terms(vm, &zelf.client, &terms)?;
        let columns: Vec<Vec<PyObjectRef>> = sequences
            .iter()
            .map(|sequence| sequence.borrow_vec().to_vec())
            .collect();
        let count = columns.iter().map(Vec::len).min().unwrap_or(0);
        let mut pieces = Vec::with_capacity(count.div_ceil(chunksize));
        for start in (0..count).step_by(chunksize) {
            let items = (start..count.min(start + chunksize)).map(|index| {
                let arguments = columns.iter().map(|column| column[index].clone()).collect();
                vm.ctx.new_tuple(arguments).into()
            });
            let items = vm.ctx.new_list(items.collect());
            let payload = values::encode(vm, items.as_ref(), "items", zelf.globals())?;
            pieces.push(Piece {
                targets: Vec::new(),
                work: work.clone(),
                payload,
                terms: terms.clone(),
                manner: said.manner(),
            });
        }
        said.submit(zelf, vm, &pieces, Some(&function))
    }

    /// Says how the next request is treated that this thread sends: whether it waits for engines
    /// that are another's alone, whether its answers are told together, and whether it goes out as
    /// a tree.
    #[pymethod]
    fn manner(_zelf: &Py<Connection>, waits: bool, gathers: bool, relays: bool) {
        MANNER.set(Some(Manner {
            waits,
            gathers,
            relays,
        }));
    }

    /// Labels the next work that this thread sends.
    #[pymethod]
    fn label(_zelf: &Py<Connection>, label: Option<String>) {
        LABEL.set(label);
    }
}

impl Submission for Connection {}

fn apply(
    connection: &Connection,
    vm: &VirtualMachine,
    f: &PyObject,
    args: PyTupleRef,
    kwargs: PyDictRef,
) -> PyResult<(Work, Payload, FunctionBlob)> {
    let globals = connection.globals();
    let function = connection.functions.blob(vm, f, globals)?;
    let payload = values::encode_arguments(vm, args, kwargs, globals)?;
    let work = Work {
        operation: Operation::Apply,
        function: Some(function.blob),
    };
    Ok((work, payload, function))
}

fn map_work(function: &FunctionBlob) -> Work {
    Work {
        operation: Operation::Map,
        function: Some(function.blob),
    }
}

fn without_function(operation: Operation) -> Work {
    Work {
        operation,
        function: None,
    }
}

fn paired<'a, T>(
    vm: &VirtualMachine,
    targets: &'a [u32],
    each: &'a [T],
) -> PyResult<impl Iterator<Item = (&'a u32, &'a T)>> {
    if targets.len() == each.len() {
        return Ok(targets.iter().zip(each));
    }
    Err(vm.new_value_error(format!(
        "{} engines can't share {} parts",
        targets.len(),
        each.len()
    )))
}
