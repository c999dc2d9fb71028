//! The garbage collector rests while a large snapshot is decoded: everything that is made is in use,
//! and looking through it again and again takes longer than making it.

use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

/// Until it is dropped, the interpreter collects nothing of its own accord.
pub struct Pause<'a> {
    vm: &'a VirtualMachine,
    /// The `gc` module, if the collector was at work.
    collector: Option<PyObjectRef>,
}

impl<'a> Pause<'a> {
    pub fn begin(vm: &'a VirtualMachine) -> Self {
        // A collector that can't be found isn't stopped.
        let collector = Self::stop(vm).unwrap_or_default();
        Self { vm, collector }
    }

    fn stop(vm: &VirtualMachine) -> PyResult<Option<PyObjectRef>> {
        let module = vm.import("gc", 0)?;
        let at_work = vm.call_method(&module, "isenabled", ())?;
        if !at_work.is(&vm.ctx.true_value) {
            return Ok(None);
        }
        vm.call_method(&module, "disable", ())?;
        Ok(Some(module))
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        if let Some(module) = &self.collector {
            // It was there a moment ago, and takes no arguments.
            let _ = self.vm.call_method(module, "enable", ());
        }
    }
}
