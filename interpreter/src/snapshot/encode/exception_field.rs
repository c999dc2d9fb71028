//! The native fields of exceptions, such as `errno` and `msg`, and which of them the arguments of an exception
//! give by themselves: those needn't be carried.
//!
//! It is what the runtime's own constructors do, so that none of them has to be asked for each exception. It
//! says nothing where it isn't certain; what differs is then asked of an exception that is made of the same
//! arguments, in `exception.rs`.

use rustpython_vm::builtins::{PyByteArray, PyBytes, PyInt, PyStr, PyTuple, PyType};
use rustpython_vm::{Py, PyObject, PyObjectRef, VirtualMachine};

use super::exception::{are_same, is_same};

/// What native classes do for the exceptions of one class.
pub struct NativeMaking {
    pub said: Said,
    pub family: Family,
    pub fields: Vec<Field>,
}

/// Which arguments the `__reduce__` of an exception says, beside its class.
pub enum Said {
    /// Those that the exception has.
    Own,
    /// The first of them: that of an ImportError.
    First,
    /// Those that it has, and what this field has: that of an OSError.
    WithFile(PyObjectRef),
    /// It has to be asked.
    Asked,
}

/// A field that can be set.
pub struct Field {
    pub name: PyObjectRef,
    /// What reads and sets it.
    pub descriptor: PyObjectRef,
    pub source: Source,
}

/// Where the constructor takes a field from.
#[derive(Clone, Copy)]
pub enum Source {
    /// The argument with this index, if at least and at most so many are given.
    Argument {
        index: usize,
        count_min: usize,
        count_max: usize,
    },
    /// This element of the place that a SyntaxError has as its second argument.
    Place(usize),
    /// From none of the arguments.
    Nothing,
    /// It isn't known.
    Unknown,
}

impl Source {
    const fn argument(index: usize, count_min: usize, count_max: usize) -> Self {
        Self::Argument {
            index,
            count_min,
            count_max,
        }
    }

    /// Where native classes take the field of this name from.
    pub fn of(family: Family, name: &str) -> Self {
        const MANY: usize = usize::MAX;
        match (family, name) {
            (Family::Os, "errno") => Self::argument(0, 2, 5),
            (Family::Os, "strerror") => Self::argument(1, 2, 5),
            (Family::Os, "filename") => Self::argument(2, 3, 5),
            (Family::Os, "filename2") => Self::argument(4, 5, 5),
            (Family::Import, "msg") => Self::argument(0, 1, 1),
            (Family::Stop, "value") => Self::argument(0, 1, MANY),
            (Family::Exit, "code") => Self::argument(0, 1, 1),
            (Family::Syntax, "msg") => Self::argument(0, 1, MANY),
            (Family::Syntax, "filename") => Self::Place(0),
            (Family::Syntax, "lineno") => Self::Place(1),
            (Family::Syntax, "offset") => Self::Place(2),
            (Family::Syntax, "text") => Self::Place(3),
            (Family::Syntax, "end_lineno") => Self::Place(4),
            (Family::Syntax, "end_offset") => Self::Place(5),
            (Family::Syntax, "_metadata") => Self::Place(6),
            (Family::Codec, "encoding") => Self::argument(0, 5, 5),
            (Family::Codec, "object") => Self::argument(1, 5, 5),
            (Family::Codec, "start") => Self::argument(2, 5, 5),
            (Family::Codec, "end") => Self::argument(3, 5, 5),
            (Family::Codec, "reason") => Self::argument(4, 5, 5),
            (Family::Import, "name" | "path" | "name_from")
            | (Family::Named, "name" | "obj")
            | (Family::Syntax, "print_file_and_line") => Self::Nothing,
            _ => Self::Unknown,
        }
    }
}

/// Native classes whose constructors do alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Os,
    Import,
    /// `StopIteration`
    Stop,
    /// `SystemExit`
    Exit,
    Syntax,
    /// `UnicodeDecodeError` and `UnicodeEncodeError`
    Codec,
    /// `NameError` and `AttributeError`
    Named,
    Other,
}

impl Family {
    pub fn of(vm: &VirtualMachine, native: &Py<PyType>) -> Self {
        let known = &vm.ctx.exceptions;
        let families = [
            (known.os_error, Self::Os),
            (known.import_error, Self::Import),
            (known.stop_iteration, Self::Stop),
            (known.system_exit, Self::Exit),
            (known.syntax_error, Self::Syntax),
            (known.unicode_decode_error, Self::Codec),
            (known.unicode_encode_error, Self::Codec),
            (known.name_error, Self::Named),
            (known.attribute_error, Self::Named),
        ];
        let mut families = families.into_iter();
        let found = families.find(|(class, _)| native.fast_issubclass(*class));
        found.map_or(Self::Other, |(_, family)| family)
    }
}

/// The arguments that an exception is made of.
pub struct Arguments<'a> {
    args: &'a [PyObjectRef],
    /// The place that a SyntaxError has as its second argument.
    place: Option<&'a [PyObjectRef]>,
    /// How many of them the exception keeps.
    kept: usize,
    /// It is known what the constructor does with them.
    are_known: bool,
}

impl<'a> Arguments<'a> {
    pub fn new(vm: &VirtualMachine, family: Family, args: &'a [PyObjectRef]) -> Self {
        let place = match (family, args) {
            (Family::Syntax, [_, place]) => place.downcast_ref::<PyTuple>(),
            _ => None,
        };
        let place = place.map(|place| place.as_slice());
        let names_a_file = |args: &[PyObjectRef]| {
            (3..=5).contains(&args.len()) && args.get(2).is_some_and(|name| !vm.is_none(name))
        };
        Self {
            args,
            place,
            kept: match family == Family::Os && names_a_file(args) {
                true => 2,
                false => args.len(),
            },
            are_known: match family {
                Family::Syntax => place.is_none_or(|place| matches!(place.len(), 4 | 6 | 7)),
                Family::Codec => are_of_codec(args),
                // It makes a tuple of several.
                Family::Exit => args.len() <= 1,
                _ => true,
            },
        }
    }

    /// Whether the constructor surely gives a field this value.
    pub fn give(&self, source: Source, value: &PyObject, vm: &VirtualMachine) -> bool {
        let given = match source {
            _ if !self.are_known => return false,
            Source::Unknown => return false,
            Source::Nothing => None,
            Source::Place(index) => self.place.and_then(|place| place.get(index)),
            Source::Argument {
                index,
                count_min,
                count_max,
            } => {
                let is_given = (count_min..=count_max).contains(&self.args.len());
                self.args.get(index).filter(|_| is_given)
            }
        };
        match given {
            Some(given) => is_same(value, given),
            None => vm.is_none(value),
        }
    }

    /// Whether the exception surely has these as its own arguments.
    pub fn are_kept_as(&self, own: &[PyObjectRef]) -> bool {
        self.are_known && are_same(own, &self.args[..self.kept])
    }
}

/// Whether the constructor of a UnicodeDecodeError or a UnicodeEncodeError takes these arguments.
fn are_of_codec(args: &[PyObjectRef]) -> bool {
    let [encoding, object, start, end, reason] = args else {
        return false;
    };
    let is_text = |object: &PyObjectRef| object.downcast_ref::<PyStr>().is_some();
    let is_number = |object: &PyObjectRef| object.downcast_ref::<PyInt>().is_some();
    let is_content = is_text(object)
        || object.downcast_ref::<PyBytes>().is_some()
        || object.downcast_ref::<PyByteArray>().is_some();
    is_text(encoding) && is_content && is_number(start) && is_number(end) && is_text(reason)
}
