//! Bytes that nobody wrote: some thousand damaged snapshots and files, the same in every run.
//!
//! `cargo fuzz-snapshot` is the same for as long as one likes. That it knows the layout of every
//! sample is checked here too, so that a change of the format is noticed.

use std::process::Command;

use super::support::{TestHome, finish};

#[test]
fn damaged_snapshots_and_files_do_no_harm() {
    let home = TestHome::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuzz-snapshot"));
    command
        .args(["--cases", "6000", "--seed", "7"])
        .current_dir(home.work())
        // It would build the executable, which is here already.
        .env_remove("CARGO");
    let finished = finish(command, "");
    assert_eq!(finished.code(), 0, "{}{}", finished.stdout, finished.stderr);
    assert!(
        finished.stdout.contains("6000 cases"),
        "{}",
        finished.stdout
    );
}
