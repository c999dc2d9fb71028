//! Functions and classes that the cell defines which is typed: what calls of them give, what their objects
//! have, and what decorators make of them.
//!
//! A decorator may give anything: those that neither are known nor plainly give what they are given are taken
//! for calls. Which names there are is told in [`crate::typed`].

use std::collections::BTreeSet;

use ruff_python_ast::{Decorator, Expr, StmtClassDef, StmtFunctionDef};
use ruff_text_size::TextSize;
use rustpython_vm::PyObject;
use rustpython_vm::builtins::{PyStr, PyType};

use super::calls::Arguments;
use super::settled::Subject;
use super::{Evaluation, Scope, TypedClass, TypedKind, Value};
use crate::typed::{self, Binding, Place, PlaceSet};

/// Decorators that leave what they decorate what it is, as far as can be told from outside.
const KEEPING: &[&str] = &[
    "abc.abstractmethod",
    "atexit.register",
    "builtins.classmethod",
    "builtins.staticmethod",
    "dataclasses.dataclass",
    "enum.unique",
    "functools.cache",
    "functools.lru_cache",
    "functools.total_ordering",
    "functools.wraps",
    "typing.final",
    "typing.no_type_check",
    "typing.overload",
    "typing.override",
    "typing.runtime_checkable",
];

/// Those that make a property of a method.
const READ: &[&str] = &["builtins.property", "functools.cached_property"];

/// That one whose functions give what a `with` enters.
const CONTEXT: &[&str] = &["contextlib.contextmanager"];

/// What stands for the classes of which a class of the cell is made where it isn't one.
const TYPED_DICT: &[&str] = &["typing.TypedDict"];
const NAMED_TUPLE: &[&str] = &["typing.NamedTuple"];

/// What decorators make of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Itself,
    Property,
    Context,
    Unknown,
}

/// What an expression stands for that may name something of the library.
struct Named<'t> {
    /// Its path, if the cell imports it; it need not have been imported yet.
    path: Option<String>,
    value: Option<Value<'t>>,
}

