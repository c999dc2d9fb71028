//! How instances of a class are carried: that depends on the class alone, so each gets one [`Plan`].

use rustpython_vm::builtins::{PyBaseException, PyType};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyResult, VirtualMachine};

use super::Encoder;
use crate::snapshot::native::{self, NativeKind};

/// How instances of one class are carried.
#[derive(Clone, Copy)]
pub enum Plan {
    /// Its class and its `__dict__`. If the class isn't local, a module may have a name for it.
    Instance { is_local: bool },
    /// A member of an enumeration that goes by value: its plain value, and its `__dict__`
    EnumMember,
    /// Its class, its arguments, its `__dict__`, and what it was raised from
    Exception,
    /// As the native module says that has its class
    Native(&'static dyn NativeKind),
    /// By its name in this module, if it is one of those that the module has
    OfModule(&'static str),
    /// What its `__reduce_ex__` says
    Reduce,
    /// Not at all: its content is native, and nothing says how to make it again
    Refuse,
}

impl Encoder<'_> {
    pub(super) fn plan(&mut self, object: &PyObject) -> PyResult<Plan> {
        let class = object.class();
        if let Some(&plan) = self.plans.get(&class.get_id()) {
            return Ok(plan);
        }
        let plan = self.new_plan(object, class)?;
        self.plans.insert(class.get_id(), plan);
        // The address of a class may not be used again while its plan is remembered.
        self.kept.push(class.to_owned().into());
        Ok(plan)
    }

    fn new_plan(&mut self, object: &PyObject, class: &Py<PyType>) -> PyResult<Plan> {
        let vm = self.vm;
        if let Some(kind) = native::of_class(class) {
            return Ok(Plan::Native(kind));
        }
        if self.is_bound_to_process(object) {
            return Ok(Plan::Refuse);
        }
        // It is something else only for who is sent it by itself.
        if self.options.namespace.is_some()
            && has_any(vm, class, &["_is_kept_in_namespaces"])
            && native_base(class).is(vm.ctx.types.object_type)
        {
            return Ok(Plan::Instance { is_local: true });
        }
        let module = class.__module__(vm)?;
        match self.text(&module).as_deref() {
            Some("sys") => return Ok(Plan::OfModule("sys")),
            // `os.environ`
            Some("os") if &*class.name() == "_Environ" => return Ok(Plan::OfModule("os")),
            _ => {}
        }
        if self.registered_reduction(class)?.is_some() {
            return Ok(Plan::Reduce);
        }
        let native = native_base(class);
        let is_heap = !native.is(class);
        let own_reduce = ["__reduce_ex__", "__reduce__"]
            .iter()
            .any(|name| !self.is_inherited_from_object(class, name));
        if is_heap && self.is_local_enum(class)? {
            return Ok(Plan::EnumMember);
        }
        if object.downcast_ref::<PyBaseException>().is_some() {
            let native_reduce = class
                .get_attr(vm.ctx.intern_str("__reduce__"))
                .is_some_and(|reduce| reduce.class().is(vm.ctx.types.method_descriptor_type));
            let plain = native_reduce && self.is_inherited_from_object(class, "__reduce_ex__");
            return Ok(if plain { Plan::Exception } else { Plan::Reduce });
        }
        if own_reduce {
            return Ok(Plan::Reduce);
        }
        let inherited = |name| self.is_inherited_from_object(class, name);
        let is_object = native.is(vm.ctx.types.object_type);
        if is_object {
            let plain_state = inherited("__getstate__") && !has_any(vm, class, &["__setstate__"])
                || self.has_state_of_dataclass(class)?;
            let plain = plain_state
                && inherited("__new__")
                && !has_any(vm, class, &["__getnewargs__", "__getnewargs_ex__"]);
            let module = class.__module__(vm)?;
            let module = self.text(&module);
            let is_local = module.is_none_or(|module| module == self.options.main_module);
            return Ok(match plain {
                true => Plan::Instance { is_local },
                false => Plan::Reduce,
            });
        }
        let types = &vm.ctx.types;
        let rebuilt_by_new = [
            types.int_type,
            types.float_type,
            types.complex_type,
            types.str_type,
            types.bytes_type,
            types.tuple_type,
            types.list_type,
            types.dict_type,
        ];
        let says_how = !inherited("__getstate__")
            || has_any(vm, class, &["__getnewargs__", "__getnewargs_ex__"]);
        if says_how || rebuilt_by_new.iter().any(|known| native.is(*known)) {
            Ok(Plan::Reduce)
        } else {
            Ok(Plan::Refuse)
        }
    }

    /// Whether the state of instances is what a dataclass that is frozen and has slots says: the values
    /// of its fields, which are in slots.
    fn has_state_of_dataclass(&self, class: &Py<PyType>) -> PyResult<bool> {
        let vm = self.vm;
        let Some(module) = self.imported("dataclasses")? else {
            return Ok(false);
        };
        for (method, own) in [
            ("__getstate__", "_dataclass_getstate"),
            ("__setstate__", "_dataclass_setstate"),
        ] {
            let own = vm.get_attribute_opt(&module, own)?;
            let method = class.get_attr(vm.ctx.intern_str(method));
            let (Some(method), Some(own)) = (method, own) else {
                return Ok(false);
            };
            if !method.is(&own) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn is_inherited_from_object(&self, class: &Py<PyType>, name: &str) -> bool {
        let name = self.vm.ctx.intern_str(name);
        let own = class.get_attr(name);
        let inherited = self.vm.ctx.types.object_type.get_attr(name);
        match (own, inherited) {
            (Some(own), Some(inherited)) => own.is(&inherited),
            (own, _) => own.is_none(),
        }
    }
}

/// The first class of the base chain that isn't made by Python code: it decides the layout.
pub fn native_base(class: &Py<PyType>) -> &Py<PyType> {
    let mut bases = class.iter_base_chain();
    bases
        .find(|base| !base.slots().flags.has_feature(PyTypeFlags::HEAPTYPE))
        .unwrap_or(class)
}

pub(super) fn has_any(vm: &VirtualMachine, class: &Py<PyType>, names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| class.get_attr(vm.ctx.intern_str(*name)).is_some())
}
