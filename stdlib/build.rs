//! Rebuilds the crate when a frozen Python file changes: the macro that
//! freezes the folder can't tell cargo which files it read.

fn main() {
    println!("cargo:rerun-if-changed=python");
    println!("cargo:rerun-if-changed=build.rs");
}
