//! The executable itself. A test in its own package is also what makes cargo build it whenever
//! the tests are built; those that use it are in `tests/tests/suite`.

use std::process::Command;

#[test]
fn says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_rhumba"))
        .arg("--version")
        .output()
        .expect("the executable can be started");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("a version is text");
    let expected = format!(
        "rhumba {} (Python 3.14, RustPython 0.6.0)\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(text, expected);
}
