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

    let mut other = Screen::start(&home, &[]);
    other.enter(1, "import ipyparallel as ipp; rc = ipp.Client()");
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
