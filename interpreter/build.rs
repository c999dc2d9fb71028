//! Looks for what can't come from a package registry, before minutes of compiling are lost to it,
//! packs the source of the standard library and of the frozen folder (`src/library.rs`), puts the frozen
//! library in order (`src/frozen.rs`), packs the docstrings of native objects (`src/docstrings.rs`), and
//! rebuilds the crate when a frozen Python file changes: the
//! macro that freezes the folder can't tell cargo which files it read.

mod docs;
mod freeze;
mod pack;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use freeze::freeze;
use pack::pack;

/// The modules of the standard library that a start imports.
const START_MODULES: &str = include_str!("start_modules.txt");

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=python");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=pack.rs");
    println!("cargo:rerun-if-changed=docs.rs");
    println!("cargo:rerun-if-changed=freeze.rs");
    println!("cargo:rerun-if-changed=start_modules.txt");
    let variable = |name| std::env::var(name).unwrap_or_default();
    let library = Path::new(rustpython_pylib::LIB_PATH);
    let archive = Path::new(&variable("OUT_DIR")).join("library");
    if !is_packed(&archive).unwrap_or(false)
        && let Err(error) = pack(library, &archive)
    {
        eprintln!(
            "the standard library in {} can't be packed: {error}",
            library.display()
        );
        return ExitCode::FAILURE;
    }
    let own = Path::new(&variable("OUT_DIR")).join("own");
    if let Err(error) = pack(Path::new("python"), &own) {
        eprintln!("the Python of this crate can't be packed: {error}");
        return ExitCode::FAILURE;
    }
    if let Err(error) = freeze(START_MODULES, Path::new(&variable("OUT_DIR"))) {
        eprintln!("the frozen standard library can't be written: {error}");
        return ExitCode::FAILURE;
    }
    if let Err(error) = docs::write(Path::new(&variable("OUT_DIR"))) {
        eprintln!("the docstrings of native objects can't be written: {error}");
        return ExitCode::FAILURE;
    }
    // Another machine's libraries can't be tried here.
    if variable("HOST") != variable("TARGET") || !cfg!(target_os = "linux") {
        return ExitCode::SUCCESS;
    }
    let probe = Path::new(&variable("OUT_DIR")).join("libffi-probe");
    let missing = match links(&probe, &[]) {
        None => "there is no C compiler (cc)",
        Some(false) => "the C compiler (cc) can't make an executable",
        Some(true) if links(&probe, &["-lffi"]) == Some(true) => return ExitCode::SUCCESS,
        Some(true) => "the library libffi is missing in the form that programs are linked with",
    };
    eprintln!("rhumba can't be built: {missing}. This installs what is needed:");
    eprintln!("    Debian, Ubuntu:  apt-get install -y gcc libc6-dev pkg-config libffi-dev");
    eprintln!("    Fedora:          dnf install -y gcc pkgconf libffi-devel");
    ExitCode::FAILURE
}

/// Whether the C compiler links an empty program with these arguments; `None` if it isn't there.
fn links(executable: &Path, arguments: &[&str]) -> Option<bool> {
    let mut compiler = Command::new("cc")
        .args(["-x", "c", "-", "-o"])
        .arg(executable)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    if let Some(mut source) = compiler.stdin.take() {
        // A compiler that doesn't read its source fails, and that is asked next.
        let _ = source.write_all(b"int main(void) { return 0; }\n");
    }
    Some(compiler.wait().is_ok_and(|status| status.success()))
}

/// Whether this program has written the archive already: another library makes it another program.
fn is_packed(archive: &Path) -> io::Result<bool> {
    let program = std::env::current_exe()?.metadata()?.modified()?;
    Ok(archive.metadata()?.modified()? > program)
}
