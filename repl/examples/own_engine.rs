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
    /// How many primes there are below a limit.
    #[pyfunction]
    fn count(limit: usize) -> usize {
        let mut is_composite = vec![false; limit.max(2)];
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
        found
    }
}
