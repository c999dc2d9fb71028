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
    environment_of("python3", folder, packages)
}

/// The same, made by this Python.
///
/// # Errors
/// When it has no venv module, or pip can't install.
pub fn environment_of(program: &str, folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let environment = folder.join("venv");
    let python = environment.join("bin").join("python");
    let ready = environment.join("installed");
    let wanted = match program {
        "python3" => packages.join("\n"),
        program => format!("{program}\n{}", packages.join("\n")),
    };
    if fs::read_to_string(&ready).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let with = match packages {
        [] => "pip alone".to_owned(),
        packages => packages.join(", "),
    };
    eprintln!("making a Python environment with {with}");
    let made = Command::new(program)
        .args(["-m", "venv", "--clear"])
        .arg(&environment)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        bail!(
            "{program} could not make an environment; install it with its venv module, \
             on Debian and Ubuntu: apt-get install -y {program} {program}-venv"
        );
    }
    if !packages.is_empty() {
        pip(&python, &["install", "--quiet"], packages)?;
    }
    fs::write(&ready, wanted).with_context(|| format!("writing {}", ready.display()))?;
    Ok(python)
}

/// The first two numbers of the version of a Python; `None` if it can't be run.
pub fn version(program: &str) -> Option<(u32, u32)> {
    let asked = Command::new(program)
        .args(["-c", "import sys; print(*sys.version_info[:2])"])
        .output()
        .ok()?;
    let told = String::from_utf8(asked.stdout).ok()?;
    let (major, minor) = told.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
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
