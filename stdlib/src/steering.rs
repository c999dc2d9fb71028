//! What several people on one cluster ask of it: engines for themselves, who is
//! there, and what the others do. The methods are [`crate::connection`]'s; here
//! is what they do.

use crate::failure;
use crate::group::{output_data, wait_until};
use crate::patience::{asking, interruptibly};
use rhumba_engine::client::asking::Patience;
use rhumba_engine::client::watching::{WatchId, Watched};
use rhumba_engine::client::{Client, ClientError};
use rhumba_engine::proto::id::{EngineId, QueryId};
use rhumba_engine::proto::message::{Activity, Answer, FromClient, Holder, QueueInfo, TaskName};
use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use std::cell::RefCell;
use std::time::Duration;

/// How long the controller is given to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it is given to end a wait for engines that was interrupted.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// Waits for engines to be this client's alone. Returns the number of the lock,
/// or the sentence that says why there is none.
pub(crate) fn lock(
    vm: &VirtualMachine,
    client: &Client,
    targets: Vec<EngineId>,
    label: String,
    (wait_s, limit_s): (Option<f64>, Option<f64>),
) -> PyResult {
    let microseconds = |seconds: f64| (seconds * 1e6) as u64;
    let query = asking(vm, Some(ANSWER_TIMEOUT), |mut patience| {
        let ask = |query| FromClient::Lock {
            query,
            targets,
            label,
            wait_us: wait_s.map(microseconds),
            limit_us: limit_s.map(microseconds),
        };
        client.ask(ask, &mut patience)
    })?;
    let answered = RefCell::new(None);
    let waited = wait_until(vm, None, |slice| {
        let answer = client.take_answer(query, slice).transpose();
        let is_there = answer.is_some();
        if is_there {
            answered.replace(answer);
        }
        is_there || answered.borrow().is_some()
    });
    if let Err(interrupted) = waited {
        // Whether it was given meanwhile or not: it isn't wanted any more.
        client.forget_answer(query);
        let give_up = |patience: Patience<'_>| unlock_query(client, query, patience);
        // What was interrupted is what is told, however this ends.
        let _ = interruptibly(vm, Some(GIVE_UP_TIMEOUT), give_up);
        return Err(interrupted);
    }
    match answered.into_inner() {
        Some(Ok((Answer::Refused { reason }, _))) => Ok(vm.ctx.new_str(reason).into()),
        Some(Err(error)) => Err(failure::of_client(vm, &error)),
        _ => Ok(vm.ctx.new_int(query.0).into()),
    }
}

fn unlock_query(
    client: &Client,
    lock: QueryId,
    patience: Patience<'_>,
) -> Result<bool, ClientError> {
    match client.query(|query| FromClient::Unlock { query, lock }, patience) {
        Err(ClientError::Refused(_)) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Ends a lock. Returns whether it was still there.
pub(crate) fn unlock(vm: &VirtualMachine, client: &Client, lock: u64) -> PyResult<bool> {
    asking(vm, Some(ANSWER_TIMEOUT), |patience| {
        unlock_query(client, QueryId(lock), patience)
    })
}

/// Returns what a watch has seen since this was called last, as tuples of a kind,
/// the engine, the client's number and name, and what that kind has to say; None
/// if it is over.
pub(crate) fn take_watched(vm: &VirtualMachine, client: &Client, watch: WatchId) -> PyResult {
    let Some(taken) = vm.allow_threads(|| client.take_watched(watch)) else {
        return Ok(vm.ctx.none());
    };
    let mut told = Vec::new();
    for watched in taken {
        told.push(seen(vm, client, watched)?);
    }
    Ok(vm.ctx.new_list(told).into())
}

fn seen(vm: &VirtualMachine, client: &Client, watched: Watched) -> PyResult<PyObjectRef> {
    let text = |text: String| -> PyObjectRef { vm.ctx.new_str(text).into() };
    let int = |value: u64| -> PyObjectRef { vm.ctx.new_int(value).into() };
    let (engine, task, activity) = match watched {
        Watched::Lost { count } => {
            return Ok(vm
                .ctx
                .new_tuple(vec![text("lost".to_owned()), int(count)])
                .into());
        }
        Watched::Seen {
            engine,
            task,
            activity,
        } => (engine, task, activity),
    };
    let mut parts = vec![
        int(engine.0.into()),
        int(task.client.0.into()),
        text(client.message_id_of(task)),
    ];
    let kind = match activity {
        Activity::Started {
            by,
            operation,
            what,
        } => {
            parts.extend([
                text(by.name),
                int(by.pid.into()),
                text(operation),
                text(what),
            ]);
            "started"
        }
        Activity::Output(output) => {
            let (stream, data) = output_data(output, vm)?;
            parts.extend([stream, data]);
            "output"
        }
        Activity::Ended { failure, timing } => {
            match failure {
                Some((exception, message)) => parts.extend([text(exception), text(message)]),
                None => parts.extend([vm.ctx.none(), vm.ctx.none()]),
            }
            let took_us = timing.completed_us.saturating_sub(timing.started_us);
            parts.push(vm.ctx.new_float(took_us as f64 / 1e6).into());
            "ended"
        }
    };
    parts.insert(0, text(kind.to_owned()));
    Ok(vm.ctx.new_tuple(parts).into())
}

/// Returns who has engines to itself: number, name, pid, and what for.
pub(crate) fn holder(vm: &VirtualMachine, holder: Holder) -> PyObjectRef {
    let parts = vec![
        vm.ctx.new_int(holder.client.0).into(),
        vm.ctx.new_str(holder.name).into(),
        vm.ctx.new_int(holder.pid).into(),
        vm.ctx.new_str(holder.label).into(),
    ];
    vm.ctx.new_tuple(parts).into()
}

/// Returns what one engine has to do, as a dict: how much, or what it is called.
pub(crate) fn queue(
    vm: &VirtualMachine,
    client: &Client,
    queue: QueueInfo,
    verbose: bool,
) -> PyResult<PyDictRef> {
    let entry = vm.ctx.new_dict();
    for (key, count, of_tasks) in [("queue", queue.queue, false), ("tasks", queue.tasks, true)] {
        let value: PyObjectRef = if verbose {
            let named = queue.names.iter().filter(|name| name.is_task == of_tasks);
            let texts = named.map(|name| {
                let text = client.message_id_of(name.name);
                let text = match name.is_part {
                    true => format!("{text}.{}", queue.engine.0),
                    false => text,
                };
                vm.ctx.new_str(text).into()
            });
            vm.ctx.new_list(texts.collect()).into()
        } else {
            vm.ctx.new_int(count).into()
        };
        entry.set_item(key, value, vm)?;
    }
    entry.set_item("completed", vm.ctx.new_int(queue.completed).into(), vm)?;
    if let Some(by) = queue.holder {
        entry.set_item("held_by", holder(vm, by), vm)?;
    }
    if !queue.by_client.is_empty() {
        let clients = vm.ctx.new_dict();
        for (client, count) in queue.by_client {
            let client: PyObjectRef = vm.ctx.new_int(client.0).into();
            clients.set_item(&*client, vm.ctx.new_int(count).into(), vm)?;
        }
        entry.set_item("by_client", clients.into(), vm)?;
    }
    Ok(entry)
}

/// Returns what these are called, as a list.
pub(crate) fn names(vm: &VirtualMachine, client: &Client, names: Vec<TaskName>) -> PyObjectRef {
    let texts = names
        .into_iter()
        .map(|name| vm.ctx.new_str(client.message_id_of(name)).into());
    vm.ctx.new_list(texts.collect()).into()
}
