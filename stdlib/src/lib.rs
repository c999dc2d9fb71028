//! What Python code imports in rhumba: `ipyparallel`, and the native module
//! `_rhumba` under it.
//!
//! The native part holds no policy: what a view is, what a result looks like
//! and how an error reads is Python, in `python/`. Nothing here knows a
//! terminal. Read next: [`connection`], then `python/ipyparallel/`; and
//! [`namespace`], then `python/rhumba/namespace.py`.

pub mod checkpoints;
pub mod cluster;
pub mod connection;
mod failure;
pub mod following;
mod function;
pub mod group;
pub mod namespace;
mod patience;
mod records;
mod steering;
mod submission;
mod terms;
#[cfg(test)]
mod tests;
mod values;

use rhumba_interpreter::runtime::{FrozenModules, NativeModule};
use rustpython_vm::builtins::PyModuleDef;
use rustpython_vm::frozen::FrozenLib;
use rustpython_vm::vm::Context;

/// The frozen Python of this crate.
static FROZEN_PYTHON: &FrozenLib =
    rustpython_derive::py_freeze!(dir = "../python", crate_name = "rustpython_vm");

/// Returns the native modules to hand to an interpreter.
#[must_use]
pub fn native_modules() -> Vec<NativeModule> {
    vec![definition]
}

const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/source"));

/// Its source, beside that of the standard library.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static SOURCE: [u8; PACKED.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/source"));

/// Returns the frozen Python to hand to an interpreter.
#[must_use]
pub fn frozen_modules() -> Vec<FrozenModules> {
    vec![FrozenModules {
        code: FROZEN_PYTHON,
        source: &SOURCE,
    }]
}

fn definition(context: &'static Context) -> &'static PyModuleDef {
    _rhumba::module_def(context)
}

/// The native module under `ipyparallel` and `rhumba.namespace`: connections, groups, clusters,
/// snapshots and what is saved.
#[rustpython_vm::pymodule]
#[allow(
    clippy::unwrap_used,
    reason = "the macro unwraps what it does with attributes"
)]
mod _rhumba {
    use crate::connection::Connection;
    use crate::following::Following;
    use crate::group::Group;
    use crate::namespace::{self, Source};
    use crate::values::Text;
    use crate::{checkpoints, cluster, failure, values};
    use bytes::Bytes;
    use rhumba_engine::shared_memory;
    use rhumba_engine::tasks::{TaskStoreMode, TaskStoreOptions};
    use rhumba_interpreter::output;
    use rhumba_interpreter::snapshot::{
        self, DecodeContext, EncodeOptions, Globals, Snapshot, Trust,
    };
    use rustpython_vm::builtins::{PyDictRef, PyListRef, PyTypeRef};
    use rustpython_vm::class::PyClassImpl;
    use rustpython_vm::function::{ArgBytesLike, OptionalArg};
    use rustpython_vm::{FromArgs, PyObjectRef, PyResult, VirtualMachine};
    use std::path::Path;

    #[pyattr(name = "Connection")]
    fn connection(_vm: &VirtualMachine) -> PyTypeRef {
        Connection::make_static_type()
    }

    #[pyattr(name = "Following")]
    fn following(_vm: &VirtualMachine) -> PyTypeRef {
        Following::make_static_type()
    }

    #[pyattr(name = "Group")]
    fn group(_vm: &VirtualMachine) -> PyTypeRef {
        Group::make_static_type()
    }

    #[derive(FromArgs)]
    struct StartClusterArgs {
        #[pyarg(any)]
        n: u32,
        #[pyarg(any, default)]
        cluster_id: Option<Text>,
        #[pyarg(any, default)]
        cwd: Option<Text>,
        #[pyarg(any, default)]
        daemonize: bool,
        /// 'off', 'memory' or 'file'.
        #[pyarg(any, default)]
        task_store: Option<Text>,
        #[pyarg(any, default)]
        task_records_max: Option<u64>,
        #[pyarg(any, default)]
        task_bytes_max: Option<u64>,
    }

    /// Tells the client whose work runs here some objects by their names.
    #[pyfunction]
    fn publish(data: PyDictRef, vm: &VirtualMachine) -> PyResult<()> {
        let mut parts = Vec::with_capacity(data.__len__());
        for (name, value) in data.items_vec() {
            let name = name.str(vm)?.to_string_lossy().into_owned();
            let root = format!("data[{name:?}]");
            let payload = values::encode(vm, &value, &root, Globals::Receiver)?;
            parts.push((name, payload.buffers));
        }
        output::publish(vm, parts)
    }

