//! What `obj?` and `obj??` tell of an object, as text.
//!
//! The object is found without running properties; its description is put together by
//! `python/rhumba/_inspect.py`, on top of the standard `inspect`.

use rustpython_vm::builtins::PyStr;
use rustpython_vm::{PyResult, VirtualMachine};

use crate::evaluation::{self, Value};
use crate::namespace::Namespace;
use crate::session;

/// Describes what the dotted name stands for; with `detail`, shows its source.
///
/// # Errors
/// `NameError` if there is no such name or attribute, and what a broken `__repr__` raised.
pub fn inspect(
    vm: &VirtualMachine,
    namespace: &Namespace,
    expression: &str,
    detail: bool,
) -> PyResult<String> {
    let name = expression.trim().trim_end_matches('?').trim();
    let object = match evaluation::evaluate(vm, namespace, name) {
        Some(
            Value::Object(object)
            | Value::Unread {
                descriptor: object, ..
            },
        ) => object,
        // Attributes that only exist when asked for, such as those of a remote object.
        Some(Value::Instance(_) | Value::Typed(_)) | None => {
            namespace.get(vm, name).map_err(|_| {
                vm.new_name_error(format!("Object `{name}` not found."), vm.ctx.new_str(name))
            })?
        }
    };
    let module = session::import(vm, "rhumba._inspect")?;
    let describe = module.get_attr("describe", vm)?;
    let text = describe.call((object, vm.ctx.new_str(name), detail), vm)?;
    match text.downcast_ref::<PyStr>() {
        Some(text) => Ok(text.to_string_lossy().into_owned()),
        None => Err(vm.new_type_error("a description is text")),
    }
}
