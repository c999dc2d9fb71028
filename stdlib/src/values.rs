//! Python objects to payloads and back, as this process's namespace sees them.

use rhumba_engine::proto::message::Payload;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::snapshot::{self, DecodeContext, EncodeOptions, Globals};
use rustpython_vm::builtins::{PyBaseExceptionRef, PyDictRef, PyStrRef, PyTupleRef};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};
use std::ops::Deref;
use std::time::{SystemTime, UNIX_EPOCH};

/// A text that a caller gives. One that UTF-8 can't say, as it has halves of characters in it, is a
/// UnicodeEncodeError.
#[derive(Debug)]
pub(crate) struct Text(String);

impl TryFromObject for Text {
    fn try_from_object(vm: &VirtualMachine, object: PyObjectRef) -> PyResult<Self> {
        let text = PyStrRef::try_from_object(vm, object)?;
        if let Some(text) = text.to_str() {
            return Ok(Self(text.to_owned()));
        }
        let mut characters = text.as_wtf8().code_points();
        let half = characters.position(|character| character.to_char().is_none());
        let half = half.unwrap_or_default();
        let encoding = vm.ctx.new_str("utf-8");
        let reason = vm.ctx.new_str("surrogates not allowed");
        Err(vm.new_unicode_encode_error(encoding, text, half, half + 1, reason))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// Takes a snapshot. `root_name` begins the path that an error names.
pub(crate) fn encode(
    vm: &VirtualMachine,
    object: &PyObject,
    root_name: &str,
    globals: Globals,
) -> PyResult<Payload> {
    let options = EncodeOptions {
        globals,
        ..EncodeOptions::new(root_name)
    };
    let snapshot = snapshot::encode(vm, object, &options)?;
    Ok(Payload::from(snapshot.buffers))
}

/// Takes a snapshot of a call's arguments, a pair. An error names them as the
/// caller does: `args[0]`, `kwargs['n']`.
pub(crate) fn encode_arguments(
    vm: &VirtualMachine,
    args: PyTupleRef,
    kwargs: PyDictRef,
    globals: Globals,
) -> PyResult<Payload> {
    let pair = vm.ctx.new_tuple(vec![args.into(), kwargs.into()]);
    encode(vm, pair.as_ref(), PAIR, globals).map_err(|error| without_pair(vm, error))
}

/// What the pair of positional and keyword arguments is called in paths.
const PAIR: &str = "arguments";

fn without_pair(vm: &VirtualMachine, error: PyBaseExceptionRef) -> PyBaseExceptionRef {
    let class = snapshot::snapshot_error_type();
    if !error.fast_isinstance(class) {
        return error;
    }
    let Ok(sentence) = error.as_object().str(vm) else {
        return error;
    };
    let sentence = sentence.to_string_lossy();
    let named = [("[0]", "args"), ("[1]", "kwargs")]
        .into_iter()
        .find_map(|(index, name)| {
            let rest = sentence.strip_prefix(PAIR)?.strip_prefix(index)?;
            Some(format!("{name}{rest}"))
        });
    match named {
        Some(sentence) => vm.new_exception_msg(class.clone(), sentence.into()),
        None => error,
    }
}

/// Functions that come by value find their globals in `__main__`.
pub(crate) fn context(vm: &VirtualMachine) -> DecodeContext {
    DecodeContext::new(Namespace::new(vm).dict().clone())
}

/// Returns seconds since 1970-01-01 UTC.
pub(crate) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// Returns texts as a Python list.
pub(crate) fn texts(vm: &VirtualMachine, texts: Vec<String>) -> PyObjectRef {
    let texts = texts.into_iter().map(|text| vm.ctx.new_str(text).into());
    vm.ctx.new_list(texts.collect()).into()
}

/// Returns pairs of texts as a Python list of tuples.
pub(crate) fn pairs(vm: &VirtualMachine, pairs: Vec<(String, String)>) -> PyObjectRef {
    let pairs = pairs.into_iter().map(|(first, second)| {
        let pair = vec![vm.ctx.new_str(first).into(), vm.ctx.new_str(second).into()];
        vm.ctx.new_tuple(pair).into()
    });
    vm.ctx.new_list(pairs.collect()).into()
}