    /// Starts a controller and n engines; returns a dict that names them.
    #[pyfunction]
    fn start_cluster(args: StartClusterArgs, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        let StartClusterArgs {
            n,
            cluster_id,
            cwd,
            daemonize,
            task_store,
            task_records_max,
            task_bytes_max,
        } = args;
        let mode = task_store.map_or(Ok(TaskStoreMode::default()), |name| name.parse());
        let task_store = TaskStoreOptions {
            mode: mode.map_err(|error: String| vm.new_value_error(error))?,
            records_max: task_records_max,
            bytes_max: task_bytes_max,
        };
        let (cluster_id, cwd) = (cluster_id.map(String::from), cwd.map(String::from));
        cluster::start(n, cluster_id, cwd, daemonize, task_store, vm)
    }

    /// Stops the cluster that a cluster file names, and waits until it has ended.
    #[pyfunction]
    fn stop_cluster(cluster_file: Text, vm: &VirtualMachine) -> PyResult<()> {
        cluster::stop(&cluster_file, vm)
    }

    /// Returns a dict for each cluster of this user.
    #[pyfunction]
    fn list_clusters(vm: &VirtualMachine) -> PyResult {
        cluster::list(vm)
    }

    /// Returns the path of the cluster file to use.
    #[pyfunction]
    fn find_cluster_file(
        cluster_id: OptionalArg<Option<Text>>,
        vm: &VirtualMachine,
    ) -> PyResult<String> {
        let found = rhumba_engine::cluster_file::find_cluster_file(cluster_id.flatten().as_deref());
        found
            .map(|path| path.display().to_string())
            .map_err(|error| failure::of_cluster_file(vm, &error))
    }

    /// Returns an object's snapshot as bytes.
    #[pyfunction]
    fn dumps(object: PyObjectRef, carry_globals: bool, vm: &VirtualMachine) -> PyResult<Vec<u8>> {
        let options = EncodeOptions {
            globals: if carry_globals {
                Globals::Carried
            } else {
                Globals::Receiver
            },
            ..EncodeOptions::new("object")
        };
        let snapshot = snapshot::encode(vm, &object, &options)?;
        Ok(snapshot.into_bytes_joined_by(shared_memory::joined))
    }

    /// Lets what is in a module go by value, or no longer; returns whether it did so before.
    #[pyfunction]
    fn set_by_value(module: Text, by_value: bool) -> bool {
        let module = String::from(module);
        let was = snapshot::registered_by_value().contains(&module);
        if by_value {
            snapshot::register_by_value(&module);
        } else {
            snapshot::unregister_by_value(&module);
        }
        was
    }

    /// Returns the names of the modules that go by value.
    #[pyfunction]
    fn by_value(vm: &VirtualMachine) -> PyListRef {
        let names = snapshot::registered_by_value().into_iter();
        vm.ctx
            .new_list(names.map(|name| vm.ctx.new_str(name).into()).collect())
    }

    /// Returns the object that a snapshot's bytes hold.
    #[pyfunction]
    fn loads(data: ArgBytesLike, only_data: bool, vm: &VirtualMachine) -> PyResult {
        let lent = snapshot::lend(vm, data.as_object());
        let bytes = lent.unwrap_or_else(|| Bytes::copy_from_slice(&data.borrow_buf()));
        let snapshot =
            Snapshot::from_bytes(bytes).map_err(|error| failure::of_snapshot(vm, &error))?;
        let context = DecodeContext {
            trust: trust(only_data),
            own: shared_memory::owned,
            ..values::context(vm)
        };
        snapshot::decode(vm, snapshot.buffers, &context)
    }

    /// Whether two objects' snapshots are the same bytes; false where one has none.
    #[pyfunction]
    fn same_snapshot(a: PyObjectRef, b: PyObjectRef, vm: &VirtualMachine) -> PyResult<bool> {
        namespace::same_snapshot(vm, a, b)
    }

    fn trust(only_data: bool) -> Trust {
        if only_data {
            Trust::Data
        } else {
            Trust::Members
        }
    }

