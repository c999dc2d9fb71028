//! The serializer: what serde tells of a value, as objects.

use std::cell::Cell;

use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::{PyObjectRef, VirtualMachine};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{ConversionError, DEPTH_MAX, VALUES_MAX};

/// Makes one object of what it is told.
#[derive(Clone, Copy)]
pub(super) struct Writer<'vm> {
    vm: &'vm VirtualMachine,
    count: &'vm Cell<usize>,
    depth: u32,
}

type Written = Result<PyObjectRef, ConversionError>;

impl<'vm> Writer<'vm> {
    pub(super) fn new(vm: &'vm VirtualMachine, count: &'vm Cell<usize>) -> Self {
        Self {
            vm,
            count,
            depth: 0,
        }
    }

    fn inner(self) -> Result<Self, ConversionError> {
        if self.depth == DEPTH_MAX {
            return Err(ConversionError::too_deep());
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn counted(&self, object: PyObjectRef) -> Written {
        self.count.set(self.count.get() + 1);
        if self.count.get() > VALUES_MAX {
            return Err(ConversionError::too_many());
        }
        Ok(object)
    }

    fn items(self) -> Result<Items<'vm>, ConversionError> {
        Ok(Items {
            inner: self.inner()?,
            items: Vec::new(),
            is_tuple: false,
            variant: None,
        })
    }

    fn entries(self) -> Result<Entries<'vm>, ConversionError> {
        Ok(Entries {
            inner: self.inner()?,
            dict: self.vm.ctx.new_dict(),
            key: None,
            variant: None,
        })
    }
}

/// An error that Python raised while a dict was filled.
fn refused(
    vm: &VirtualMachine,
    error: &rustpython_vm::builtins::PyBaseExceptionRef,
) -> ConversionError {
    let report = crate::failure::ErrorReport::from_exception(vm, error);
    ConversionError::new(format!("{}: {}", report.exception, report.message))
}

/// An enum's variant that holds something, as a dict of one.
fn within_variant(vm: &VirtualMachine, name: Option<&str>, object: PyObjectRef) -> Written {
    let Some(name) = name else {
        return Ok(object);
    };
    let dict = vm.ctx.new_dict();
    dict.set_item(name, object, vm)
        .map_err(|error| refused(vm, &error))?;
    Ok(dict.into())
}

macro_rules! numbers {
    ($($method:ident $type:ty)*) => {
        $(
            fn $method(self, value: $type) -> Written {
                self.counted(self.vm.ctx.new_int(value).into())
            }
        )*
    };
}

impl<'vm> Serializer for Writer<'vm> {
    type Ok = PyObjectRef;
    type Error = ConversionError;
    type SerializeSeq = Items<'vm>;
    type SerializeTuple = Items<'vm>;
    type SerializeTupleStruct = Items<'vm>;
    type SerializeTupleVariant = Items<'vm>;
    type SerializeMap = Entries<'vm>;
    type SerializeStruct = Entries<'vm>;
    type SerializeStructVariant = Entries<'vm>;

    numbers! {
        serialize_i8 i8  serialize_i16 i16  serialize_i32 i32  serialize_i64 i64
        serialize_u8 u8  serialize_u16 u16  serialize_u32 u32  serialize_u64 u64
        serialize_i128 i128  serialize_u128 u128
    }

