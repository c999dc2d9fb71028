//! Finds the value of an expression as far as that needs no Python code to run: names, attributes,
//! items of Python's own containers, literals; and what kind of object calls give, where that is said.
//!
//! For completion and introspection. A property is found and not read; a call isn't made. `lookup` finds
//! single names and attributes, `typed` those of a cell that hasn't run yet. Read next: `calls`.

mod annotations;
mod calls;
mod compiled;
mod known;
mod parameters;
mod trailing;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use ruff_python_ast::{Expr, ExprSubscript, Number, StmtClassDef, UnaryOp};
use rustpython_vm::builtins::{
    PyDict, PyDictRef, PyFrozenSet, PyInt, PyList, PySet, PyStrRef, PyTuple, PyType, PyTypeRef,
};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::lookup::{self, Found};
use crate::namespace::Namespace;
use crate::typed::{self, Binding, Typed};
pub(crate) use parameters::keyword_parameters;
pub(crate) use trailing::{attribute_owner, trailing_expression};

/// Expressions inside of expressions that are followed.
const DEPTH_MAX: usize = 64;
/// Expressions that are looked at for one: where there are several ways, few lead far.
const STEPS_MAX: usize = 1000;
/// An expression longer than this is not looked at: nobody typed it.
const SOURCE_BYTES_MAX: usize = 4096;

/// What is known of an expression.
#[derive(Clone)]
pub(crate) enum Value<'t> {
    Object(PyObjectRef),
    /// A descriptor that would have to run to give its value: a property. With what it says that is.
    Unread {
        descriptor: PyObjectRef,
        gives: Option<Box<Value<'t>>>,
    },
    Instance(Instance<'t>),
    Typed(TypedClass<'t>),
}

/// Some object of a class.
#[derive(Clone)]
pub(crate) struct Instance<'t> {
    class: PyTypeRef,
    /// What is known of its parts, as in `dict[str, int]`.
    arguments: Vec<Option<Value<'t>>>,
}

/// A class of the cell that is typed, or an object of it.
#[derive(Clone)]
pub(crate) struct TypedClass<'t> {
    class: &'t StmtClassDef,
    /// The names that its text gives.
    names: BTreeSet<String>,
    /// The class that it stands on.
    base: PyTypeRef,
}

impl Value<'_> {
    fn of_class(class: &Py<PyType>) -> Self {
        Self::Instance(Instance {
            class: class.to_owned(),
            arguments: Vec::new(),
        })
    }

    /// What is there once a property has been read.
    pub(crate) fn read(self) -> Option<Self> {
        match self {
            Self::Unread { gives, .. } => gives.map(|gives| *gives),
            known => Some(known),
        }
    }

    /// The names of its attributes, in no order.
    pub(crate) fn attribute_names(&self, vm: &VirtualMachine) -> Vec<String> {
        match self {
            Self::Object(object) => lookup::attribute_names(object),
            Self::Unread { gives, .. } => gives
                .as_ref()
                .map_or_else(Vec::new, |gives| gives.attribute_names(vm)),
            Self::Instance(instance) => {
                let mut names = lookup::class_attribute_names(&instance.class);
                names.extend(annotations::names_said(vm, &instance.class));
                names
            }
            Self::Typed(class) => {
                let mut names = lookup::class_attribute_names(&class.base);
                names.extend(class.names.iter().cloned());
                names
            }
        }
    }
}

/// Finds what the source stands for; `None` if that can't be told without running code.
pub(crate) fn evaluate<'t>(
    vm: &'t VirtualMachine,
    namespace: &'t Namespace,
    source: &str,
) -> Option<Value<'t>> {
    evaluate_in(vm, namespace, source, None)
}

/// The same in a cell of which so much has been typed.
pub(crate) fn evaluate_in<'t>(
    vm: &'t VirtualMachine,
    namespace: &'t Namespace,
    source: &str,
    typed: Option<&'t Typed>,
) -> Option<Value<'t>> {
    let evaluation = Evaluation::new(vm, Scope::Cell(namespace, typed));
    evaluation.value(&parse(source)?, DEPTH_MAX)
}

fn parse(source: &str) -> Option<Expr> {
    if source.len() > SOURCE_BYTES_MAX {
        return None;
    }
    // Its lines are those of a bracket, or end with a backslash.
    let source = if source.contains('\n') {
        Cow::Owned(format!("({source}\n)"))
    } else {
        Cow::Borrowed(source)
    };
    let parsed = ruff_python_parser::parse_expression(&source).ok()?;
    Some(*parsed.into_syntax().body)
}

