//! Weak references: carried where what they refer to is carried by something else, refused where
//! it isn't, since it would be gone on arrival.
//!
//! Whether something else carries it is known at the end of the walk only. So where that matters,
//! there are two: a first one that follows no weak reference tells what is carried, and the second
//! writes the records.

use std::collections::HashSet;

use rustpython_vm::builtins::PyWeak;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::{Encoder, Frame, Step};
use crate::snapshot::EncodeOptions;
use crate::snapshot::error::snapshot_error;

/// What is known of the objects that strong references lead to.
pub enum Weak {
    /// Nothing, and nobody asked.
    Unknown,
    /// Nothing, and it is needed: the walk ends.
    Needed,
    /// It is being found out: weak references are left alone.
    Exploring,
    /// Their addresses.
    Known(HashSet<usize>),
}

impl<'a> Encoder<'a> {
    /// Encodes, in two walks if weak references ask for it.
    pub fn work<T>(
        vm: &'a VirtualMachine,
        options: &'a EncodeOptions<'a>,
        partial: bool,
        work: impl Fn(&mut Self) -> PyResult<T>,
    ) -> PyResult<T> {
        let mut encoder = Self::new(vm, options, partial);
        let done = work(&mut encoder);
        if !matches!(encoder.weak, Weak::Needed) {
            return done;
        }
        // It keeps what it met alive, so that no address comes to mean another object.
        let mut explorer = Self::new(vm, options, partial);
        explorer.weak = Weak::Exploring;
        work(&mut explorer)?;
        let mut encoder = Self::new(vm, options, partial);
        encoder.weak = Weak::Known(explorer.numbers.addresses().collect());
        work(&mut encoder)
    }

    pub fn weak_reference(
        &mut self,
        reference: &Py<PyWeak>,
        object: &PyObject,
        origin: u32,
    ) -> PyResult<()> {
        let vm = self.vm;
        let none = || vm.ctx.none();
        let target = match reference.upgrade() {
            Some(target) if !matches!(self.weak, Weak::Exploring) => {
                self.check_carried(&target, origin)?;
                target
            }
            _ => none(),
        };
        let callback = vm.get_attribute_opt(object, "__callback__")?;
        let children = vec![target, callback.unwrap_or_else(none)];
        self.begin(Frame::new(
            Step::WeakRef,
            object.to_owned(),
            origin,
            children,
        ))
    }

    /// What a proxy stands for: it passes on what it is asked for, and so its methods are those of
    /// that. None if that is gone.
    pub fn behind_proxy(&self, proxy: &PyObject) -> Option<PyObjectRef> {
        let vm = self.vm;
        let method = proxy.get_attr("__reduce_ex__", vm).ok()?;
        let behind = method.get_attr("__self__", vm).ok()?;
        (!behind.is(proxy)).then_some(behind)
    }

    /// What of the entries of a weak container may be looked at: nothing while exploring, and only
    /// what is carried anyway.
    pub fn check_weak_entries(
        &mut self,
        targets: impl IntoIterator<Item = PyObjectRef>,
        origin: u32,
    ) -> PyResult<bool> {
        if matches!(self.weak, Weak::Exploring) {
            return Ok(false);
        }
        for target in targets {
            self.check_carried(&target, origin)?;
        }
        Ok(true)
    }

    fn check_carried(&mut self, target: &PyObject, origin: u32) -> PyResult<()> {
        let address = target.get_id();
        if self.numbers.contains_key(&address) {
            return Ok(());
        }
        let is_carried = match &self.weak {
            Weak::Known(carried) => carried.contains(&address),
            _ => {
                self.weak = Weak::Needed;
                let sentence = "it isn't known yet what is carried".to_owned();
                return Err(snapshot_error(self.vm, sentence));
            }
        };
        if is_carried || self.name_of(target)?.is_some() {
            return Ok(());
        }
        Err(self.refuse_at(
            origin,
            "a weak reference to something that isn't carried can't be carried between namespaces",
        ))
    }
}
