//! Finds the value of an expression as far as that needs no Python code to run: names, attributes,
//! items of Python's own containers, literals; and what kind of object calls give, where that is said.
//!
//! For completion and introspection. A property is found and not read; a call isn't made. Where the kind
//! can't be told there is no value. `lookup` finds single names and attributes, `typed` those of a cell that
//! hasn't run yet. Read next: `calls`, `containers`.

mod annotations;
mod calls;
mod compiled;
mod containers;
mod defined;
mod given;
mod known;
mod literals;
mod operators;
mod parameters;
mod settled;
mod trailing;
mod unpacking;

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use ruff_python_ast::{Expr, StmtClassDef};
use rustpython_vm::builtins::{PyDict, PyDictRef, PyModule, PyStrRef, PyType, PyTypeRef};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::lookup::{self, Found};
use crate::namespace::Namespace;
use crate::typed::{self, Binding, Place, Typed};
use calls::Arguments;
use containers::is_plain_key;
pub(crate) use parameters::keyword_parameters;
use settled::Assumed;
pub(crate) use trailing::{attribute_owner, trailing_expression};

/// Expressions inside of expressions that are followed.
const LEVELS_MAX: usize = 64;
/// Steps that are taken for one expression: where there are several ways, few lead far.
const STEPS_MAX: usize = 4000;
/// Looking through a container counts as a step for each so many of its items.
const ITEMS_PER_STEP: usize = 4096;
/// Looking for a name in text that isn't parsed counts as a step for each so many bytes.
const BYTES_PER_STEP: usize = 1 << 16;
/// An expression longer than this is not looked at: nobody typed it.
const SOURCE_BYTES_MAX: usize = 4096;

/// What is known of an expression.
#[derive(Clone)]
pub(crate) enum Value<'t> {
    Object(PyObjectRef),
    /// What a class holds that would have to run to give its value: a property; or a function that
    /// nothing is there yet to be bound to. With what it says that it gives.
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
    /// What is known of its parts, as in `dict[str, int]`. Shared, as parts have parts.
    arguments: Rc<[Option<Value<'t>>]>,
    /// The class of the cell that says its keys, if it is a dictionary of one.
    keyed_by: Option<Rc<TypedClass<'t>>>,
}

/// A class of the cell that is typed, or an object of it.
#[derive(Clone)]
pub(crate) struct TypedClass<'t> {
    class: &'t StmtClassDef,
    /// Where it is defined.
    place: Place<'t>,
    /// Some object of each of the classes that it stands on.
    bases: Rc<[Value<'t>]>,
    kind: TypedKind,
    is_object: bool,
}

/// What a class of the cell makes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TypedKind {
    Plain,
    /// An enumeration: what its body binds are its objects.
    Enumeration,
    /// Only dictionaries, of which it says the keys; the first of what it stands on is one. There are no
    /// objects of it.
    Dictionary,
}

impl<'t> Value<'t> {
    fn of_class(class: &Py<PyType>) -> Self {
        Self::with_parts(class, [])
    }

    /// Some object of a class of whose parts so much is known.
    fn with_parts(class: &Py<PyType>, parts: impl IntoIterator<Item = Option<Value<'t>>>) -> Self {
        Self::Instance(Instance {
            class: class.to_owned(),
            arguments: parts.into_iter().collect(),
            keyed_by: None,
        })
    }

    /// What is there once a property has been read.
    pub(crate) fn read(self) -> Option<Self> {
        match self {
            Self::Unread { gives, .. } => gives.map(|gives| *gives),
            known => Some(known),
        }
    }

    /// The class of the object; None of what is of a class of the cell.
    fn class(&self) -> Option<&Py<PyType>> {
        match self {
            Self::Object(object) => Some(object.class()),
            Self::Instance(instance) => Some(&instance.class),
            Self::Unread { .. } | Self::Typed(_) => None,
        }
    }

    /// The class, as a value.
    fn class_value(&self, vm: &VirtualMachine) -> Option<Self> {
        match self {
            Self::Typed(class) if class.is_object => Some(Self::Typed(TypedClass {
                is_object: false,
                ..class.clone()
            })),
            Self::Typed(_) => Some(Self::Object(vm.ctx.types.type_type.to_owned().into())),
            known => Some(Self::Object(known.class()?.to_owned().into())),
        }
    }

