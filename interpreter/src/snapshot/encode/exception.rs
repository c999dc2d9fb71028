//! Exceptions: their class and arguments, then what was told beside these and what they were raised from.

use rustpython_vm::builtins::{PyBaseException, PyDict, PyTuple, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult};

use super::{Encoder, Frame, Step};
use crate::snapshot::format::{Write, kind};

/// Which parts the fill of an exception has beyond its attributes.
pub mod exception_present {
    pub const CAUSE: u8 = 1;
    pub const CONTEXT: u8 = 2;
    pub const SUPPRESS_CONTEXT: u8 = 4;
    pub const TRACEBACK: u8 = 8;
}

impl Encoder<'_> {
    pub fn exception(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let reduced = vm.call_method(object, "__reduce__", ())?;
        let Some(reduced) = reduced.downcast_ref::<PyTuple>() else {
            return self.reduce(object, origin);
        };
        let [class, args, state @ ..] = reduced.as_slice() else {
            return self.reduce(object, origin);
        };
        let mut children = Vec::new();
        if let Some(state) = state.first().and_then(|s| s.downcast_ref::<PyDict>()) {
            for (key, value) in state.items_vec() {
                children.push(key);
                children.push(value);
            }
        }
        // The state doesn't have what is in slots.
        if object.class().slots().member_count > 0 {
            let dict_length = object.dict().map_or(0, |dict| dict.__len__());
            let in_slots = self.attributes(object)?.split_off(dict_length);
            children.extend(in_slots.into_iter().flat_map(|(name, value)| [name, value]));
        }
        self.told_beside_arguments(object, &mut children)?;
        let then = self.exception_fill(object, origin, children)?;
        let children = vec![class.clone(), args.clone()];
        let mut frame = Frame::new(Step::Exception, object.to_owned(), origin, children);
        frame.then.extend(then);
        // Native exceptions are made by calling their class.
        self.begin(frame.draining())
    }

    /// Adds what the runtime tells beside the arguments: where the source is wrong, which name isn't
    /// defined; and arguments that its own `__init__` would have taken for something else.
    pub fn told_beside_arguments(
        &self,
        object: &PyObject,
        attributes: &mut Vec<PyObjectRef>,
    ) -> PyResult<()> {
        const OF_SOURCE: [&str; 7] = [
            "msg",
            "filename",
            "lineno",
            "offset",
            "text",
            "end_lineno",
            "end_offset",
        ];
        let vm = self.vm;
        let is = |class: &Py<PyType>| object.class().fast_issubclass(class);
        if is(vm.ctx.exceptions.os_error) {
            // An OSError has two at most, and takes what follows for names of files; more were set later.
            let args = object.get_attr("args", vm)?;
            if args
                .downcast_ref::<PyTuple>()
                .is_some_and(|args| args.len() > 2)
            {
                attributes.extend([vm.ctx.intern_str("args").to_owned().into(), args]);
            }
            return Ok(());
        }
        let names: &[&str] = if is(vm.ctx.exceptions.syntax_error) {
            &OF_SOURCE
        } else if is(vm.ctx.exceptions.name_error) {
            &["name"]
        } else {
            return Ok(());
        };
        for &name in names {
            let key = vm.ctx.intern_str(name);
            let is_there = |known: &PyObjectRef| self.text(known).is_some_and(|text| text == name);
            let value = vm.get_attribute_opt(object, key)?;
            if let Some(value) = value.filter(|value| !vm.is_none(value))
                && !attributes.iter().step_by(2).any(is_there)
            {
                attributes.extend([key.to_owned().into(), value]);
            }
        }
        Ok(())
    }

    pub fn exception_fill(
        &self,
        object: &PyObject,
        origin: u32,
        attributes: Vec<PyObjectRef>,
    ) -> PyResult<Option<Frame>> {
        let vm = self.vm;
        let exception = object
            .downcast_ref::<PyBaseException>()
            .expect("the plan looked at the class");
        let mut present = 0;
        let mut children = Vec::new();
        if let Some(cause) = exception.__cause__() {
            present |= exception_present::CAUSE;
            children.push(cause.into());
        }
        if let Some(context) = exception.__context__() {
            present |= exception_present::CONTEXT;
            children.push(context.into());
        }
        let suppress = object.get_attr("__suppress_context__", vm)?;
        if suppress.is(&vm.ctx.true_value) {
            present |= exception_present::SUPPRESS_CONTEXT;
        }
        if exception.traceback().is_some() {
            present |= exception_present::TRACEBACK;
            let mut text = String::new();
            // Writing to a String can't fail, and a traceback that can't be printed says nothing.
            let _ = vm.write_exception_inner(&mut text, exception);
            children.push(vm.ctx.new_str(text).into());
        }
        children.extend(attributes);
        if present == 0 && children.is_empty() {
            return Ok(None);
        }
        let step = Step::FillException { present };
        let frame = Frame::new(step, object.to_owned(), origin, children);
        Ok(Some(frame.draining()))
    }

    pub fn write_exception_fill(&mut self, target: u32, present: u8, edges: &[u32]) {
        let (single, pairs) = edges.split_at(exception_singles(present));
        self.fill_pairs(kind::FILL_EXCEPTION, target, pairs);
        self.table.push(present);
        self.table.edges(single);
    }
}

/// How many parts of an exception come before its attributes.
pub fn exception_singles(present: u8) -> usize {
    (present & !exception_present::SUPPRESS_CONTEXT).count_ones() as usize
}
