//! What calls give, told without making them: by annotations, by what is known of Python's own library
//! ([`super::known`]), and by the classes that are called. Those of the cell that is typed are in
//! [`super::defined`].

use ruff_python_ast::{Expr, ExprCall, Keyword};
use rustpython_vm::builtins::{
    PyBoundMethod, PyFunction, PyModule, PyStr, PyTuple, PyType, PyTypeRef,
};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use super::given::Called;
use super::{Evaluation, Value, annotations};
use crate::lookup;
use crate::typed::Binding;

/// What members of enumerations have by properties, and where they hold it.
const ENUMERATED: [(&str, &str); 2] = [("value", "_value_"), ("name", "_name_")];

/// What stands between the brackets of a call.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'e> {
    pub(super) args: &'e [Expr],
    pub(super) keywords: &'e [Keyword],
}

impl<'e> Arguments<'e> {
    pub(super) const NONE: Self = Self {
        args: &[],
        keywords: &[],
    };

    pub(super) fn count(&self) -> usize {
        self.args.len() + self.keywords.len()
    }

    /// Whether they are all written out.
    pub(super) fn is_whole(self) -> bool {
        let is_named = |keyword: &Keyword| keyword.arg.is_some();
        !self.args.iter().any(Expr::is_starred_expr) && self.keywords.iter().all(is_named)
    }

    /// Those by position, up to where it can't be told any more.
    pub(super) fn positional(self) -> impl Iterator<Item = &'e Expr> {
        self.args.iter().take_while(|each| !each.is_starred_expr())
    }

    /// Those behind the first of them.
    pub(super) fn behind(self, count: usize) -> Self {
        Self {
            args: self.args.get(count..).unwrap_or_default(),
            ..self
        }
    }

    pub(super) fn at(self, position: usize) -> Option<&'e Expr> {
        self.positional().nth(position)
    }

    pub(super) fn keyword(self, name: &str) -> Option<&'e Expr> {
        let is_it = |keyword: &&Keyword| keyword.arg.as_ref().is_some_and(|arg| arg == name);
        let found = self.keywords.iter().find(is_it);
        found.map(|keyword| &keyword.value)
    }

    /// The one that can be given in both ways.
    pub(super) fn named(self, name: &str, position: usize) -> Option<&'e Expr> {
        self.keyword(name).or_else(|| self.at(position))
    }
}

