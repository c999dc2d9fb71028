//! The `rhumba` executable. Everything it does is in [`rhumba::cli`].

mod prefetch;

use std::process::ExitCode;

/// Lets large objects from other processes be used in the memory that they came in.
#[global_allocator]
static ALLOCATOR: rhumba_engine::shared_memory::SharingAllocator =
    rhumba_engine::shared_memory::SharingAllocator;

fn main() -> ExitCode {
    rhumba::start::afterwards(prefetch::end);
    rhumba::cli::main()
}
