//! Finds the value of an expression as far as that needs no Python code to run: names, attributes,
//! items of Python's own containers, literals.
//!
//! For completion and introspection. A property is found and not read; what calling a class gives
//! is known by its class alone. `lookup` finds single names and attributes, `typed` those of a cell that
//! hasn't run yet.

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, Number, Operator, Stmt, StmtClassDef, UnaryOp};
use rustpython_vm::builtins::{PyDict, PyInt, PyList, PyStr, PyStrRef, PyTuple, PyType, PyTypeRef};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::lookup::{self, Found};
use crate::namespace::Namespace;
use crate::typed::{self, Binding, Typed};

/// Expressions inside of expressions that are followed.
const DEPTH_MAX: usize = 64;
/// An expression longer than this is not looked at: nobody typed it.
const SOURCE_BYTES_MAX: usize = 4096;

/// What is known of an expression.
pub(crate) enum Value {
    Object(PyObjectRef),
    /// A descriptor that would have to run to give its value: a property.
    Unread(PyObjectRef),
    /// Some object of this class.
    Instance(PyTypeRef),
    /// A class of the cell that is typed, or an object of it: the names that its text gives, and the class
    /// that it stands on.
    Typed {
        names: BTreeSet<String>,
        base: PyTypeRef,
    },
}

/// Finds what the source stands for; `None` if that can't be told without running code.
pub(crate) fn evaluate(vm: &VirtualMachine, namespace: &Namespace, source: &str) -> Option<Value> {
    evaluate_in(vm, namespace, source, None)
}

/// The same in a cell of which so much has been typed.
pub(crate) fn evaluate_in(
    vm: &VirtualMachine,
    namespace: &Namespace,
    source: &str,
    typed: Option<&Typed>,
) -> Option<Value> {
    if source.len() > SOURCE_BYTES_MAX {
        return None;
    }
    let parsed = ruff_python_parser::parse_expression(source).ok()?;
    let evaluation = Evaluation {
        vm,
        namespace,
        typed,
    };
    evaluation.value(&parsed.syntax().body, DEPTH_MAX)
}

struct Evaluation<'a> {
    vm: &'a VirtualMachine,
    namespace: &'a Namespace,
    typed: Option<&'a Typed>,
}