    fn serialize_bool(self, value: bool) -> Written {
        self.counted(self.vm.ctx.new_bool(value).into())
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Written {
        self.counted(self.vm.ctx.new_float(value).into())
    }

    fn serialize_char(self, value: char) -> Written {
        self.counted(self.vm.ctx.new_str(value.to_string()).into())
    }

    fn serialize_str(self, value: &str) -> Written {
        self.counted(self.vm.ctx.new_str(value).into())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.counted(self.vm.ctx.new_bytes(value.to_vec()).into())
    }

    fn serialize_none(self) -> Written {
        self.counted(self.vm.ctx.none())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Written {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        let object = value.serialize(self.inner()?)?;
        within_variant(self.vm, Some(variant), object)
    }

    fn serialize_seq(self, _count: Option<usize>) -> Result<Items<'vm>, ConversionError> {
        self.items()
    }

    fn serialize_tuple(self, _count: usize) -> Result<Items<'vm>, ConversionError> {
        let items = self.items()?;
        Ok(Items {
            is_tuple: true,
            ..items
        })
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        count: usize,
    ) -> Result<Items<'vm>, ConversionError> {
        self.serialize_tuple(count)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Items<'vm>, ConversionError> {
        let items = self.serialize_tuple(count)?;
        Ok(Items {
            variant: Some(variant),
            ..items
        })
    }

    fn serialize_map(self, _count: Option<usize>) -> Result<Entries<'vm>, ConversionError> {
        self.entries()
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _count: usize,
    ) -> Result<Entries<'vm>, ConversionError> {
        self.entries()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _count: usize,
    ) -> Result<Entries<'vm>, ConversionError> {
        let entries = self.entries()?;
        Ok(Entries {
            variant: Some(variant),
            ..entries
        })
    }
}

/// A list or a tuple, as far as it is told.
pub(super) struct Items<'vm> {
    inner: Writer<'vm>,
    items: Vec<PyObjectRef>,
    is_tuple: bool,
    variant: Option<&'static str>,
}

impl Items<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConversionError> {
        let index = self.items.len();
        let object = value
            .serialize(self.inner)
            .map_err(|error| error.within(format!("[{index}]")))?;
        self.items.push(object);
        Ok(())
    }

    fn finish(self) -> Written {
        let vm = self.inner.vm;
        let object: PyObjectRef = if self.is_tuple {
            vm.ctx.new_tuple(self.items).into()
        } else {
            vm.ctx.new_list(self.items).into()
        };
        within_variant(vm, self.variant, self.inner.counted(object)?)
    }
}

macro_rules! pushes {
    ($($of:ident $method:ident)*) => {
        $(
            impl $of for Items<'_> {
                type Ok = PyObjectRef;
                type Error = ConversionError;

                fn $method<T: Serialize + ?Sized>(
                    &mut self,
                    value: &T,
                ) -> Result<(), ConversionError> {
                    self.push(value)
                }

                fn end(self) -> Written {
                    self.finish()
                }
            }
        )*
    };
}

pushes! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

/// A dict, as far as it is told.
pub(super) struct Entries<'vm> {
    inner: Writer<'vm>,
    dict: PyDictRef,
    key: Option<PyObjectRef>,
    variant: Option<&'static str>,
}

impl Entries<'_> {
    fn put<T: Serialize + ?Sized>(
        &mut self,
        key: PyObjectRef,
        value: &T,
    ) -> Result<(), ConversionError> {
        let vm = self.inner.vm;
        let object = value.serialize(self.inner).map_err(|error| {
            let shown = key.repr(vm).map_or_else(
                |_| "[…]".to_owned(),
                |text| format!("[{}]", text.to_string_lossy()),
            );
            error.within(shown)
        })?;
        self.dict
            .set_item(&*key, object, vm)
            .map_err(|error| refused(vm, &error))
    }

    fn finish(self) -> Written {
        let vm = self.inner.vm;
        let object = self.inner.counted(self.dict.into())?;
        within_variant(vm, self.variant, object)
    }
}

impl SerializeMap for Entries<'_> {
    type Ok = PyObjectRef;
    type Error = ConversionError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ConversionError> {
        self.key = Some(key.serialize(self.inner)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConversionError> {
        let key = self
            .key
            .take()
            .ok_or_else(|| ConversionError::new("a value came without its key"))?;
        self.put(key, value)
    }

    fn end(self) -> Written {
        self.finish()
    }
}

macro_rules! puts {
    ($($of:ident)*) => {
        $(
            impl $of for Entries<'_> {
                type Ok = PyObjectRef;
                type Error = ConversionError;

                fn serialize_field<T: Serialize + ?Sized>(
                    &mut self,
                    name: &'static str,
                    value: &T,
                ) -> Result<(), ConversionError> {
                    let key = self.inner.vm.ctx.new_str(name).into();
                    self.put(key, value)
                }

                fn end(self) -> Written {
                    self.finish()
                }
            }
        )*
    };
}

puts! { SerializeStruct SerializeStructVariant }
