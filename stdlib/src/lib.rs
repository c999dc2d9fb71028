//! What Python code imports in rhumba: `ipyparallel`, and the native module
//! `_rhumba` under it.
//!
//! The native part holds no policy: what a view is, what a result looks like
//! and how an error reads is Python, in `python/`. Nothing here knows a
//! terminal. Read next: [`connection`], then `python/ipyparallel/`.

pub mod cluster;
pub mod connection;
mod failure;
mod function;
pub mod group;
mod values;

use rhumba_interpreter::runtime::NativeModule;
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

/// Returns the frozen Python to hand to an interpreter.
#[must_use]
pub fn frozen_modules() -> Vec<&'static FrozenLib> {
    vec![FROZEN_PYTHON]
}

fn definition(context: &'static Context) -> &'static PyModuleDef {
    _rhumba::module_def(context)
}

/// The native module under `ipyparallel`: connections, groups, clusters, snapshots.
#[rustpython_vm::pymodule]
#[allow(
    clippy::unwrap_used,
    reason = "the macro unwraps what it does with attributes"
)]
mod _rhumba {
    use crate::connection::Connection;
    use crate::group::Group;
    use crate::{cluster, failure, values};
    use bytes::Bytes;
    use rhumba_interpreter::snapshot::{self, EncodeOptions, Snapshot};
    use rustpython_vm::builtins::{PyDictRef, PyTypeRef};
    use rustpython_vm::class::PyClassImpl;
    use rustpython_vm::function::{ArgBytesLike, OptionalArg};
    use rustpython_vm::{FromArgs, PyObjectRef, PyResult, VirtualMachine};

    #[pyattr(name = "Connection")]
    fn connection(_vm: &VirtualMachine) -> PyTypeRef {
        Connection::make_static_type()
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
        cluster_id: Option<String>,
        #[pyarg(any, default)]
        cwd: Option<String>,
        #[pyarg(any, default)]
        daemonize: bool,
    }

    /// Starts a controller and n engines; returns a dict that names them.
    #[pyfunction]
    fn start_cluster(args: StartClusterArgs, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        let StartClusterArgs {
            n,
            cluster_id,
            cwd,
            daemonize,
        } = args;
        cluster::start(n, cluster_id, cwd, daemonize, vm)
    }

    /// Stops the cluster that a cluster file names, and waits until it has ended.
    #[pyfunction]
    fn stop_cluster(cluster_file: String, vm: &VirtualMachine) -> PyResult<()> {
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
        cluster_id: OptionalArg<Option<String>>,
        vm: &VirtualMachine,
    ) -> PyResult<String> {
        let found = rhumba_engine::cluster_file::find_cluster_file(cluster_id.flatten().as_deref());
        found
            .map(|path| path.display().to_string())
            .map_err(|error| failure::of_cluster_file(vm, &error))
    }

    /// Returns an object's snapshot as bytes.
    #[pyfunction]
    fn dumps(object: PyObjectRef, vm: &VirtualMachine) -> PyResult<Vec<u8>> {
        let snapshot = snapshot::encode(vm, &object, &EncodeOptions::new("object"))?;
        Ok(snapshot.to_bytes())
    }

    /// Returns the object that a snapshot's bytes hold.
    #[pyfunction]
    fn loads(data: ArgBytesLike, vm: &VirtualMachine) -> PyResult {
        let bytes = Bytes::copy_from_slice(&data.borrow_buf());
        let snapshot =
            Snapshot::from_bytes(bytes).map_err(|error| failure::of_snapshot(vm, &error))?;
        snapshot::decode(vm, snapshot.buffers, &values::context(vm))
    }
}
