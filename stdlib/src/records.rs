//! Questions to the task store as Python asks them: filters as lists of tuples,
//! rows as lists of tuples.
//!
//! What the operators are called, and what times and lists look like, is
//! Python's; what a filter means is in `rhumba_engine::proto::record`.

use crate::failure;
use crate::values::Text;
use rhumba_engine::client::Client;
use rhumba_engine::client::records::{RecordsError, Rows};
use rhumba_engine::proto::record::{Operator, PieceName, Step, StoreState, Value};
use rustpython_vm::builtins::{
    PyBaseExceptionRef, PyDictRef, PyFloat, PyInt, PyListRef, PyStr, PyTupleRef,
};
use rustpython_vm::function::ArgSequence;
use rustpython_vm::{PyObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};

/// Reads a filter: `(key, operator, values)`, `("$and", n)`, `("$or", n)` or
/// `("$not",)`.
pub(crate) fn steps(vm: &VirtualMachine, given: ArgSequence<PyTupleRef>) -> PyResult<Vec<Step>> {
    given.iter().map(|step| step_of(vm, step)).collect()
}

fn step_of(vm: &VirtualMachine, step: &PyTupleRef) -> PyResult<Step> {
    let parts = step.as_slice();
    let [name, rest @ ..] = parts else {
        return Err(vm.new_value_error("a step of a filter has a name"));
    };
    let name = String::from(Text::try_from_object(vm, name.clone())?);
    match (name.as_str(), rest) {
        ("$and", [count]) => Ok(Step::And(u32::try_from_object(vm, count.clone())?)),
        ("$or", [count]) => Ok(Step::Or(u32::try_from_object(vm, count.clone())?)),
        ("$not", []) => Ok(Step::Not),
        (_, [operator, values]) => {
            let operator = Text::try_from_object(vm, operator.clone())?;
            let values = ArgSequence::<PyObjectRef>::try_from_object(vm, values.clone())?;
            let values = values.iter().map(|value| value_of(vm, value));
            Ok(Step::Compare {
                key: name,
                operator: operator_of(vm, &operator)?,
                values: values.collect::<PyResult<_>>()?,
            })
        }
        _ => Err(vm.new_value_error(format!("{name:?} is no step of a filter"))),
    }
}

fn operator_of(vm: &VirtualMachine, name: &str) -> PyResult<Operator> {
    match name {
        "$eq" => Ok(Operator::Equal),
        "$lt" => Ok(Operator::Less),
        "$lte" => Ok(Operator::LessOrEqual),
        "$gt" => Ok(Operator::Greater),
        "$gte" => Ok(Operator::GreaterOrEqual),
        "$in" => Ok(Operator::In),
        "$all" => Ok(Operator::All),
        "$mod" => Ok(Operator::Remainder),
        "$exists" => Ok(Operator::Exists),
        "$glob" => Ok(Operator::Glob),
        _ => Err(vm.new_value_error(format!("there is no operator {name:?}"))),
    }
}

fn value_of(vm: &VirtualMachine, value: &PyObject) -> PyResult<Value> {
    if vm.is_none(value) {
        return Ok(Value::None);
    }
    if value.downcast_ref::<PyInt>().is_some() {
        return i64::try_from_object(vm, value.to_owned()).map(Value::Int);
    }
    if let Some(number) = value.downcast_ref::<PyFloat>() {
        return Ok(Value::Float(number.to_f64()));
    }
    if let Some(text) = value.downcast_ref::<PyStr>() {
        return Ok(Value::Text(text.to_string_lossy().into_owned()));
    }
    Err(vm.new_value_error(format!(
        "records compare with numbers, texts and times, not with a {}",
        value.class().name()
    )))
}

/// Returns rows as tuples; payloads are lists of bytes.
pub(crate) fn rows(vm: &VirtualMachine, found: Rows) -> PyListRef {
    let Rows { rows, buffers } = found;
    let object = |value: Value| -> PyObjectRef {
        match value {
            Value::None => vm.ctx.none(),
            Value::Int(number) => vm.ctx.new_int(number).into(),
            Value::Float(number) => vm.ctx.new_float(number).into(),
            Value::Text(text) => vm.ctx.new_str(text).into(),
            Value::Buffers { first, count } => {
                let own = buffers.buffers.iter().skip(first as usize);
                let own = own.take(count as usize);
                let own = own.map(|buffer| vm.ctx.new_bytes(buffer.to_vec()).into());
                vm.ctx.new_list(own.collect()).into()
            }
        }
    };
    let tuples = rows.into_iter().map(|row| {
        let values = row.into_iter().map(object);
        vm.ctx.new_tuple(values.collect()).into()
    });
    vm.ctx.new_list(tuples.collect())
}

pub(crate) fn state(vm: &VirtualMachine, state: StoreState) -> PyResult<PyDictRef> {
    let text = |text: String| -> PyObjectRef { vm.ctx.new_str(text).into() };
    let int = |number: u64| -> PyObjectRef { vm.ctx.new_int(number).into() };
    let entries = [
        ("path", (!state.path.is_empty()).then(|| text(state.path))),
        ("records", Some(int(state.records))),
        ("bytes", Some(int(state.bytes))),
        ("records_max", Some(int(state.records_max))),
        ("bytes_max", Some(int(state.bytes_max))),
        ("lost", Some(int(state.lost))),
        ("problem", state.problem.map(text)),
    ];
    let described = vm.ctx.new_dict();
    for (name, value) in entries {
        described.set_item(name, value.unwrap_or_else(|| vm.ctx.none()), vm)?;
    }
    Ok(described)
}

/// Reads the name of a piece.
pub(crate) fn piece(vm: &VirtualMachine, client: &Client, name: &str) -> PyResult<PieceName> {
    client.piece_named(name).ok_or_else(|| {
        let message = format!("{name:?} is not the id of anything that a cluster was asked");
        vm.new_key_error(vm.ctx.new_str(message).into())
    })
}

pub(crate) fn exception(vm: &VirtualMachine, error: &RecordsError) -> PyBaseExceptionRef {
    match error {
        RecordsError::Client(error) => failure::of_client(vm, error),
        RecordsError::Refused(failure) => match failure.exception.as_str() {
            "ValueError" => vm.new_value_error(failure.message.clone()),
            "KeyError" => vm.new_key_error(vm.ctx.new_str(failure.message.as_str()).into()),
            _ => vm.new_runtime_error(failure.message.clone()),
        },
        RecordsError::Nonsense => vm.new_runtime_error(error.to_string()),
    }
}
