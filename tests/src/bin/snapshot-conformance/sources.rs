//! The sources of the suites, fetched once into the cache folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rhumba_tests::python;

/// The last cloudpickle whose source distribution holds its tests.
const CLOUDPICKLE: &str = "cloudpickle==2.2.1";
/// What cloudpickle's tests import.
const PYTEST: &str = "pytest==8.4.2";
/// Debian's packages with CPython's own tests, and with what these have in common.
const CPYTHON_TESTS: [&str; 2] = ["libpython3.11-testsuite", "libpython3.11-stdlib"];
const CPYTHON_FOLDER: &str = "usr/lib/python3.11/test";

/// A folder with `test` (CPython's), `cloudpickle` and `packages` (pytest) in it.
pub fn prepare(folder: &Path) -> Result<PathBuf> {
    let sources = folder.join("sources");
    let ready = sources.join("ready");
    let wanted = [CLOUDPICKLE, PYTEST, &CPYTHON_TESTS.join("\n")].join("\n");
    if fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(sources);
    }
    eprintln!("fetching {} and {CLOUDPICKLE}", CPYTHON_TESTS.join(", "));
    if sources.exists() {
        fs::remove_dir_all(&sources).with_context(|| format!("removing {}", sources.display()))?;
    }
    fs::create_dir_all(&sources).with_context(|| format!("making {}", sources.display()))?;
    cloudpickle(folder, &sources)?;
    cpython(folder, &sources)?;
    fs::write(&ready, wanted).with_context(|| format!("writing {}", ready.display()))?;
    Ok(sources)
}

fn cloudpickle(folder: &Path, sources: &Path) -> Result<()> {
    let python = python::environment(folder, &["setuptools", "wheel"])?;
    let fetched = folder.join("fetched");
    let into = |option: &str, path: &Path| format!("{option}={}", path.display());
    python::pip(
        &python,
        &[
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary=cloudpickle",
            "--no-build-isolation",
            &into("--dest", &fetched),
        ],
        &[CLOUDPICKLE],
    )?;
    python::pip(
        &python,
        &[
            "install",
            "--quiet",
            &into("--target", &sources.join("packages")),
        ],
        &[PYTEST],
    )?;
    let name = CLOUDPICKLE.replace("==", "-");
    run(Command::new("tar")
        .arg("-xzf")
        .arg(fetched.join(format!("{name}.tar.gz")))
        .arg("-C")
        .arg(sources))?;
    fs::rename(sources.join(&name), sources.join("cloudpickle"))
        .with_context(|| format!("{name} isn't in its own archive"))?;
    Ok(())
}

fn cpython(folder: &Path, sources: &Path) -> Result<()> {
    let fetched = folder.join("fetched");
    let unpacked = folder.join("unpacked");
    for name in CPYTHON_TESTS {
        run(Command::new("apt-get")
            .args(["download", "--quiet=2", name])
            .current_dir(&fetched))
        .context(
            "CPython's tests come from Debian's packages: Debian 12 has them, after apt-get update",
        )?;
        let package = fs::read_dir(&fetched)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                file.starts_with(name) && file.ends_with(".deb")
            })
            .with_context(|| format!("apt-get left no {name} in {}", fetched.display()))?;
        run(Command::new("dpkg-deb")
            .arg("--extract")
            .arg(&package)
            .arg(&unpacked))?;
    }
    fs::rename(unpacked.join(CPYTHON_FOLDER), sources.join("test"))
        .with_context(|| format!("the packages hold no {CPYTHON_FOLDER}"))?;
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("starting {program}"))?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    Ok(())
}
