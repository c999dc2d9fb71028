//! What operators give, by the kinds of both sides.
//!
//! Either side may answer an operator, so it takes both to tell: of Python's own kinds by the table, of the
//! user's by what they say. A side of which nothing is known is taken for one that the other is usually
//! used with, if that makes no difference. What it takes is in the table of [`super::known`].

use ruff_python_ast::{
    CmpOp, Expr, ExprBinOp, ExprCompare, ExprUnaryOp, Operator, StmtAugAssign, UnaryOp,
};
use rustpython_vm::builtins::{PyFunction, PyType, PyTypeRef};
use rustpython_vm::{AsObject, Py};

use super::calls::Arguments;
use super::given::Called;
use super::known::{METHODS, reflected, rows_about};
use super::{Evaluation, Value, annotations};
use crate::typed::{self, Binding};

/// What a method gives that changes its object.
enum Changed<'t> {
    Itself,
    Other(Option<Value<'t>>),
}

/// Whether these are some objects of one class, and no more is known of them.
fn are_plainly_alike(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Instance(one), Value::Instance(other)) => {
            one.class.is(&other.class) && one.arguments.is_empty() && other.arguments.is_empty()
        }
        _ => false,
    }
}

impl<'t> Evaluation<'t> {
    pub(super) fn operated(&self, operation: &ExprBinOp) -> Option<Value<'t>> {
        let left = self.known(&operation.left)?;
        let right = self.known(&operation.right);
        self.combined(&left, operation.op.dunder(), right.as_ref())
    }

    /// What an operator gives, which is called by its method.
    pub(super) fn combined(
        &self,
        left: &Value<'t>,
        method: &str,
        right: Option<&Value<'t>>,
    ) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let reflected = reflected(method);
        if let Value::Typed(class) = left {
            if typed::method(class.class, method).is_some() {
                return self.method(left, method, Arguments::NONE);
            }
            let mut bases = class.bases.iter();
            return bases.find_map(|base| self.combined(base, method, right));
        }
        let class = left.class()?;
        let right_class = right.and_then(Value::class);
        let is_over = |right: &Py<PyType>| {
            let is_more = !right.is(class) && right.fast_issubclass(class);
            is_more && !self.have_same(right, class, &reflected)
        };
        if right_class.is_some_and(is_over) {
            // A class that stands on the left one is asked first.
            return self.said_by(right?, &reflected);
        }
        if let Some(said) = self.said_by(left, method) {
            return Some(said);
        }
        let called = |receiver, right| Called {
            right,
            ..Called::of(receiver, Arguments::NONE)
        };
        let rows = self.rows_of(METHODS, class, method);
        // Python's own know what they can't do, and leave it to the other side.
        let leaves = !rows.is_empty()
            || self.is_native(class, method)
            || self.is_of_object(Some(class), method);
        let rows = rows.iter().filter(|row| self.takes(row, right, &reflected));
        let by_left = called(Some(left), right);
        let mut given: Vec<_> = rows.map(|row| self.made_of(row.gives, &by_left)).collect();
        if given.is_empty() || right.is_none() {
            let rows: Vec<_> = match right {
                None => rows_about(METHODS, &reflected).collect(),
                Some(_) => right_class
                    .map_or_else(Vec::new, |class| self.rows_of(METHODS, class, &reflected)),
            };
            let rows = rows
                .iter()
                .filter(|row| self.takes(row, Some(left), method));
            let by_right = called(right, Some(left));
            given.extend(rows.map(|row| self.made_of(row.gives, &by_right)));
        }
        if !given.is_empty() {
            return self.one_of(given);
        }
        leaves.then(|| self.said_by(right?, &reflected))?
    }

    /// What a name or an attribute has behind `x += …`.
    pub(super) fn augmented(&self, last: &'t StmtAugAssign) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let Expr::Name(name) = &*last.target else {
            let left = self.known(&last.target)?;
            let right = self.known(&last.value);
            return self.combined_in_place(left, last.op, right.as_ref());
        };
        // Those in a row aren't one in the other: there may be hundreds.
        let mut row = vec![(last, self.place()?.clone())];
        while let Some((Binding::Augmented(earlier), place)) = row.last()?.1.find(name.id.as_str())
        {
            self.spend(1)?;
            row.push((earlier, place));
        }
        let (_, begin) = row.last()?;
        let mut value = self.at(begin.clone()).known(&last.target)?;
        let mut kept: Option<(Operator, PyTypeRef)> = None;
        for (assignment, place) in row.into_iter().rev() {
            self.spend(1)?;
            let right = self.at(place).known(&assignment.value);
            let class = right.as_ref().and_then(Value::class);
            // What has left the kind as it is does so again.
            if let (Some((op, known)), Some(class)) = (&kept, class)
                && *op == assignment.op
                && known.is(class)
            {
                continue;
            }
            let class = class.map(|class| class.to_owned());
            let after = self.combined_in_place(value.clone(), assignment.op, right.as_ref())?;
            let is_kept = assignment.op != Operator::Pow && are_plainly_alike(&value, &after);
            kept = class
                .filter(|_| is_kept)
                .map(|class| (assignment.op, class));
            value = after;
        }
        Some(value)
    }

    /// What an operator gives that changes its left side if it can be changed.
    fn combined_in_place(
        &self,
        left: Value<'t>,
        op: Operator,
        right: Option<&Value<'t>>,
    ) -> Option<Value<'t>> {
        match self.changed(&left, op.in_place_dunder()) {
            Some(Changed::Itself) => Some(left),
            Some(Changed::Other(given)) => given,
            None => self.combined(&left, op.dunder(), right),
        }
    }

    /// What a method gives of something that changes it; None of what hasn't got it.
    fn changed(&self, value: &Value<'t>, method: &str) -> Option<Changed<'t>> {
        let given = || Changed::Other(self.method(value, method, Arguments::NONE));
        match value {
            Value::Typed(class) => match typed::method(class.class, method) {
                Some(_) => Some(given()),
                None => {
                    let mut bases = class.bases.iter();
                    bases.find_map(|base| self.changed(base, method))
                }
            },
            // A class has what its own class has.
            Value::Object(object) if object.downcast_ref::<PyType>().is_some() => None,
            _ => {
                let (class, held) = self.held(value, method)?;
                let gives_itself =
                    self.is_native(&class, method) || annotations::gives_itself(self.vm, &held);
                Some(match gives_itself {
                    true => Changed::Itself,
                    false => given(),
                })
            }
        }
    }

    /// What a method gives by what its function says.
    fn said_by(&self, owner: &Value<'t>, method: &str) -> Option<Value<'t>> {
        if let Value::Typed(_) = owner {
            return self.method(owner, method, Arguments::NONE);
        }
        let (_, held) = self.held(owner, method)?;
        held.downcast_ref::<PyFunction>()?;
        self.said_of_result(&held, Some(owner.clone()))
    }

    /// What an operator with one side gives.
    pub(super) fn signed(&self, operation: &ExprUnaryOp) -> Option<Value<'t>> {
        let method = match operation.op {
            UnaryOp::Not => return Some(Value::of_class(self.vm.ctx.types.bool_type)),
            UnaryOp::Invert => "__invert__",
            UnaryOp::UAdd => "__pos__",
            UnaryOp::USub => "__neg__",
        };
        let operand = self.known(&operation.operand)?;
        if let Value::Object(number) = &operand
            && operation.op == UnaryOp::USub
            && let Some(number) = self.whole_number(number)
        {
            let negative = self.vm.ctx.new_int(number.checked_neg()?);
            return Some(Value::Object(negative.into()));
        }
        self.method(&operand, method, Arguments::NONE)
    }

    /// What a comparison gives: of Python's own kinds, whether it holds.
    pub(super) fn compared(&self, comparison: &ExprCompare) -> Option<Value<'t>> {
        let always = [CmpOp::Is, CmpOp::IsNot, CmpOp::In, CmpOp::NotIn];
        let is_native = |side: &Expr| {
            let side = self.known(side);
            let class = side.as_ref().and_then(Value::class);
            class.is_some_and(|class| class.heaptype_ext().is_none())
        };
        let is_told = comparison.ops.iter().all(|op| always.contains(op))
            || (is_native(&comparison.left) && comparison.comparators.iter().all(is_native));
        is_told.then(|| Value::of_class(self.vm.ctx.types.bool_type))
    }
}
