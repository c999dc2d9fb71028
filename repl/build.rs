//! Has the linker put the functions that engines call beside each other, and those that a start takes:
//! see `link/order.ld`. And has it write addresses that depend on where the executable is loaded in
//! the short form, which is a hundredth of the long one: every start reads them.
//!
//! LLD does it, which is what the toolchain uses on this project's platform. Another linker is left
//! alone, and a warning says what that costs: GNU's takes such a script and does not end.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// An option without effect here, which other linkers refuse.
const ONLY_LLD_KNOWS: &str = "-Wl,--call-graph-profile-sort=none";

/// Needs version 2.36 of glibc where it runs, which is that of where it was built.
const SHORT_RELOCATIONS: &str = "-Wl,-z,pack-relative-relocs";

fn main() {
    println!("cargo:rustc-check-cfg=cfg(functions_ordered)");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("link/order.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:rerun-if-changed=build.rs");
    let argument = format!("-Wl,-T,{}", script.display());
    if links(ONLY_LLD_KNOWS) && links(&argument) {
        println!("cargo:rustc-link-arg-bins={argument}");
        println!("cargo:rustc-env=RHUMBA_FUNCTIONS_ORDERED=yes");
        println!("cargo:rustc-cfg=functions_ordered");
    } else {
        println!(
            "cargo:warning=this linker can't order functions by a script: \
             each engine will take some 2 MB more"
        );
    }
    if is_loaded_by_glibc() && links(SHORT_RELOCATIONS) {
        println!("cargo:rustc-link-arg-bins={SHORT_RELOCATIONS}");
    }
}

/// Whether what is built is loaded by the system's own loader.
fn is_loaded_by_glibc() -> bool {
    let is = |name: &str, wanted: &str| {
        std::env::var(name).is_ok_and(|value| value.split(',').any(|each| each == wanted))
    };
    is("CARGO_CFG_TARGET_ENV", "gnu") && !is("CARGO_CFG_TARGET_FEATURE", "crt-static")
}

/// Whether an empty program links with an argument, by the compiler and linker of this build.
fn links(argument: &str) -> bool {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let mut compiler = Command::new(variable("RUSTC"));
    compiler
        .args(["-", "--crate-name", "probe", "--crate-type", "bin"])
        .args(["--target", &variable("TARGET")])
        .args(["-o", &format!("{}/probe", variable("OUT_DIR"))])
        .args(["-C", &format!("link-arg={argument}")]);
    if let Ok(linker) = std::env::var("RUSTC_LINKER") {
        compiler.args(["-C", &format!("linker={linker}")]);
    }
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    compiler.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    compiler.stdin(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut compiler) = compiler.spawn() else {
        return false;
    };
    if let Some(mut source) = compiler.stdin.take() {
        // A compiler that doesn't read its source fails, and that is asked next.
        let _ = source.write_all(b"fn main() {}\n");
    }
    compiler.wait().is_ok_and(|status| status.success())
}
