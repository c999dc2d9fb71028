//! From the runs' figures to a table: medians beside each other, ratios, and the targets.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rhumba_tests::figures::{digits, median};
use serde_json::Value;

use crate::copy::Copy;

/// Who encodes and decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Serializer {
    Pickle,
    Cloudpickle,
    Dill,
    Rhumba,
}

pub const SERIALIZERS: [Serializer; 4] = [
    Serializer::Pickle,
    Serializer::Cloudpickle,
    Serializer::Dill,
    Serializer::Rhumba,
];

impl Serializer {
    /// What the script calls it.
    pub fn name(self) -> &'static str {
        match self {
            Serializer::Pickle => "pickle",
            Serializer::Cloudpickle => "cloudpickle",
            Serializer::Dill => "dill",
            Serializer::Rhumba => "rhumba",
        }
    }
}

/// How fast rhumba is meant to be.
#[derive(Clone, Copy)]
enum Target {
    /// So many times as fast as this serializer.
    TimesAsFastAs(f64, Serializer),
    /// At least this share of the rate of a bare copy into fresh memory.
    ShareOfCopy(f64),
    /// Nobody else does it.
    None,
}

pub struct Case {
    /// What the script calls it.
    pub name: &'static str,
    label: &'static str,
    target: Target,
}

const AS_FAST_AS_PICKLE: Target = Target::TimesAsFastAs(1.0, Serializer::Pickle);

#[rustfmt::skip]
pub const CASES: [Case; 10] = [
    Case { name: "mixed_dict", label: "dict of 50,000 mixed entries", target: AS_FAST_AS_PICKLE },
    Case { name: "integers", label: "list of 1,000,000 ints", target: AS_FAST_AS_PICKLE },
    Case { name: "floats", label: "list of 1,000,000 floats", target: AS_FAST_AS_PICKLE },
    Case { name: "instances", label: "20,000 instances", target: AS_FAST_AS_PICKLE },
    Case { name: "graph", label: "graph with 1,000,000 edges", target: AS_FAST_AS_PICKLE },
    Case { name: "linked", label: "100,000 instances, each linked to the next", target: Target::None },
    Case { name: "rings", label: "20,000 instances in small rings", target: Target::None },
    Case { name: "functions", label: "200 functions with closures", target: Target::TimesAsFastAs(5.0, Serializer::Cloudpickle) },
    Case { name: "new_functions", label: "200 functions, never seen before", target: Target::TimesAsFastAs(5.0, Serializer::Cloudpickle) },
    Case { name: "large", label: "1 GB bytes", target: Target::ShareOfCopy(0.5) },
];

/// Memory at its highest is meant to stay under so many times the data.
const PEAK_TIMES_DATA: f64 = 2.0;

pub fn case_names() -> Vec<&'static str> {
    CASES.iter().map(|case| case.name).collect()
}

/// Times are looked at for encoding and for decoding.
#[derive(Clone, Copy)]
enum Way {
    Encode,
    Decode,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Encode => "encode",
            Way::Decode => "decode",
        }
    }
}

/// What all runs gave.
#[derive(Default)]
pub struct Figures {
    runs: BTreeMap<(&'static str, Serializer), Vec<Value>>,
}

impl Figures {
    pub fn add(&mut self, case: &'static str, serializer: Serializer, figures: Value) {
        self.runs
            .entry((case, serializer))
            .or_default()
            .push(figures);
    }

    fn of(&self, case: &'static str, serializer: Serializer) -> &[Value] {
        self.runs
            .get(&(case, serializer))
            .map_or(&[], Vec::as_slice)
    }

    /// The median over all times of all runs, in seconds.
    fn time_s(&self, case: &'static str, serializer: Serializer, way: Way) -> Option<f64> {
        let field = format!("{}_s", way.name());
        let mut times: Vec<f64> = self
            .of(case, serializer)
            .iter()
            .filter_map(|run| run.get(&field)?.as_array())
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        median(&mut times)
    }

    /// The median of a figure that each run gives once.
    fn once(&self, case: &'static str, serializer: Serializer, field: &str) -> Option<f64> {
        let runs = self.of(case, serializer);
        let mut found: Vec<f64> = runs
            .iter()
            .filter_map(|run| run.get(field)?.as_f64())
            .collect();
        median(&mut found)
    }

