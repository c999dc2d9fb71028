//! The sources of the suites, fetched once into the folder of their collection.
//!
//! It says which suites are in them, and runs none: that is [`crate::run`]. What runs them as they were written is
//! fetched by [`crate::control`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rhumba_tests::collections::Collection;
use rhumba_tests::python;

/// The last cloudpickle whose source distribution holds its tests.
const CLOUDPICKLE: &str = "cloudpickle==2.2.1";
/// What cloudpickle's tests import.
const PYTEST: &str = "pytest==8.4.2";
/// Debian's packages with CPython's own tests, and with what these have in common.
const CPYTHON_TESTS: [&str; 2] = ["libpython3.11-testsuite", "libpython3.11-stdlib"];
const CPYTHON_FOLDER: &str = "usr/lib/python3.11/test";
/// Fetches IPython's tests and what they import, and says in which versions.
const IPYTHON_SCRIPT: &str = "fetch_sources.py";
/// The wheel with ipyparallel's tests in it.
const IPYPARALLEL: &str = "ipyparallel==9.2.0";
/// What they and ipyparallel's tests import, in pure Python.
const IPYPARALLEL_PACKAGES: [&str; 3] = ["pytest==8.4.2", "decorator==5.3.1", "traitlets==5.16.1"];
/// How the names of files with tests begin.
const TEST_PREFIX: &str = "test_";

/// A folder with the sources of a collection's suites, as its `run_cases.py` takes it.
///
/// # Errors
/// When they can't be fetched.
pub fn prepare(collection: Collection, folder: &Path) -> Result<PathBuf> {
    let sources = folder.join("sources");
    let ready = sources.join("ready");
    let wanted = match collection {
        Collection::Snapshots => [CLOUDPICKLE, PYTEST, &CPYTHON_TESTS.join("\n")].join("\n"),
        Collection::Ipython => {
            let script = collection.folder().join(IPYTHON_SCRIPT);
            fs::read_to_string(&script).with_context(|| format!("reading {}", script.display()))?
        }
        Collection::Ipyparallel => [IPYPARALLEL, &IPYPARALLEL_PACKAGES.join("\n")].join("\n"),
    };
    if fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(sources);
    }
    eprintln!("fetching the suites of {}", collection.name());
    for left in [&sources, &folder.join("fetched"), &folder.join("unpacked")] {
        if left.exists() {
            fs::remove_dir_all(left).with_context(|| format!("removing {}", left.display()))?;
        }
    }
    fs::create_dir_all(&sources).with_context(|| format!("making {}", sources.display()))?;
    match collection {
        Collection::Snapshots => {
            cloudpickle(folder, &sources)?;
            cpython(folder, &sources)?;
        }
        Collection::Ipython => {
            let python = python::environment(folder, &[])?;
            let script = collection.folder().join(IPYTHON_SCRIPT);
            run(Command::new(python).arg(script).arg(&sources))
                .context("IPython's tests are fetched by pip, with Python 3.11 or later")?;
        }
        Collection::Ipyparallel => ipyparallel(folder, &sources)?,
    }
    fs::write(&ready, wanted).with_context(|| format!("writing {}", ready.display()))?;
    Ok(sources)
}

/// The suites in the sources that could be run, by name, in order.
///
/// Of `snapshots` there are none: which of CPython's many suites are run is a choice that `run_cases.py` makes.
///
/// # Errors
/// When the folder can't be read.
pub fn suites(collection: Collection, sources: &Path) -> Result<Vec<String>> {
    let (folder, prefix) = match collection {
        Collection::Snapshots => return Ok(Vec::new()),
        Collection::Ipython => (sources.join("tests"), ""),
        Collection::Ipyparallel => (sources.join("suite/ipyparallel/tests"), TEST_PREFIX),
    };
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let file = entry?.file_name().to_string_lossy().into_owned();
        let stem = file.strip_suffix(".py");
        if let Some(stem) = stem.filter(|stem| stem.starts_with(TEST_PREFIX)) {
            names.push(stem.strip_prefix(prefix).unwrap_or(stem).to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn ipyparallel(folder: &Path, sources: &Path) -> Result<()> {
    let python = python::environment(folder, &[])?;
    let target = |name: &str| format!("--target={}", sources.join(name).display());
    python::pip(
        &python,
        &["install", "--quiet", &target("packages")],
        &IPYPARALLEL_PACKAGES,
    )?;
    python::pip(
        &python,
        &["install", "--quiet", "--no-deps", &target("suite")],
        &[IPYPARALLEL],
    )
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
