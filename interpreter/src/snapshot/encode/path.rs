//! Where an object was found: kept as numbers while encoding, spelled out only in an error.

use rustpython_vm::builtins::{
    PyCode, PyDict, PyFloat, PyFunction, PyInt, PyModule, PyStr, PyTuple, PyType,
};
use rustpython_vm::{AsObject, PyObject, PyObjectRef};

use super::class::{class_entries, methods_first};
use super::{Encoder, Frame, Step};

pub const NO_PARENT: u32 = u32::MAX;

/// A container that was met, and where.
#[derive(Debug)]
pub struct Origin {
    pub parent: u32,
    pub slot: Slot,
    pub object: PyObjectRef,
}

/// The place of a child in its parent.
#[derive(Clone, Copy, Debug)]
pub enum Slot {
    Root,
    /// `[i]`
    Item(u32),
    /// An element of a set
    Element,
    /// The key of a dict's i-th entry
    Key,
    /// The value of a dict's i-th entry: `[key]`
    Value(u32),
    /// The value of the i-th entry of the object's `__dict__`: `.name`
    Attribute(u32),
    /// The i-th entry of a class's dict: `.name`
    ClassEntry(u32),
    /// An attribute that the object itself says it has
    Given(u32),
    /// The same, counted from the last, which is 1
    GivenLast(u32),
    /// The i-th of those that its instances need
    MethodEntry(u32),
    /// The i-th keyword default of a function
    KwDefault(u32),
    /// The i-th variable in a function's closure
    Closure(u32),
    /// `.name`, for names that are known here
    Named(&'static str),
    /// The state of an object: its entries read as attributes
    State,
    /// A part that a person wouldn't name: the path goes on as if it weren't there
    Silent,
}

impl Slot {
    /// The place of the child with this index among a frame's children.
    pub fn of(frame: &Frame, index: usize) -> Self {
        let number = index as u32;
        let pair = |slot: fn(u32) -> Self| {
            if index.is_multiple_of(2) {
                Self::Key
            } else {
                slot(number / 2)
            }
        };
        match &frame.step {
            Step::Tuple | Step::FillList => Self::Item(number),
            Step::FrozenSet | Step::FillSet => Self::Element,
            Step::FillDict => pair(Self::Value),
            Step::FillInstance | Step::FillModule => pair(Self::Attribute),
            Step::FillGiven => pair(Self::Given),
            Step::Code => Self::Named(".co_consts"),
            Step::Function { .. } if index == 0 => Self::Named(".__code__"),
            Step::Function { .. } => Self::Closure(number - 1),
            Step::Method if index == 0 => Self::Named(".__func__"),
            Step::Method | Step::Attribute { .. } => Self::Named(".__self__"),
            Step::Instance | Step::Exception | Step::EnumMember if index == 0 => {
                Self::Named(".__class__")
            }
            Step::Exception => Self::Named(".args"),
            Step::EnumMember => Self::Named(".value"),
            Step::Class { base_count, .. } if index >= 2 && index < 2 + base_count => {
                Self::Named(".__bases__")
            }
            Step::FillFunction {
                present,
                kwdefault_count,
            } => Self::of_function(*present, *kwdefault_count, index),
            Step::FillState {
                item_count,
                pair_count,
                present,
            } => Self::of_state(*item_count, *pair_count, *present, index),
            Step::FillException { present } => {
                Self::of_exception(*present, frame.children.len(), index)
            }
            Step::FillClass { .. } if frame.is_of_methods() => pair(Self::MethodEntry),
            Step::FillClass {
                registered_count,
                registered_with_count,
                ..
            } if index + registered_count + registered_with_count < frame.children.len() => {
                pair(Self::ClassEntry)
            }
            Step::FillClass { .. } => Self::Named("'s registered classes"),
            _ => Self::Silent,
        }
    }
}

impl Encoder<'_> {
    /// Spells out a place: `args[0]['f'].hook`.
    pub fn path(&self, parent: u32, slot: Slot) -> String {
        let mut parts = Vec::new();
        let (mut parent, mut slot) = (parent, slot);
        while parent != NO_PARENT {
            let origin = &self.origins[parent as usize];
            parts.push(self.part(origin, slot));
            slot = origin.slot;
            parent = origin.parent;
        }
        parts.push(self.root_name.clone());
        parts.reverse();
        const PARTS_MAX: usize = 24;
        if parts.len() > PARTS_MAX {
            let middle = parts.len() - PARTS_MAX;
            parts.splice(PARTS_MAX / 2..PARTS_MAX / 2 + middle, [" … ".to_owned()]);
        }
        parts.concat()
    }

    /// Whether an object stands for the attributes of another: the dict that is its state, or
    /// one of the two in a tuple that is.
    fn is_state(&self, origin: &Origin) -> bool {
        let within = |parent: u32| {
            let parent = self.origins.get(parent as usize);
            parent.is_some_and(|parent| matches!(parent.slot, Slot::State))
        };
        matches!(origin.slot, Slot::State)
            || (matches!(origin.slot, Slot::Item(_)) && within(origin.parent))
    }