    fn error(&self, case: &'static str, serializer: Serializer) -> Option<&str> {
        let runs = self.of(case, serializer);
        runs.iter().find_map(|run| run.get("error")?.as_str())
    }

    fn text(&self, serializer: Serializer, field: &str) -> &str {
        let mut runs = self
            .runs
            .iter()
            .filter(|((_, whose), _)| *whose == serializer);
        let found = runs.find_map(|(_, runs)| runs.first()?.get(field)?.as_str());
        found.unwrap_or("unknown")
    }
}

/// The whole report in Markdown.
pub fn report(figures: &Figures, copy: &Copy, machine: &str, rounds: usize) -> String {
    let mut text = String::new();
    let mut line = |content: String| {
        // Writing into a String can't fail.
        let _ = writeln!(text, "{content}");
    };
    line(format!(
        "{machine}. pickle (protocol 5) of CPython {}, cloudpickle {}, dill {}; rhumba {} speaks Python {}. \
         Processor time, medians over {rounds} processes each, taken in turns; every process repeats what takes less than \
         two seconds.",
        figures.text(Serializer::Pickle, "python"),
        figures.text(Serializer::Cloudpickle, "version"),
        figures.text(Serializer::Dill, "version"),
        env!("CARGO_PKG_VERSION"),
        figures.text(Serializer::Rhumba, "python"),
    ));
    line(String::new());
    line("| ms | | pickle | cloudpickle | dill | rhumba | times as fast | target | |".to_owned());
    line("|---|---|--:|--:|--:|--:|--:|--:|---|".to_owned());
    for case in &CASES {
        for way in [Way::Encode, Way::Decode] {
            if let Some(row) = time_row(figures, case, way, copy) {
                line(row);
            }
        }
    }
    line(String::new());
    line(format!(
        "| MB | of | pickle | cloudpickle | dill | rhumba | peak ÷ data, to be under {} | |",
        digits(PEAK_TIMES_DATA)
    ));
    line("|---|---|--:|--:|--:|--:|--:|---|".to_owned());
    for case in &CASES {
        for row in memory_rows(figures, case) {
            line(row);
        }
    }
    line(String::new());
    line(format!(
        "A bare copy of 1 GB: {:.0} MB/s into memory used before, {:.0} MB/s into fresh memory.",
        copy.used_mb_per_s, copy.fresh_mb_per_s
    ));
    for case in &CASES {
        for serializer in SERIALIZERS {
            if let Some(error) = figures.error(case.name, serializer) {
                line(format!("- {}, {}: {error}", case.label, serializer.name()));
            }
        }
    }
    text
}

/// One case, one way: everyone's time, and how far rhumba is.
fn time_row(figures: &Figures, case: &Case, way: Way, copy: &Copy) -> Option<String> {
    let cells: Vec<String> = SERIALIZERS
        .iter()
        .map(|serializer| {
            let time_s = figures.time_s(case.name, *serializer, way);
            time_s.map_or_else(|| "–".to_owned(), |time_s| digits(time_s * 1e3))
        })
        .collect();
    if figures.of(case.name, Serializer::Rhumba).is_empty() {
        return None;
    }
    let ours = figures.time_s(case.name, Serializer::Rhumba, way);
    let (reached, target, met) = match (case.target, ours) {
        (Target::TimesAsFastAs(target, whose), Some(ours)) => {
            let theirs = figures.time_s(case.name, whose, way);
            theirs.map_or((String::new(), String::new(), None), |theirs| {
                let times = theirs / ours;
                let wanted = format!("{} of {}", digits(target), whose.name());
                (digits(times), wanted, Some(times >= target))
            })
        }
        (Target::ShareOfCopy(target), Some(ours)) => {
            let bytes = figures
                .once(case.name, Serializer::Rhumba, "bytes")
                .unwrap_or(0.0);
            let share = bytes / 1048576.0 / ours / copy.fresh_mb_per_s;
            let wanted = format!("{} of a copy", digits(target));
            (digits(share), wanted, Some(share >= target))
        }
        _ => (String::new(), String::new(), None),
    };
    let verdict = match met {
        Some(true) => "reached",
        Some(false) => "not reached",
        None => "",
    };
    Some(format!(
        "| {} | {} | {} | {reached} | {target} | {verdict} |",
        case.label,
        way.name(),
        cells.join(" | ")
    ))
}

/// One case: bytes made, and what memory rose by at most.
fn memory_rows(figures: &Figures, case: &Case) -> Vec<String> {
    let quantities = [
        ("the data itself", "data_kb", 1024.0),
        ("encoded", "bytes", 1048576.0),
        ("added at most while encoding", "encode_added_kb", 1024.0),
        ("added at most while decoding", "decode_added_kb", 1024.0),
    ];
    if figures.of(case.name, Serializer::Rhumba).is_empty() {
        return Vec::new();
    }
    let rows = quantities.iter().map(|(name, field, per_mb)| {
        let cells: Vec<String> = SERIALIZERS
            .iter()
            .map(|serializer| {
                let found = figures.once(case.name, *serializer, field);
                found.map_or_else(|| "–".to_owned(), |found| digits(found / per_mb))
            })
            .collect();
        let peak = peak_times_data(figures, case, field);
        let (times, verdict) = match peak {
            None => (String::new(), ""),
            Some(times) if times < PEAK_TIMES_DATA => (digits(times), "reached"),
            Some(times) => (digits(times), "not reached"),
        };
        format!(
            "| {} | {name} | {} | {times} | {verdict} |",
            case.label,
            cells.join(" | ")
        )
    });
    rows.collect()
}

/// rhumba's memory at its highest, with what it works on, as a multiple of the objects' own.
fn peak_times_data(figures: &Figures, case: &Case, field: &str) -> Option<f64> {
    let kb = |field| figures.once(case.name, Serializer::Rhumba, field);
    let worked_on_kb = match field {
        "encode_added_kb" => kb("data_kb")?,
        "decode_added_kb" => kb("bytes")? / 1024.0,
        _ => return None,
    };
    Some((worked_on_kb + kb(field)?) / kb("data_kb")?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CASES, Copy, Figures, Serializer, Way, peak_times_data, time_row};

    const COPY: Copy = Copy {
        used_mb_per_s: 8000.0,
        fresh_mb_per_s: 2048.0,
    };

    #[test]
    fn the_time_of_all_runs_is_their_median() {
        let mut figures = Figures::default();
        for times in [[0.3, 0.1], [0.2, 0.5]] {
            figures.add("graph", Serializer::Dill, json!({ "encode_s": times }));
        }
        assert_eq!(
            figures.time_s("graph", Serializer::Dill, Way::Encode),
            Some(0.25)
        );
        assert_eq!(figures.time_s("graph", Serializer::Dill, Way::Decode), None);
    }

    #[test]
    fn a_target_is_met_by_its_own_measure() {
        let mut figures = Figures::default();
        figures.add("functions", Serializer::Pickle, json!({ "error": "no" }));
        figures.add(
            "functions",
            Serializer::Cloudpickle,
            json!({ "encode_s": [0.010] }),
        );
        figures.add(
            "functions",
            Serializer::Rhumba,
            json!({ "encode_s": [0.001] }),
        );
        let case = CASES.iter().find(|case| case.name == "functions");
        assert_eq!(
            time_row(&figures, case.unwrap(), Way::Encode, &COPY).unwrap(),
            "| 200 functions with closures | encode | – | 10.0 | – | 1.00 | 10.0 | 5.00 of cloudpickle | reached |"
        );
        figures.add(
            "large",
            Serializer::Rhumba,
            json!({ "encode_s": [1.0], "bytes": 1 << 30 }),
        );
        let case = CASES.iter().find(|case| case.name == "large");
        assert_eq!(
            time_row(&figures, case.unwrap(), Way::Encode, &COPY).unwrap(),
            "| 1 GB bytes | encode | – | – | – | 1,000 | 0.500 | 0.500 of a copy | reached |"
        );
    }

    #[test]
    fn the_peak_is_that_of_all_that_is_there() {
        let mut figures = Figures::default();
        let run = json!({
            "data_kb": 1000, "bytes": 102_400, "encode_added_kb": 500, "decode_added_kb": 1900
        });
        figures.add("graph", Serializer::Rhumba, run);
        let case = CASES.iter().find(|case| case.name == "graph").unwrap();
        assert_eq!(
            peak_times_data(&figures, case, "encode_added_kb"),
            Some(1.5)
        );
        assert_eq!(
            peak_times_data(&figures, case, "decode_added_kb"),
            Some(2.0)
        );
        assert_eq!(peak_times_data(&figures, case, "bytes"), None);
    }
}
