//! The parameters that can be given by name in a call of an object, told without calling it.

use ruff_python_ast::Stmt;
use rustpython_vm::builtins::{PyBoundMethod, PyCode, PyFunction, PyStr, PyType};
use rustpython_vm::{AsObject, PyObject, VirtualMachine};

use super::Value;
use crate::lookup;

/// Functions around functions that are looked through.
const DEPTH_MAX: usize = 4;

/// The parameters that can be given by name in a call of what an expression stands for.
pub(crate) fn keyword_parameters(vm: &VirtualMachine, called: &Value<'_>) -> Vec<String> {
    let names = match called {
        Value::Object(called) => parameters(vm, called, DEPTH_MAX),
        // A method of an object that isn't there yet.
        Value::Unread { descriptor, .. } => {
            let is_function = descriptor.downcast_ref::<PyFunction>().is_some();
            let names = parameters(vm, descriptor, DEPTH_MAX);
            if is_function { names.map(bound) } else { names }
        }
        Value::Instance(_) | Value::Typed(_) => None,
    };
    names.unwrap_or_default()
}

fn parameters(vm: &VirtualMachine, called: &PyObject, depth: usize) -> Option<Vec<String>> {
    let depth = depth.checked_sub(1)?;
    if let Some(wrapped) = lookup::own_attribute(vm, called, "__wrapped__") {
        return parameters(vm, &wrapped, depth);
    }
    if let Some(function) = called.downcast_ref::<PyFunction>() {
        let code = function.as_object().get_attr("__code__", vm).ok()?;
        let code = &code.downcast_ref::<PyCode>()?.code;
        let count = (code.arg_count + code.kwonlyarg_count) as usize;
        let names = code.varnames.iter().take(count);
        return Some(
            names
                .skip(code.posonlyarg_count as usize)
                .map(|name| name.to_string_lossy().into_owned())
                .collect(),
        );
    }
    if let Some(method) = called.downcast_ref::<PyBoundMethod>() {
        let function = method.as_object().get_attr("__func__", vm).ok()?;
        return parameters(vm, &function, depth).map(bound);
    }
    if let Some(class) = called.downcast_ref::<PyType>() {
        for method in ["__init__", "__new__"] {
            let found = lookup::class_attribute(vm, class, method)?;
            if found.downcast_ref::<PyFunction>().is_some() {
                return parameters(vm, &found, depth).map(bound);
            }
        }
    }
    native_parameters(vm, called)
}

/// What is left of a function's parameters once it is bound.
fn bound(names: Vec<String>) -> Vec<String> {
    names.into_iter().skip(1).collect()
}

/// The parameters of a native function whose signature is known as a text.
fn native_parameters(vm: &VirtualMachine, called: &PyObject) -> Option<Vec<String>> {
    let types = &vm.ctx.types;
    let class = called.class();
    if !class.is(types.builtin_function_or_method_type) && !class.is(types.method_descriptor_type) {
        return None;
    }
    let text = called.get_attr("__text_signature__", vm).ok()?;
    // `($module, iterable, /, *, key=None)`: what is bound by itself is marked.
    let text = text.downcast_ref::<PyStr>()?.to_str()?.replace('$', "");
    let source = format!("def f{text}: pass");
    let parsed = ruff_python_parser::parse_module(&source).ok()?;
    let Some(Stmt::FunctionDef(function)) = parsed.syntax().body.first() else {
        return None;
    };
    let parameters = &function.parameters;
    let named = parameters.args.iter().chain(parameters.kwonlyargs.iter());
    Some(
        named
            .map(|each| each.parameter.name.as_str().to_owned())
            .collect(),
    )
}
