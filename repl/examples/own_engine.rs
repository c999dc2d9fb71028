//! An executable of one's own: rhumba, with a native module linked into it.
//!
//! It is the shell and the command line, and as it starts its clusters from itself, every engine of
//! them has the module: `own_engine -n 4`, then `%px import primes; primes.count(10**6)`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rhumba::cli::main_with(&[primes::module_def])
}

/// Counts primes faster than Python would.
#[rustpython_vm::pymodule]
mod primes {
    use rustpython_vm::{PyResult, VirtualMachine};

    /// How many primes there are below a limit. It takes a byte for each number.
    #[pyfunction]
    fn count(limit: usize, vm: &VirtualMachine) -> PyResult<usize> {
        let mut is_composite = Vec::new();
        if is_composite.try_reserve_exact(limit).is_err() {
            return Err(vm.new_memory_error(format!("there is no room for {limit} numbers")));
        }
        is_composite.resize(limit, false);
        let mut found = 0;
        for number in 2..limit {
            if is_composite[number] {
                continue;
            }
            found += 1;
            for multiple in (number * number..limit).step_by(number) {
                is_composite[multiple] = true;
            }
        }
        Ok(found)
    }
}