impl Evaluation<'_> {
    fn value(&self, expression: &Expr, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match expression {
            Expr::Name(name) => {
                let name = name.id.as_str();
                let bound = self.typed.and_then(|typed| typed.binding(name));
                let bound = bound.and_then(|binding| self.bound(binding, depth));
                bound.or_else(|| lookup::name(self.vm, self.namespace, name).map(Value::Object))
            }
            Expr::Attribute(attribute) => {
                let owner = self.value(&attribute.value, depth)?;
                self.attribute(owner, attribute.attr.as_str())
            }
            Expr::Subscript(subscript) => {
                let Value::Object(owner) = self.value(&subscript.value, depth)? else {
                    return None;
                };
                let Value::Object(key) = self.value(&subscript.slice, depth)? else {
                    return None;
                };
                self.item(&owner, &key).map(Value::Object)
            }
            Expr::Call(call) => self.call(&call.func, depth),
            _ => self.literal(expression, depth),
        }
    }

    /// What a name of the cell stands for that was bound there.
    fn bound(&self, binding: Binding<'_>, depth: usize) -> Option<Value> {
        let vm = self.vm;
        Some(match binding {
            Binding::Value(value) => self.value(value, depth)?,
            Binding::Item(of) => self.some_item(self.value(of, depth)?)?,
            Binding::Annotated(annotation) => self.annotated(annotation, depth)?,
            // Most give themselves.
            Binding::Entered(context) => self.value(context, depth)?,
            Binding::Module(path) => Value::Object(self.module(path)?),
            Binding::Member(path, name) => {
                let module = self.module(path)?;
                let member = self.attribute(Value::Object(module), name);
                let submodule = || self.module(&format!("{path}.{name}")).map(Value::Object);
                member.or_else(submodule)?
            }
            Binding::Function(_) => Value::Instance(vm.ctx.types.function_type.to_owned()),
            Binding::Class(class) | Binding::Instance(class) => self.of_class(class, depth),
        })
    }

    /// A module that is there: looking runs no import.
    fn module(&self, path: &str) -> Option<PyObjectRef> {
        let modules = self.vm.sys_module.get_attr("modules", self.vm).ok()?;
        let modules = modules.downcast_ref::<PyDict>()?;
        modules.get_item_opt(path, self.vm).ok()?
    }

    /// What stepping through something gives.
    fn some_item(&self, of: Value) -> Option<Value> {
        let types = &self.vm.ctx.types;
        let class = match &of {
            Value::Object(object) => {
                if let Some(list) = object.downcast_ref_if_exact::<PyList>(self.vm) {
                    return list.borrow_vec().first().cloned().map(Value::Object);
                }
                if let Some(tuple) = object.downcast_ref_if_exact::<PyTuple>(self.vm) {
                    return tuple.as_slice().first().cloned().map(Value::Object);
                }
                if let Some(dict) = object.downcast_ref_if_exact::<PyDict>(self.vm) {
                    return dict.keys_vec().into_iter().next().map(Value::Object);
                }
                object.class()
            }
            Value::Instance(class) => class,
            Value::Unread(_) | Value::Typed { .. } => return None,
        };
        let of_items = [
            (types.range_type, types.int_type),
            (types.str_type, types.str_type),
            (types.bytes_type, types.int_type),
            (types.enumerate_type, types.tuple_type),
            (types.zip_type, types.tuple_type),
        ];
        let found = of_items.into_iter().find(|(known, _)| class.is(*known));
        found.map(|(_, item)| Value::Instance(item.to_owned()))
    }

    /// Some object of what an annotation names: of `list[int]` a list, of `A | None` an A.
    fn annotated(&self, annotation: &Expr, depth: usize) -> Option<Value> {
        match annotation {
            Expr::Subscript(subscript) => self.annotated(&subscript.value, depth),
            Expr::BinOp(operation) if operation.op == Operator::BitOr => {
                self.annotated(&operation.left, depth)
            }
            class => match self.value(class, depth)? {
                Value::Object(class) => self.made_by(class).map(Value::Instance),
                typed @ Value::Typed { .. } => Some(typed),
                Value::Unread(_) | Value::Instance(_) => None,
            },
        }
    }

    fn of_class(&self, class: &StmtClassDef, depth: usize) -> Value {
        let mut names = typed::attributes_of(class);
        let bases = class.arguments.iter().flat_map(|arguments| &arguments.args);
        let mut base = self.vm.ctx.types.object_type.to_owned();
        for each in bases {
            match self.value(each, depth) {
                Some(Value::Object(found)) => {
                    base = found.downcast::<PyType>().unwrap_or(base);
                }
                Some(Value::Typed { names: others, .. }) => names.extend(others),
                _ => {}
            }
        }
        Value::Typed { names, base }
    }

    /// What a call of the expression gives.
    fn call(&self, called: &Expr, depth: usize) -> Option<Value> {
        if let Expr::Name(name) = called
            && let Some(Binding::Function(function)) =
                self.typed.and_then(|typed| typed.binding(name.id.as_str()))
        {
            return self.value(typed::returned(function)?, depth);
        }
        let called = match called {
            Expr::Attribute(method) => {
                let owner = self.value(&method.value, depth)?;
                let name = method.attr.as_str();
                if let Some(class) = self.given_by_method(&owner, name) {
                    return Some(Value::Instance(class));
                }
                self.attribute(owner, name)?
            }
            called => self.value(called, depth)?,
        };
        match called {
            Value::Object(called) => self.made_by(called).map(Value::Instance),
            typed @ Value::Typed { .. } => Some(typed),
            Value::Unread(_) | Value::Instance(_) => None,
        }
    }

    /// The class of what a method gives, of one of Python's own types.
    fn given_by_method(&self, owner: &Value, name: &str) -> Option<PyTypeRef> {
        let types = &self.vm.ctx.types;
        let class = match owner {
            Value::Object(owner) => owner.class(),
            Value::Instance(class) => &**class,
            Value::Unread(_) | Value::Typed { .. } => return None,
        };
        let is_text = class.is(types.str_type);
        let given = match name {
            "encode" if is_text => types.bytes_type,
            "casefold" | "format" | "format_map" if is_text => types.str_type,
            _ if !is_text && !class.is(types.bytes_type) => return None,
            "decode" if !is_text => types.str_type,
            "split" | "rsplit" | "splitlines" => types.list_type,
            "partition" | "rpartition" => types.tuple_type,
            "capitalize" | "center" | "expandtabs" | "join" | "ljust" | "lower" | "lstrip"
            | "removeprefix" | "removesuffix" | "replace" | "rjust" | "rstrip" | "strip"
            | "swapcase" | "title" | "translate" | "upper" | "zfill" => {
                if is_text {
                    types.str_type
                } else {
                    types.bytes_type
                }
            }
            _ => return None,
        };
        Some(given.to_owned())
    }

    fn attribute(&self, owner: Value, name: &str) -> Option<Value> {
        let found = match owner {
            Value::Object(owner) => lookup::attribute(self.vm, &owner, name)?,
            Value::Unread(_) | Value::Typed { .. } => return None,
            Value::Instance(class) => {
                let held = lookup::class_attribute(self.vm, &class, name)?;
                match lookup::has_get(self.vm, &held) {
                    true => Found::Unread(held),
                    false => Found::Object(held),
                }
            }
        };
        Some(match found {
            Found::Object(object) => Value::Object(object),
            Found::Unread(descriptor) => Value::Unread(descriptor),
        })
    }

    /// The item of one of Python's own containers.
    fn item(&self, owner: &PyObject, key: &PyObject) -> Option<PyObjectRef> {
        let vm = self.vm;
        let types = &vm.ctx.types;
        let class = owner.class();
        let index = |length: usize| {
            let index = key.downcast_ref_if_exact::<PyInt>(vm)?;
            let index = index.try_to_primitive::<i64>(vm).ok()?;
            let from_end = i64::try_from(length).ok()?;
            let index = if index < 0 { index + from_end } else { index };
            usize::try_from(index).ok()
        };
        if class.is(types.list_type) {
            let items = owner.downcast_ref::<PyList>()?.borrow_vec();
            return items.get(index(items.len())?).cloned();
        }
        if class.is(types.tuple_type) {
            let items = owner.downcast_ref::<PyTuple>()?.as_slice();
            return items.get(index(items.len())?).cloned();
        }
        // Found by looking through: keys of Python's own compare without running code, but what the
        // dictionary would compare them with need not.
        let dict = owner.downcast_ref::<PyDict>()?;
        // A class of the user's may look its items up in a way of its own.
        let standard = lookup::class_attribute(vm, types.dict_type, "__getitem__")?;
        let own = lookup::class_attribute(vm, class, "__getitem__")?;
        if !is_plain_key(vm, key) || !own.is(&standard) {
            return None;
        }
        let mut items = dict.items_vec().into_iter();
        let found = items.find(|(known, _)| {
            known.class().is(key.class()) && vm.bool_eq(known, key).unwrap_or(false)
        });
        found.map(|(_, value)| value)
    }

    /// The class of what a call gives: of the classes that are called, the ordinary ones.
    fn made_by(&self, called: PyObjectRef) -> Option<PyTypeRef> {
        let class = called.downcast::<PyType>().ok()?;
        // `type(x)` gives no instance to know of, and a metaclass may give anything.
        let is_ordinary = class.class().is(self.vm.ctx.types.type_type);
        (is_ordinary && !class.is(self.vm.ctx.types.type_type)).then_some(class)
    }

    fn literal(&self, expression: &Expr, depth: usize) -> Option<Value> {
        let ctx = &self.vm.ctx;
        let object: PyObjectRef = match expression {
            Expr::StringLiteral(text) => ctx.new_str(text.value.to_str()).into(),
            Expr::FString(_) => return Some(Value::Instance(ctx.types.str_type.to_owned())),
            Expr::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.bytes().collect();
                PyObjectRef::from(ctx.new_bytes(bytes))
            }
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(int) => ctx.new_int(int.as_i64()?).into(),
                Number::Float(float) => ctx.new_float(*float).into(),
                Number::Complex { .. } => {
                    return Some(Value::Instance(ctx.types.complex_type.to_owned()));
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
                None => return Some(Value::Instance(ctx.types.list_type.to_owned())),
            },
            Expr::Tuple(tuple) => match self.all(&tuple.elts, depth) {
                Some(items) => ctx.new_tuple(items).into(),
                None => return Some(Value::Instance(ctx.types.tuple_type.to_owned())),
            },
            Expr::ListComp(_) => return Some(Value::Instance(ctx.types.list_type.to_owned())),
            Expr::Dict(_) | Expr::DictComp(_) => {
                return Some(Value::Instance(ctx.types.dict_type.to_owned()));
            }
            Expr::Set(_) | Expr::SetComp(_) => {
                return Some(Value::Instance(ctx.types.set_type.to_owned()));
            }
            _ => return None,
        };
        Some(Value::Object(object))
    }

    fn all(&self, expressions: &[Expr], depth: usize) -> Option<Vec<PyObjectRef>> {
        let object = |expression| match self.value(expression, depth)? {
            Value::Object(object) => Some(object),
            _ => None,
        };
        expressions.iter().map(object).collect()
    }
}

