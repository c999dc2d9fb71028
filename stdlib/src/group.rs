//! `_rhumba.Group`: work that was sent together, as Python waits for it.

use crate::values;
use parking_lot::{Condvar, Mutex};
use rhumba_engine::client::Client;
use rhumba_engine::client::group::{Group as Parts, PartAddress, PartAnswer};
use rhumba_engine::proto::id::{EngineId, RequestId};
use rhumba_engine::proto::message::{FailureKind, Outcome, Output};
use rhumba_interpreter::interrupt;
use rhumba_interpreter::snapshot::{self, DecodeContext};
use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::function::{OptionalArg, TimeoutSeconds};
use rustpython_vm::protocol::PySequenceMethods;
use rustpython_vm::types::AsSequence;
use rustpython_vm::{
    AsObject, Py, PyObjectRef, PyPayload, PyResult, VirtualMachine, atomic_func, pyclass,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// Results up to this size are made from a copy of their bytes, so that they can be made again when
/// that is interrupted.
const KEPT_BYTES_MAX: u64 = 1 << 20;

/// Work that was sent together: one part per engine, or per task.
#[pyclass(module = "_rhumba", name = "Group")]
#[derive(PyPayload)]
pub struct Group {
    parts: Arc<Parts>,
    client: Arc<Client>,
    /// Results, decoded when they were first asked for.
    values: Mutex<Vec<Value>>,
    /// Told when a thread has decoded a value.
    decoded: Condvar,
    /// What parts have told while they ran: a dict each, once there is something.
    data: Mutex<HashMap<usize, PyDictRef>>,
}

/// The result of one part, as an object.
#[derive(Clone)]
enum Value {
    /// Nobody has asked for it.
    Unread,
    /// This thread is making it of its bytes, which are nowhere else any more.
    Decoding(ThreadId),
    /// What it is, or why it can't be made.
    Known(PyResult),
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({} parts)", self.parts.parts().len())
    }
}