/// A module that is there: looking runs no import.
fn module(vm: &VirtualMachine, path: &str) -> Option<PyObjectRef> {
    let modules = vm.sys_module.get_attr("modules", vm).ok()?;
    let modules = modules.downcast_ref::<PyDict>()?;
    modules.get_item_opt(path, vm).ok()?
}

/// Where names are looked up.
#[derive(Clone)]
enum Scope<'t> {
    /// The namespace, and the cell that is typed.
    Cell(&'t Namespace, Option<&'t Typed>),
    /// What the code of a function sees.
    Function {
        globals: PyDictRef,
        cells: Vec<(String, PyObjectRef)>,
    },
    /// The builtins and the modules by their paths, and what some names stand for.
    Library(Vec<(&'static str, Option<Value<'t>>)>),
}

struct Evaluation<'t> {
    vm: &'t VirtualMachine,
    scope: Scope<'t>,
    /// What `Self` means.
    receiver: Option<Value<'t>>,
    steps_left: Rc<Cell<usize>>,
}

impl<'t> Evaluation<'t> {
    fn new(vm: &'t VirtualMachine, scope: Scope<'t>) -> Self {
        Self {
            vm,
            scope,
            receiver: None,
            steps_left: Rc::new(Cell::new(STEPS_MAX)),
        }
    }

    /// A part of this evaluation where names mean something else.
    fn elsewhere(&self, scope: Scope<'t>, receiver: Option<Value<'t>>) -> Self {
        Self {
            vm: self.vm,
            scope,
            receiver,
            steps_left: Rc::clone(&self.steps_left),
        }
    }

    fn value(&self, expression: &Expr, depth: usize) -> Option<Value<'t>> {
        let depth = depth.checked_sub(1)?;
        self.steps_left.set(self.steps_left.get().checked_sub(1)?);
        match expression {
            Expr::Name(name) => self.named(name.id.as_str(), depth),
            Expr::Attribute(attribute) => {
                let owner = self.value(&attribute.value, depth)?.read()?;
                self.attribute(&owner, attribute.attr.as_str(), depth)
            }
            Expr::Subscript(subscript) => self.subscript(subscript, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::BinOp(operation) => {
                self.operated(&operation.left, operation.op, &operation.right, depth)
            }
            Expr::Await(awaited) => match self.value(&awaited.value, depth)?.read()? {
                Value::Instance(instance)
                    if instance.class.is(self.vm.ctx.types.coroutine_type) =>
                {
                    instance.arguments.into_iter().next()?
                }
                _ => None,
            },
            _ => self.literal(expression, depth),
        }
    }

