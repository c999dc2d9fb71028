//! Exceptions: their class and arguments, then what was told beside these and what they were raised from.
//!
//! Read next: `exception_field.rs`, for what arguments give by themselves.

use std::collections::HashSet;
use std::rc::Rc;

use rustpython_vm::builtins::{PyBaseException, PyBytes, PyInt, PyTuple, PyType};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::attributes::may_be_refused;
use super::container::is_plain;
use super::exception_field::{Arguments, Family, Field, NativeMaking, Said, Source};
use super::path::Slot;
use super::plan::native_base;
use super::{Encoder, Frame, Step};
use crate::snapshot::format::{Write, kind};
use crate::snapshot::identifier::identifiers;

/// Which parts the fill of an exception has beyond its native fields.
pub mod exception_present {
    pub const CAUSE: u8 = 1;
    pub const CONTEXT: u8 = 2;
    pub const SUPPRESS_CONTEXT: u8 = 4;
    pub const TRACEBACK: u8 = 8;
}

impl Encoder<'_> {
    pub fn exception(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let making = self.native_making(object.class());
        let exception = object
            .downcast_ref::<PyBaseException>()
            .expect("the plan looked at the class");
        let says_own_args = self.says_own_args(exception, &making)?;
        let (class, args): (PyObjectRef, PyObjectRef) = match says_own_args {
            true => (object.class().to_owned().into(), exception.args().into()),
            false => {
                let reduced = vm.call_method(object, "__reduce__", ())?;
                let Some(reduced) = reduced.downcast_ref::<PyTuple>() else {
                    return self.reduce(object, origin);
                };
                let [class, args, ..] = reduced.as_slice() else {
                    return self.reduce(object, origin);
                };
                (class.clone(), args_of_scalars(vm, exception, args))
            }
        };
        let is_dict_told = self.is_dict_told(object, 0);
        let attributes = match is_dict_told {
            true => self.slot_entries(object)?,
            false => self.attributes(object)?,
        };
        // They are given to it without its own code, as those of an instance: it may hash by them.
        let given = self.given_entries(object, origin, attributes);
        let beside = self.fields_beside(exception, &making, &args)?;
        let mut fields = Vec::with_capacity(2 * beside.len());
        let mut names = Vec::with_capacity(beside.len());
        for (name, field, value) in beside {
            fields.extend([field, value]);
            names.push(name);
        }
        if may_be_refused(vm, &fields) {
            self.given.entry(object.get_id()).or_default().extend(names);
        }
        let fill = self.exception_fill(object, origin, fields)?;
        let mut frame = Frame::new(
            Step::Exception,
            object.to_owned(),
            origin,
            vec![class, args],
        );
        if is_dict_told {
            let step = Step::FillInstanceDict;
            let fill = Frame::new(step, object.to_owned(), origin, Vec::new());
            frame.then.push(fill);
        }
        frame.then.extend(given);
        frame.then.extend(fill);
        // Native exceptions are made by calling their class.
        self.begin(frame.draining())
    }

    /// The native fields of an exception, such as `msg` and `errno`, that its arguments alone don't
    /// give: the runtime told them beside these, or they were set later. Each with its name, and with
    /// what it is set by: its name, or its descriptor where the class has something else of that name.
    fn fields_beside(
        &self,
        exception: &Py<PyBaseException>,
        making: &NativeMaking,
        args: &PyObject,
    ) -> PyResult<Vec<(PyObjectRef, PyObjectRef, PyObjectRef)>> {
        let vm = self.vm;
        let object = exception.as_object();
        let class = object.class();
        let native = native_base(class);
        let Some(args) = args
            .downcast_ref::<PyTuple>()
            .filter(|_| !making.fields.is_empty())
        else {
            return Ok(Vec::new());
        };
        let from = Arguments::new(vm, making.family, args.as_slice());
        let mut differing = Vec::new();
        for field in &making.fields {
            if let Some(value) = field_of(&field.descriptor, object, vm)?
                && !from.give(field.source, &value, vm)
            {
                differing.push((field, value));
            }
        }
        // An OSError keeps two arguments at most, an ImportError says one of them; others were set later.
        let own = exception.args();
        let keeps_args = from.are_kept_as(own.as_slice());
        let is_certain = differing
            .iter()
            .all(|(field, _)| matches!(field.source, Source::Nothing));
        let plain = match keeps_args && is_certain {
            true => None,
            false => self.native_exception(native, args),
        };
        let mut beside = Vec::new();
        for (field, value) in differing {
            let usual = match &plain {
                Some(plain) => field_of(&field.descriptor, plain, vm)?,
                None => None,
            };
            let is_usual = match usual {
                Some(usual) => is_same(&value, &usual),
                None => vm.is_none(&value),
            };
            let text = self.text(&field.name).unwrap_or_default();
            // As for pickle, what a name was asked of isn't carried: it may be anything.
            let stays =
                text == "obj" && !(self.is_of_namespace_class(class) && is_plain(vm, &value));
            if is_usual || stays {
                continue;
            }
            let found = class.get_attr(vm.ctx.intern_str(text));
            let key = match found.is_some_and(|found| found.is(&field.descriptor)) {
                true => field.name.clone(),
                false => field.descriptor.clone(),
            };
            beside.push((field.name.clone(), key, value));
        }
        let usual = plain
            .as_deref()
            .and_then(|plain| plain.downcast_ref::<PyBaseException>())
            .map(|plain| plain.args());
        if usual.is_some_and(|usual| !are_same(own.as_slice(), usual.as_slice())) {
            let name: PyObjectRef = vm.ctx.intern_str("args").to_owned().into();
            beside.push((name.clone(), name, own.into()));
        }
        Ok(beside)
    }

    /// An exception as the native base of a class makes it of these arguments; `None` if it doesn't.
    fn native_exception(&self, native: &Py<PyType>, args: &Py<PyTuple>) -> Option<PyObjectRef> {
        let args = FuncArgs::from(args.as_slice().to_vec());
        let new = native.slots().new.load()?;
        let made = new(native.to_owned(), args.clone(), self.vm).ok()?;
        if let Some(init) = native.slots().init.load() {
            // The receiver takes no notice either.
            let _ = init(&made, args, self.vm);
        }
        Some(made)
    }

    /// Whether the `__reduce__` of an exception would say just the arguments that it has.
    fn says_own_args(
        &self,
        exception: &Py<PyBaseException>,
        making: &NativeMaking,
    ) -> PyResult<bool> {
        let count = exception.args().len();
        Ok(match &making.said {
            Said::Own => true,
            Said::First => count <= 1,
            Said::WithFile(field) if (2..=5).contains(&count) => {
                let file = field_of(field, exception.as_object(), self.vm)?;
                file.is_none_or(|file| self.vm.is_none(&file))
            }
            Said::WithFile(_) => true,
            Said::Asked => false,
        })
    }

    /// What native classes do for the exceptions of a class, looked up once for each.
    fn native_making(&self, class: &Py<PyType>) -> Rc<NativeMaking> {
        if let Some(known) = self.exceptions.borrow().get(&class.get_id()) {
            return Rc::clone(known);
        }
        let native = native_base(class);
        let family = Family::of(self.vm, native);
        let fields = self.native_fields(native, family);
        let found = Rc::new(NativeMaking {
            said: self.said_by(class, &fields),
            family,
            fields,
        });
        // Classes of exceptions have a plan, so that their addresses are not used again.
        let mut known = self.exceptions.borrow_mut();
        known.insert(class.get_id(), Rc::clone(&found));
        found
    }

    /// Which arguments the `__reduce__` of a class says.
    fn said_by(&self, class: &Py<PyType>, fields: &[Field]) -> Said {
        let vm = self.vm;
        let exceptions = &vm.ctx.exceptions;
        let reduce = vm.ctx.intern_str("__reduce__");
        let own = class.get_attr(reduce);
        let is_of = |native: &Py<PyType>| {
            let theirs = native.get_attr(reduce);
            matches!((&own, &theirs), (Some(own), Some(theirs)) if own.is(theirs))
        };
        if is_of(exceptions.base_exception_type) || is_of(exceptions.attribute_error) {
            return Said::Own;
        }
        if is_of(exceptions.import_error) {
            return Said::First;
        }
        // It asks the object for this name, which a subclass may have for something else.
        let file = class.get_attr(vm.ctx.intern_str("filename"));
        let is_native = |file: &PyObjectRef| fields.iter().any(|it| it.descriptor.is(file));
        match file.filter(is_native) {
            Some(field) if is_of(exceptions.os_error) => Said::WithFile(field),
            _ => Said::Asked,
        }
    }

    /// The fields that the native classes of an exception have and that can be set.
    fn native_fields(&self, native: &Py<PyType>, family: Family) -> Vec<Field> {
        let vm = self.vm;
        let exceptions = &vm.ctx.exceptions;
        let mut found = Vec::new();
        // Groups have none that can be set.
        if native.fast_issubclass(exceptions.base_exception_group) {
            return found;
        }
        let is_blocking = native.fast_issubclass(exceptions.blocking_io_error);
        let classes = native.iter_base_chain();
        for class in classes.take_while(|class| !class.is(exceptions.base_exception_type)) {
            for (name, descriptor) in class.attributes().entries() {
                let text = self.text(&name).unwrap_or_default();
                if descriptor.class().is(vm.ctx.types.member_descriptor_type)
                    || is_blocking && text == "characters_written"
                {
                    found.push(Field {
                        source: Source::of(family, &text),
                        name,
                        descriptor,
                    });
                }
            }
        }
        found
    }

    pub fn exception_fill(
        &self,
        object: &PyObject,
        origin: u32,
        fields: Vec<PyObjectRef>,
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
        let suppress = object.get_attr(identifiers().suppress_context, vm)?;
        if suppress.is(&vm.ctx.true_value) {
            present |= exception_present::SUPPRESS_CONTEXT;
        }
        if exception.traceback().is_some() && !has_endless_text(exception) {
            present |= exception_present::TRACEBACK;
            let mut text = String::new();
            // Writing to a String can't fail, and a traceback that can't be printed says nothing.
            let _ = vm.write_exception_inner(&mut text, exception);
            children.push(vm.ctx.new_str(text).into());
        }
        children.extend(fields);
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

impl Slot {
    pub fn of_exception(present: u8, child_count: usize, index: usize) -> Self {
        let parts = [
            (exception_present::CAUSE, Self::Named(".__cause__")),
            (exception_present::CONTEXT, Self::Named(".__context__")),
            (exception_present::TRACEBACK, Self::Named(".__traceback__")),
        ];
        let mut parts = parts.into_iter().filter(|(bit, _)| present & bit != 0);
        let count = parts.clone().count();
        match parts.nth(index) {
            Some((_, slot)) => slot,
            None if (index - count).is_multiple_of(2) => Self::Key,
            None => Self::GivenLast(((child_count - index).div_ceil(2)) as u32),
        }
    }
}

/// What a native field of an exception has; `None` if it isn't set.
fn field_of(
    field: &PyObject,
    object: &PyObject,
    vm: &VirtualMachine,
) -> PyResult<Option<PyObjectRef>> {
    let get = field.class().slots().descr_get.load();
    let get = get.expect("what reads a field is a descriptor");
    match get(field, Some(object), Some(object.class().as_object()), vm) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.fast_isinstance(vm.ctx.exceptions.attribute_error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether two fields are one object, or what the runtime makes anew whenever they are asked for or an
/// exception is made: equal numbers, equal bytes, and tuples of the same objects.
pub fn is_same(own: &PyObject, other: &PyObject) -> bool {
    if own.is(other) {
        return true;
    }
    if !own.class().is(other.class()) {
        return false;
    }
    if let (Some(own), Some(other)) = (own.downcast_ref::<PyInt>(), other.downcast_ref::<PyInt>()) {
        return own.as_bigint() == other.as_bigint();
    }
    if let (Some(own), Some(other)) = (
        own.downcast_ref::<PyBytes>(),
        other.downcast_ref::<PyBytes>(),
    ) {
        return own.as_bytes() == other.as_bytes();
    }
    match (
        own.downcast_ref::<PyTuple>(),
        other.downcast_ref::<PyTuple>(),
    ) {
        (Some(own), Some(other)) => are_same(own.as_slice(), other.as_slice()),
        _ => false,
    }
}

pub fn are_same(own: &[PyObjectRef], other: &[PyObjectRef]) -> bool {
    let mut pairs = own.iter().zip(other);
    own.len() == other.len() && pairs.all(|(own, other)| own.is(other))
}

/// The arguments that an OSError says it is made of, which have what its files are called; its own, without
/// them, where these are more than text or numbers and may lead back to it.
fn args_of_scalars(
    vm: &VirtualMachine,
    exception: &Py<PyBaseException>,
    said: &PyObjectRef,
) -> PyObjectRef {
    let own = exception.args();
    let more = said
        .downcast_ref::<PyTuple>()
        .and_then(|said| said.as_slice().get(own.len()..))
        .unwrap_or_default();
    match more.iter().all(|argument| is_plain(vm, argument)) {
        true => said.clone(),
        false => own.into(),
    }
}

/// Whether an exception is among its own arguments, or has one there that is. The runtime would write its
/// text until its stack is used up. It can't be carried either, which is told once its arguments are met.
fn has_endless_text(exception: &Py<PyBaseException>) -> bool {
    let mut begun = vec![(exception.get_id(), exception.args(), 0)];
    let mut within = HashSet::from([exception.get_id()]);
    let mut done = HashSet::new();
    while let Some((address, args, next)) = begun.last_mut() {
        let argument = args.as_slice().get(*next).cloned();
        *next += 1;
        let Some(argument) = argument else {
            let address = *address;
            within.remove(&address);
            done.insert(address);
            begun.pop();
            continue;
        };
        let Some(inner) = argument.downcast_ref::<PyBaseException>() else {
            continue;
        };
        if within.contains(&inner.get_id()) {
            return true;
        }
        if !done.contains(&inner.get_id()) {
            within.insert(inner.get_id());
            begun.push((inner.get_id(), inner.args(), 0));
        }
    }
    false
}

/// How many parts of an exception come before its native fields.
pub fn exception_singles(present: u8) -> usize {
    (present & !exception_present::SUPPRESS_CONTEXT).count_ones() as usize
}
