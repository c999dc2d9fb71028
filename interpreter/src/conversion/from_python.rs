//! The deserializer: objects, as what serde asks for.

use std::cell::Cell;

use rustpython_vm::builtins::{
    PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyStr, PyTuple,
};
use rustpython_vm::{AsObject, Py, PyObjectRef, VirtualMachine};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{ConversionError, DEPTH_MAX, VALUES_MAX};

/// Tells of one object.
pub(super) struct Reader<'vm> {
    vm: &'vm VirtualMachine,
    object: PyObjectRef,
    count: &'vm Cell<usize>,
    depth: u32,
}

impl<'vm> Reader<'vm> {
    pub(super) fn new(
        vm: &'vm VirtualMachine,
        object: PyObjectRef,
        count: &'vm Cell<usize>,
    ) -> Self {
        Self {
            vm,
            object,
            count,
            depth: 0,
        }
    }

    fn inner(&self, object: PyObjectRef) -> Self {
        Self {
            object,
            depth: self.depth + 1,
            ..*self
        }
    }

    fn check(&self) -> Result<(), ConversionError> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > VALUES_MAX {
            return Err(ConversionError::too_many());
        }
        if self.depth > DEPTH_MAX {
            return Err(ConversionError::too_deep());
        }
        Ok(())
    }

    fn items(&self) -> Option<Vec<PyObjectRef>> {
        let object = &self.object;
        if let Some(list) = object.downcast_ref::<PyList>() {
            return Some(list.borrow_vec().to_vec());
        }
        if let Some(tuple) = object.downcast_ref::<PyTuple>() {
            return Some(tuple.as_slice().to_vec());
        }
        let is_set = object.downcast_ref::<PySet>().is_some()
            || object.downcast_ref::<PyFrozenSet>().is_some();
        is_set.then(|| {
            self.vm
                .extract_elements_with(object, Ok)
                .unwrap_or_default()
        })
    }

    fn number<'de, V: Visitor<'de>>(
        &self,
        number: &Py<PyInt>,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        let vm = self.vm;
        if let Ok(number) = number.try_to_primitive::<i64>(vm) {
            return visitor.visit_i64(number);
        }
        if let Ok(number) = number.try_to_primitive::<u64>(vm) {
            return visitor.visit_u64(number);
        }
        if let Ok(number) = number.try_to_primitive::<i128>(vm) {
            return visitor.visit_i128(number);
        }
        match number.try_to_primitive::<u128>(vm) {
            Ok(number) => visitor.visit_u128(number),
            Err(_) => Err(ConversionError::new("the integer is too large")),
        }
    }

    /// The name of a variant, and what it holds.
    fn variant(self) -> Result<Variant<'vm>, ConversionError> {
        if self.object.downcast_ref::<PyStr>().is_some() {
            let name = self.object.clone();
            return Ok(Variant {
                name: self.inner(name),
                content: None,
            });
        }
        let entries = self
            .object
            .downcast_ref::<PyDict>()
            .map(|dict| dict.items_vec());
        match entries.as_deref() {
            Some([(name, content)]) => Ok(Variant {
                name: self.inner(name.clone()),
                content: Some(self.inner(content.clone())),
            }),
            _ => Err(ConversionError::new(format!(
                "the name of a case, or a dict with its name and what it holds, is wanted, not {}",
                with_article(&self.object.class().name())
            ))),
        }
    }
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ConversionError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.check()?;
        let object = &self.object;
        if self.vm.is_none(object) {
            return visitor.visit_unit();
        }
        if object.is(&self.vm.ctx.true_value) || object.is(&self.vm.ctx.false_value) {
            return visitor.visit_bool(object.is(&self.vm.ctx.true_value));
        }
        if let Some(number) = object.downcast_ref::<PyInt>() {
            return self.number(number, visitor);
        }
        if let Some(number) = object.downcast_ref::<PyFloat>() {
            return visitor.visit_f64(number.to_f64());
        }
        if let Some(text) = object.downcast_ref::<PyStr>() {
            return visitor.visit_string(text.to_string_lossy().into_owned());
        }
        if let Some(bytes) = object.downcast_ref::<PyBytes>() {
            return visitor.visit_byte_buf(bytes.as_bytes().to_vec());
        }
        if let Some(bytes) = object.downcast_ref::<PyByteArray>() {
            return visitor.visit_byte_buf(bytes.borrow_buf().to_vec());
        }
        if let Some(dict) = object.downcast_ref::<PyDict>() {
            let entries = dict.items_vec().into_iter();
            return visitor.visit_map(Entries {
                reader: &self,
                entries,
                value: None,
            });
        }
        match self.items() {
            Some(items) => visitor.visit_seq(Items {
                reader: &self,
                items: items.into_iter().enumerate(),
            }),
            None => Err(ConversionError::new(format!(
                "{} can't be taken: only None, numbers, text, bytes, and lists, tuples, sets and \
                 dicts of these can",
                with_article(&object.class().name())
            ))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        if self.vm.is_none(&self.object) {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        visitor.visit_newtype_struct(self)
    }

    /// A sequence of bytes may be given as bytes, too.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        let bytes = match self.object.downcast_ref::<PyBytes>() {
            Some(bytes) => bytes.as_bytes().to_vec(),
            None => return self.deserialize_any(visitor),
        };
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(bytes.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.check()?;
        visitor.visit_enum(self.variant()?)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'r, 'vm> {
    reader: &'r Reader<'vm>,
    items: std::iter::Enumerate<std::vec::IntoIter<PyObjectRef>>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = ConversionError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConversionError> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(self.reader.inner(item))
            .map(Some)
            .map_err(|error| error.within(format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'r, 'vm> {
    reader: &'r Reader<'vm>,
    entries: std::vec::IntoIter<(PyObjectRef, PyObjectRef)>,
    /// The key that was told last, and its value.
    value: Option<(PyObjectRef, PyObjectRef)>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = ConversionError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ConversionError> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((key.clone(), value));
        seed.deserialize(self.reader.inner(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ConversionError> {
        let (key, value) = self
            .value
            .take()
            .ok_or_else(|| ConversionError::new("a value was asked for before its key"))?;
        let vm = self.reader.vm;
        seed.deserialize(self.reader.inner(value)).map_err(|error| {
            let shown = key.repr(vm).map_or_else(
                |_| "[…]".to_owned(),
                |text| format!("[{}]", text.to_string_lossy()),
            );
            error.within(shown)
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

struct Variant<'vm> {
    name: Reader<'vm>,
    content: Option<Reader<'vm>>,
}

impl<'de, 'vm> EnumAccess<'de> for Variant<'vm> {
    type Error = ConversionError;
    type Variant = Content<'vm>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'vm>), ConversionError> {
        let name = seed.deserialize(self.name)?;
        Ok((name, Content(self.content)))
    }
}

struct Content<'vm>(Option<Reader<'vm>>);

impl<'vm> Content<'vm> {
    fn wanted(self) -> Result<Reader<'vm>, ConversionError> {
        self.0
            .ok_or_else(|| ConversionError::new("this case holds something, and has nothing"))
    }
}

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = ConversionError;

    fn unit_variant(self) -> Result<(), ConversionError> {
        match self.0 {
            None => Ok(()),
            Some(content) if content.vm.is_none(&content.object) => Ok(()),
            Some(_) => Err(ConversionError::new("this case holds nothing")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ConversionError> {
        seed.deserialize(self.wanted()?)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _count: usize,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.wanted()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.wanted()?.deserialize_any(visitor)
    }
}