    /// Some object of the class that this is; itself if it is none.
    fn instance(self) -> Self {
        match self {
            Self::Object(object) => match object.downcast_ref::<PyType>() {
                Some(class) => Self::of_class(class),
                None => Self::Object(object),
            },
            Self::Typed(class) => match class.bases.first() {
                Some(Self::Instance(dict)) if class.kind == TypedKind::Dictionary => {
                    Self::Instance(Instance {
                        keyed_by: Some(Rc::new(class.clone())),
                        ..dict.clone()
                    })
                }
                _ => Self::Typed(TypedClass {
                    is_object: true,
                    ..class
                }),
            },
            known => known,
        }
    }

    /// Some member of the enumeration that this is, if it is one of the cell.
    fn as_member(&self) -> Option<Self> {
        match self {
            Self::Typed(class) if !class.is_object && class.kind == TypedKind::Enumeration => {
                Some(self.clone().instance())
            }
            _ => None,
        }
    }

    /// What it tells of all objects of a class among which it is: itself if it is like the others. Classes
    /// and modules aren't.
    fn into_one_of(self, class: &Py<PyType>) -> Self {
        let is_like = |object: &PyObject| {
            let is_its_own = object.downcast_ref::<PyType>().is_some()
                || object.downcast_ref::<PyModule>().is_some();
            object.class().is(class) && !is_its_own
        };
        match self {
            Self::Object(object) if is_like(&object) => Self::Object(object),
            _ => Self::of_class(class),
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
                let mut names: Vec<String> = match class.kind {
                    // They are keys.
                    TypedKind::Dictionary => Vec::new(),
                    _ => typed::attributes_of(class.class).into_iter().collect(),
                };
                if class.is_object && class.kind == TypedKind::Enumeration {
                    names.retain(|name| !typed::is_member(class.class, name));
                }
                for base in class.bases.iter() {
                    names.extend(base.attribute_names(vm));
                }
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
    let expression = parse(source)?;
    Evaluation::new(vm, Scope::Cell(namespace, None)).value(&expression)
}

/// The same where it stands in a cell that is typed.
pub(crate) fn evaluate_in<'t>(
    vm: &'t VirtualMachine,
    namespace: &'t Namespace,
    source: &str,
    typed: &'t Typed<'_>,
) -> Option<Value<'t>> {
    let expression = parse(source)?;
    let scope = Scope::Cell(namespace, Some(typed.place()));
    Evaluation::new(vm, scope).value(&expression)
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

/// Where names are looked up.
#[derive(Clone)]
enum Scope<'t> {
    /// The namespace, and a place in the cell that is typed.
    Cell(&'t Namespace, Option<Place<'t>>),
    /// What the code of a function sees.
    Function {
        globals: PyDictRef,
        cells: Rc<[(String, PyObjectRef)]>,
    },
    /// The builtins and the modules by their paths, and what some names stand for.
    Library(Rc<[(&'static str, Option<Value<'t>>)]>),
}

struct Evaluation<'t> {
    vm: &'t VirtualMachine,
    scope: Scope<'t>,
    /// What `Self` means.
    receiver: Option<Value<'t>>,
    /// The class of the cell whose method is looked at.
    method_of: Option<&'t StmtClassDef>,
    /// What is being found out around this.
    assumed: Option<Rc<Assumed<'t>>>,
    /// For all that is looked at on the way: whatever an object is made of, it ends.
    budget: Rc<Budget>,
}

struct Budget {
    steps_left: Cell<usize>,
    levels_left: Cell<usize>,
}

/// One level of what is inside of something else, until it is dropped.
struct Level(Rc<Budget>);

impl Drop for Level {
    fn drop(&mut self) {
        self.0.levels_left.update(|levels| levels + 1);
    }
}

impl<'t> Evaluation<'t> {
    fn new(vm: &'t VirtualMachine, scope: Scope<'t>) -> Self {
        Self {
            vm,
            scope,
            receiver: None,
            method_of: None,
            assumed: None,
            budget: Rc::new(Budget {
                steps_left: Cell::new(STEPS_MAX),
                levels_left: Cell::new(LEVELS_MAX),
            }),
        }
    }

