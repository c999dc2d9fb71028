//! Python environments with the packages that rhumba is measured beside or tried against.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The Python of an environment `FOLDER/venv` that holds these packages, made the first time.
///
/// # Errors
/// When python3 has no venv module, or pip can't install.
pub fn environment(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let environment = folder.join("venv");
    let python = environment.join("bin").join("python");
    let ready = environment.join("installed");
    let wanted = packages.join("\n");
    if fs::read_to_string(&ready).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("making a Python environment with {}", packages.join(", "));
    let made = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&environment)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        bail!(
            "python3 could not make an environment; install it with its venv module, \
             on Debian and Ubuntu: apt-get install -y python3 python3-venv"
        );
    }
    pip(&python, &["install", "--quiet"], packages)?;
    fs::write(&ready, wanted).with_context(|| format!("writing {}", ready.display()))?;
    Ok(python)
}

/// Runs pip with these arguments for these packages.
///
/// # Errors
/// When pip isn't there or fails.
pub fn pip(python: &Path, arguments: &[&str], packages: &[&str]) -> Result<()> {
    let done = Command::new(python)
        .args(["-m", "pip", "--disable-pip-version-check"])
        .args(arguments)
        .args(packages)
        .status()
        .context("starting pip")?;
    if !done.success() {
        bail!(
            "pip could not get {}; it needs a package index that it can reach",
            packages.join(", ")
        );
    }
    Ok(())
}