impl<'t> Evaluation<'t> {
    /// What a call gives.
    pub(super) fn call(&self, call: &ExprCall) -> Option<Value<'t>> {
        let arguments = Arguments {
            args: &call.arguments.args,
            keywords: &call.arguments.keywords,
        };
        self.called_as(&call.func, arguments)
    }

    /// The same of what is called and its arguments.
    pub(super) fn called_as(&self, called: &Expr, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let bound = match called {
            Expr::Name(name) => self.binding(name.id.as_str()),
            _ => None,
        };
        match (called, bound) {
            (_, Some((Binding::Function(function), place))) => {
                self.function_called(function, place, arguments)
            }
            (_, Some((Binding::Value(Expr::Lambda(function)), place)))
                if function.parameters.is_none() =>
            {
                self.at(place.whole().lambda(function))
                    .known(&function.body)
            }
            (Expr::Lambda(function), _) if function.parameters.is_none() => {
                self.known(&function.body)
            }
            (Expr::Attribute(method), _) => {
                let owner = self.known(&method.value)?;
                self.method(&owner, method.attr.as_str(), arguments)
            }
            (called, _) => self.called(self.value(called)?, arguments),
        }
    }

    pub(super) fn called(&self, called: Value<'t>, arguments: Arguments<'_>) -> Option<Value<'t>> {
        match called.read()? {
            Value::Object(called) => self.object_called(&called, arguments),
            Value::Typed(class) if !class.is_object => Some(Value::Typed(class).instance()),
            instance => self.method(&instance, "__call__", arguments),
        }
    }

    fn object_called(&self, called: &PyObject, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        if let Some(known) = self.of_known_function(called, arguments) {
            return Some(known);
        }
        if let Some(class) = called.downcast_ref::<PyType>() {
            return self.makes_instances(class).then(|| Value::of_class(class));
        }
        if called.downcast_ref::<PyFunction>().is_some() {
            return self.said_of_result(called, None);
        }
        let types = &self.vm.ctx.types;
        let is_native = called.class().is(types.builtin_function_or_method_type);
        if is_native || called.downcast_ref::<PyBoundMethod>().is_some() {
            let (owner, name) = self.bound_to(called)?;
            return self.method(&Value::Object(owner), &name, arguments);
        }
        let owner = Value::Object(called.to_owned());
        self.method(&owner, "__call__", arguments)
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
        // `type(x)` gives no instance to know of.
        !class.is(type_type) && self.have_same(class.class(), type_type, "__call__")
    }

    /// What a method gives.
    pub(super) fn method(
        &self,
        owner: &Value<'t>,
        name: &str,
        arguments: Arguments<'_>,
    ) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        if let Value::Typed(class) = owner {
            return self.typed_method(class, name, arguments);
        }
        let held = self.held(owner, name);
        let held = held.filter(|(_, held)| lookup::is_function(self.vm, held));
        let Some((class, held)) = held else {
            // What is there before the call: a function of a module, a class, what a property gives.
            return self.called(self.attribute(owner, name)?, arguments);
        };
        let is_of_class =
            matches!(owner, Value::Object(object) if object.downcast_ref::<PyType>().is_some());
        let is_by_key = ["get", "pop", "setdefault"].contains(&name)
            && class.fast_issubclass(self.vm.ctx.types.dict_type)
            && self.is_native(&class, name);
        if is_by_key && !is_of_class {
            return self.by_key(owner, name, arguments);
        }
        let receiver = owner.clone().instance();
        if held.downcast_ref::<PyFunction>().is_some()
            && !is_of_class
            && annotations::gives_itself(self.vm, &held)
        {
            return Some(receiver);
        }
        // Of a class, its object is the first argument.
        let is_unbound = is_of_class && is_bound_to_objects(self.vm, &held);
        let arguments = arguments.behind(usize::from(is_unbound));
        let said = self.said_of_result(&self.unwrapped(held), Some(receiver.clone()));
        let called = Called::of(Some(&receiver), arguments);
        said.or_else(|| self.of_known_method(&class, name, &called))
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
    ) -> Option<Value<'t>> {
        if let Value::Object(object) = owner {
            if object.downcast_ref::<PyType>().is_some() {
                // It gives the descriptor itself.
                return None;
            }
            if let Some(field) = self.field_of_library(object, name, descriptor) {
                return Some(Value::Object(field));
            }
        }
        let (class, _) = self.held(owner, name)?;
        let function = if descriptor.class().is(self.vm.ctx.types.property_type) {
            descriptor.get_attr("fget", self.vm).ok()
        } else if self.is_exactly(descriptor, "functools.cached_property") {
            lookup::own_attribute(self.vm, descriptor, "func")
        } else {
            None
        };
        let said =
            function.and_then(|function| self.said_of_result(&function, Some(owner.clone())));
        said.or_else(|| self.of_known_attribute(&class, name, owner))
            .or_else(|| self.said_of_attribute(&class, name, owner))
    }

    /// What named tuples and members of enumerations have under a name: what they hold.
    fn field_of_library(
        &self,
        object: &PyObject,
        name: &str,
        descriptor: &PyObject,
    ) -> Option<PyObjectRef> {
        if self.is_exactly(descriptor, "collections._tuplegetter") {
            object.downcast_ref::<PyTuple>()?;
            return self.vm.call_get_descriptor(descriptor, object)?.ok();
        }
        let (_, held) = ENUMERATED.iter().find(|(field, _)| *field == name)?;
        let is_member = self.inherits(object.class(), "enum.Enum", name);
        let own = is_member.then(|| lookup::own_attribute(self.vm, object, held));
        own.flatten()
    }
}

/// Whether what a class holds takes an object of it as the first argument.
fn is_bound_to_objects(vm: &VirtualMachine, held: &PyObject) -> bool {
    let types = &vm.ctx.types;
    let kinds = [
        types.function_type,
        types.method_descriptor_type,
        types.wrapper_descriptor_type,
    ];
    kinds.iter().any(|kind| held.class().is(*kind))
}
