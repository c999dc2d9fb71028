//! From the runs' figures to a table: medians, how many times better, and the targets.

use std::fmt::Write as _;

use rhumba_tests::figures::{digits, median};
use serde_json::Value;

use crate::floor::Floor;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Ipyparallel,
    Dask,
    Rhumba,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::Ipyparallel => "ipyparallel",
            Side::Dask => "dask",
            Side::Rhumba => "rhumba",
        }
    }
}

#[derive(Clone, Copy)]
pub enum Better {
    Lower,
    Higher,
}

struct Row {
    label: &'static str,
    /// Where the scripts' object holds the figure.
    pointer: &'static str,
    unit: &'static str,
    better: Better,
    /// How many times better than the peer it is meant to be.
    target: Option<f64>,
}

const fn row(
    label: &'static str,
    pointer: &'static str,
    unit: &'static str,
    better: Better,
    target: Option<f64>,
) -> Row {
    Row {
        label,
        pointer,
        unit,
        better,
        target,
    }
}

use Better::{Higher, Lower};

#[rustfmt::skip]
const ROWS: [Row; 30] = [
    row("start to connected", "/start_s", "s", Lower, Some(20.0)),
    row("apply_sync, one engine, p50", "/apply_one/p50_us", "µs", Lower, Some(25.0)),
    row("apply_sync, one engine, p99", "/apply_one/p99_us", "µs", Lower, None),
    row("execute, one engine, p50", "/execute_one/p50_us", "µs", Lower, None),
    row("execute, one engine, p99", "/execute_one/p99_us", "µs", Lower, None),
    row("apply_sync, all engines, p50", "/apply_all/p50_us", "µs", Lower, None),
    row("apply_sync, load-balanced, p50", "/lb_apply/p50_us", "µs", Lower, None),
    row("apply_sync, load-balanced, p99", "/lb_apply/p99_us", "µs", Lower, None),
    row("load-balanced map, chunksize 1", "/lb_tasks_per_s", "tasks/s", Higher, Some(50.0)),
    row("load-balanced apply_async", "/lb_apply_async_per_s", "tasks/s", Higher, None),
    row("push 1 MB to all", "/push_1MB_all_MBps", "MB/s", Higher, None),
    row("pull 1 MB from one", "/pull_1MB_one_MBps", "MB/s", Higher, None),
    row("push 64 MB to all", "/push_64MB_all_MBps", "MB/s", Higher, Some(3.0)),
    row("pull 64 MB from one", "/pull_64MB_one_MBps", "MB/s", Higher, Some(3.0)),
    row("push 64 MB to all, repeated", "/push_64MB_all_repeated_MBps", "MB/s", Higher, Some(3.0)),
    row("pull 64 MB from one, repeated", "/pull_64MB_one_repeated_MBps", "MB/s", Higher, Some(3.0)),
    row("pull 64 MB that one has made, repeated", "/pull_64MB_made_there_MBps", "MB/s", Higher, Some(3.0)),
    row("DirectView, call with an argument of 1 B to 16 engines", "/broadcast_direct_1B_ms", "ms", Lower, None),
    row("BroadcastView, call with an argument of 1 B to 16 engines", "/broadcast_tree_1B_ms", "ms", Lower, None),
    row("DirectView, call with an argument of 64 KB to 16 engines", "/broadcast_direct_64KB_ms", "ms", Lower, None),
    row("BroadcastView, call with an argument of 64 KB to 16 engines", "/broadcast_tree_64KB_ms", "ms", Lower, None),
    row("DirectView, call with an argument of 900 KB to 16 engines", "/broadcast_direct_900KB_ms", "ms", Lower, None),
    row("BroadcastView, call with an argument of 900 KB to 16 engines", "/broadcast_tree_900KB_ms", "ms", Lower, None),
    row("DirectView, call with an argument of 4 MB to 16 engines", "/broadcast_direct_4MB_ms", "ms", Lower, None),
    row("BroadcastView, call with an argument of 4 MB to 16 engines", "/broadcast_tree_4MB_ms", "ms", Lower, None),
    row("scatter 1,000,000 integers", "/scatter_1e6_ints_s", "s", Lower, None),
    row("gather 1,000,000 integers", "/gather_1e6_ints_s", "s", Lower, None),
    row("memory per engine (PSS), just started", "/idle_engine_pss_MB", "MB", Lower, Some(10.0)),
    row("memory per engine (PSS), holding the data sent", "/engine_pss_MB", "MB", Lower, None),
    row("threads per engine", "/engine_threads", "", Lower, None),
];

