//! What literals and displays are: texts, numbers, lists with what is in them.

use ruff_python_ast::{Expr, ExprDict, Number};
use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, PyObjectRef};

use super::{Evaluation, Value, is_plain_key};

/// Of longer displays the first parts tell what all are.
const PARTS_MAX: usize = 100;

/// Whether a literal is true.
pub(super) fn truth(literal: &Expr) -> Option<bool> {
    match literal {
        Expr::BooleanLiteral(truth) => Some(truth.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(int) => Some(int.as_i64() != Some(0)),
            _ => None,
        },
        _ => None,
    }
}

impl<'t> Evaluation<'t> {
    pub(super) fn literal(&self, expression: &Expr) -> Option<Value<'t>> {
        let ctx = &self.vm.ctx;
        let types = &ctx.types;
        Some(match expression {
            Expr::StringLiteral(text) => Value::Object(ctx.new_str(text.value.to_str()).into()),
            Expr::FString(_) => Value::of_class(types.str_type),
            Expr::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.bytes().collect();
                Value::Object(ctx.new_bytes(bytes).into())
            }
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(int) => Value::Object(ctx.new_int(int.as_i64()?).into()),
                Number::Float(float) => Value::Object(ctx.new_float(*float).into()),
                Number::Complex { .. } => Value::of_class(types.complex_type),
            },
            Expr::BooleanLiteral(truth) => Value::Object(ctx.new_bool(truth.value).into()),
            Expr::NoneLiteral(_) => Value::Object(ctx.none()),
            Expr::EllipsisLiteral(_) => Value::Object(ctx.ellipsis.clone().into()),
            Expr::Lambda(_) => Value::of_class(types.function_type),
            Expr::List(list) => match self.all(&list.elts) {
                Some(items) => Value::Object(ctx.new_list(items).into()),
                None => self.display(types.list_type, &list.elts),
            },
            Expr::Tuple(tuple) => match self.all(&tuple.elts) {
                Some(items) => Value::Object(ctx.new_tuple(items).into()),
                None => self.tuple_display(&tuple.elts),
            },
            Expr::Set(set) => self.display(types.set_type, &set.elts),
            Expr::Dict(dict) => self.dictionary(dict),
            Expr::ListComp(_) => Value::of_class(types.list_type),
            Expr::DictComp(_) => Value::of_class(types.dict_type),
            Expr::SetComp(_) => Value::of_class(types.set_type),
            _ => return None,
        })
    }

    /// A list or a set of which it is known what holds of all parts.
    fn display(&self, class: &Py<PyType>, parts: &[Expr]) -> Value<'t> {
        let parts = parts.iter().take(PARTS_MAX);
        let all = self.one_of(parts.map(|part| self.known(part)));
        Value::with_parts(class, [all])
    }

    fn tuple_display(&self, parts: &[Expr]) -> Value<'t> {
        let class = self.vm.ctx.types.tuple_type;
        if parts.len() > PARTS_MAX || parts.iter().any(Expr::is_starred_expr) {
            return Value::of_class(class);
        }
        Value::with_parts(class, parts.iter().map(|part| self.known(part)))
    }

    fn dictionary(&self, display: &ExprDict) -> Value<'t> {
        let items = display.items.iter().take(PARTS_MAX);
        let items = items.map(|item| {
            // What another dictionary holds that is put in isn't looked at.
            let key = item.key.as_ref();
            let value = key.and_then(|_| self.known(&item.value));
            (key.and_then(|key| self.known(key)), value)
        });
        let is_whole = display.items.len() <= PARTS_MAX;
        self.dictionary_of(items.collect(), is_whole)
    }

    /// A dictionary of these items: a real one if all of them are known.
    pub(super) fn dictionary_of(
        &self,
        items: Vec<(Option<Value<'t>>, Option<Value<'t>>)>,
        is_whole: bool,
    ) -> Value<'t> {
        let vm = self.vm;
        let dict = vm.ctx.new_dict();
        let put = |(key, value): &(Option<Value<'t>>, Option<Value<'t>>)| match (key, value) {
            (Some(Value::Object(key)), Some(Value::Object(value))) if is_plain_key(vm, key) => {
                dict.set_item(&**key, value.clone(), vm).is_ok()
            }
            _ => false,
        };
        if is_whole && items.iter().all(put) {
            return Value::Object(dict.into());
        }
        let (keys, values): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let class = vm.ctx.types.dict_type;
        Value::with_parts(class, [self.one_of(keys), self.one_of(values)])
    }

    fn all(&self, expressions: &[Expr]) -> Option<Vec<PyObjectRef>> {
        if expressions.len() > PARTS_MAX {
            return None;
        }
        expressions.iter().map(|each| self.object(each)).collect()
    }
}
