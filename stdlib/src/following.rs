//! `_rhumba.Following`: a thread of the shell's waits there for what becomes of engines.
//!
//! What is shown of it, and when, is `ipyparallel.client.notices`'s to say.

use rhumba_engine::client::following::Following as Changes;
use rustpython_vm::{Py, PyPayload, VirtualMachine, pyclass};

/// What tells that an engine has left, or that something was noticed of a namespace.
#[pyclass(module = "_rhumba", name = "Following")]
#[derive(PyPayload)]
pub struct Following {
    changes: Changes,
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Following")
    }
}

impl Following {
    pub(crate) fn new(changes: Changes) -> Self {
        Self { changes }
    }
}

#[pyclass(flags(DISALLOW_INSTANTIATION))]
impl Following {
    /// Waits, as long as it takes, until there is more than when this returned last. Returns
    /// whether there is; False once the connection is over. No signal ends it: it is for a thread
    /// of its own.
    #[pymethod]
    fn wait(zelf: &Py<Self>, vm: &VirtualMachine) -> bool {
        vm.allow_threads(|| zelf.changes.wait())
    }
}
