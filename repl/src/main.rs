//! The `rhumba` executable. Everything it does is in [`rhumba::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    rhumba::cli::main()
}
