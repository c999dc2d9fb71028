//! What annotations stand for: those of functions, of classes and of the cell that is typed.
//!
//! No code that makes annotations is run. What a function or a class has of them is read from that code
//! ([`super::compiled`]), unless it has them as objects.

use std::rc::Rc;

use ruff_python_ast::{Expr, Operator};
use rustpython_vm::builtins::{
    PyCode, PyDict, PyFunction, PyGenericAlias, PyStr, PyTuple, PyType, PyUnion,
};
use rustpython_vm::bytecode::CodeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, VirtualMachine};

use super::{Evaluation, Scope, Value, compiled};
use crate::lookup;

/// Reading code counts as a step for each so many of its instructions.
const INSTRUCTIONS_PER_STEP: usize = 64;

/// The forms of `typing` that aren't classes.
const FORMS: &str = "Annotated ClassVar Final Literal LiteralString NotRequired Optional ReadOnly Required \
                     Self Union";

/// Annotations by their names, as objects or as texts, and where the names in them are looked up.
type Said<'t> = (Scope<'t>, Vec<(String, PyObjectRef)>);

/// How many parts of a type are looked at: `dict` has two, and a union of many says little.
const PARTS_MAX: usize = 32;

impl<'t> Evaluation<'t> {
    /// Some object of what an annotation names: of `list[int]` a list, of `A | None` an A.
    pub(super) fn annotated(&self, annotation: &Expr) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        match annotation {
            Expr::BinOp(either) if either.op == Operator::BitOr => {
                let both = [&either.left, &either.right].map(|each| self.annotated(each));
                self.first(both)
            }
            Expr::Subscript(generic) => match self.value(&generic.value)? {
                Value::Object(origin) => {
                    let parts: &[Expr] = match &*generic.slice {
                        Expr::Tuple(parts) => &parts.elts,
                        part => std::slice::from_ref(part),
                    };
                    if self.form(&origin) == Some("Literal") {
                        return self.one_of(parts.iter().map(|part| self.known(part)));
                    }
                    let parts = parts.iter().map(|part| self.annotated(part));
                    self.generic(&origin, parts.collect())
                }
                class => matches!(class, Value::Typed(_)).then(|| class.instance()),
            },
            Expr::Name(name) if self.stand_in(name.id.as_str()).is_some() => {
                self.stand_in(name.id.as_str()).cloned()
            }
            named => match self.value(named)? {
                Value::Object(object) => self.meant(&object),
                class => matches!(class, Value::Typed(_)).then(|| class.instance()),
            },
        }
    }

    /// The same of an annotation that is given as source.
    pub(super) fn annotated_source(&self, source: &str) -> Option<Value<'t>> {
        let parsed = super::parse(source)?;
        self.annotated(&parsed)
    }

    /// The same of an annotation that is an object.
    fn meant(&self, annotation: &PyObject) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let vm = self.vm;
        if vm.is_none(annotation) {
            return Some(Value::of_class(vm.ctx.types.none_type));
        }
        if annotation.is(&vm.ctx.ellipsis) {
            return Some(Value::Object(annotation.to_owned()));
        }
        if let Some(source) = annotation.downcast_ref::<PyStr>() {
            return self.annotated_source(source.to_str()?);
        }
        if let Some(class) = annotation.downcast_ref::<PyType>() {
            return Some(Value::of_class(class));
        }
        let all = |parts: &Py<PyTuple>| -> Vec<Option<Value<'t>>> {
            let parts = parts.as_slice().iter().take(PARTS_MAX);
            parts.map(|part| self.meant(part)).collect()
        };
        if let Some(union) = annotation.downcast_ref::<PyUnion>() {
            return self.first(all(union.args()));
        }
        // A class that stands on it may have attributes of its own.
        let alias = annotation.downcast_ref_if_exact::<PyGenericAlias>(vm);
        if alias.is_some() {
            let origin = annotation.get_attr("__origin__", vm).ok()?;
            let parts = annotation.get_attr("__args__", vm).ok()?;
            return self.generic(&origin, all(parts.downcast_ref::<PyTuple>()?));
        }
        match self.form(annotation) {
            Some("Self") => return self.receiver.clone(),
            Some("LiteralString") => return Some(Value::of_class(vm.ctx.types.str_type)),
            _ => {}
        }
        // What else `typing` makes keeps what it is made of for itself.
        let own = |name: &str| lookup::own_attribute(vm, annotation, name);
        if let Some(supertype) = own("__supertype__") {
            return self.meant(&supertype);
        }
        let parts = own("__args__").and_then(|parts| parts.downcast::<PyTuple>().ok());
        let parts = parts.map_or_else(Vec::new, |parts| all(&parts));
        let origin = own("__origin__")?;
        self.generic(&origin, parts)
    }

    /// Some object of a class of which parts are said, `list[int]`, or of a form, `Optional[int]`.
    fn generic(&self, origin: &PyObject, parts: Vec<Option<Value<'t>>>) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        let origin = match lookup::own_attribute(self.vm, origin, "__origin__") {
            Some(inner) if origin.downcast_ref::<PyType>().is_none() => inner,
            _ => origin.to_owned(),
        };
        if origin.is(types.type_type) {
            return match parts.into_iter().next()?? {
                instance @ (Value::Instance(_) | Value::Typed(_)) => instance.class_value(self.vm),
                _ => None,
            };
        }
        if origin.is(types.union_type) {
            return self.first(parts);
        }
        match origin.downcast_ref::<PyType>() {
            Some(class) => Some(Value::with_parts(class, parts)),
            None => self.form(&origin).and_then(|_| self.first(parts)),
        }
    }

    /// The first that is something and isn't None.
    fn first(&self, parts: impl IntoIterator<Item = Option<Value<'t>>>) -> Option<Value<'t>> {
        let none = self.vm.ctx.types.none_type;
        let is_none = |value: &Value<'t>| value.class().is_some_and(|class| class.is(none));
        parts.into_iter().flatten().find(|value| !is_none(value))
    }

    /// Which form of `typing` the object is, if it is one.
    fn form(&self, object: &PyObject) -> Option<&'static str> {
        let typing = lookup::module(self.vm, "typing")?.dict()?;
        let (name, _) = typing.into_iter().find(|(_, known)| known.is(object))?;
        let name = name.downcast_ref_if_exact::<PyStr>(self.vm)?.to_str()?;
        FORMS.split_whitespace().find(|form| *form == name)
    }

    /// What a call of a function gives by its annotation.
    pub(super) fn said_of_result(
        &self,
        function: &PyObject,
        receiver: Option<Value<'t>>,
    ) -> Option<Value<'t>> {
        let given = self.said_of(self.of_function(function)?, "return", receiver)?;
        let code = code_of(self.vm, function)?;
        if code.code.flags.contains(CodeFlags::COROUTINE) {
            return Some(self.awaited_later(given));
        }
        Some(given)
    }

    /// A coroutine that gives the value.
    pub(super) fn awaited_later(&self, value: Value<'t>) -> Value<'t> {
        Value::with_parts(self.vm.ctx.types.coroutine_type, [Some(value)])
    }

    /// What objects of a class have under a name by what the class says: it annotates the name, or
    /// its `__init__` sets it to a parameter that is annotated.
    pub(super) fn said_of_attribute(
        &self,
        class: &Py<PyType>,
        name: &str,
        receiver: &Value<'t>,
    ) -> Option<Value<'t>> {
        let vm = self.vm;
        class.mro_collect().iter().find_map(|class| {
            self.spend(1)?;
            let of_class = self.of_class_itself(class);
            let said = of_class.and_then(|said| self.said_of(said, name, Some(receiver.clone())));
            said.or_else(|| {
                let init = own_init(vm, class)?;
                let code = self.code_to_read(&init)?;
                let mut set = compiled::attributes_set(&code).into_iter();
                let (_, parameter) = set.find(|(known, _)| known == name)?;
                self.said_of(
                    self.of_function(&init)?,
                    &parameter?,
                    Some(receiver.clone()),
                )
            })
        })
    }

    /// What annotations say of a name.
    fn said_of(
        &self,
        (scope, said): Said<'t>,
        name: &str,
        receiver: Option<Value<'t>>,
    ) -> Option<Value<'t>> {
        let (_, annotation) = said.into_iter().find(|(known, _)| known == name)?;
        self.elsewhere(scope, receiver).meant(&annotation)
    }

    fn of_function(&self, function: &PyObject) -> Option<Said<'t>> {
        let vm = self.vm;
        function.downcast_ref::<PyFunction>()?;
        let maker = function.get_attr("__annotate__", vm).ok()?;
        if !vm.is_none(&maker) {
            return self.made_by(&maker);
        }
        // Without code that makes them, they are there.
        let made = function.get_attr("__annotations__", vm).ok()?;
        let said = self.held_in(made.downcast_ref::<PyDict>()?)?;
        Some((scope_of(vm, function)?, said))
    }

    /// The annotations that a function makes, read from its code.
    fn made_by(&self, maker: &PyObject) -> Option<Said<'t>> {
        let code = self.code_to_read(maker)?;
        let said = compiled::annotations(self.vm, &code);
        Some((scope_of(self.vm, maker)?, said))
    }

    fn held_in(&self, made: &Py<PyDict>) -> Option<Vec<(String, PyObjectRef)>> {
        self.look_through(made.__len__())?;
        let said = made.into_iter().filter_map(|(name, annotation)| {
            let name = name.downcast_ref_if_exact::<PyStr>(self.vm)?;
            Some((name.to_str()?.to_owned(), annotation))
        });
        Some(said.collect())
    }

    /// The code of a function that is to be read to its end.
    fn code_to_read(&self, function: &PyObject) -> Option<PyRef<PyCode>> {
        let code = code_of(self.vm, function)?;
        self.spend(code.code.instructions.len() / INSTRUCTIONS_PER_STEP)?;
        Some(code)
    }

    /// What a class itself says, without those that it stands on.
    fn of_class_itself(&self, class: &Py<PyType>) -> Option<Said<'t>> {
        let vm = self.vm;
        let own = |name: &str| class.get_direct_attr(vm.ctx.interned_str(name)?);
        let made = own("__annotations__").and_then(|made| made.downcast::<PyDict>().ok());
        let Some(made) = made else {
            let made = own("__annotate_func__").or_else(|| own("__annotate__"))?;
            return self.made_by(&made);
        };
        let module = own("__module__")?.downcast::<PyStr>().ok()?;
        let scope = Scope::Function {
            globals: lookup::module(vm, module.to_str()?)?.dict()?,
            cells: Rc::from([]),
        };
        Some((scope, self.held_in(&made)?))
    }
}