    fn part(&self, origin: &Origin, slot: Slot) -> String {
        let parent = &origin.object;
        match slot {
            Slot::Root | Slot::State | Slot::Silent => String::new(),
            Slot::Item(_) if self.is_state(origin) => String::new(),
            Slot::Item(index) => match self.tuple_made_of(origin, index) {
                Some(Some(index)) => format!("[{index}]"),
                Some(None) => String::new(),
                None => format!("[{index}]"),
            },
            Slot::Element => "{…}".to_owned(),
            Slot::Key => "{a key}".to_owned(),
            Slot::Value(index) => {
                let dict = parent.downcast_ref::<PyDict>();
                match dict.and_then(|dict| dict.items_vec().into_iter().nth(index as usize)) {
                    Some((key, _)) if self.is_state(origin) => self.attribute(&key),
                    Some((key, _)) => self.subscript(&key),
                    None => "[…]".to_owned(),
                }
            }
            Slot::Attribute(index) => {
                let items = match parent.dict() {
                    Some(dict) if parent.downcast_ref::<PyModule>().is_some() => {
                        self.module_entries(&dict)
                    }
                    _ => self.attributes(parent).unwrap_or_default(),
                };
                let item = items.into_iter().nth(index as usize);
                item.map_or_else(String::new, |(key, _)| self.attribute(&key))
            }
            Slot::Given(index) | Slot::GivenLast(index) => {
                let names = self.given.get(&parent.get_id());
                let name = names.and_then(|names| match slot {
                    Slot::GivenLast(_) => names.iter().nth_back((index as usize).checked_sub(1)?),
                    _ => names.get(index as usize),
                });
                name.map_or_else(String::new, |name| self.attribute(name))
            }
            Slot::ClassEntry(index) | Slot::MethodEntry(index) => {
                let class = parent.downcast_ref::<PyType>();
                let entries = class.map(|class| class_entries(self, class).0);
                let entries = match slot {
                    Slot::MethodEntry(_) => entries.and_then(|all| methods_first(self, &all)),
                    _ => entries,
                };
                let key = entries.and_then(|entries| entries.into_iter().nth(2 * index as usize));
                key.map_or_else(String::new, |key| self.attribute(&key))
            }
            Slot::KwDefault(index) => {
                let defaults = parent.get_attr("__kwdefaults__", self.vm).ok();
                let defaults = defaults.and_then(|defaults| defaults.downcast::<PyDict>().ok());
                let key = defaults.and_then(|d| d.keys_vec().into_iter().nth(index as usize));
                let key = key.map_or_else(String::new, |key| self.subscript(&key));
                format!(".__kwdefaults__{key}")
            }
            Slot::Closure(index) => self.closure_variable(parent, index as usize),
            Slot::Named(name) => name.to_owned(),
        }
    }

    /// Of the arguments that make an instance of a subclass of tuple, the first is the class: the
    /// others are its elements, or there is one, a tuple of them. The index among the elements; None
    /// within for the tuple of them, which nobody would name; None where there are no such arguments.
    fn tuple_made_of(&self, origin: &Origin, index: u32) -> Option<Option<u32>> {
        let above = self.origins.get(origin.parent as usize)?;
        let made = above.object.downcast_ref::<PyTuple>()?;
        let args = origin.object.downcast_ref::<PyTuple>()?;
        let is_args = matches!(origin.slot, Slot::Silent)
            && !made.class().is(self.vm.ctx.types.tuple_type)
            && args.first().is_some_and(|first| first.is(made.class()));
        match args.get(index as usize) {
            _ if !is_args || index == 0 => None,
            Some(all) if all.class().is(self.vm.ctx.types.tuple_type) && args.len() == 2 => {
                let is_all = all.downcast_ref::<PyTuple>()?.as_slice().len() == made.len();
                Some((!is_all || made.first().is_some_and(|first| first.is(all))).then_some(0))
            }
            _ => Some(Some(index - 1)),
        }
    }

    fn attribute(&self, key: &PyObject) -> String {
        match self.text(key) {
            Some(name) => format!(".{name}"),
            None => self.subscript(key),
        }
    }

    fn subscript(&self, key: &PyObject) -> String {
        let plain = key.downcast_ref::<PyStr>().is_some()
            || key.downcast_ref::<PyInt>().is_some()
            || key.downcast_ref::<PyFloat>().is_some();
        let text = plain.then(|| key.repr(self.vm).ok()).flatten();
        match text.map(|text| text.to_string()) {
            Some(text) if text.chars().count() <= 60 => format!("[{text}]"),
            Some(text) => format!("[{}…]", text.chars().take(60).collect::<String>()),
            None => format!("[a {}]", key.class().name()),
        }
    }

    fn closure_variable(&self, function: &PyObject, index: usize) -> String {
        let code = function
            .downcast_ref::<PyFunction>()
            .and_then(|function| function.as_object().get_attr("__code__", self.vm).ok())
            .and_then(|code| code.downcast::<PyCode>().ok());
        let name = code.as_ref().and_then(|code| code.freevars.get(index));
        name.map_or_else(String::new, |name| format!(".__closure__['{name}']"))
    }
}