    fn named(&self, name: &str, depth: usize) -> Option<Value<'t>> {
        let vm = self.vm;
        let found = match &self.scope {
            Scope::Cell(namespace, _) => {
                let bound = self.binding(name);
                let bound = bound.and_then(|binding| self.bound(binding, depth));
                return bound.or_else(|| lookup::name(vm, namespace, name).map(Value::Object));
            }
            Scope::Function { globals, cells } => {
                let of_class =
                    |cell: &PyObject| lookup::entry(vm, cell.downcast_ref::<PyDict>()?, name);
                let cell = cells.iter().find_map(|(known, cell)| match known.as_str() {
                    "__classdict__" => of_class(cell),
                    known => (known == name).then(|| cell.clone()),
                });
                let global = || lookup::entry(vm, globals, name);
                let builtin = || lookup::entry(vm, &vm.builtins.dict(), name);
                cell.or_else(global).or_else(builtin)
            }
            Scope::Library(_) => self.library(name).or_else(|| self.module(name)),
        };
        found.map(Value::Object)
    }

    /// What a name stands for that isn't one of the library.
    fn stand_in(&self, name: &str) -> Option<&Value<'t>> {
        let Scope::Library(stand_ins) = &self.scope else {
            return None;
        };
        let (_, value) = stand_ins.iter().find(|(known, _)| *known == name)?;
        value.as_ref()
    }

    /// Where the cell binds a name.
    fn binding(&self, name: &str) -> Option<Binding<'t>> {
        match self.scope {
            Scope::Cell(_, Some(typed)) => typed.binding(name),
            _ => None,
        }
    }

    /// What a name of the cell stands for that was bound there.
    fn bound(&self, binding: Binding<'t>, depth: usize) -> Option<Value<'t>> {
        let vm = self.vm;
        Some(match binding {
            Binding::Value(value) => self.value(value, depth)?,
            Binding::Item(of) => self.each(&self.value(of, depth)?.read()?, depth)?,
            Binding::Part(of, index) => {
                let each = self.each(&self.value(of, depth)?.read()?, depth)?;
                self.part(&each, index)?
            }
            Binding::Annotated(annotation) => self.annotated(annotation, depth)?,
            Binding::Entered(context) => {
                let context = self.value(context, depth)?.read()?;
                // Most give themselves.
                self.method(&context, "__enter__", &[], depth)
                    .unwrap_or(context)
            }
            Binding::Module(path) => Value::Object(self.module(path)?),
            Binding::Member(path, name) => {
                let module = Value::Object(self.module(path)?);
                let member = self.attribute(&module, name, depth);
                let submodule = || self.module(&format!("{path}.{name}")).map(Value::Object);
                member.or_else(submodule)?
            }
            Binding::Function(_) => Value::of_class(vm.ctx.types.function_type),
            Binding::Class(class) | Binding::Instance(class) => self.of_class(class, depth),
        })
    }

    fn module(&self, path: &str) -> Option<PyObjectRef> {
        module(self.vm, path)
    }

    fn of_class(&self, class: &'t StmtClassDef, depth: usize) -> Value<'t> {
        let mut names = typed::attributes_of(class);
        let bases = class.arguments.iter().flat_map(|arguments| &arguments.args);
        let mut base = self.vm.ctx.types.object_type.to_owned();
        for each in bases {
            match self.value(each, depth) {
                Some(Value::Object(found)) => {
                    base = found.downcast::<PyType>().unwrap_or(base);
                }
                Some(Value::Typed(other)) => names.extend(other.names),
                _ => {}
            }
        }
        Value::Typed(TypedClass { class, names, base })
    }

    fn attribute(&self, owner: &Value<'t>, name: &str, depth: usize) -> Option<Value<'t>> {
        let depth = depth.checked_sub(1)?;
        let found = match owner {
            Value::Object(object) => lookup::attribute(self.vm, object, name),
            Value::Instance(instance) => {
                let held = lookup::class_attribute(self.vm, &instance.class, name);
                held.map(|held| match lookup::has_get(self.vm, &held) {
                    true => Found::Unread(held),
                    false => Found::Object(held),
                })
            }
            Value::Typed(class) => return self.typed_attribute(class, name, depth),
            Value::Unread { .. } => return None,
        };
        match (found, owner) {
            (Some(Found::Object(object)), _) => Some(Value::Object(object)),
            (Some(Found::Unread(descriptor)), _) => {
                let gives = self.given_by_descriptor(owner, name, &descriptor, depth);
                Some(Value::Unread {
                    descriptor,
                    gives: gives.map(Box::new),
                })
            }
            (None, Value::Instance(instance)) => {
                self.said_of_attribute(&instance.class, name, owner, depth)
            }
            (None, _) => None,
        }
    }

    fn subscript(&self, subscript: &ExprSubscript, depth: usize) -> Option<Value<'t>> {
        let owner = self.value(&subscript.value, depth)?.read()?;
        if matches!(&*subscript.slice, Expr::Slice(_)) {
            return self.sliced(&owner, depth);
        }
        let key = self.value(&subscript.slice, depth).and_then(Value::read);
        if let (Value::Object(object), Some(Value::Object(key))) = (&owner, &key) {
            let item = self.item(object, key);
            if item.is_some() || is_container(self.vm, object.class()) {
                return item.map(Value::Object);
            }
        }
        if let (Value::Instance(instance), Some(Value::Object(key))) = (&owner, &key)
            && instance.class.is(self.vm.ctx.types.tuple_type)
        {
            let index = index(self.vm, key, instance.arguments.len())?;
            return self.part(&owner, index);
        }
        self.method(&owner, "__getitem__", &[], depth)
    }

    /// What stepping through something gives.
    fn each(&self, of: &Value<'t>, depth: usize) -> Option<Value<'t>> {
        let vm = self.vm;
        let depth = depth.checked_sub(1)?;
        match of {
            Value::Object(object) => {
                if let Some(list) = object.downcast_ref_if_exact::<PyList>(vm) {
                    return list.borrow_vec().first().cloned().map(Value::Object);
                }
                if let Some(tuple) = object.downcast_ref_if_exact::<PyTuple>(vm) {
                    return tuple.as_slice().first().cloned().map(Value::Object);
                }
                if let Some(dict) = object.downcast_ref_if_exact::<PyDict>(vm) {
                    return dict.into_iter().next().map(|(key, _)| Value::Object(key));
                }
                if let Some(set) = object.downcast_ref_if_exact::<PySet>(vm) {
                    return set.elements().into_iter().next().map(Value::Object);
                }
                if let Some(set) = object.downcast_ref_if_exact::<PyFrozenSet>(vm) {
                    return set.elements().into_iter().next().map(Value::Object);
                }
                if let Some(name) = self.telling_attribute(object) {
                    return self.attribute(of, name, depth)?.read();
                }
            }
            Value::Instance(instance) => {
                if let Some(first) = instance.arguments.first() {
                    return first.clone();
                }
            }
            Value::Unread { .. } | Value::Typed(_) => {}
        }
        match self.method(of, "__iter__", &[], depth)? {
            Value::Instance(iterator) => iterator.arguments.into_iter().next()?,
            _ => None,
        }
    }

    /// A part of a tuple.
    fn part(&self, tuple: &Value<'t>, index: usize) -> Option<Value<'t>> {
        match tuple {
            Value::Object(object) => {
                let tuple = object.downcast_ref::<PyTuple>()?;
                tuple.as_slice().get(index).cloned().map(Value::Object)
            }
            Value::Instance(instance) => match instance.arguments.as_slice() {
                // `tuple[int, ...]`
                [all, Some(Value::Object(rest))] if rest.is(&self.vm.ctx.ellipsis) => all.clone(),
                parts => parts.get(index)?.clone(),
            },
            Value::Unread { .. } | Value::Typed(_) => None,
        }
    }

    /// What `x[1:]` gives.
    fn sliced(&self, of: &Value<'t>, depth: usize) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        let class = match of {
            Value::Object(object) => object.class().to_owned(),
            Value::Instance(instance) => instance.class.clone(),
            Value::Unread { .. } | Value::Typed(_) => return None,
        };
        let mut arguments = Vec::new();
        if class.is(types.tuple_type) {
            let ellipsis = Value::Object(self.vm.ctx.ellipsis.clone().into());
            arguments = vec![self.each(of, depth), Some(ellipsis)];
        } else if class.is(types.list_type) {
            arguments.push(self.each(of, depth));
        } else if ![types.str_type, types.bytes_type, types.range_type]
            .iter()
            .any(|known| class.is(*known))
        {
            return None;
        }
        Some(Value::Instance(Instance { class, arguments }))
    }

    /// The item of one of Python's own containers.
    fn item(&self, owner: &PyObject, key: &PyObject) -> Option<PyObjectRef> {
        let vm = self.vm;
        if let Some(list) = owner.downcast_ref_if_exact::<PyList>(vm) {
            let items = list.borrow_vec();
            return items.get(index(vm, key, items.len())?).cloned();
        }
        if let Some(tuple) = owner.downcast_ref_if_exact::<PyTuple>(vm) {
            let items = tuple.as_slice();
            return items.get(index(vm, key, items.len())?).cloned();
        }
        // Found by looking through: keys of Python's own compare without running code, but what the
        // dictionary would compare them with need not.
        let dict = owner.downcast_ref::<PyDict>()?;
        // A class of the user's may look its items up in a way of its own.
        let standard = lookup::class_attribute(vm, vm.ctx.types.dict_type, "__getitem__")?;
        let own = lookup::class_attribute(vm, owner.class(), "__getitem__")?;
        if !is_plain_key(vm, key) || !own.is(&standard) {
            return None;
        }
        let mut items = dict.items_vec().into_iter();
        let found = items.find(|(known, _)| {
            known.class().is(key.class()) && vm.bool_eq(known, key).unwrap_or(false)
        });
        found.map(|(_, value)| value)
    }

    fn literal(&self, expression: &Expr, depth: usize) -> Option<Value<'t>> {
        let ctx = &self.vm.ctx;
        let object: PyObjectRef = match expression {
            Expr::StringLiteral(text) => ctx.new_str(text.value.to_str()).into(),
            Expr::FString(_) => return Some(Value::of_class(ctx.types.str_type)),
            Expr::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.bytes().collect();
                PyObjectRef::from(ctx.new_bytes(bytes))
            }
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(int) => ctx.new_int(int.as_i64()?).into(),
                Number::Float(float) => ctx.new_float(*float).into(),
                Number::Complex { .. } => {
                    return Some(Value::of_class(ctx.types.complex_type));
                }
            },
            Expr::BooleanLiteral(truth) => ctx.new_bool(truth.value).into(),
            Expr::NoneLiteral(_) => ctx.none(),
            Expr::UnaryOp(operation) if operation.op == UnaryOp::USub => {
                let Value::Object(number) = self.value(&operation.operand, depth)? else {
                    return None;
                };
                let number = number.downcast_ref_if_exact::<PyInt>(self.vm)?;
                let number = number.try_to_primitive::<i64>(self.vm).ok()?;
                ctx.new_int(number.checked_neg()?).into()
            }
            Expr::List(list) => match self.all(&list.elts, depth) {
                Some(items) => ctx.new_list(items).into(),
                None => return Some(self.container(ctx.types.list_type, list.elts.first(), depth)),
            },
            Expr::Tuple(tuple) => match self.all(&tuple.elts, depth) {
                Some(items) => ctx.new_tuple(items).into(),
                None => return Some(self.container(ctx.types.tuple_type, &tuple.elts, depth)),
            },
            Expr::Set(set) => {
                return Some(self.container(ctx.types.set_type, set.elts.first(), depth));
            }
            Expr::Dict(dict) => {
                let first = dict.items.first();
                let first = first.and_then(|item| Some([item.key.as_ref()?, &item.value]));
                let parts = first.into_iter().flatten();
                return Some(self.container(ctx.types.dict_type, parts, depth));
            }
            Expr::ListComp(_) => return Some(Value::of_class(ctx.types.list_type)),
            Expr::DictComp(_) => return Some(Value::of_class(ctx.types.dict_type)),
            Expr::SetComp(_) => return Some(Value::of_class(ctx.types.set_type)),
            _ => return None,
        };
        Some(Value::Object(object))
    }

    /// Some container with such parts.
    fn container<'e>(
        &self,
        class: &Py<PyType>,
        parts: impl IntoIterator<Item = &'e Expr>,
        depth: usize,
    ) -> Value<'t> {
        let parts = parts.into_iter();
        let parts = parts.map(|part| self.value(part, depth).and_then(Value::read));
        Value::Instance(Instance {
            class: class.to_owned(),
            arguments: parts.collect(),
        })
    }

    fn all(&self, expressions: &[Expr], depth: usize) -> Option<Vec<PyObjectRef>> {
        let object = |expression| match self.value(expression, depth)? {
            Value::Object(object) => Some(object),
            _ => None,
        };
        expressions.iter().map(object).collect()
    }
}

