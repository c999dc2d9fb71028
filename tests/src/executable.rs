//! The rhumba executable that a command of this crate measures or tries.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The rhumba executable beside this one, built where cargo is at hand.
///
/// # Errors
/// When it can't be built, or isn't there and can't be.
pub fn rhumba() -> Result<PathBuf> {
    let own = std::env::current_exe().context("finding this executable")?;
    let beside = own.parent().context("this executable is in no folder")?;
    let executable = beside.join("rhumba");
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        // What cargo tells the program it runs is not for another cargo: build
        // scripts that look at it would run again, and the runtime after them.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            {
                build.env_remove(name);
            }
        }
        let built = build
            .args(["build", "--quiet", "--locked", "--ignore-rust-version"])
            .args(["--package", "rhumba", "--bin", "rhumba"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .context("starting cargo to build rhumba")?;
        if !built.success() {
            bail!("rhumba could not be built; what cargo says is above");
        }
    }
    if !executable.is_file() {
        bail!(
            "there is no {}; run `cargo rhumba --version` first, which builds it",
            executable.display()
        );
    }
    Ok(executable)
}