    /// Writes the names of a dict, or those of this session, to a file.
    #[pyfunction]
    fn save_namespace(
        path: Text,
        mapping: Option<PyDictRef>,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyDictRef> {
        let saved = namespace::save(vm, Path::new(&*path), mapping, partial)?;
        described(vm, saved)
    }

    /// Keeps the names of a dict, or those of this session, in the store.
    #[pyfunction]
    fn write_checkpoint(
        name: Text,
        mapping: Option<PyDictRef>,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyDictRef> {
        let saved = namespace::keep(vm, name.into(), mapping, partial)?;
        described(vm, saved)
    }

    fn described(vm: &VirtualMachine, saved: namespace::Saved) -> PyResult<PyDictRef> {
        let described = vm.ctx.new_dict();
        described.set_item("names", values::texts(vm, saved.names), vm)?;
        described.set_item("bytes_total", vm.ctx.new_int(saved.bytes_total).into(), vm)?;
        let written = vm.ctx.new_int(saved.bytes_written);
        described.set_item("bytes_written", written.into(), vm)?;
        described.set_item("left_out", values::pairs(vm, saved.left_out), vm)?;
        Ok(described)
    }

    /// Returns the saved namespace in a file (`kind` "file"), in the store ("checkpoint"), or in
    /// the store if there is no such file (""); and what can't be rebuilt, if that may be left out.
    #[pyfunction]
    fn load_namespace(
        source: Text,
        kind: Text,
        only_data: bool,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult {
        let source = found(vm, source.into(), &kind)?;
        let (names, left_out) = namespace::load(vm, &source, trust(only_data), partial)?;
        let pair = vec![names.into(), values::pairs(vm, left_out)];
        Ok(vm.ctx.new_tuple(pair).into())
    }

    /// Puts a saved namespace in the place of this session's names, and returns its names and what can't
    /// be rebuilt, if that may be left out.
    #[pyfunction]
    fn restore_namespace(
        source: Text,
        kind: Text,
        only_data: bool,
        partial: bool,
        vm: &VirtualMachine,
    ) -> PyResult {
        let source = found(vm, source.into(), &kind)?;
        let (names, left_out) = namespace::restore(vm, &source, trust(only_data), partial)?;
        let pair = vec![values::texts(vm, names), values::pairs(vm, left_out)];
        Ok(vm.ctx.new_tuple(pair).into())
    }

    fn found(vm: &VirtualMachine, source: String, kind: &str) -> PyResult<Source> {
        match kind {
            "file" => Ok(Source::File(source.into())),
            "checkpoint" => Ok(Source::Checkpoint(source)),
            _ => Source::find(&source).ok_or_else(|| {
                let sentence = format!("there is no file and no checkpoint named {source:?}");
                let class = vm.ctx.exceptions.file_not_found_error.to_owned();
                vm.new_exception_msg(class, sentence.into())
            }),
        }
    }

    /// Returns a dict for each checkpoint in the store.
    #[pyfunction]
    fn list_checkpoints(vm: &VirtualMachine) -> PyResult {
        let store = namespace::store(vm)?;
        let kept = vm
            .allow_threads(|| checkpoints::list(&store))
            .map_err(|error| failure::of_store(vm, &error))?;
        let mut listed = Vec::with_capacity(kept.len());
        for kept in kept {
            let described = vm.ctx.new_dict();
            let text = |text: String| -> PyObjectRef { vm.ctx.new_str(text).into() };
            let parts = kept.parts.iter().map(|part| match part.engine {
                Some(engine) => vm.ctx.new_int(engine).into(),
                None => vm.ctx.none(),
            });
            let entries: [(&str, PyObjectRef); 8] = [
                ("parts", vm.ctx.new_list(parts.collect()).into()),
                ("created_us", vm.ctx.new_int(kept.created_us()).into()),
                ("size", vm.ctx.new_int(kept.size_bytes()).into()),
                ("origin", text(kept.origin())),
                ("names", values::texts(vm, kept.names())),
                ("left_out", values::pairs(vm, kept.left_out())),
                ("problem", kept.problem().map_or(vm.ctx.none(), text)),
                ("name", text(kept.name)),
            ];
            for (key, value) in entries {
                described.set_item(key, value, vm)?;
            }
            listed.push(described.into());
        }
        Ok(vm.ctx.new_list(listed).into())
    }

    /// Checks that a checkpoint of a session or of engines can have this name.
    #[pyfunction]
    fn check_checkpoint_name(name: Text, vm: &VirtualMachine) -> PyResult<()> {
        checkpoints::check(&name).map_err(|error| failure::of_checkpoint(vm, &error))
    }

    /// Removes a checkpoint with all of its parts, one part, or all that a pattern stands for;
    /// returns what they are called in the store.
    #[pyfunction]
    fn remove_checkpoint(name: Text, vm: &VirtualMachine) -> PyResult {
        let store = namespace::store(vm)?;
        let removed = vm
            .allow_threads(|| checkpoints::remove(&store, &name))
            .map_err(|error| failure::of_store(vm, &error))?;
        Ok(values::texts(vm, removed))
    }

    /// Removes what no checkpoint needs from the store; returns how many bytes it took.
    #[pyfunction]
    fn clean_store(vm: &VirtualMachine) -> PyResult<u64> {
        let store = namespace::store(vm)?;
        let report = vm
            .allow_threads(|| store.clean())
            .map_err(|error| failure::of_store(vm, &error))?;
        Ok(report.bytes_removed)
    }
}
