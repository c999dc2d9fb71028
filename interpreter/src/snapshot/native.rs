//! Kinds of objects that native modules register: how theirs become bytes and come back.
//!
//! An object whose content is native (an array, a table) can't be carried by its attributes. The
//! module that has the class registers a [`NativeKind`] once, when it is set up; from then on its
//! objects travel in snapshots like any other: shared, in cycles through their children's
//! containers, large bytes beside the table. What a kind doesn't do: find out whether it met an
//! object before, or bound depth; the encoder does.

use bytes::Bytes;
use rustpython_vm::builtins::PyType;
use rustpython_vm::common::lock::PyRwLock;
use rustpython_vm::{Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

/// How one kind of native object is carried.
pub trait NativeKind: Send + Sync {
    /// What the bytes call the kind, now and in later versions: `rhumba.array`.
    fn name(&self) -> &'static str;

    /// The version of the layout that [`Self::encode`] writes. Raise it when that changes, and have
    /// [`Self::decode`] read the older ones.
    fn version(&self) -> u32;

    /// Whether instances of exactly this class are of the kind. Asked once for each class of a
    /// snapshot.
    fn matches(&self, class: &Py<PyType>) -> bool;

    /// Whether decoding makes plain data and calls nothing that the bytes or the children name, so
    /// that bytes from anywhere may ask for it.
    fn is_data(&self) -> bool {
        false
    }

    /// The content of an object.
    ///
    /// # Errors
    /// What Python code sees; the object isn't carried then.
    fn encode(&self, vm: &VirtualMachine, object: &PyObject) -> PyResult<NativeParts>;

    /// Makes an object of what [`Self::encode`] gave, perhaps in an older version of it. The bytes
    /// may be damaged or hostile: anything is possible in them.
    ///
    /// # Errors
    /// What Python code sees, if the parts make no sense.
    fn decode(&self, vm: &VirtualMachine, version: u32, parts: NativeParts) -> PyResult;
}

/// The content of a native object.
#[derive(Clone, Debug, Default)]
pub struct NativeParts {
    /// What is small: shapes, types, flags.
    pub bytes: Vec<u8>,
    /// What may be large. Carried beside the table, without a copy if they are large.
    pub buffers: Vec<Bytes>,
    /// Objects that it holds. They are complete when the object is decoded, so none of them may
    /// need the object itself to be made.
    pub children: Vec<PyObjectRef>,
}

static KINDS: PyRwLock<Vec<&'static dyn NativeKind>> = PyRwLock::new(Vec::new());

/// Makes a kind known to every interpreter of the process. One of the same name gives way.
pub fn register_native_kind(kind: &'static dyn NativeKind) {
    let mut kinds = KINDS.write();
    kinds.retain(|known| known.name() != kind.name());
    kinds.push(kind);
}

pub(super) fn of_class(class: &Py<PyType>) -> Option<&'static dyn NativeKind> {
    let kinds = KINDS.read();
    kinds.iter().copied().find(|kind| kind.matches(class))
}

pub(super) fn by_name(name: &str) -> Option<&'static dyn NativeKind> {
    let kinds = KINDS.read();
    kinds.iter().copied().find(|kind| kind.name() == name)
}
