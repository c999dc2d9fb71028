//! The terms of a task as Python gives them: how often it is tried, where it
//! may run, what it waits for, and for how long.
//!
//! What they mean is in `rhumba_engine::proto::message::Terms`; what the flags of
//! a view are called, and which values they take, is Python's.

use crate::values::Text;
use rhumba_engine::client::Client;
use rhumba_engine::proto::id::{ClientId, EngineId, RequestId};
use rhumba_engine::proto::message::{Dependency, Scheduling, TaskName, Terms};
use rustpython_vm::builtins::{PyDict, PyInt};
use rustpython_vm::function::ArgSequence;
use rustpython_vm::{Py, PyObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};

/// No client has this number, so that it stands for what isn't known at all.
const NOBODY: ClientId = ClientId(u32::MAX);

/// Reads terms: an int is the number of retries; a dict may have `retries`,
/// `priority`, `targets`, `after`, `follow` (tuples of message ids, all, success,
/// failure), `timeout` and `task_timeout` in seconds.
pub(crate) fn terms(vm: &VirtualMachine, client: &Client, given: &PyObject) -> PyResult<Terms> {
    if given.downcast_ref::<PyInt>().is_some() {
        return Ok(Terms {
            retries: u32::try_from_object(vm, given.to_owned())?,
            ..Terms::default()
        });
    }
    let given = given
        .downcast_ref::<PyDict>()
        .ok_or_else(|| vm.new_type_error("the terms of a task are an int or a dict"))?;
    let targets: Option<ArgSequence<u32>> = item(vm, given, "targets")?;
    Ok(Terms {
        retries: item(vm, given, "retries")?.unwrap_or(0),
        priority: item(vm, given, "priority")?.unwrap_or(0),
        targets: targets
            .iter()
            .flat_map(|targets| targets.iter())
            .copied()
            .map(EngineId)
            .collect(),
        after: dependency(vm, client, given, "after")?.map(Box::new),
        follow: dependency(vm, client, given, "follow")?.map(Box::new),
        timeout_us: microseconds(vm, given, "timeout")?,
        time_limit_us: microseconds(vm, given, "task_timeout")?,
    })
}

/// Reads how tasks are spread, by the names that ipyparallel gives its schemes.
pub(crate) fn scheduling(vm: &VirtualMachine, scheme: &str, hwm: u32) -> PyResult<Scheduling> {
    let placement = scheme
        .parse()
        .map_err(|error: String| vm.new_value_error(error))?;
    Ok(Scheduling { placement, hwm })
}

fn item<T: TryFromObject>(
    vm: &VirtualMachine,
    given: &Py<PyDict>,
    name: &str,
) -> PyResult<Option<T>> {
    match given.get_item_opt(name, vm)? {
        Some(value) if !vm.is_none(&value) => T::try_from_object(vm, value).map(Some),
        _ => Ok(None),
    }
}

fn microseconds(vm: &VirtualMachine, given: &Py<PyDict>, name: &str) -> PyResult<Option<u64>> {
    let seconds: Option<f64> = item(vm, given, name)?;
    // Beyond what a number holds it is cut, and as good as for ever.
    Ok(seconds.map(|seconds| (seconds * 1e6) as u64))
}

fn dependency(
    vm: &VirtualMachine,
    client: &Client,
    given: &Py<PyDict>,
    name: &str,
) -> PyResult<Option<Dependency>> {
    let Some(parts) = item::<ArgSequence<PyObjectRef>>(vm, given, name)? else {
        return Ok(None);
    };
    let [ids, all, success, failure] = &parts[..] else {
        return Err(vm.new_type_error("a dependency is ids, all, success, and failure"));
    };
    let ids: ArgSequence<Text> = ArgSequence::try_from_object(vm, ids.clone())?;
    let tasks = ids.iter().map(|id| task_name(client, id));
    Ok(Some(Dependency {
        tasks: tasks.collect(),
        all: all.clone().is_true(vm)?,
        success: success.clone().is_true(vm)?,
        failure: failure.clone().is_true(vm)?,
    }))
}

/// What isn't the id of anything becomes the name of nobody's: the answer to
/// that is the controller's.
fn task_name(client: &Client, id: &str) -> TaskName {
    client.named_by(id).unwrap_or(TaskName {
        client: NOBODY,
        request: RequestId(0),
    })
}
