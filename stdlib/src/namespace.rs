//! Names of this session, or of a dict, to files and checkpoints and back: what
//! `rhumba.namespace` calls.
//!
//! How a namespace becomes what is kept is [`rhumba_engine::saved`]'s, how that is kept is
//! [`rhumba_engine::store`]'s; what checkpoints are called is [`crate::checkpoints`]'s.

use crate::checkpoints::{self, CheckpointError};
use crate::failure;
use rhumba_engine::saved;
use rhumba_engine::store::{Checkpoint, Store, StoreError, file};
use rhumba_interpreter::namespace::{Namespace, is_of_module};
use rhumba_interpreter::snapshot::{self, DecodeContext, EncodeOptions, Globals, Trust};
use rustpython_vm::builtins::{PyDictRef, PyStr};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};
use std::path::{Path, PathBuf};

/// Whose namespace it is, where no engine's.
const ORIGIN: &str = "session";

/// Where a saved namespace is read from.
#[derive(Clone, Debug)]
pub enum Source {
    File(PathBuf),
    Checkpoint(String),
}

/// What saving a namespace came to.
pub(crate) struct Saved {
    pub names: Vec<String>,
    pub bytes_total: u64,
    pub bytes_written: u64,
    pub left_out: Vec<(String, String)>,
}

impl Source {
    /// Returns the file at this path, or else the checkpoint of this name; `None` if there is
    /// neither.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let path = Path::new(text);
        let is_kept = || {
            let store = Store::open_default();
            store.is_ok_and(|store| checkpoints::find(&store, text).is_ok())
        };
        if !path.is_file() && is_kept() {
            return Some(Self::Checkpoint(text.to_owned()));
        }
        // Of a folder, or what else is there, reading it tells what is wrong.
        path.exists().then(|| Self::File(path.to_owned()))
    }

    fn read(&self, trust: Trust) -> Result<Checkpoint, CheckpointError> {
        match self {
            Self::File(path) if trust == Trust::Data => Ok(file::read_file_of_anyone(path)?),
            Self::File(path) => Ok(file::read_file(path)?),
            Self::Checkpoint(name) => {
                let store = Store::open_default()?;
                Ok(store.read(&checkpoints::only_part(&store, name)?)?)
            }
        }
    }
}

/// Writes names to a file: those of a dict, or those of the session.
pub(crate) fn save(
    vm: &VirtualMachine,
    path: &Path,
    mapping: Option<PyDictRef>,
    partial: bool,
) -> PyResult<Saved> {
    let checkpoint = taken(vm, mapping, partial)?;
    vm.allow_threads(|| file::write_file(path, &checkpoint))
        .map_err(|error| failure::of_store(vm, &error))?;
    let written = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(Saved::new(checkpoint, written))
}

/// Keeps names in the store, in the place of all that has this name: those of a dict, or those of the session.
pub(crate) fn keep(
    vm: &VirtualMachine,
    name: String,
    mapping: Option<PyDictRef>,
    partial: bool,
) -> PyResult<Saved> {
    checkpoints::check(&name).map_err(|error| failure::of_checkpoint(vm, &error))?;
    let store = store(vm)?;
    let checkpoint = Checkpoint {
        name,
        ..taken(vm, mapping, partial)?
    };
    let report = vm
        .allow_threads(|| store.write(&checkpoint))
        .map_err(|error| failure::of_store(vm, &error))?;
    vm.allow_threads(|| checkpoints::keep_parts(&store, &checkpoint.name, &[None]))
        .map_err(|error| failure::of_store(vm, &error))?;
    Ok(Saved::new(checkpoint, report.bytes_written))
}

/// What is left out: its path, and why.
pub type LeftOut = Vec<(String, String)>;

/// Reads a namespace into a new dict, which its functions have as their globals. What can't be rebuilt is
/// left out and told if that is `partial`.
pub(crate) fn load(
    vm: &VirtualMachine,
    source: &Source,
    trust: Trust,
    partial: bool,
) -> PyResult<(PyDictRef, LeftOut)> {
    names_in_dict(vm, read(vm, source, trust)?, trust, partial)
}

