//! Python objects to payloads and back, as this process's namespace sees them.

use rhumba_engine::proto::message::Payload;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::snapshot::{self, DecodeContext, EncodeOptions};
use rustpython_vm::{PyObject, PyResult, VirtualMachine};
use std::time::{SystemTime, UNIX_EPOCH};

/// Takes a snapshot. `root_name` begins the path that an error names.
pub(crate) fn encode(vm: &VirtualMachine, object: &PyObject, root_name: &str) -> PyResult<Payload> {
    let snapshot = snapshot::encode(vm, object, &EncodeOptions::new(root_name))?;
    Ok(Payload::from(snapshot.buffers))
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
