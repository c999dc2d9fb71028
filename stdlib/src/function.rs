//! Functions on their way to engines: a snapshot each, taken once for as long
//! as nothing about the function changes.

use crate::values;
use parking_lot::Mutex;
use rhumba_engine::client::FunctionBlob;
use rhumba_interpreter::snapshot::{self, Globals};
use rustpython_vm::builtins::{PyFunction, PyStr};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};
use std::collections::HashMap;

/// Functions whose snapshots are kept. Beyond that, all are dropped.
const KEPT_COUNT_MAX: usize = 256;

/// Snapshots of the functions that a connection has sent.
#[derive(Default)]
pub(crate) struct FunctionCache {
    kept: Mutex<HashMap<usize, Kept>>,
}

/// A function that carries nothing mutable along, and what it was made of when
/// its snapshot was taken.
struct Kept {
    /// Held, so that its address can't come to mean another object.
    _function: PyObjectRef,
    made_of: [PyObjectRef; 3],
    blob: FunctionBlob,
}

impl FunctionCache {
    /// Returns the snapshot to send for a callable.
    pub(crate) fn blob(
        &self,
        vm: &VirtualMachine,
        callable: &PyObject,
        globals: Globals,
    ) -> PyResult<FunctionBlob> {
        // Globals that go along may have changed since, whatever the function is made of.
        if !callable.is_callable() {
            return Err(vm.new_type_error(format!(
                "engines call functions, not {} objects",
                callable.class().name()
            )));
        }
        if callable.downcast_ref::<PyFunction>().is_none() || globals == Globals::Carried {
            let content = values::encode(vm, callable, "function", globals)?;
            return Ok(FunctionBlob::new(name(vm, callable), content));
        }
        let made_of = made_of(vm, callable)?;
        let plain = callable.dict().is_none_or(|dict| dict.is_empty());
        if plain
            && let Some(kept) = self.kept.lock().get(&callable.get_id())
            && kept
                .made_of
                .iter()
                .zip(&made_of)
                .all(|(then, now)| then.is(now))
        {
            return Ok(kept.blob.clone());
        }
        let content = values::encode(vm, callable, "function", globals)?;
        let immutable = content
            .buffers
            .first()
            .is_some_and(|table| snapshot::is_immutable(table));
        let blob = FunctionBlob::new(name(vm, callable), content);
        if plain && immutable {
            let mut kept = self.kept.lock();
            let dropped = (kept.len() >= KEPT_COUNT_MAX).then(|| std::mem::take(&mut *kept));
            kept.insert(
                callable.get_id(),
                Kept {
                    _function: callable.to_owned(),
                    made_of,
                    blob: blob.clone(),
                },
            );
            drop(kept);
            // Not under the lock: a function's end may run Python code.
            drop(dropped);
        }
        Ok(blob)
    }
}

/// Returns what people call it: its name, or its class's.
fn name(vm: &VirtualMachine, callable: &PyObject) -> String {
    let named = callable.get_attr("__name__", vm).ok();
    let named = named.and_then(|name| name.downcast::<PyStr>().ok());
    match named {
        Some(name) => name.to_string_lossy().into_owned(),
        None => callable.class().name().to_string(),
    }
}

fn made_of(vm: &VirtualMachine, function: &PyObject) -> PyResult<[PyObjectRef; 3]> {
    Ok([
        function.get_attr("__code__", vm)?,
        function.get_attr("__defaults__", vm)?,
        function.get_attr("__kwdefaults__", vm)?,
    ])
}
