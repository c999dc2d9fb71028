//! What each of several targets gets that something is unpacked into: `a, *b = c`, `for k, v in d.items()`.

use std::cmp::Ordering;

use ruff_python_ast::Expr;
use ruff_text_size::Ranged;
use rustpython_vm::AsObject;
use rustpython_vm::builtins::{PyFrozenSet, PySet};

use super::{Evaluation, Value};
use crate::typed;

impl<'t> Evaluation<'t> {
    /// What a single part of a target gets where the whole is unpacked into all of it.
    pub(super) fn part_of_target(
        &self,
        part: &Expr,
        target: &Expr,
        whole: Option<Value<'t>>,
    ) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let (mut target, mut value) = (target, whole);
        while let Some(targets) = typed::elements(target) {
            self.spend(1)?;
            let mut each = targets.iter();
            let index = each.position(|each| each.range().contains_range(part.range()))?;
            let star = targets.iter().position(Expr::is_starred_expr);
            value = self.unpacked(value.as_ref(), targets.len(), star, index);
            target = match &targets[index] {
                Expr::Starred(rest) => &*rest.value,
                single => single,
            };
        }
        value
    }

    /// What the target at this place gets of so many; one of them may take what the others leave.
    fn unpacked(
        &self,
        of: Option<&Value<'t>>,
        count: usize,
        star: Option<usize>,
        index: usize,
    ) -> Option<Value<'t>> {
        let Some(parts) = of.and_then(|of| self.parts_in_order(of)) else {
            let each = of.and_then(|of| self.each(of));
            return match star == Some(index) {
                // Whatever it is of.
                true => Some(Value::with_parts(self.vm.ctx.types.list_type, [each])),
                false => each,
            };
        };
        let Some(star) = star else {
            return parts.get(index)?.clone().filter(|_| parts.len() == count);
        };
        let taken = (parts.len() + 1).checked_sub(count)?;
        match index.cmp(&star) {
            Ordering::Less => parts[index].clone(),
            Ordering::Equal => Some(self.list_of(&parts[star..star + taken])),
            Ordering::Greater => parts[index + taken - 1].clone(),
        }
    }

    /// The parts of something where it is known how many there are, in an order that is known.
    fn parts_in_order(&self, of: &Value<'t>) -> Option<Vec<Option<Value<'t>>>> {
        match of {
            Value::Object(object) => {
                let is_set = object.downcast_ref::<PySet>().is_some()
                    || object.downcast_ref::<PyFrozenSet>().is_some();
                let items = self.few_items(of).filter(|_| !is_set)?.into_iter();
                Some(items.map(|item| Some(Value::Object(item))).collect())
            }
            Value::Instance(instance) if instance.class.is(self.vm.ctx.types.tuple_type) => {
                match &*instance.arguments {
                    [] => None,
                    [_, Some(rest)] if self.is_ellipsis(rest) => None,
                    parts => Some(parts.to_vec()),
                }
            }
            _ => None,
        }
    }

    /// A list of these: a real one if all of them are known.
    fn list_of(&self, parts: &[Option<Value<'t>>]) -> Value<'t> {
        let items = parts.iter().map(|part| match part {
            Some(Value::Object(item)) => Some(item.clone()),
            _ => None,
        });
        match items.collect::<Option<Vec<_>>>() {
            Some(items) => Value::Object(self.vm.ctx.new_list(items).into()),
            None => {
                let all = self.one_of(parts.iter().cloned());
                Value::with_parts(self.vm.ctx.types.list_type, [all])
            }
        }
    }
}
