//! What a shell with engines shows of them: on its terminal, beside what a person types.

use super::support::{Process, Screen, TestHome};

#[test]
fn the_end_of_an_engine_is_told_above_what_is_typed_in_every_shell() {
    let home = TestHome::new();
    let mut owner = Screen::start(&home, &["-n", "2"]);
    owner.enter(1, "import os; rc[1].apply_sync(os.getpid)");
    owner.shows("Out[1]: ");
    owner.prompt(2);
    let lines = owner.lines();
    let shown = lines.iter().find_map(|line| line.strip_prefix("Out[1]: "));
    let pid = shown.and_then(|pid| pid.parse().ok());
    let engine = Process::hold(pid.unwrap_or_else(|| panic!("{lines:#?}")));

    let clusters = home.run(["cluster", "list", "--json"]).success();
    let clusters: serde_json::Value = serde_json::from_str(&clusters).expect("it is JSON");
    let id = clusters[0]["id"].as_str().expect("the shell has a cluster");
    let mut other = Screen::start(&home, &[]);
    other.enter(
        1,
        &format!("import ipyparallel as ipp; rc = ipp.Client(cluster_id={id:?})"),
    );
    for screen in [&mut owner, &mut other] {
        screen.prompt(2);
        screen.send("half_a_c");
        screen.ends_with(&["In [2]: half_a_c"]);
    }
    engine.signal(libc::SIGKILL);
    for screen in [&mut owner, &mut other] {
        screen.wait("the notice above the cell", |screen| {
            let lines = screen.lines();
            let before = lines.iter().rev().nth(1);
            before.is_some_and(|line| line.starts_with("Notice: engine 1 ended: "))
                && lines.last().is_some_and(|line| line == "In [2]: half_a_c")
        });
        screen.send("ell = 1\r");
        screen.prompt(3);
        // It was told, and isn't again by the cell.
        assert_eq!(screen.contents().matches("Notice: ").count(), 1);
    }
    other.leave();
    owner.leave();
}

#[test]
fn every_view_that_is_bound_is_named_and_none_that_was_lent() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &["-n", "1"]);
    screen.enter(1, "kept = 1; mine = rc[0]; other = view; connection = rc");
    screen.enter(2, "%checkpoint one");
    screen.shows("-p leaves them out");
    let shown = screen.contents();
    for name in ["mine", "other", "connection"] {
        assert!(shown.contains(&format!("namespace['{name}']: ")), "{shown}");
    }
    assert_eq!(shown.matches("namespace['").count(), 3, "{shown}");
    screen.enter(3, "del mine, other, connection");
    screen.enter(4, "%checkpoint one");
    screen.shows("Checkpoint one: 1 name,");
    screen.prompt(5);
    screen.leave();
}

#[test]
fn a_progress_bar_leaves_no_line_behind() {
    let home = TestHome::new();
    let mut screen = Screen::start(&home, &["-n", "1"]);
    screen.enter(1, "%px import os, time");
    screen.enter(
        2,
        "%%px --progress-after 0\rwhile not os.path.exists('go'):\rtime.sleep(0.01)\r",
    );
    screen.shows("0/1");
    home.write("go", "");
    screen.prompt(3);
    let lines = screen.lines();
    assert_eq!(
        lines.last().map(String::as_str),
        Some("In [3]:"),
        "{lines:#?}"
    );
    let before = lines.iter().rev().nth(1);
    assert!(
        before.is_some_and(|line| line.starts_with("   ...:")),
        "{lines:#?}"
    );
    screen.leave();
}