/// What a dictionary maps to, as its first entry shows it.
fn entry<'t>(of: &Value<'t>) -> Option<Value<'t>> {
    match of {
        Value::Object(object) => {
            let dict = object.downcast_ref::<PyDict>()?;
            dict.into_iter()
                .next()
                .map(|(_, value)| Value::Object(value))
        }
        Value::Instance(instance) => instance.arguments.get(1)?.clone(),
        Value::Unread { .. } | Value::Typed(_) => None,
    }
}

/// Where a key points to in a sequence of this length.
fn index(vm: &VirtualMachine, key: &PyObject, length: usize) -> Option<usize> {
    let index = key.downcast_ref_if_exact::<PyInt>(vm)?;
    let index = index.try_to_primitive::<i64>(vm).ok()?;
    let from_end = i64::try_from(length).ok()?;
    let index = if index < 0 { index + from_end } else { index };
    usize::try_from(index).ok()
}

/// Whether all that objects of the class have by a key can be looked up.
fn is_container(vm: &VirtualMachine, class: &Py<PyType>) -> bool {
    let types = &vm.ctx.types;
    class.is(types.list_type) || class.is(types.tuple_type) || class.is(types.dict_type)
}

/// The texts by which the keys of a dictionary are written.
pub(crate) fn key_literals(vm: &VirtualMachine, dict: &PyDict) -> Vec<String> {
    let keys = dict.keys_vec().into_iter();
    keys.filter(|key| is_plain_key(vm, key))
        .filter_map(|key| {
            let text: PyStrRef = key.repr(vm).ok()?;
            Some(text.to_string_lossy().into_owned())
        })
        .collect()
}

/// Whether a key is of a type whose equality is Python's own.
fn is_plain_key(vm: &VirtualMachine, key: &PyObject) -> bool {
    let types = &vm.ctx.types;
    let class = key.class();
    class.is(types.str_type)
        || class.is(types.int_type)
        || class.is(types.bytes_type)
        || class.is(types.float_type)
        || class.is(types.bool_type)
}
