//! The example on real input: what it finds on engines against a plain serial computation.
//!
//! The recomputation (`tests/conformance/climate_reference.py`) fits all rows by another method and shares
//! no code with the example. It is plain Python and runs on the same executable.

use std::path::{Path, PathBuf};

use super::support::{TestHome, finish};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder of the repository")
        .to_owned()
}

#[test]
fn the_figures_of_the_example_hold() {
    let home = TestHome::new();
    let figures = home.work().join("figures.json");
    let example = repository().join("examples/climate.py");
    let mut command = home.command(["-n", "4"]);
    command
        .arg(&example)
        .args(["--quick", "--engines", "4", "--json"])
        .arg(&figures);
    let printed = finish(command, "").success();
    for part in [
        "San Francisco: 12 models",
        "warmest time of day",
        "(4 engines on ",
        "The figures found alone and by the engines are identical.",
    ] {
        assert!(
            printed.contains(part),
            "{part:?} is missing from:\n{printed}"
        );
    }

    let reference = repository().join("tests/conformance/climate_reference.py");
    let mut command = home.command([reference]);
    command
        .arg(&figures)
        .arg(repository().join("examples/data"));
    let checked = finish(command, "").success();
    assert!(
        checked.contains("coefficients: ") && !checked.contains("WRONG"),
        "{checked}"
    );
}

#[test]
fn a_wrong_figure_is_found_wrong() {
    let home = TestHome::new();
    let figures = home.write("figures.json", r#"{"identical": false, "cities": []}"#);
    let reference = repository().join("tests/conformance/climate_reference.py");
    let mut command = home.command([reference]);
    command.arg(figures).arg(repository().join("examples/data"));
    let checked = finish(command, "");
    assert_eq!(checked.code(), 1, "{checked:?}");
    assert!(
        checked
            .stdout
            .contains("WRONG: alone and on engines differ")
            && checked.stdout.contains("WRONG: not the two cities"),
        "{checked:?}"
    );
}