/// Rebuilds a namespace in a new dict, which its functions have as their globals.
pub(crate) fn names_in_dict(
    vm: &VirtualMachine,
    checkpoint: Checkpoint,
    trust: Trust,
    partial: bool,
) -> PyResult<(PyDictRef, LeftOut)> {
    let names = vm.ctx.new_dict();
    let context = DecodeContext {
        trust,
        takes_over: false,
        partial,
        ..DecodeContext::new(names.clone())
    };
    let (_, left_out) = saved::names(vm, checkpoint, &context)?;
    Ok((names, left_out))
}

/// Puts a saved namespace in the place of the session's names, and returns its names, and what can't be
/// rebuilt if that is `partial`.
///
/// Names that were left out when it was saved, or are now, stay bound to what they are bound to.
///
/// # Errors
/// As reading and decoding; nothing has changed then.
pub fn restore(
    vm: &VirtualMachine,
    source: &Source,
    trust: Trust,
    partial: bool,
) -> PyResult<(Vec<String>, LeftOut)> {
    let namespace = Namespace::new(vm);
    let checkpoint = read(vm, source, trust)?;
    let context = DecodeContext {
        trust,
        partial,
        ..DecodeContext::new(namespace.dict().clone())
    };
    let mut description = checkpoint.without_content();
    let left_out = saved::restore(vm, &namespace, checkpoint, &context)?;
    saved::lose(&mut description, left_out.clone());
    let names = description.segments.into_iter();
    Ok((names.map(|segment| segment.name).collect(), left_out))
}

/// Whether two objects' snapshots are the same bytes. False where one has none.
pub(crate) fn same_snapshot(vm: &VirtualMachine, a: PyObjectRef, b: PyObjectRef) -> PyResult<bool> {
    let options = EncodeOptions::new("object");
    let encode = |object: PyObjectRef| match snapshot::encode(vm, &object, &options) {
        Ok(snapshot) => Ok(Some(snapshot.buffers)),
        Err(error) if error.fast_isinstance(vm.ctx.exceptions.exception_type) => Ok(None),
        Err(error) => Err(error),
    };
    Ok(match (encode(a)?, encode(b)?) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    })
}

pub(crate) fn store(vm: &VirtualMachine) -> PyResult<Store> {
    Store::open_default().map_err(|error| failure::of_store(vm, &error))
}

impl Saved {
    fn new(checkpoint: Checkpoint, bytes_written: u64) -> Self {
        Self {
            bytes_total: checkpoint.bytes_total(),
            bytes_written,
            left_out: checkpoint.left_out,
            names: checkpoint
                .segments
                .into_iter()
                .map(|segment| segment.name)
                .collect(),
        }
    }
}

/// Takes a snapshot of names: those of a dict, or those of the session.
fn taken(vm: &VirtualMachine, mapping: Option<PyDictRef>, partial: bool) -> PyResult<Checkpoint> {
    let session = Namespace::new(vm);
    let (items, dict, globals) = match mapping {
        None => (session.items(), session.dict().clone(), Globals::Receiver),
        // A dict is no namespace, so functions from elsewhere take their globals along.
        Some(mapping) => (items_of(vm, &mapping)?, mapping, Globals::Carried),
    };
    saved::taken(vm, &items, dict.as_object(), globals, partial, ORIGIN)
}

fn items_of(vm: &VirtualMachine, mapping: &PyDictRef) -> PyResult<Vec<(String, PyObjectRef)>> {
    let items = mapping
        .items_vec()
        .into_iter()
        .filter_map(|(name, object)| {
            let name = name.downcast_ref::<PyStr>().and_then(|name| name.to_str());
            match name {
                // Whoever loads it has its own of these.
                Some(name) if is_of_module(name) => None,
                Some(name) => Some(Ok((name.to_owned(), object))),
                None => Some(Err(
                    vm.new_type_error("names must be text without lone surrogates")
                )),
            }
        });
    items.collect()
}

fn read(vm: &VirtualMachine, source: &Source, trust: Trust) -> PyResult<Checkpoint> {
    let read = vm.allow_threads(|| source.read(trust));
    read.map_err(|error| match error {
        // It was there when it was looked for: somebody has removed it since.
        CheckpointError::Store(StoreError::Unknown { .. }) => vm.new_exception_msg(
            vm.ctx.exceptions.file_not_found_error.to_owned(),
            error.to_string().into(),
        ),
        _ => failure::of_checkpoint(vm, &error),
    })
}
