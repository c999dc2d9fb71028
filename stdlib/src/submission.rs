//! How a [`Connection`] sends work: every kind of request, and tasks.
//!
//! Each method takes Python objects, makes payloads of them, and returns a [`Group`] at once. What
//! the caller says of the work besides, its label and its manner, comes last.

use crate::connection::Connection;
use crate::group::Group;
use crate::patience::asking;
use crate::values::Text;
use crate::{terms, values};
use rhumba_engine::client::{FunctionBlob, Piece};
use rhumba_engine::proto::id::EngineId;
use rhumba_engine::proto::message::{Manner, Operation, Payload, Terms, Work};
use rustpython_vm::builtins::{PyDictRef, PyListRef, PyTupleRef};
use rustpython_vm::function::ArgSequence;
use rustpython_vm::{
    FromArgs, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, TryFromObject, VirtualMachine,
    pyclass,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a caller says of the work that it sends.
#[derive(Default, FromArgs)]
pub(crate) struct Said {
    /// What its records have in common.
    #[pyarg(any, default)]
    label: Option<Text>,
    /// How requests are treated.
    #[pyarg(any, default)]
    manner: Option<Treatment>,
}

/// A manner, as a tuple: whether a request waits for engines that are another's alone, whether its
/// answers are told together, and whether it goes out as a tree.
#[derive(Clone, Copy)]
pub(crate) struct Treatment(Manner);

impl TryFromObject for Treatment {
    fn try_from_object(vm: &VirtualMachine, object: PyObjectRef) -> PyResult<Self> {
        let parts: ArgSequence<bool> = ArgSequence::try_from_object(vm, object)?;
        let &[waits, gathers, relays] = &parts[..] else {
            let sentence = "a manner says whether a request waits, gathers and relays";
            return Err(vm.new_value_error(sentence));
        };
        Ok(Self(Manner {
            waits,
            gathers,
            relays,
        }))
    }
}

impl Said {
    fn manner(&self) -> Manner {
        let usual = Manner::default();
        self.manner.map_or(usual, |treatment| treatment.0)
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
        names: &[Text],
        operation: impl Fn(String) -> Operation,
    ) -> PyResult<PyRef<Group>> {
        let pieces = paired(vm, targets, names)?.map(|(&target, name)| {
            let work = without_function(operation(name.to_string()));
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
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
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
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
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
        code: Text,
        silent: bool,
        stop_on_error: bool,
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let operation = Operation::Execute {
            code: Arc::from(&*code),
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
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
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
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
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
        names: ArgSequence<Text>,
        single: bool,
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let operation = Operation::Pull {
            names: names.into_iter().map(String::from).collect(),
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
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
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
        names: ArgSequence<Text>,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::default();
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
        names: ArgSequence<Text>,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let said = Said::default();
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
        let said = Said::default();
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
        let said = Said::default();
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
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
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
        said: Said,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
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