/// The whole report in Markdown.
pub fn report(ours: &[Value], theirs: &[Value], floor: &Floor, machine: &str) -> String {
    let mut text = String::new();
    let version = |runs: &[Value], pointer: &str| {
        runs.first()
            .and_then(|run| run.pointer(pointer)?.as_str())
            .unwrap_or("unknown")
            .to_owned()
    };
    let mut line = |content: String| {
        // Writing into a String can't fail.
        let _ = writeln!(text, "{content}");
    };
    line(format!(
        "{machine}. ipyparallel {} on CPython {}; rhumba {} speaks Python {}. \
         Median of {} runs each, taken in turns.",
        version(theirs, "/ipyparallel"),
        version(theirs, "/python"),
        env!("CARGO_PKG_VERSION"),
        version(ours, "/python"),
        ours.len(),
    ));
    line(String::new());
    line("| | ipyparallel | rhumba | times better | target | |".to_owned());
    line("|---|--:|--:|--:|--:|---|".to_owned());
    for row in &ROWS {
        if let Some(content) = row.render(ours, theirs) {
            line(content);
        }
    }
    line(String::new());
    line(format!(
        "Floor: a message of 64 bytes from a bare process through a second to a third and back, over Unix \
         sockets (two round trips): {:.0} µs p50, {:.0} µs p99. One socket carries {:.0} MB/s from process to process.",
        floor.relayed_p50_us, floor.relayed_p99_us, floor.stream_mb_per_s,
    ));
    let distances: Vec<String> = ROWS
        .iter()
        .filter(|row| row.label.ends_with("p50"))
        .filter_map(|row| {
            let times = row.median(ours)? / floor.relayed_p50_us;
            Some(format!(
                "{} {times:.1} times",
                row.label.trim_end_matches(", p50")
            ))
        })
        .collect();
    line(format!(
        "rhumba's distance from it: {}.",
        distances.join("; ")
    ));
    text
}

impl Row {
    fn median(&self, runs: &[Value]) -> Option<f64> {
        let mut figures: Vec<f64> = runs
            .iter()
            .filter_map(|run| run.pointer(self.pointer)?.as_f64())
            .collect();
        median(&mut figures)
    }

    fn render(&self, ours: &[Value], theirs: &[Value]) -> Option<String> {
        let (our, their) = (self.median(ours)?, self.median(theirs)?);
        let times = match self.better {
            Lower => their / our,
            Higher => our / their,
        };
        let (target, verdict) = match self.target {
            None => (String::new(), ""),
            Some(target) if times >= target => (format!("{target:.0}"), "reached"),
            Some(target) => (format!("{target:.0}"), "not reached"),
        };
        Some(format!(
            "| {} | {} {unit} | {} {unit} | {} | {target} | {verdict} |",
            self.label,
            digits(their),
            digits(our),
            digits(times),
            unit = self.unit,
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ROWS, Row};

    fn named(label: &str) -> &'static Row {
        ROWS.iter().find(|row| row.label == label).unwrap()
    }

    #[test]
    fn less_time_and_more_tasks_are_both_better() {
        let ours = [json!({"start_s": 0.25, "lb_tasks_per_s": 4900.0})];
        let theirs = [json!({"start_s": 5.0, "lb_tasks_per_s": 100.0})];
        assert_eq!(
            named("start to connected").render(&ours, &theirs).unwrap(),
            "| start to connected | 5.00 s | 0.250 s | 20.0 | 20 | reached |"
        );
        assert_eq!(
            named("load-balanced map, chunksize 1")
                .render(&ours, &theirs)
                .unwrap(),
            "| load-balanced map, chunksize 1 | 100 tasks/s | 4,900 tasks/s | 49.0 | 50 | not reached |"
        );
    }

    #[test]
    fn a_figure_that_one_side_lacks_is_left_out() {
        let with = [json!({"idle_engine_pss_MB": 2.5})];
        let without = [json!({})];
        assert!(
            named("memory per engine (PSS), just started")
                .render(&with, &without)
                .is_none()
        );
    }
}
