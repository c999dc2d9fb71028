//! Exceptions: their class and arguments, then what was told beside these and what they were raised from.

use std::rc::Rc;

use rustpython_vm::builtins::{PyBaseException, PyInt, PyTuple, PyType};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::attributes::Slots;
use super::container::is_plain;
use super::object::native_base;
use super::{Encoder, Frame, Step};
use crate::snapshot::format::{Write, kind};

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
        let reduced = vm.call_method(object, "__reduce__", ())?;
        let Some(reduced) = reduced.downcast_ref::<PyTuple>() else {
            return self.reduce(object, origin);
        };
        let [class, args, ..] = reduced.as_slice() else {
            return self.reduce(object, origin);
        };
        let attributes = self.attributes(object)?.into_iter();
        let attributes: Vec<PyObjectRef> =
            attributes.flat_map(|(name, value)| [name, value]).collect();
        // They are given to it without its own code, as those of an instance: it may hash by them.
        let given = !attributes.is_empty();
        let given = given.then(|| self.given_attributes(object, origin, attributes));
        let mut fields = Vec::new();
        for (name, field, value) in self.fields_beside(object, args)? {
            fields.extend([field, value]);
            let names = self.given.entry(object.get_id()).or_default();
            names.push(name);
        }
        let fill = self.exception_fill(object, origin, fields)?;
        let children = vec![class.clone(), args.clone()];
        let mut frame = Frame::new(Step::Exception, object.to_owned(), origin, children);
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
        object: &PyObject,
        args: &PyObject,
    ) -> PyResult<Vec<(PyObjectRef, PyObjectRef, PyObjectRef)>> {
        let vm = self.vm;
        let class = object.class();
        let native = native_base(class);
        let fields = self.native_fields(native);
        let Some(args) = args
            .downcast_ref::<PyTuple>()
            .filter(|_| !fields.is_empty())
        else {
            return Ok(Vec::new());
        };
        let plain = self.native_exception(native, args);
        let mut beside = Vec::new();
        for (name, field) in fields.iter() {
            let Some(value) = field_of(field, object, vm)? else {
                continue;
            };
            let usual = match &plain {
                Some(plain) => field_of(field, plain, vm)?,
                None => None,
            };
            let is_usual = match usual {
                Some(usual) => is_same(&value, &usual),
                None => vm.is_none(&value),
            };
            let text = self.text(name).unwrap_or_default();
            // As for pickle, what a name was asked of isn't carried: it may be anything.
            let stays =
                text == "obj" && !(self.is_of_namespace_class(class) && is_plain(vm, &value));
            if is_usual || stays {
                continue;
            }
            let found = class.get_attr(vm.ctx.intern_str(text));
            let key = match found.is_some_and(|found| found.is(field)) {
                true => name.clone(),
                false => field.clone(),
            };
            beside.push((name.clone(), key, value));
        }
        // An OSError keeps two arguments at most, an ImportError says one of them; others were set later.
        let arguments = |object: &PyObject| {
            let exception = object.downcast_ref::<PyBaseException>();
            exception.map(|exception| PyObjectRef::from(exception.args()))
        };
        if let (Some(own), Some(usual)) = (arguments(object), plain.as_deref().and_then(arguments))
            && !is_same(&own, &usual)
        {
            let name: PyObjectRef = vm.ctx.intern_str("args").to_owned().into();
            beside.push((name.clone(), name, own));
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

    /// The fields that the native classes of an exception have and that can be set, looked up once for
    /// each native base.
    fn native_fields(&self, native: &Py<PyType>) -> Slots {
        if let Some(known) = self.fields.borrow().get(&native.get_id()) {
            return Rc::clone(known);
        }
        let vm = self.vm;
        let exceptions = &vm.ctx.exceptions;
        let mut found = Vec::new();
        // Groups have none that can be set.
        if !native.fast_issubclass(exceptions.base_exception_group) {
            let member = vm.ctx.types.member_descriptor_type;
            let classes = native.iter_base_chain();
            for class in classes.take_while(|class| !class.is(exceptions.base_exception_type)) {
                let entries = class.attributes().entries().into_iter();
                found.extend(entries.filter(|(_, value)| value.class().is(member)));
            }
        }
        let found = Slots::from(found);
        // Native classes stay, so that their addresses are not used again.
        let mut fields = self.fields.borrow_mut();
        fields.insert(native.get_id(), Rc::clone(&found));
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

/// Whether two fields are one object, or what the runtime makes anew whenever they are asked for: equal
/// numbers, and tuples of the same objects.
fn is_same(own: &PyObject, other: &PyObject) -> bool {
    if own.is(other) {
        return true;
    }
    if let (Some(own), Some(other)) = (own.downcast_ref::<PyInt>(), other.downcast_ref::<PyInt>()) {
        return own.class().is(other.class()) && own.as_bigint() == other.as_bigint();
    }
    match (
        own.downcast_ref::<PyTuple>(),
        other.downcast_ref::<PyTuple>(),
    ) {
        (Some(own), Some(other)) => {
            let mut pairs = own.as_slice().iter().zip(other.as_slice());
            own.len() == other.len() && pairs.all(|(own, other)| own.is(other))
        }
        _ => false,
    }
}

/// How many parts of an exception come before its native fields.
pub fn exception_singles(present: u8) -> usize {
    (present & !exception_present::SUPPRESS_CONTEXT).count_ones() as usize
}
