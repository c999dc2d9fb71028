//! The second table: tasks, beside ipyparallel and dask.distributed.

use std::fmt::Write as _;

use rhumba_tests::figures::{digits, median};
use serde_json::Value;

use crate::table::Better::{self, Higher, Lower};

/// What rhumba is meant to reach.
#[derive(Clone, Copy)]
enum Target {
    None,
    /// So many times better than ipyparallel, and than dask.
    Times(f64, f64),
    /// At least, or at most, this much by itself.
    Own(f64),
}

struct Row {
    label: &'static str,
    /// Where the scripts' object holds the figure.
    pointer: &'static str,
    unit: &'static str,
    better: Better,
    target: Target,
}

const fn row(
    label: &'static str,
    pointer: &'static str,
    unit: &'static str,
    better: Better,
    target: Target,
) -> Row {
    Row {
        label,
        pointer,
        unit,
        better,
        target,
    }
}

use Target::{None as Free, Own, Times};

#[rustfmt::skip]
const ROWS: [Row; 11] = [
    row("one task, there and back, p50", "/task_p50_us", "µs", Lower, Free),
    row("map of tasks that do nothing", "/noop_tasks_per_s", "tasks/s", Higher, Times(100.0, 20.0)),
    row("map of tasks of 1 ms", "/pause_tasks_per_s", "tasks/s", Higher, Free),
    row("how much of that time engines are busy", "/busy", "", Higher, Own(0.9)),
    row("1,000 failing tasks, until all are told", "/failing_1000_s", "s", Lower, Own(1.0)),
    row("10,000 tasks, each after the one before", "/chain/tasks_per_s", "tasks/s", Higher, Times(20.0, 20.0)),
    row("10,000 in layers of 100, each after two", "/layers/tasks_per_s", "tasks/s", Higher, Times(20.0, 20.0)),
    row("10,000 after one, and one after all", "/fan/tasks_per_s", "tasks/s", Higher, Times(20.0, 20.0)),
    row("1,000,000 queued: the controller's memory", "/queued_controller_mb", "MB", Lower, Own(1024.0)),
    row("1,000,000 queued: sent, results read", "/queued_done_per_s", "tasks/s", Higher, Free),
    row("the last tenth of them against the first", "/last_by_first", "times as fast", Higher, Own(0.8)),
];

/// The table in Markdown. Each side's runs, in the order of their rounds.
pub fn report(ours: &[Value], ipyparallel: &[Value], dask: &[Value]) -> String {
    let mut text = String::from(
        "| | ipyparallel | dask | rhumba | times ipyparallel | times dask | target | |\n\
         |---|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for row in &ROWS {
        if let Some(line) = row.render(ours, ipyparallel, dask) {
            // Writing into a String can't fail.
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

impl Row {
    fn median(&self, runs: &[Value]) -> Option<f64> {
        let figures = runs.iter().map(|run| run.pointer(self.pointer)?.as_f64());
        median(&mut figures.flatten().collect::<Vec<f64>>())
    }

    fn render(&self, ours: &[Value], ipyparallel: &[Value], dask: &[Value]) -> Option<String> {
        let our = self.median(ours)?;
        let peers = [self.median(ipyparallel), self.median(dask)];
        let times = peers.map(|peer| {
            peer.map(|peer| match self.better {
                Lower => peer / our,
                Higher => our / peer,
            })
        });
        let is_reached = match (self.target, self.better) {
            (Free, _) => None,
            // What a peer has no figure for is nothing to be better than.
            (Times(first, second), _) => Some(
                times[0].is_none_or(|times| times >= first)
                    && times[1].is_none_or(|times| times >= second),
            ),
            (Own(most), Lower) => Some(our <= most),
            (Own(least), Higher) => Some(our >= least),
        };
        let target = match (self.target, self.better) {
            (Free, _) => String::new(),
            (Times(first, second), _) => format!("{first:.0} and {second:.0} times"),
            (Own(most), Lower) => format!("at most {most} {}", self.unit),
            (Own(least), Higher) => format!("at least {least}"),
        };
        let verdict = match is_reached {
            None => "",
            Some(true) => "reached",
            Some(false) => "not reached",
        };
        let shown = |figure: Option<f64>, unit: &str| match figure {
            None => "–".to_owned(),
            Some(figure) if unit.is_empty() => digits(figure),
            Some(figure) => format!("{} {unit}", digits(figure)),
        };
        Some(format!(
            "| {} | {} | {} | {} | {} | {} | {target} | {verdict} |",
            self.label,
            shown(peers[0], self.unit),
            shown(peers[1], self.unit),
            shown(Some(our), self.unit),
            shown(times[0], ""),
            shown(times[1], ""),
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::report;

    fn lines(ours: serde_json::Value) -> Vec<String> {
        let ipyparallel = [json!({"noop_tasks_per_s": 100.0, "busy": 0.1})];
        let dask = [json!({"noop_tasks_per_s": 1000.0})];
        let text = report(&[ours], &ipyparallel, &dask);
        text.lines().skip(2).map(str::to_owned).collect()
    }

    #[test]
    fn both_peers_are_to_be_passed() {
        assert_eq!(
            lines(json!({"noop_tasks_per_s": 20_000.0})),
            [
                "| map of tasks that do nothing | 100 tasks/s | 1,000 tasks/s | 20,000 tasks/s \
              | 200 | 20.0 | 100 and 20 times | reached |"
            ]
        );
        let short = lines(json!({"noop_tasks_per_s": 19_000.0}));
        assert!(short[0].ends_with("| not reached |"), "{short:?}");
    }

    #[test]
    fn a_target_of_its_own_needs_no_peer() {
        let shown = lines(json!({"busy": 0.95, "queued_controller_mb": 2000.0}));
        assert!(
            shown[0].contains("| – | 0.950 | 9.50 | – | at least 0.9 | reached |"),
            "{shown:?}"
        );
        assert!(
            shown[1].ends_with("| at most 1024 MB | not reached |"),
            "{shown:?}"
        );
    }
}
