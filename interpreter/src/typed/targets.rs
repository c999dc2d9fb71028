//! What each name of a target gets: of an assignment, a loop, a `with`.
//!
//! A target may be several names in brackets. Where what is assigned is written out, too, each gets its own
//! part; else all are told of what is unpacked, and [`crate::evaluation`] finds their parts.

use ruff_python_ast::Expr;

use super::{Binding, is_missing};

/// What is unpacked into the names of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unpacked<'a> {
    Value(&'a Expr),
    /// One of the items of it.
    Item(&'a Expr),
    /// What a `with` of it gives.
    Entered(&'a Expr),
}

impl<'a> Unpacked<'a> {
    /// What one name would be bound to that is all of the target.
    pub(crate) fn whole(self) -> Binding<'a> {
        match self {
            Self::Value(value) => Binding::Value(value),
            Self::Item(of) => Binding::Item(of),
            Self::Entered(context) => Binding::Entered(context),
        }
    }
}

/// The parts of a tuple or a list that is written out.
pub(crate) fn elements(expression: &Expr) -> Option<&[Expr]> {
    match expression {
        Expr::Tuple(tuple) => Some(&tuple.elts),
        Expr::List(list) => Some(&list.elts),
        _ => None,
    }
}

/// Tells of all that an assignment of the value binds.
pub(super) fn assigned<'a>(
    target: &'a Expr,
    value: &'a Expr,
    take: &mut dyn FnMut(&'a Expr, Binding<'a>),
) {
    if is_missing(value) {
        return;
    }
    let (Some(targets), Some(values)) = (elements(target), elements(value)) else {
        return bound(target, Unpacked::Value(value), take);
    };
    let star = targets.iter().position(Expr::is_starred_expr);
    let is_paired = match star {
        Some(_) => targets.len() <= values.len() + 1,
        None => targets.len() == values.len(),
    };
    if !is_paired || values.iter().any(Expr::is_starred_expr) {
        return bound(target, Unpacked::Value(value), take);
    }
    let (ahead, rest) = targets.split_at(star.unwrap_or(targets.len()));
    for (target, value) in ahead.iter().zip(values) {
        assigned(target, value, take);
    }
    if let Some((starred, behind)) = rest.split_first() {
        unpacked(starred, target, Unpacked::Value(value), take);
        for (target, value) in behind.iter().rev().zip(values.iter().rev()) {
            assigned(target, value, take);
        }
    }
}

/// Tells of all that a target binds that gets what is said.
pub(super) fn bound<'a>(
    target: &'a Expr,
    from: Unpacked<'a>,
    take: &mut dyn FnMut(&'a Expr, Binding<'a>),
) {
    match elements(target) {
        Some(_) => unpacked(target, target, from, take),
        None => take(target, from.whole()),
    }
}

/// Tells of what is in a part of a target.
fn unpacked<'a>(
    part: &'a Expr,
    target: &'a Expr,
    from: Unpacked<'a>,
    take: &mut dyn FnMut(&'a Expr, Binding<'a>),
) {
    match (part, elements(part)) {
        (Expr::Starred(rest), _) => unpacked(&rest.value, target, from, take),
        (_, Some(parts)) => {
            for part in parts {
                unpacked(part, target, from, take);
            }
        }
        (single, None) => take(single, Binding::Part(single, target, from)),
    }
}