/// Where the expression begins that the text ends with: `a.b[0]`, `f(x)`, `"abc"`.
pub(crate) fn trailing_expression_start(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = bytes.len();
    loop {
        let before = at;
        match at.checked_sub(1).map(|index| bytes[index]) {
            Some(b')' | b']' | b'}') => match opening_bracket(bytes, at) {
                // What stands before a bracket belongs to it; before a brace, nothing does.
                Some(open) => {
                    let is_brace = bytes[at - 1] == b'}';
                    at = open;
                    if is_brace {
                        return at;
                    }
                    // `x = [1]`: a bracket behind a space begins the expression.
                    if !text[..at].ends_with(is_part_end) {
                        return at;
                    }
                }
                None => return before,
            },
            Some(quote @ (b'"' | b'\'')) => {
                return opening_quote(bytes, at, quote).unwrap_or(before);
            }
            Some(_) => {
                let name = text[..at].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
                at = name.len();
                if at == before && !name.ends_with('.') {
                    return at;
                }
                if !name.ends_with('.') {
                    return at;
                }
                at -= 1;
            }
            None => return 0,
        }
        if at == before {
            return at;
        }
    }
}

fn is_part_end(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '"' | '\'')
}

/// Where the bracket opens that closes right before `end`. Strings inside are passed over.
fn opening_bracket(bytes: &[u8], end: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = end;
    while at > 0 {
        at -= 1;
        match bytes[at] {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            quote @ (b'"' | b'\'') => at = opening_quote(bytes, at + 1, quote)?,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// Where the string opens that closes right before `end`, on the same line.
fn opening_quote(bytes: &[u8], end: usize, quote: u8) -> Option<usize> {
    let mut at = end.checked_sub(1)?;
    while at > 0 {
        at -= 1;
        if bytes[at] == b'\n' {
            return None;
        }
        if bytes[at] == quote && bytes.get(at.wrapping_sub(1)) != Some(&b'\\') {
            return Some(at);
        }
    }
    None
}

/// The parameters that can be given by name in a call of the object.
pub(crate) fn keyword_parameters(vm: &VirtualMachine, called: &PyObject) -> Vec<String> {
    parameters(vm, called, 4).unwrap_or_default()
}

fn parameters(vm: &VirtualMachine, called: &PyObject, depth: usize) -> Option<Vec<String>> {
    use rustpython_vm::builtins::{PyBoundMethod, PyCode, PyFunction};

    let depth = depth.checked_sub(1)?;
    if let Some(wrapped) = called
        .dict()
        .and_then(|dict| dict.get_item_opt("__wrapped__", vm).ok().flatten())
    {
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
        let mut names = parameters(vm, &function, depth)?;
        if !names.is_empty() {
            names.remove(0);
        }
        return Some(names);
    }
    if let Some(class) = called.downcast_ref::<PyType>() {
        for method in ["__init__", "__new__"] {
            let found = lookup::class_attribute(vm, class, method)?;
            if found.downcast_ref::<PyFunction>().is_some() {
                let mut names = parameters(vm, &found, depth)?;
                if !names.is_empty() {
                    names.remove(0);
                }
                return Some(names);
            }
        }
    }
    native_parameters(vm, called)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_expression_of_a_text_is_found() {
        for (text, expected) in [
            ("x", "x"),
            ("print(a.b", "a.b"),
            ("x = a[0]", "a[0]"),
            ("y + f(x)['k'].z", "f(x)['k'].z"),
            ("x = [1, 2]", "[1, 2]"),
            ("f({'a': ')'})", "f({'a': ')'})"),
            ("x = {'a': 1}", "{'a': 1}"),
            ("x = 'a b'", "'a b'"),
            ("a.b[c['d'][0]]", "a.b[c['d'][0]]"),
            ("(x)", "(x)"),
            ("é.ü", "é.ü"),
            ("1 + ", ""),
            (")", ""),
            ("a)", ""),
            ("", ""),
        ] {
            let start = trailing_expression_start(text);
            assert_eq!(&text[start..], expected, "{text}");
        }
    }
}
