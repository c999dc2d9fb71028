//! What operators give, by the kinds of both sides.
//!
//! Either side may answer an operator, so it takes both to tell: of Python's own kinds by the table, of the
//! user's by what they say. A side of which nothing is known is taken for one that the other is usually
//! used with, if that makes no difference.

use ruff_python_ast::{CmpOp, Expr, ExprBinOp, ExprCompare, ExprUnaryOp, Operator, UnaryOp};
use rustpython_vm::builtins::{PyFunction, PyType};
use rustpython_vm::{AsObject, Py};

use super::calls::Arguments;
use super::given::Called;
use super::known::has_word;
use super::{Evaluation, Value};
use crate::typed;

/// The left sides, the operators, the right sides, and what these give.
type Row = (&'static str, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("bool", "__and__ __or__ __xor__", "bool", "bool"),
    (
        "int",
        "__add__ __sub__ __mul__ __floordiv__ __mod__ __lshift__ __rshift__ __and__ __or__ __xor__",
        "int",
        "int",
    ),
    ("int", "__truediv__", "int", "float"),
    (
        "int",
        "__add__ __sub__ __mul__ __truediv__ __floordiv__ __mod__",
        "float",
        "float",
    ),
    (
        "float",
        "__add__ __sub__ __mul__ __truediv__ __floordiv__ __mod__",
        "int float",
        "float",
    ),
    ("float", "__pow__", "int", "float"),
    (
        "int float complex",
        "__add__ __sub__ __mul__ __truediv__",
        "complex",
        "complex",
    ),
    (
        "complex",
        "__add__ __sub__ __mul__ __truediv__ __pow__",
        "int float",
        "complex",
    ),
    ("str", "__add__", "str", "str"),
    ("str", "__mul__", "int", "str"),
    ("int", "__mul__", "str", "str"),
    ("str", "__mod__", "", "str"),
    ("bytes", "__add__", "bytes bytearray", "bytes"),
    ("bytes", "__mul__", "int", "bytes"),
    ("int", "__mul__", "bytes", "bytes"),
    ("bytes", "__mod__", "", "bytes"),
    ("list", "__add__", "list", "list[Either]"),
    ("list", "__mul__", "int", "list[Item]"),
    ("int", "__mul__", "list", "list[Each]"),
    ("tuple", "__add__", "tuple", "tuple[Either, ...]"),
    ("tuple", "__mul__", "int", "tuple[Item, ...]"),
    ("int", "__mul__", "tuple", "tuple[Each, ...]"),
    ("dict", "__or__", "dict", "dict[Either, Mapped]"),
    ("set", "__and__ __sub__", "set frozenset", "set[Item]"),
    ("set", "__or__ __xor__", "set frozenset", "set[Either]"),
    (
        "frozenset",
        "__and__ __sub__",
        "set frozenset",
        "frozenset[Item]",
    ),
    (
        "frozenset",
        "__or__ __xor__",
        "set frozenset",
        "frozenset[Either]",
    ),
    (
        "collections.Counter",
        "__add__ __sub__ __and__ __or__",
        "collections.Counter",
        "Self",
    ),
    (
        "collections.deque",
        "__add__",
        "collections.deque",
        "collections.deque[Either]",
    ),
    (
        "pathlib.PurePath",
        "__truediv__",
        "str pathlib.PurePath",
        "Self",
    ),
    ("str", "__truediv__", "pathlib.PurePath", "Given"),
    (
        "datetime.date datetime.datetime",
        "__add__ __sub__",
        "datetime.timedelta",
        "Self",
    ),
    (
        "datetime.timedelta",
        "__add__",
        "datetime.date datetime.datetime",
        "Given",
    ),
    (
        "datetime.date",
        "__sub__",
        "datetime.date",
        "datetime.timedelta",
    ),
    (
        "datetime.datetime",
        "__sub__",
        "datetime.datetime",
        "datetime.timedelta",
    ),
    (
        "datetime.timedelta",
        "__add__ __sub__ __mod__",
        "datetime.timedelta",
        "datetime.timedelta",
    ),
    (
        "datetime.timedelta",
        "__mul__ __truediv__",
        "int float",
        "datetime.timedelta",
    ),
    (
        "int float",
        "__mul__",
        "datetime.timedelta",
        "datetime.timedelta",
    ),
    (
        "datetime.timedelta",
        "__floordiv__",
        "int",
        "datetime.timedelta",
    ),
    (
        "datetime.timedelta",
        "__truediv__",
        "datetime.timedelta",
        "float",
    ),
    (
        "datetime.timedelta",
        "__floordiv__",
        "datetime.timedelta",
        "int",
    ),
];