impl Group {
    pub(crate) fn new(parts: Arc<Parts>, client: Arc<Client>) -> Self {
        let values = Mutex::new(vec![Value::Unread; parts.parts().len()]);
        Self {
            parts,
            client,
            values,
            decoded: Condvar::new(),
            data: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// Returns the name of a part: of its request, and of its engine where the
    /// request has several.
    fn message_id(&self, part: usize) -> String {
        if let Some(name) = self.parts.fetched_name(part) {
            return name.to_owned();
        }
        let parts = self.parts.parts();
        let address = parts[part];
        let name = self.client.message_id(address.request);
        let shares = |neighbour: Option<&PartAddress>| {
            neighbour.is_some_and(|other| other.request == address.request)
        };
        let shared = shares(parts.get(part + 1)) || part > 0 && shares(parts.get(part - 1));
        match address.target {
            Some(engine) if shared => format!("{name}.{}", engine.0),
            _ => name,
        }
    }

    fn check(&self, part: usize, vm: &VirtualMachine) -> PyResult<()> {
        if part < self.parts.parts().len() {
            return Ok(());
        }
        Err(vm.new_index_error(format!(
            "there is no part {part}: the group has {}",
            self.parts.parts().len()
        )))
    }

    fn value(&self, part: usize, vm: &VirtualMachine) -> PyResult {
        let this_thread = std::thread::current().id();
        loop {
            let mut values = self.values.lock();
            match &values[part] {
                Value::Known(value) => return value.clone(),
                Value::Decoding(thread) if *thread == this_thread => {
                    return Err(vm.new_runtime_error(
                        "this result is asked for by code that runs while it is made: \
                         it isn't there yet",
                    ));
                }
                Value::Decoding(_) => {
                    drop(values);
                    self.wait_for_other_thread(part, vm)?;
                }
                Value::Unread => {
                    values[part] = Value::Decoding(this_thread);
                    drop(values);
                    let value = self.decode(part, vm);
                    self.values.lock()[part] = match &value {
                        Err(error) if !error.fast_isinstance(vm.ctx.exceptions.exception_type) => {
                            self.after_interruption(part, vm)
                        }
                        _ => Value::Known(value.clone()),
                    };
                    self.decoded.notify_all();
                    return value;
                }
            }
        }
    }

    fn decode(&self, part: usize, vm: &VirtualMachine) -> PyResult {
        // The object takes the place of its bytes; large ones become it without
        // a copy, as nobody else holds them any more.
        let payload = self.parts.take_payload(part).unwrap_or_default();
        if payload.is_empty() {
            return Ok(vm.ctx.none());
        }
        // What is one table is only read, so that keeping it costs nothing.
        let is_table = payload.buffers.len() == 1;
        let kept = (is_table || payload.bytes() <= KEPT_BYTES_MAX).then(|| payload.clone());
        let context = DecodeContext {
            may_be_interrupted: kept.is_some(),
            ..values::context(vm)
        };
        let decoded = snapshot::decode(vm, payload.buffers, &context);
        if let (Err(error), Some(kept)) = (&decoded, kept)
            && !error.fast_isinstance(vm.ctx.exceptions.exception_type)
        {
            self.parts.put_payload_back(part, kept);
        }
        decoded
    }

    /// What a result is whose making was interrupted: it can be made again, if its bytes were kept.
    fn after_interruption(&self, part: usize, vm: &VirtualMachine) -> Value {
        if self.parts.has_payload(part) {
            return Value::Unread;
        }
        let sentence = "this result was interrupted while it was made, and is gone from here: \
                        Client.get_result(id) fetches it again where there is a task store";
        Value::Known(Err(vm.new_runtime_error(sentence)))
    }

    fn wait_for_other_thread(&self, part: usize, vm: &VirtualMachine) -> PyResult<()> {
        interrupt::interruptible_wait(vm, |slice| {
            let mut values = self.values.lock();
            let is_decoding = |value: &Value| matches!(value, Value::Decoding(_));
            if is_decoding(&values[part]) {
                self.decoded.wait_for(&mut values, slice);
            }
            !is_decoding(&values[part])
        })
    }
}

/// Waits until `ready` holds, the deadline is over, or a signal interrupts.
pub(crate) fn wait_until(
    vm: &VirtualMachine,
    timeout: Option<TimeoutSeconds>,
    mut ready: impl FnMut(Duration) -> bool,
) -> PyResult<bool> {
    let deadline = deadline(timeout);
    let mut reached = false;
    interrupt::interruptible_wait(vm, |slice| {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        reached = ready(left.map_or(slice, |left| left.min(slice)));
        reached || left.is_some_and(|left| left <= slice)
    })?;
    Ok(reached || ready(Duration::ZERO))
}

fn deadline(timeout: Option<TimeoutSeconds>) -> Option<Instant> {
    let seconds = timeout?.to_secs_f64();
    // Negative means without end, as in the rest of the interface.
    if seconds < 0.0 {
        return None;
    }
    Instant::now().checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

#[pyclass(with(AsSequence), flags(DISALLOW_INSTANTIATION))]
impl Group {
    /// Waits until count parts (all of them by default) are finished. Returns whether they are.
    #[pymethod]
    fn wait(
        zelf: &Py<Self>,
        timeout: OptionalArg<Option<TimeoutSeconds>>,
        count: OptionalArg<Option<usize>>,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let all = zelf.parts.parts().len();
        let count = count.flatten().unwrap_or(all).min(all);
        wait_until(vm, timeout.flatten(), |slice| zelf.parts.wait(count, slice))
    }

    /// Returns how many parts are finished.
    #[pymethod]
    fn done(zelf: &Py<Self>) -> usize {
        zelf.parts.finished_count()
    }

    /// Returns which part was the k-th to finish.
    #[pymethod]
    fn order(zelf: &Py<Self>, k: usize, vm: &VirtualMachine) -> PyResult<usize> {
        zelf.parts
            .finished_at(k)
            .ok_or_else(|| vm.new_index_error(format!("fewer than {} parts are finished", k + 1)))
    }

    /// Returns None, (True, value) or (False, kind, exception, message, traceback).
    #[pymethod]
    fn outcome(zelf: &Py<Self>, part: usize, vm: &VirtualMachine) -> PyResult {
        zelf.check(part, vm)?;
        let Some(failure) = zelf.parts.failure(part) else {
            return Ok(vm.ctx.none());
        };
        let parts = match failure {
            None => vec![vm.ctx.true_value.clone().into(), zelf.value(part, vm)?],
            Some(failure) => {
                let text = |text: String| vm.ctx.new_str(text).into();
                vec![
                    vm.ctx.false_value.clone().into(),
                    text(kind_name(failure.kind).to_owned()),
                    text(failure.exception),
                    text(failure.message),
                    text(failure.traceback),
                ]
            }
        };
        Ok(vm.ctx.new_tuple(parts).into())
    }

    /// Returns what is known of when and where a part ran, as a dict.
    #[pymethod]
    fn metadata(zelf: &Py<Self>, part: usize, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        zelf.check(part, vm)?;
        let address = zelf.parts.parts()[part];
        let answer = zelf.parts.answer(part);
        let float = |seconds: Option<f64>| match seconds {
            Some(seconds) => vm.ctx.new_float(seconds).into(),
            None => vm.ctx.none(),
        };
        let at_us = |us: u64| (us > 0).then(|| us as f64 / 1e6);
        let engine = answer
            .as_ref()
            .and_then(|answer| answer.engine)
            .or(address.target);
        let timing = answer
            .as_ref()
            .map(|answer| answer.timing)
            .unwrap_or_default();
        let status: PyObjectRef = match answer.as_ref().map(status_name) {
            Some(status) => vm.ctx.new_str(status).into(),
            None => vm.ctx.none(),
        };
        let entries: [(&str, PyObjectRef); 7] = [
            ("msg_id", vm.ctx.new_str(zelf.message_id(part)).into()),
            (
                "engine_id",
                engine.map_or(vm.ctx.none(), |engine| vm.ctx.new_int(engine.0).into()),
            ),
            (
                "submitted",
                float(Some(values::seconds(zelf.parts.submitted()))),
            ),
            ("started", float(at_us(timing.started_us))),
            ("completed", float(at_us(timing.completed_us))),
            (
                "received",
                float(answer.map(|answer| values::seconds(answer.received))),
            ),
            ("status", status),
        ];
        let metadata = vm.ctx.new_dict();
        for (name, value) in entries {
            metadata.set_item(name, value, vm)?;
        }
        Ok(metadata)
    }

    /// Returns what a part has printed and displayed so far, as (kind, data) pairs.
    #[pymethod]
    fn output(zelf: &Py<Self>, part: usize, vm: &VirtualMachine) -> PyResult {
        zelf.check(part, vm)?;
        let mut own = Vec::new();
        for output in zelf.parts.outputs_of(part) {
            let (kind, data) = output_data(output, vm)?;
            own.push(vm.ctx.new_tuple(vec![kind, data]).into());
        }
        Ok(vm.ctx.new_list(own).into())
    }

    /// Returns what a part has told so far while it ran, as a dict.
    #[pymethod]
    fn data(zelf: &Py<Self>, part: usize, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        zelf.check(part, vm)?;
        let new = zelf.parts.take_data(part);
        let data = {
            let mut all = zelf.data.lock();
            match all.get(&part) {
                Some(data) => data.clone(),
                None if new.is_empty() => return Ok(vm.ctx.new_dict()),
                None => {
                    let data = vm.ctx.new_dict();
                    all.insert(part, data.clone());
                    data
                }
            }
        };
        for (name, payload) in new {
            let value = snapshot::decode(vm, payload.buffers, &values::context(vm))?;
            data.set_item(name.as_str(), value, vm)?;
        }
        Ok(data)
    }

    /// Returns a new cursor, and all output since the given one as (part, kind, data) triples.
    #[pymethod]
    fn outputs_since(zelf: &Py<Self>, cursor: usize, vm: &VirtualMachine) -> PyResult {
        let (cursor, outputs) = zelf.parts.outputs_since(cursor);
        let mut triples = Vec::with_capacity(outputs.len());
        for (part, output) in outputs {
            let (kind, data) = output_data(output, vm)?;
            triples.push(
                vm.ctx
                    .new_tuple(vec![vm.ctx.new_int(part).into(), kind, data])
                    .into(),
            );
        }
        let cursor = vm.ctx.new_int(cursor).into();
        Ok(vm
            .ctx
            .new_tuple(vec![cursor, vm.ctx.new_list(triples).into()])
            .into())
    }

    /// Waits until there is output beyond the cursor, or all is finished.
    #[pymethod]
    fn wait_output(
        zelf: &Py<Self>,
        cursor: usize,
        timeout: OptionalArg<Option<TimeoutSeconds>>,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        wait_until(vm, timeout.flatten(), |slice| {
            zelf.parts.wait_output(cursor, slice)
        })
    }

    /// The name of each part's request or task, unique in its cluster.
    #[pygetset]
    fn msg_ids(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        let ids =
            (0..zelf.parts.parts().len()).map(|part| vm.ctx.new_str(zelf.message_id(part)).into());
        vm.ctx.new_list(ids.collect()).into()
    }

    /// The engine that each part was sent to, None for a task.
    #[pygetset]
    fn targets(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        let targets = zelf.parts.parts().iter().map(|part| match part.target {
            Some(engine) => vm.ctx.new_int(engine.0).into(),
            None => vm.ctx.none(),
        });
        vm.ctx.new_list(targets.collect()).into()
    }
}

impl AsSequence for Group {
    fn as_sequence() -> &'static PySequenceMethods {
        static AS_SEQUENCE: LazyLock<PySequenceMethods> = LazyLock::new(|| PySequenceMethods {
            length: atomic_func!(|sequence, _vm| {
                let group = Group::sequence_downcast(sequence);
                Ok(group.parts.parts().len())
            }),
            ..PySequenceMethods::NOT_IMPLEMENTED
        });
        &AS_SEQUENCE
    }
}

pub(crate) fn output_data(
    output: Output,
    vm: &VirtualMachine,
) -> PyResult<(PyObjectRef, PyObjectRef)> {
    let forms = |data: Vec<(String, String)>| -> PyResult {
        let dict = vm.ctx.new_dict();
        for (media_type, text) in data {
            dict.set_item(media_type.as_str(), vm.ctx.new_str(text).into(), vm)?;
        }
        Ok(dict.into())
    };
    let (kind, data): (&str, PyObjectRef) = match output {
        Output::Stdout(text) => ("stdout", vm.ctx.new_str(text).into()),
        Output::Stderr(text) => ("stderr", vm.ctx.new_str(text).into()),
        Output::Display(data) => ("display", forms(data)?),
        Output::CellResult { count, data } => {
            let parts = vec![vm.ctx.new_int(count).into(), forms(data)?];
            ("result", vm.ctx.new_tuple(parts).into())
        }
    };
    Ok((vm.ctx.new_str(kind).into(), data))
}

fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Raised => "raised",
        FailureKind::EngineDied => "engine_died",
        FailureKind::Aborted => "aborted",
        FailureKind::NoEngine => "no_engine",
        FailureKind::Limit => "limit",
        FailureKind::Invalid => "invalid",
        FailureKind::Dependency => "dependency",
        FailureKind::Timeout => "timeout",
        FailureKind::Locked => "locked",
    }
}

fn status_name(answer: &PartAnswer) -> &'static str {
    match &answer.outcome {
        Outcome::Done => "ok",
        Outcome::Failed(failure) if failure.kind == FailureKind::Aborted => "aborted",
        Outcome::Failed(_) => "error",
    }
}

/// Returns the requests that parts of a group belong to, by where they were sent.
pub(crate) fn addresses(group: &Group, parts: &[usize]) -> Vec<(Vec<EngineId>, Vec<RequestId>)> {
    let mut by_target: BTreeMap<Option<EngineId>, Vec<RequestId>> = BTreeMap::new();
    let addresses = parts
        .iter()
        .filter_map(|&part| group.parts().parts().get(part));
    for address in addresses {
        let requests = by_target.entry(address.target).or_default();
        requests.push(address.request);
    }
    let by_target = by_target.into_iter();
    by_target
        .map(|(target, requests)| (target.into_iter().collect(), requests))
        .collect()
}
