//! Packs the source of the frozen Python, for people who read it, and rebuilds the crate when a
//! frozen file changes: the macro that freezes the folder can't tell cargo which files it read.

#[path = "../interpreter/pack.rs"]
mod pack;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=python");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../interpreter/pack.rs");
    let folder = std::env::var("OUT_DIR").unwrap_or_default();
    match pack::pack(Path::new("python"), &Path::new(&folder).join("source")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the Python of this crate can't be packed: {error}");
            ExitCode::FAILURE
        }
    }
}
