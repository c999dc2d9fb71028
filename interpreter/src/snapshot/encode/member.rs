//! Members of enumerations that go by value: what they are made of, and their attributes.

use rustpython_vm::builtins::{PyBytes, PyFloat, PyInt, PyStr, PyTuple, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyResult, VirtualMachine};

use super::{Encoder, Frame, Step, native_base};

impl Encoder<'_> {
    /// A member travels with its value, by which a class that is there already has it too, and
    /// with what its native base makes it of: an `IntEnum`'s member is an int.
    pub fn enum_member(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let class = object.class();
        let native = native_base(class);
        let payload = if native.is(vm.ctx.types.object_type) {
            vm.ctx.none()
        } else {
            self.native_content(object, native)?
        };
        let value = object.get_attr(vm.ctx.intern_str("_value_"), vm)?;
        let children = vec![class.to_owned().into(), payload, value];
        let mut frame = Frame::new(Step::EnumMember, object.to_owned(), origin, children);
        let fill = Frame::new(Step::FillInstance, object.to_owned(), origin, Vec::new());
        frame.then.push(fill);
        self.begin(frame.draining())
    }

    /// What an object of a subclass has of its native base: an object of that base, or the tuple of
    /// arguments that makes one. What the subclass says of being made a text or a number isn't asked.
    pub fn native_content(&self, object: &PyObject, native: &Py<PyType>) -> PyResult {
        let vm = self.vm;
        Ok(if let Some(text) = object.downcast_ref::<PyStr>() {
            vm.ctx.new_str(text.as_wtf8().to_owned()).into()
        } else if let Some(int) = object.downcast_ref::<PyInt>() {
            vm.ctx.new_bigint(int.as_bigint()).into()
        } else if let Some(float) = object.downcast_ref::<PyFloat>() {
            vm.ctx.new_float(float.to_f64()).into()
        } else if let Some(bytes) = object.downcast_ref::<PyBytes>() {
            vm.ctx.new_bytes(bytes.as_bytes().to_vec()).into()
        } else if let Some(tuple) = object.downcast_ref::<PyTuple>() {
            vm.ctx.new_tuple(tuple.as_slice().to_vec()).into()
        } else if native.is(vm.ctx.types.complex_type) {
            let positive = native.as_object().get_attr("__pos__", vm)?;
            positive.call((object.to_owned(),), vm)?
        } else if types_of_collections(vm)
            .iter()
            .any(|class| native.is(*class))
        {
            native.as_object().call((object.to_owned(),), vm)?
        } else {
            let reduce = native.as_object().get_attr("__reduce__", vm)?;
            let reduced = reduce.call((object.to_owned(),), vm)?;
            let parts = reduced
                .downcast_ref::<PyTuple>()
                .map(|parts| parts.as_slice());
            match parts {
                Some([_, arguments, ..]) => arguments.clone(),
                _ => return Err(vm.new_type_error("a reduction has arguments")),
            }
        })
    }
}

/// The native classes that make a copy of what they are called with.
fn types_of_collections(vm: &VirtualMachine) -> [&'static Py<PyType>; 5] {
    let types = &vm.ctx.types;
    [
        types.list_type,
        types.dict_type,
        types.set_type,
        types.frozenset_type,
        types.bytearray_type,
    ]
}