impl<'t> Evaluation<'t> {
    pub(super) fn operated(&self, operation: &ExprBinOp, depth: usize) -> Option<Value<'t>> {
        let left = self.known(&operation.left, depth)?;
        let right = self.known(&operation.right, depth);
        self.combined(&left, method_of(operation.op), right.as_ref(), depth)
    }

    /// What an operator gives, which is called by its method.
    pub(super) fn combined(
        &self,
        left: &Value<'t>,
        method: &str,
        right: Option<&Value<'t>>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let depth = self.deeper(depth)?;
        let reflected = method.replacen("__", "__r", 1);
        if let Value::Typed(class) = left {
            if typed::method(class.class, method).is_some() {
                return self.method(left, method, Arguments::NONE, depth);
            }
            let mut bases = class.bases.iter();
            return bases.find_map(|base| self.combined(base, method, right, depth));
        }
        let class = left.class()?;
        if let Some(right @ Value::Typed(_)) = right {
            return match self.said_by(left, method, depth) {
                None if self.is_native(class, method) || self.has_no(class, method) => {
                    self.said_by(right, &reflected, depth)
                }
                said => said,
            };
        }
        if let Some(power) = self.power(class, method, right) {
            return Some(power);
        }
        let is_over = |right: &Py<PyType>| {
            let is_more = !right.is(class) && right.fast_issubclass(class);
            is_more && !self.have_same(right, class, &reflected)
        };
        if let Some(right) = right
            && is_over(right.class()?)
        {
            // A class that stands on the left one is asked first.
            return self.said_by(right, &reflected, depth);
        }
        if let Some(said) = self.said_by(left, method, depth) {
            return Some(said);
        }
        let rows = ROWS.iter().filter(|(owners, methods, _, _)| {
            let has = |path| self.inherits(class, path, method);
            has_word(methods, method) && owners.split_whitespace().any(has)
        });
        let rows: Vec<&Row> = rows.collect();
        let takes = |kinds: &str| match right.and_then(Value::class) {
            Some(right) if !kinds.is_empty() => kinds
                .split_whitespace()
                .any(|path| self.inherits(right, path, &reflected)),
            _ => true,
        };
        let called = Called {
            receiver: Some(left),
            arguments: Arguments::NONE,
            right,
        };
        let mut fitting = rows
            .iter()
            .filter(|(_, _, kinds, _)| takes(kinds))
            .peekable();
        if fitting.peek().is_some() {
            return self
                .one_of(fitting.map(|(_, _, _, gives)| self.made_of(gives, &called, depth)));
        }
        // Python's own know what they can't do, and leave it to the other side.
        let leaves = !rows.is_empty() || self.has_no(class, method);
        leaves.then(|| self.said_by(right?, &reflected, depth))?
    }

    fn has_no(&self, class: &Py<PyType>, method: &str) -> bool {
        self.have_same(class, self.vm.ctx.types.object_type, method)
    }

    /// What a method gives by what its function says.
    fn said_by(&self, owner: &Value<'t>, method: &str, depth: usize) -> Option<Value<'t>> {
        if let Value::Typed(_) = owner {
            return self.method(owner, method, Arguments::NONE, depth);
        }
        let (_, held) = self.held(owner, method)?;
        held.downcast_ref::<PyFunction>()?;
        self.said_of_result(&held, Some(owner.clone()), depth)
    }

    /// What a power of whole numbers is takes the exponent.
    fn power(
        &self,
        class: &Py<PyType>,
        method: &str,
        exponent: Option<&Value<'t>>,
    ) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        if method != "__pow__" || !class.is(types.int_type) {
            return None;
        }
        let Value::Object(exponent) = exponent? else {
            return None;
        };
        let is_whole = self.whole_number(exponent)? >= 0;
        Some(Value::of_class(if is_whole {
            types.int_type
        } else {
            types.float_type
        }))
    }

    /// What an operator with one side gives.
    pub(super) fn signed(&self, operation: &ExprUnaryOp, depth: usize) -> Option<Value<'t>> {
        let method = match operation.op {
            UnaryOp::Not => return Some(Value::of_class(self.vm.ctx.types.bool_type)),
            UnaryOp::Invert => "__invert__",
            UnaryOp::UAdd => "__pos__",
            UnaryOp::USub => "__neg__",
        };
        let operand = self.known(&operation.operand, depth)?;
        if let Value::Object(number) = &operand
            && operation.op == UnaryOp::USub
            && let Some(number) = self.whole_number(number)
        {
            let negative = self.vm.ctx.new_int(number.checked_neg()?);
            return Some(Value::Object(negative.into()));
        }
        self.method(&operand, method, Arguments::NONE, depth)
    }

    /// What a comparison gives: of Python's own kinds, whether it holds.
    pub(super) fn compared(&self, comparison: &ExprCompare, depth: usize) -> Option<Value<'t>> {
        let always = [CmpOp::Is, CmpOp::IsNot, CmpOp::In, CmpOp::NotIn];
        let is_native = |side: &Expr| {
            let side = self.known(side, depth);
            let class = side.as_ref().and_then(Value::class);
            class.is_some_and(|class| class.heaptype_ext().is_none())
        };
        let is_told = comparison.ops.iter().all(|op| always.contains(op))
            || (is_native(&comparison.left) && comparison.comparators.iter().all(is_native));
        is_told.then(|| Value::of_class(self.vm.ctx.types.bool_type))
    }
}

fn method_of(operator: Operator) -> &'static str {
    match operator {
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
    }
}

#[cfg(test)]
mod tests {
    use super::super::known::tests::assert_gives;
    use super::ROWS;

    #[test]
    fn the_table_names_what_is_there() {
        let rows = ROWS.iter().map(|(left, methods, right, gives)| {
            let owners = [*left, *right].join(" ");
            (owners, *methods, *gives)
        });
        assert_gives(rows);
    }
}