/// The names of the attributes that objects of a class get besides those of the class, as far as the
/// class says them.
pub(super) fn names_said(vm: &VirtualMachine, class: &Py<PyType>) -> Vec<String> {
    let evaluation = Evaluation::new(vm, Scope::Library(Rc::from([])));
    let mut names = Vec::new();
    for class in class.mro_collect() {
        if let Some((_, annotations)) = evaluation.of_class_itself(&class) {
            names.extend(annotations.into_iter().map(|(name, _)| name));
        }
        if let Some(code) = own_init(vm, &class).and_then(|init| code_of(vm, &init)) {
            let set = compiled::attributes_set(&code).into_iter();
            names.extend(set.map(|(name, _)| name));
        }
    }
    names
}

/// Whether a method always returns its object.
pub(super) fn gives_itself(vm: &VirtualMachine, method: &PyObject) -> bool {
    code_of(vm, method).is_some_and(|code| compiled::gives_first(&code))
}

fn own_init(vm: &VirtualMachine, class: &Py<PyType>) -> Option<PyObjectRef> {
    class.get_direct_attr(vm.ctx.interned_str("__init__")?)
}

/// The code of a function; None of what isn't one.
fn code_of(vm: &VirtualMachine, function: &PyObject) -> Option<PyRef<PyCode>> {
    function.downcast_ref::<PyFunction>()?;
    let code = function.get_attr("__code__", vm).ok()?;
    code.downcast::<PyCode>().ok()
}

/// What the code of a function sees.
fn scope_of<'t>(vm: &VirtualMachine, function: &PyObject) -> Option<Scope<'t>> {
    let code = code_of(vm, function)?;
    let globals = function.get_attr("__globals__", vm).ok()?;
    let cells = function.get_attr("__closure__", vm).ok()?;
    let names = code.code.freevars.iter();
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let cells = cells
        .downcast_ref::<PyTuple>()
        .map_or(&[][..], |cells| cells.as_slice());
    // A cell may be empty yet.
    let named = names.zip(cells).filter_map(|(name, cell)| {
        let content = cell.get_attr("cell_contents", vm).ok()?;
        Some((name, content))
    });
    Some(Scope::Function {
        globals: globals.downcast::<PyDict>().ok()?,
        cells: named.collect(),
    })
}