/// A method's object and its class.
type Owner<'o, 't> = (&'o Value<'t>, &'t StmtClassDef);

impl<'t> Evaluation<'t> {
    /// A function or a class that is defined here, as its decorators leave it.
    pub(super) fn decorated(
        &self,
        decorators: &'t [Decorator],
        start: TextSize,
        undecorated: Value<'t>,
    ) -> Option<Value<'t>> {
        if decorators.is_empty() {
            return Some(undecorated);
        }
        let there = self.at(self.place()?.before(start));
        let mut innermost_first = decorators.iter().rev();
        innermost_first.try_fold(undecorated, |value, decorator| {
            match there.decorated_by(decorator) {
                Made::Itself | Made::Context => Some(value),
                Made::Property | Made::Unknown => {
                    there.called_as(&decorator.expression, Arguments::NONE)
                }
            }
        })
    }

    /// What all decorators make of a function that is defined here.
    fn made(&self, function: &StmtFunctionDef) -> Made {
        let mut made = Made::Itself;
        if function.decorator_list.is_empty() {
            return made;
        }
        let Some(place) = self.place() else {
            return Made::Unknown;
        };
        let there = self.at(place.before(function.range.start()));
        for decorator in function.decorator_list.iter().rev() {
            made = match (made, there.decorated_by(decorator)) {
                (made, Made::Itself) | (Made::Itself, made) => made,
                _ => Made::Unknown,
            };
        }
        made
    }

    fn decorated_by(&self, decorator: &Decorator) -> Made {
        let named = match &decorator.expression {
            // `@lru_cache(10)`
            Expr::Call(call) => &*call.func,
            named => named,
        };
        let named = self.looked_up(named);
        let mut kinds = [
            (KEEPING, Made::Itself),
            (READ, Made::Property),
            (CONTEXT, Made::Context),
        ]
        .into_iter();
        let found = kinds.find(|(paths, _)| self.is_one_of(&named, paths));
        match found {
            Some((_, made)) => made,
            None if self.passes(&decorator.expression) => Made::Itself,
            None => Made::Unknown,
        }
    }

    /// Whether a decorator of the cell plainly gives what it decorates.
    fn passes(&self, decorator: &Expr) -> bool {
        let Some(_level) = self.deeper() else {
            return false;
        };
        match decorator {
            Expr::Name(name) => match self.binding(name.id.as_str()) {
                Some((Binding::Function(function), place)) => self.at(place).is_passing(function),
                Some((Binding::Value(value), _)) => value.is_lambda_expr() && self.passes(value),
                _ => false,
            },
            Expr::Lambda(lambda) => {
                let parameters = lambda.parameters.as_deref();
                let Expr::Name(given) = &*lambda.body else {
                    return false;
                };
                parameters.and_then(typed::only_parameter) == Some(given.id.as_str())
            }
            // `@register("name")`, whose function makes one.
            Expr::Call(call) => {
                let Expr::Name(name) = &*call.func else {
                    return false;
                };
                let Some((Binding::Function(maker), place)) = self.binding(name.id.as_str()) else {
                    return false;
                };
                let there = self.at(place);
                let inside = there.within(maker, None);
                let made = typed::returned_name(maker)
                    .filter(|name| inside.binds_times(name) == 1)
                    .and_then(|name| inside.binding(name));
                match made {
                    Some((Binding::Function(function), place)) => {
                        there.made(maker) == Made::Itself && inside.at(place).is_passing(function)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether a function that is defined here gives what it is given.
    fn is_passing(&self, function: &'t StmtFunctionDef) -> bool {
        let only = typed::only_parameter(&function.parameters);
        only.is_some_and(|only| {
            typed::returned_name(function) == Some(only)
                && self.made(function) == Made::Itself
                && self.within(function, None).binds_times(only) == 0
        })
    }

    /// How often the scope that this is in binds a name.
    fn binds_times(&self, name: &str) -> usize {
        self.place().map_or(0, |place| place.times_bound(name))
    }

    fn looked_up(&self, expression: &Expr) -> Named<'t> {
        Named {
            path: self.imported(expression),
            value: self.known(expression),
        }
    }

    fn is_one_of(&self, named: &Named<'_>, paths: &[&str]) -> bool {
        match (&named.path, &named.value) {
            (Some(path), _) => paths.contains(&path.as_str()),
            (None, Some(Value::Object(object))) => {
                paths.iter().any(|path| self.is_the(object, path))
            }
            _ => false,
        }
    }

    fn imported(&self, expression: &Expr) -> Option<String> {
        let _level = self.deeper()?;
        match expression {
            Expr::Name(name) => match self.binding(name.id.as_str())? {
                (Binding::Module(path), _) => Some(path.to_owned()),
                (Binding::Member(module, name), _) => Some(format!("{module}.{name}")),
                _ => None,
            },
            Expr::Attribute(attribute) => {
                let owner = self.imported(&attribute.value)?;
                Some(format!("{owner}.{}", attribute.attr))
            }
            _ => None,
        }
    }

    /// What a call gives of a function that is defined at that place.
    pub(super) fn function_called(
        &self,
        function: &'t StmtFunctionDef,
        place: Place<'t>,
        arguments: Arguments<'_>,
    ) -> Option<Value<'t>> {
        let there = self.at(place);
        match there.made(function) {
            Made::Itself => there.given_by(function, None),
            Made::Context => there.context_of(function, None),
            Made::Property | Made::Unknown => {
                let decorated = there.bound(Binding::Function(function))?;
                self.called(decorated, arguments)
            }
        }
    }

    /// What a function gives that is defined here: what it says, or else what it returns.
    fn given_by(
        &self,
        function: &'t StmtFunctionDef,
        owner: Option<Owner<'_, 't>>,
    ) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let given = match &function.returns {
            Some(annotation) => self.said_here(annotation, owner),
            None => {
                let there = self.within(function, owner);
                let returned = typed::returned(function, self.place()?.end());
                let subject = Subject::Result(function);
                there.settled(&subject, &returned, |here, value| here.known(value))
            }
        };
        if function.is_async {
            return Some(self.awaited_later(given?));
        }
        given
    }

    /// What a function gives that makes a context of what it yields.
    fn context_of(
        &self,
        function: &'t StmtFunctionDef,
        owner: Option<Owner<'_, 't>>,
    ) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let yielded = match &function.returns {
            Some(annotation) => {
                let said = self.said_here(annotation, owner);
                said.and_then(|iterator| self.each(&iterator))
            }
            None => {
                let there = self.within(function, owner);
                let yielded = typed::yielded(function, self.place()?.end()).into_iter();
                there.one_of(yielded.map(|value| there.known(value)))
            }
        };
        let class = self.library("contextlib._GeneratorContextManager")?;
        Some(Value::with_parts(
            class.downcast_ref::<PyType>()?,
            [yielded],
        ))
    }

    /// What the annotation of a function's result says.
    fn said_here(&self, annotation: &'t Expr, owner: Option<Owner<'_, 't>>) -> Option<Value<'t>> {
        let receiver = owner.map(|(object, _)| object.clone());
        let there = self.at(self.place()?.later());
        let there = there.elsewhere(there.scope.clone(), receiver);
        there.annotated(annotation)
    }

    /// This evaluation in the body of a function that is defined here.
    fn within(&self, function: &'t StmtFunctionDef, owner: Option<Owner<'_, 't>>) -> Self {
        let scope = match &self.scope {
            Scope::Cell(namespace, Some(place)) => {
                Scope::Cell(namespace, Some(place.function(function)))
            }
            other => other.clone(),
        };
        Self {
            method_of: owner.map(|(_, class)| class),
            ..self.elsewhere(scope, owner.map(|(object, _)| object.clone()))
        }
    }

    /// A class of the cell that is defined here, or in whose body this is, without its decorators.
    pub(super) fn of_class(&self, class: &'t StmtClassDef) -> Option<Value<'t>> {
        let here = self.place()?;
        let place = here.around_class(class).unwrap_or_else(|| here.clone());
        let there = self.at(place.before(class.range.start()));
        let types = &self.vm.ctx.types;
        let mut kind = TypedKind::Plain;
        let mut bases = Vec::new();
        for base in class.arguments.iter().flat_map(|arguments| &arguments.args) {
            let named = there.looked_up(base);
            if self.is_one_of(&named, TYPED_DICT) {
                kind = TypedKind::Dictionary;
                let key = Value::of_class(types.str_type);
                bases.insert(0, Value::with_parts(types.dict_type, [Some(key), None]));
                continue;
            }
            if self.is_one_of(&named, NAMED_TUPLE) {
                bases.push(Value::of_class(types.tuple_type));
                continue;
            }
            match named.value {
                Some(Value::Object(base)) => {
                    let Some(base) = base.downcast_ref::<PyType>() else {
                        continue;
                    };
                    if self.is_of(base, "enum.Enum") {
                        kind = TypedKind::Enumeration;
                    }
                    bases.push(Value::of_class(base));
                }
                Some(Value::Typed(base)) => {
                    if base.kind != TypedKind::Plain {
                        kind = base.kind;
                    }
                    bases.push(Value::Typed(base).instance());
                }
                Some(Value::Unread { .. } | Value::Instance(_)) | None => {}
            }
        }
        bases.push(Value::of_class(types.object_type));
        Some(Value::Typed(TypedClass {
            class,
            place,
            bases: bases.into(),
            kind,
            is_object: false,
        }))
    }

    /// In the body of a class of the cell.
    fn in_class(&self, class: &TypedClass<'t>) -> Self {
        self.at(class.place.class_body(class.class))
    }

    /// What a method of a class of the cell gives.
    pub(super) fn typed_method(
        &self,
        class: &TypedClass<'t>,
        name: &str,
        arguments: Arguments<'_>,
    ) -> Option<Value<'t>> {
        if let Some(dict) = self.as_dictionary(class) {
            return self.method(&dict, name, arguments);
        }
        let owner = Value::Typed(class.clone());
        if let Some(function) = typed::method(class.class, name) {
            let there = self.in_class(class);
            let object = owner.clone().instance();
            let bound = Some((&object, class.class));
            match there.made(function) {
                Made::Itself => return there.given_by(function, bound),
                Made::Context => return there.context_of(function, bound),
                Made::Property => {}
                Made::Unknown => return None,
            }
        } else if name != "__class__"
            && typed::places_set(class.class, name, class.place.end()).is_empty()
        {
            let mut bases = class.bases.iter();
            return bases.find_map(|base| self.method(base, name, arguments));
        }
        self.called(self.attribute(&owner, name)?, arguments)
    }

    /// The class of dictionaries, if that is what a class of the cell makes: the class itself has what it has.
    fn as_dictionary(&self, class: &TypedClass<'t>) -> Option<Value<'t>> {
        let is_one = class.kind == TypedKind::Dictionary;
        is_one.then(|| class.bases.first()?.class_value(self.vm))?
    }

    /// What a dictionary has under a key of which a class of the cell says it.
    pub(super) fn key_said(&self, class: &TypedClass<'t>, key: &PyObject) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let name = key.downcast_ref_if_exact::<PyStr>(self.vm)?.to_str()?;
        let set = typed::places_set(class.class, name, class.place.end()).pop();
        if let Some(set) = set {
            let place = class.place.class_body(class.class).before(set.start);
            return self.at(place).bound(set.binding);
        }
        class.bases.iter().find_map(|base| match base {
            Value::Instance(dict) => self.key_said(dict.keyed_by.as_deref()?, key),
            _ => None,
        })
    }

    /// What an object of a class of the cell has under a name, or the class.
    pub(super) fn typed_attribute(&self, class: &TypedClass<'t>, name: &str) -> Option<Value<'t>> {
        if let Some(dict) = self.as_dictionary(class) {
            return self.attribute(&dict, name);
        }
        let owner = Value::Typed(class.clone()).instance();
        if class.kind == TypedKind::Enumeration && typed::is_member(class.class, name) {
            return Some(owner);
        }
        let owner = (&owner, class.class);
        let there = self.in_class(class);
        if let Some(function) = typed::method(class.class, name) {
            let is_read = class.is_object && there.made(function) == Made::Property;
            let given = is_read.then(|| there.given_by(function, Some(owner)));
            return given.flatten();
        }
        let subject = Subject::Attribute(class.class, name.to_owned());
        if let Some(known) = self.asked(&subject) {
            return known;
        }
        let places = typed::places_set(class.class, name, class.place.end());
        let of_bases = |here: &Self| {
            let mut bases = class.bases.iter();
            bases.find_map(|base| here.attribute(base, name))
        };
        if places.is_empty() {
            return of_bases(self);
        }
        let is_said = |set: &PlaceSet<'t>| matches!(set.binding, Binding::Annotated(_));
        let is_any_said = places.iter().any(is_said);
        let is_set = |set: &PlaceSet<'t>| !matches!(set.binding, Binding::Augmented(_));
        // What is only changed here begins as something else.
        let is_inherited = !places.iter().any(is_set);
        let places = places
            .into_iter()
            .filter(|set| !is_any_said || is_said(set))
            .map(Some);
        let ways: Vec<_> = places.chain(is_inherited.then_some(None)).collect();
        there.settled(&subject, &ways, |here, way| match way {
            Some(set) => here.set_there(set, owner),
            None => of_bases(here)?.read(),
        })
    }

    /// What a place sets an attribute to, in the body of a class where this is, or in a method of it.
    fn set_there(&self, set: &PlaceSet<'t>, owner: Owner<'_, 't>) -> Option<Value<'t>> {
        match set.method {
            Some(method) => self.within(method, Some(owner)).bound(set.binding),
            None => {
                let before = self.place()?.before(set.start);
                self.at(before).bound(set.binding)
            }
        }
    }
}

impl TypedClass<'_> {
    /// The keys that it says of the dictionaries that it makes.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        let mut keys = typed::attributes_of(self.class);
        for base in self.bases.iter() {
            if let Value::Instance(dict) = base
                && let Some(base) = &dict.keyed_by
            {
                keys.extend(base.keys());
            }
        }
        keys
    }
}