    /// A part of this evaluation where names mean something else.
    fn elsewhere(&self, scope: Scope<'t>, receiver: Option<Value<'t>>) -> Self {
        Self {
            vm: self.vm,
            scope,
            receiver,
            method_of: None,
            assumed: self.assumed.clone(),
            budget: Rc::clone(&self.budget),
        }
    }

    /// This evaluation at another place of the cell.
    fn at(&self, place: Place<'t>) -> Self {
        let scope = match &self.scope {
            Scope::Cell(namespace, _) => Scope::Cell(namespace, Some(place)),
            other => other.clone(),
        };
        Self {
            method_of: self.method_of,
            ..self.elsewhere(scope, self.receiver.clone())
        }
    }

    /// Where it is in the cell that is typed.
    fn place(&self) -> Option<&Place<'t>> {
        match &self.scope {
            Scope::Cell(_, place) => place.as_ref(),
            _ => None,
        }
    }

    /// One level down and one step on; None where the evaluation ends. Whatever leads to itself in any
    /// way asks this first.
    fn deeper(&self) -> Option<Level> {
        self.spend(1)?;
        let levels = &self.budget.levels_left;
        levels.set(levels.get().checked_sub(1)?);
        Some(Level(Rc::clone(&self.budget)))
    }

    fn spend(&self, steps: usize) -> Option<()> {
        let left = &self.budget.steps_left;
        left.set(left.get().checked_sub(steps)?);
        Some(())
    }

    /// Pays for looking through so many items.
    fn look_through(&self, items: usize) -> Option<()> {
        self.spend(items / ITEMS_PER_STEP)
    }

    fn value(&self, expression: &Expr) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        match expression {
            Expr::Name(name) => self.named(name.id.as_str()),
            Expr::Named(named) => self.value(&named.value),
            Expr::Attribute(attribute) => {
                let owner = self.value(&attribute.value)?.read()?;
                self.attribute(&owner, attribute.attr.as_str())
            }
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Call(call) => self.call(call),
            Expr::BinOp(operation) => self.operated(operation),
            Expr::UnaryOp(operation) => self.signed(operation),
            Expr::Compare(comparison) => self.compared(comparison),
            Expr::BoolOp(either) => self.one_of_these(&either.values),
            Expr::If(either) => match literals::truth(&either.test) {
                Some(true) => self.known(&either.body),
                Some(false) => self.known(&either.orelse),
                None => self.one_of_these([&*either.body, &*either.orelse]),
            },
            Expr::Await(awaited) => match self.known(&awaited.value)? {
                Value::Instance(instance)
                    if instance.class.is(self.vm.ctx.types.coroutine_type) =>
                {
                    instance.arguments.first().cloned().flatten()
                }
                _ => None,
            },
            _ => self.literal(expression),
        }
    }

    /// The same with properties read.
    fn known(&self, expression: &Expr) -> Option<Value<'t>> {
        self.value(expression)?.read()
    }

    /// The object itself, where it is there.
    fn object(&self, expression: &Expr) -> Option<PyObjectRef> {
        match self.known(expression)? {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    fn named(&self, name: &str) -> Option<Value<'t>> {
        let vm = self.vm;
        let found = match &self.scope {
            Scope::Cell(namespace, _) => {
                // What the cell binds hides what is there, also where it isn't known.
                if let Some((binding, place)) = self.binding(name) {
                    return self.at(place).bound(binding);
                }
                self.outside(namespace, name)?
            }
            Scope::Function { globals, cells } => {
                let of_class = |cell: &PyObject| self.entry(cell.downcast_ref::<PyDict>()?, name);
                let cell = cells.iter().find_map(|(known, cell)| match known.as_str() {
                    "__classdict__" => of_class(cell),
                    known => (known == name).then(|| cell.clone()),
                });
                let global = || self.entry(globals, name);
                let builtin = || self.entry(&vm.builtins.dict(), name);
                cell.or_else(global).or_else(builtin)
            }
            Scope::Library(_) => self.library(name).or_else(|| lookup::module(vm, name)),
        };
        found.map(Value::Object)
    }

    /// What there is outside of the cell under a name that the cell doesn't bind; None where that can't be
    /// told.
    fn outside(&self, namespace: &Namespace, name: &str) -> Option<Option<PyObjectRef>> {
        if let Some(unread) = self.place().and_then(Place::unread) {
            self.spend(unread.bytes() / BYTES_PER_STEP)?;
            if unread.may_bind(name) {
                return None;
            }
        }
        self.look_through(namespace.dict().__len__())?;
        Some(lookup::name(self.vm, namespace, name))
    }

    /// What a dictionary holds under a name.
    fn entry(&self, dict: &Py<PyDict>, name: &str) -> Option<PyObjectRef> {
        self.look_through(dict.__len__())?;
        lookup::entry(self.vm, dict, name)
    }

    /// What a name stands for that isn't one of the library.
    fn stand_in(&self, name: &str) -> Option<&Value<'t>> {
        let Scope::Library(stand_ins) = &self.scope else {
            return None;
        };
        let (_, value) = stand_ins.iter().find(|(known, _)| *known == name)?;
        value.as_ref()
    }

    /// What the cell binds a name to that is seen from here, and where that belongs.
    fn binding(&self, name: &str) -> Option<(Binding<'t>, Place<'t>)> {
        self.place()?.find(name)
    }

    /// What a name of the cell stands for that was bound there.
    fn bound(&self, binding: Binding<'t>) -> Option<Value<'t>> {
        let vm = self.vm;
        Some(match binding {
            Binding::Value(value) => self.value(value)?,
            Binding::Item(of) => self.each(&self.known(of)?)?,
            Binding::Part(part, target, from) => {
                let whole = self.bound(from.whole()).and_then(Value::read);
                self.part_of_target(part, target, whole)?
            }
            Binding::Augmented(assignment) => self.augmented(assignment)?,
            Binding::Within(comprehension, value) => {
                let inside = typed::inside(self.place()?, comprehension, value);
                self.at(inside).value(value)?
            }
            Binding::Rebound(name, definition) => self.rebound(name, definition)?,
            Binding::Annotated(annotation) => {
                let there = self.place()?.later();
                self.at(there).annotated(annotation)?
            }
            Binding::Entered(context) => {
                let context = self.known(context)?;
                self.method(&context, "__enter__", Arguments::NONE)?
            }
            Binding::Module(path) => Value::Object(lookup::module(vm, path)?),
            Binding::Member(path, name) => {
                let module = Value::Object(lookup::module(vm, path)?);
                let member = self.attribute(&module, name);
                let submodule = || lookup::module(vm, &format!("{path}.{name}"));
                member.or_else(|| submodule().map(Value::Object))?
            }
            Binding::Function(function) => {
                let plain = Value::of_class(vm.ctx.types.function_type);
                let start = function.range.start();
                self.decorated(&function.decorator_list, start, plain)?
            }
            Binding::Class(class) => {
                let plain = self.of_class(class)?;
                self.decorated(&class.decorator_list, class.range.start(), plain)?
            }
            Binding::Itself(class) => self.of_class(class)?,
            Binding::Instance(class) => match (&self.receiver, self.method_of) {
                (Some(receiver), Some(known)) if std::ptr::eq(known, class) => receiver.clone(),
                _ => self.of_class(class)?.instance(),
            },
            Binding::Positional => Value::of_class(vm.ctx.types.tuple_type),
            Binding::Keywords => Value::of_class(vm.ctx.types.dict_type),
            Binding::Unknown => return None,
        })
    }

    fn attribute(&self, owner: &Value<'t>, name: &str) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        if name == "__class__" && self.is_of_object(owner.class(), name) {
            return owner.class_value(self.vm);
        }
        let found = match owner {
            Value::Object(object) => {
                let held = object.dict().map_or(0, |dict| dict.__len__());
                self.look_through(held)?;
                lookup::attribute(self.vm, object, name)
            }
            Value::Instance(instance) => {
                let held = lookup::class_attribute(self.vm, &instance.class, name);
                held.map(|held| match lookup::has_get(self.vm, &held) {
                    true => Found::Unread(held),
                    false => Found::Object(held),
                })
            }
            Value::Typed(class) => return self.typed_attribute(class, name),
            Value::Unread { .. } => return None,
        };
        match (found, owner) {
            (Some(Found::Object(object)), _) => Some(Value::Object(object)),
            (Some(Found::Unread(descriptor)), _) => {
                let gives = self.given_by_descriptor(owner, name, &descriptor);
                Some(Value::Unread {
                    descriptor,
                    gives: gives.map(Box::new),
                })
            }
            (None, Value::Instance(instance)) => {
                self.said_of_attribute(&instance.class, name, owner)
            }
            (None, _) => None,
        }
    }

    /// Whether a class has the attribute as every object has it; a class of the cell has.
    fn is_of_object(&self, class: Option<&Py<PyType>>, name: &str) -> bool {
        let object = self.vm.ctx.types.object_type;
        class.is_none_or(|class| self.have_same(class, object, name))
    }

    /// Whether two classes have the same under a name; it may be nothing.
    fn have_same(&self, one: &Py<PyType>, other: &Py<PyType>, name: &str) -> bool {
        let held = |class: &Py<PyType>| lookup::class_attribute(self.vm, class, name);
        match (held(one), held(other)) {
            (Some(one), Some(other)) => one.is(&other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// What holds whichever of them it is: that they are of one class, or of one that theirs stand on.
    /// A None among others isn't counted.
    fn one_of(&self, values: impl IntoIterator<Item = Option<Value<'t>>>) -> Option<Value<'t>> {
        let none = self.vm.ctx.types.none_type;
        let mut shared = None;
        for value in values {
            let value = value?.read()?;
            if value.class().is_some_and(|class| class.is(none)) {
                continue;
            }
            shared = Some(match shared {
                Some(known) => self.either(known, &value)?,
                None => value,
            });
        }
        shared
    }

    fn either(&self, one: Value<'t>, other: &Value<'t>) -> Option<Value<'t>> {
        if let (Value::Typed(first), Value::Typed(second)) = (&one, other) {
            let is_same =
                std::ptr::eq(first.class, second.class) && first.is_object == second.is_object;
            return is_same.then_some(one);
        }
        if let (Value::Object(first), Value::Object(second)) = (&one, other)
            && first.is(second)
        {
            return Some(one);
        }
        let class = self.shared_class(one.class()?, other.class()?)?;
        if let (Value::Instance(first), Value::Instance(second)) = (&one, other)
            && first.class.is(&second.class)
            && first.arguments.len() == second.arguments.len()
        {
            self.spend(1)?;
            let parts = first.arguments.iter().zip(second.arguments.iter());
            let parts = parts.map(|(one, other)| self.either(one.clone()?, other.as_ref()?));
            return Some(Value::with_parts(&class, parts));
        }
        Some(one.into_one_of(&class))
    }

    /// The class that both are or stand on; None if only `object` is.
    fn shared_class(&self, one: &Py<PyType>, other: &Py<PyType>) -> Option<PyTypeRef> {
        if one.is(other) {
            return Some(one.to_owned());
        }
        let mut bases = one.mro_collect().into_iter();
        let shared = bases.find(|base| other.fast_issubclass(base))?;
        (!shared.is(self.vm.ctx.types.object_type)).then_some(shared)
    }
}

/// The keys of a dictionary: of one that is there all that it has, of another those that its class says.
pub(crate) fn dictionary_keys(vm: &VirtualMachine, of: &Value<'_>) -> Option<Vec<PyObjectRef>> {
    match of {
        Value::Object(object) => Some(object.downcast_ref::<PyDict>()?.keys_vec()),
        Value::Instance(instance) => {
            let names = instance.keyed_by.as_ref()?.keys().into_iter();
            Some(names.map(|name| vm.ctx.new_str(name).into()).collect())
        }
        Value::Unread { .. } | Value::Typed(_) => None,
    }
}

/// The texts by which keys are written.
pub(crate) fn key_literals(vm: &VirtualMachine, keys: Vec<PyObjectRef>) -> Vec<String> {
    let keys = keys.into_iter();
    keys.filter(|key| is_plain_key(vm, key))
        .filter_map(|key| {
            let text: PyStrRef = key.repr(vm).ok()?;
            Some(text.to_string_lossy().into_owned())
        })
        .collect()
}
