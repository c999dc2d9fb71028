//! What calls give, told without making them: by annotations, by what is known of Python's own library
//! ([`super::known`]), and by the classes that are called.

use ruff_python_ast::{Expr, ExprCall, Operator, StmtFunctionDef};
use rustpython_vm::builtins::{
    PyBoundMethod, PyDict, PyFunction, PyModule, PyStr, PyType, PyTypeRef,
};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};

use super::{Evaluation, TypedClass, Value};
use crate::lookup;
use crate::typed::{self, Binding};

impl<'t> Evaluation<'t> {
    /// What a call gives.
    pub(super) fn call(&self, call: &ExprCall, depth: usize) -> Option<Value<'t>> {
        let arguments = &*call.arguments.args;
        match &*call.func {
            Expr::Attribute(method) => {
                let owner = self.value(&method.value, depth)?.read()?;
                self.method(&owner, method.attr.as_str(), arguments, depth)
            }
            Expr::Name(name) => match self.binding(name.id.as_str()) {
                Some(Binding::Function(function)) => self.of_typed(function, None, depth),
                _ => self.called(self.value(&call.func, depth)?, arguments, depth),
            },
            called => self.called(self.value(called, depth)?, arguments, depth),
        }
    }

    fn called(&self, called: Value<'t>, arguments: &[Expr], depth: usize) -> Option<Value<'t>> {
        match called.read()? {
            Value::Object(called) => self.object_called(&called, arguments, depth),
            typed @ Value::Typed(_) => Some(typed),
            instance => self.method(&instance, "__call__", arguments, depth),
        }
    }

    fn object_called(
        &self,
        called: &PyObject,
        arguments: &[Expr],
        depth: usize,
    ) -> Option<Value<'t>> {
        let depth = depth.checked_sub(1)?;
        if let Some(known) = self.of_known_function(called, arguments, depth) {
            return Some(known);
        }
        if let Some(class) = called.downcast_ref::<PyType>() {
            return self.makes_instances(class).then(|| Value::of_class(class));
        }
        if called.downcast_ref::<PyFunction>().is_some() {
            return self.said_of_result(called, None, depth);
        }
        let types = &self.vm.ctx.types;
        let is_native = called.class().is(types.builtin_function_or_method_type);
        if is_native || called.downcast_ref::<PyBoundMethod>().is_some() {
            let (owner, name) = self.bound_to(called)?;
            return self.method(&Value::Object(owner), &name, arguments, depth);
        }
        let owner = Value::Object(called.to_owned());
        self.method(&owner, "__call__", arguments, depth)
    }

    /// What a method is bound to, and its name; None of a function of a module.
    fn bound_to(&self, method: &PyObject) -> Option<(PyObjectRef, String)> {
        let owner = method.get_attr("__self__", self.vm).ok()?;
        if owner.downcast_ref::<PyModule>().is_some() {
            return None;
        }
        Some((owner, self.name_of_function(method)?))
    }

    /// The name of a function or a bound method. What else can be called may have code of its own for
    /// telling it.
    pub(super) fn name_of_function(&self, called: &PyObject) -> Option<String> {
        let named = if called.downcast_ref::<PyBoundMethod>().is_some() {
            called.get_attr("__func__", self.vm).ok()?
        } else {
            called.to_owned()
        };
        let types = &self.vm.ctx.types;
        let is_plain = named.class().is(types.function_type)
            || named.class().is(types.builtin_function_or_method_type);
        if !is_plain {
            return None;
        }
        let name = named.get_attr("__name__", self.vm).ok()?;
        Some(name.downcast_ref::<PyStr>()?.to_str()?.to_owned())
    }

    /// Whether a call of the class gives an object of it: a metaclass may give anything.
    fn makes_instances(&self, class: &Py<PyType>) -> bool {
        let type_type = self.vm.ctx.types.type_type;
        let call_of = |class: &Py<PyType>| lookup::class_attribute(self.vm, class, "__call__");
        let is_standard = match (call_of(class.class()), call_of(type_type)) {
            (Some(own), Some(standard)) => own.is(&standard),
            (own, standard) => own.is_none() && standard.is_none(),
        };
        // `type(x)` gives no instance to know of.
        is_standard && !class.is(type_type)
    }

    /// What a method gives.
    pub(super) fn method(
        &self,
        owner: &Value<'t>,
        name: &str,
        arguments: &[Expr],
        depth: usize,
    ) -> Option<Value<'t>> {
        let depth = depth.checked_sub(1)?;
        if let Value::Typed(class) = owner {
            return match typed::method(class.class, name) {
                Some(function) => self.of_typed(function, Some(owner), depth),
                None => self.method(&Value::of_class(&class.base), name, arguments, depth),
            };
        }
        if let Some(entry) = self.entry_by_key(owner, name, arguments, depth) {
            return Some(entry);
        }
        let Some((class, held)) = self.held(owner, name) else {
            // What a module or an object carries is called without them.
            let called = self.attribute(owner, name, depth)?.read()?;
            return match called {
                Value::Object(called) => self.object_called(&called, arguments, depth),
                _ => None,
            };
        };
        if held.downcast_ref::<PyType>().is_some() {
            return self.object_called(&held, arguments, depth);
        }
        let receiver = receiver(owner);
        let said = self.said_of_result(&self.unwrapped(held), Some(receiver.clone()), depth);
        said.or_else(|| self.of_known_method(&class, name, &receiver, arguments, depth))
    }

    /// What a dictionary has under a key, for the methods that give it.
    fn entry_by_key(
        &self,
        owner: &Value<'t>,
        method: &str,
        arguments: &[Expr],
        depth: usize,
    ) -> Option<Value<'t>> {
        let Value::Object(owner) = owner else {
            return None;
        };
        owner.downcast_ref_if_exact::<PyDict>(self.vm)?;
        if !matches!(method, "get" | "pop" | "setdefault") {
            return None;
        }
        match self.value(arguments.first()?, depth)? {
            Value::Object(key) => self.item(owner, &key).map(Value::Object),
            _ => None,
        }
    }

    /// The class that is looked through for an attribute of something, and what it has under the name;
    /// None of what an object has by itself.
    pub(super) fn held(&self, owner: &Value<'_>, name: &str) -> Option<(PyTypeRef, PyObjectRef)> {
        let class = match owner {
            Value::Object(object) => match object.downcast_ref::<PyType>() {
                Some(class) => class.to_owned(),
                None if lookup::own_attribute(self.vm, object, name).is_some() => return None,
                None => object.class().to_owned(),
            },
            Value::Instance(instance) => instance.class.clone(),
            Value::Unread { .. } | Value::Typed(_) => return None,
        };
        let held = lookup::class_attribute(self.vm, &class, name)?;
        Some((class, held))
    }

    /// The function of a class method or a static one.
    fn unwrapped(&self, held: PyObjectRef) -> PyObjectRef {
        let types = &self.vm.ctx.types;
        let is_wrapped =
            held.class().is(types.classmethod_type) || held.class().is(types.staticmethod_type);
        let function = is_wrapped.then(|| held.get_attr("__func__", self.vm).ok());
        function.flatten().unwrap_or(held)
    }

    /// What reading a descriptor would give, by the annotation of its function or as it is known.
    pub(super) fn given_by_descriptor(
        &self,
        owner: &Value<'t>,
        name: &str,
        descriptor: &PyObject,
        depth: usize,
    ) -> Option<Value<'t>> {
        if let Value::Object(object) = owner
            && object.downcast_ref::<PyType>().is_some()
        {
            // It gives the descriptor itself.
            return None;
        }
        let (class, _) = self.held(owner, name)?;
        let receiver = receiver(owner);
        let cached = self.library("functools.cached_property");
        let function = if descriptor.class().is(self.vm.ctx.types.property_type) {
            descriptor.get_attr("fget", self.vm).ok()
        } else if cached.is_some_and(|cached| cached.is(descriptor.class())) {
            lookup::own_attribute(self.vm, descriptor, "func")
        } else {
            None
        };
        let said = function
            .and_then(|function| self.said_of_result(&function, Some(receiver.clone()), depth));
        said.or_else(|| self.of_known_attribute(&class, name, &receiver, depth))
            .or_else(|| self.said_of_attribute(&class, name, &receiver, depth))
    }

    /// What a function of the cell gives: what it says, or else what it returns.
    pub(super) fn of_typed(
        &self,
        function: &'t StmtFunctionDef,
        receiver: Option<&Value<'t>>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let there = self.elsewhere(self.scope.clone(), receiver.cloned());
        let given = match &function.returns {
            Some(annotation) => there.annotated(annotation, depth),
            None => there.value(typed::returned(function)?, depth),
        };
        let given = given?;
        if function.is_async {
            return Some(self.awaited_later(given));
        }
        Some(given)
    }

    /// What an object of a class of the cell has under a name.
    pub(super) fn typed_attribute(
        &self,
        class: &TypedClass<'t>,
        name: &str,
        depth: usize,
    ) -> Option<Value<'t>> {
        if let Some(function) = typed::method(class.class, name) {
            let is_property = typed::has_decorator(function, "property");
            let owner = Value::Typed(class.clone());
            let given = is_property.then(|| self.of_typed(function, Some(&owner), depth));
            return given.flatten();
        }
        match typed::attribute(class.class, name) {
            Some(binding) => self.bound(binding, depth),
            None => self.attribute(&Value::of_class(&class.base), name, depth),
        }
    }

    /// What an operator gives, by the method for it of its left side.
    pub(super) fn operated(
        &self,
        left: &Expr,
        operator: Operator,
        right: &Expr,
        depth: usize,
    ) -> Option<Value<'t>> {
        let method = match operator {
            Operator::Add => "__add__",
            Operator::Sub => "__sub__",
            Operator::Mult => "__mul__",
            Operator::MatMult => "__matmul__",
            Operator::Div => "__truediv__",
            Operator::Mod => "__mod__",
            Operator::Pow => "__pow__",
            Operator::LShift => "__lshift__",
            Operator::RShift => "__rshift__",
            Operator::BitOr => "__or__",
            Operator::BitXor => "__xor__",
            Operator::BitAnd => "__and__",
            Operator::FloorDiv => "__floordiv__",
        };
        let left = self.value(left, depth)?.read()?;
        self.method(&left, method, std::slice::from_ref(right), depth)
    }
}

/// Whom `Self` means in a method: of a class method, an object of the class.
fn receiver<'t>(owner: &Value<'t>) -> Value<'t> {
    match owner {
        Value::Object(object) => match object.downcast_ref::<PyType>() {
            Some(class) => Value::of_class(class),
            None => owner.clone(),
        },
        _ => owner.clone(),
    }
}
