//! How the cases of other people's suites end with snapshots: what is expected, and what was seen.
//!
//! `tests/conformance/snapshots/outcomes.txt` holds a line for each case, and a reason for each that doesn't
//! pass; the tables in the README beside it are made from it. Who runs the cases is
//! `cargo snapshot-conformance`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};

pub const OUTCOMES_FILE: &str = "outcomes.txt";
pub const README_FILE: &str = "README.md";
/// What stands in the README before the part made from the outcomes.
const README_MARK: &str = "<!-- From here on made from outcomes.txt. -->\n";

/// A suite in one of the ways it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suite {
    pub name: &'static str,
    /// Where its own classes and functions live: `main`, so they go by value; `imported`, so they go by name.
    pub way: &'static str,
}

impl Suite {
    pub const ALL: [Self; 11] = [
        Self::new("pickle", "main"),
        Self::new("pickle", "imported"),
        Self::new("copy", "main"),
        Self::new("copy", "imported"),
        Self::new("dataclasses", "main"),
        Self::new("dataclasses", "imported"),
        Self::new("enum", "main"),
        Self::new("enum", "imported"),
        Self::new("functools", "main"),
        Self::new("functools", "imported"),
        Self::new("cloudpickle", "imported"),
    ];

    const fn new(name: &'static str, way: &'static str) -> Self {
        Self { name, way }
    }
}

/// How a case ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Passes,
    /// It passes when what it asks of pickle's bytes is answered from a pickle of the same object.
    Beside,
    Fails,
    Skipped,
    Crashes,
    Hangs,
}

impl Outcome {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Passes, "passes"),
        (Self::Beside, "beside"),
        (Self::Fails, "fails"),
        (Self::Skipped, "skipped"),
        (Self::Crashes, "crashes"),
        (Self::Hangs, "hangs"),
    ];

    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(outcome, _)| *outcome == self);
        found.expect("the list has every outcome").1
    }
}

impl FromStr for Outcome {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found
            .map(|(outcome, _)| *outcome)
            .with_context(|| format!("{text:?} is no outcome of a case"))
    }
}

/// How a case ended once, and what it said.
#[derive(Clone, Debug)]
pub struct Ending {
    pub outcome: Outcome,
    pub said: String,
}

/// What was seen of one case.
struct Seen {
    snapshot: Ending,
    control: Option<Outcome>,
}

/// What a run saw.
#[derive(Default)]
pub struct Observed {
    suites: BTreeMap<Suite, BTreeMap<String, Seen>>,
}

impl Observed {
    pub fn add(
        &mut self,
        suite: Suite,
        snapshot: BTreeMap<String, Ending>,
        control: &BTreeMap<String, Ending>,
    ) {
        let seen = snapshot.into_iter().map(|(case, ending)| {
            let control = control.get(&case).map(|ending| ending.outcome);
            let snapshot = ending;
            (case, Seen { snapshot, control })
        });
        self.suites.insert(suite, seen.collect());
    }

    /// One line for each suite.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (suite, cases) in &self.suites {
            let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
            for seen in cases.values() {
                *counts.entry(seen.snapshot.outcome).or_default() += 1;
            }
            let counts = counts
                .iter()
                .map(|(outcome, count)| format!("{count} {}", outcome.name()));
            let counts: Vec<String> = counts.collect();
            // Writing into a String can't fail.
            let _ = writeln!(
                text,
                "{} ({}): {}",
                suite.name,
                suite.way,
                counts.join(", ")
            );
        }
        text
    }
}

/// What is expected of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    outcome: Outcome,
    control: Option<Outcome>,
    /// The key of the reason, for one that doesn't pass.
    reason: Option<String>,
}

/// What is expected of every case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// The lines at the top.
    head: String,
    /// Sentences by key, in the order of the file.
    reasons: Vec<(String, String)>,
    suites: BTreeMap<Suite, BTreeMap<String, Expected>>,
}

impl Outcomes {
    /// Reads the file in this folder.
    ///
    /// # Errors
    /// When it isn't there, or a line of it means nothing.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(OUTCOMES_FILE);
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut outcomes = Self::default();
        let mut suite = None;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {
                    outcomes.head.push_str(line);
                    outcomes.head.push('\n');
                }
                ["reason", key, sentence @ ..] => {
                    let sentence = sentence.join(" ");
                    outcomes.reasons.push(((*key).to_owned(), sentence));
                }
                ["suite", name, way] => {
                    let found = Suite::ALL
                        .into_iter()
                        .find(|suite| suite.name == *name && suite.way == *way);
                    suite = Some(found.with_context(|| format!("there is no suite {name} {way}"))?);
                }
                [outcome, control, case, reason @ ..] if reason.len() < 2 => {
                    let suite = suite.context("a case stands before the first suite")?;
                    let expected = Expected {
                        outcome: outcome.parse()?,
                        control: match *control {
                            "-" => None,
                            control => Some(control.parse()?),
                        },
                        reason: reason.first().map(|key| (*key).to_owned()),
                    };
                    let cases: &mut BTreeMap<String, Expected> =
                        outcomes.suites.entry(suite).or_default();
                    cases.insert((*case).to_owned(), expected);
                }
                _ => bail!("{line:?} is no outcome of a case"),
            }
        }
        Ok(outcomes)
    }

    fn render(&self) -> String {
        let mut text = self.head.clone();
        // Writing into a String can't fail.
        let _ = writeln!(text);
        for (key, sentence) in &self.reasons {
            let _ = writeln!(text, "reason {key} {sentence}");
        }
        for (suite, cases) in &self.suites {
            let _ = writeln!(text, "\nsuite {} {}", suite.name, suite.way);
            for (case, expected) in cases {
                let outcome = expected.outcome.name();
                let control = expected.control.map_or("-", Outcome::name);
                let reason = expected.reason.as_deref().unwrap_or_default();
                let line = format!("{outcome:7} {control:7} {case} {reason}");
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        text
    }

    /// Writes the file and the tables of the README.
    ///
    /// # Errors
    /// When one of them can't be read or written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join(OUTCOMES_FILE), self.render())
            .with_context(|| format!("writing {OUTCOMES_FILE}"))?;
        let readme = self.readme(folder)?;
        fs::write(folder.join(README_FILE), readme)
            .with_context(|| format!("writing {README_FILE}"))
    }

    /// The README in this folder as it should be.
    ///
    /// # Errors
    /// When it isn't there, or has no place for the tables.
    pub fn readme(&self, folder: &Path) -> Result<String> {
        let text = fs::read_to_string(folder.join(README_FILE))
            .with_context(|| format!("reading {README_FILE}"))?;
        let (head, _) = text
            .split_once(README_MARK)
            .with_context(|| format!("{README_FILE} has no line {README_MARK}"))?;
        Ok(format!("{head}{README_MARK}{}", self.tables()))
    }

    fn tables(&self) -> String {
        let mut text = String::new();
        let mut line = |content: &str| {
            text.push_str(content);
            text.push('\n');
        };
        line(
            "\n| suite | its own classes | cases | pass | and fail | skipped | pass with what it was written for |",
        );
        line("|---|---|--:|--:|--:|--:|--:|");
        for (suite, cases) in &self.suites {
            let count = |wanted: &[Outcome]| {
                let found = cases.values().filter(|one| wanted.contains(&one.outcome));
                found.count()
            };
            let control = cases
                .values()
                .filter(|one| one.control == Some(Outcome::Passes))
                .count();
            line(&format!(
                "| {} | {} | {} | {} | {} | {} | {control} |",
                suite.name,
                if suite.way == "main" {
                    "by value"
                } else {
                    "by name"
                },
                cases.len(),
                count(&[Outcome::Passes, Outcome::Beside]),
                count(&[Outcome::Fails, Outcome::Crashes, Outcome::Hangs]),
                count(&[Outcome::Skipped]),
            ));
        }
        for (key, sentence) in &self.reasons {
            // By suite and case, the ways in which it doesn't pass.
            let mut found: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
            for (suite, expected) in &self.suites {
                for (case, one) in expected {
                    if one.reason.as_ref() == Some(key) {
                        let cases = found.entry(suite.name).or_default();
                        cases.entry(case).or_default().push(suite.way);
                    }
                }
            }
            if found.is_empty() {
                continue;
            }
            line(&format!("\n**{sentence}**"));
            for (suite, cases) in found {
                let cases = cases.iter().map(|(case, ways)| match ways.as_slice() {
                    ["main"] => format!("`{case}` (by value)"),
                    _ => format!("`{case}`"),
                });
                let cases: Vec<String> = cases.collect();
                line(&format!("- {suite}: {}", cases.join(", ")));
            }
        }
        text
    }

    /// What ended otherwise than expected, each as a sentence.
    pub fn surprises(&self, observed: &Observed) -> Vec<String> {
        let mut surprises = self.without_reason();
        for (suite, cases) in &observed.suites {
            let none = BTreeMap::new();
            let expected = self.suites.get(suite).unwrap_or(&none);
            let place = format!("{} ({})", suite.name, suite.way);
            for (case, seen) in cases {
                let now = seen.snapshot.outcome.name();
                let said = match seen.snapshot.said.as_str() {
                    "" => String::new(),
                    said => format!(": {said}"),
                };
                match expected.get(case) {
                    None => surprises.push(format!("{place} {case} is new, and {now}{said}")),
                    Some(one) if one.outcome != seen.snapshot.outcome => surprises.push(format!(
                        "{place} {case} was expected to be {}, and {now}{said}",
                        one.outcome.name()
                    )),
                    Some(one) if one.control != seen.control => surprises.push(format!(
                        "{place} {case}: what it was written for now {}",
                        seen.control.map_or("hasn't got it", Outcome::name)
                    )),
                    Some(_) => {}
                }
            }
            let gone = expected.keys().filter(|case| !cases.contains_key(*case));
            surprises.extend(gone.map(|case| format!("{place} {case} was not run")));
        }
        surprises
    }

    /// Cases that don't pass and whose reason isn't told, each as a sentence.
    pub fn without_reason(&self) -> Vec<String> {
        let known: BTreeSet<&String> = self.reasons.iter().map(|(key, _)| key).collect();
        let mut found = Vec::new();
        for (suite, cases) in &self.suites {
            for (case, one) in cases {
                let place = format!("{} ({}) {case}", suite.name, suite.way);
                match (&one.reason, one.outcome) {
                    (None, Outcome::Passes) => {}
                    (None, _) => found.push(format!("{place} doesn't pass, and no reason is told")),
                    (Some(_), Outcome::Passes) => {
                        found.push(format!("{place} passes, and a reason is told"));
                    }
                    (Some(key), _) if !known.contains(key) => {
                        found.push(format!("{place} has the reason {key}, which isn't told"));
                    }
                    (Some(_), _) => {}
                }
            }
        }
        found
    }

    /// Makes what was seen what is expected; reasons stay with cases that still don't pass.
    pub fn take_over(&mut self, observed: &Observed) {
        for (suite, cases) in &observed.suites {
            let before = self.suites.remove(suite).unwrap_or_default();
            let now = cases.iter().map(|(case, seen)| {
                let outcome = seen.snapshot.outcome;
                let reason = before
                    .get(case)
                    .and_then(|one| one.reason.clone())
                    .filter(|_| outcome != Outcome::Passes)
                    .or_else(|| (outcome == Outcome::Beside).then(|| "bytes".to_owned()));
                let control = seen.control;
                let expected = Expected {
                    outcome,
                    control,
                    reason,
                };
                (case.clone(), expected)
            });
            self.suites.insert(*suite, now.collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use super::{Ending, Observed, Outcome, Outcomes, README_FILE, Suite};

    const TEXT: &str = "# Head.\n\nreason files Open files aren't carried.\n\nsuite copy main\n\
                        fails   passes  A.test_file files\npasses  passes  A.test_list\n";

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/snapshots")
    }

    fn seen(file: Outcome, list: Outcome) -> Observed {
        let ending = |outcome| Ending {
            outcome,
            said: "so".to_owned(),
        };
        let cases = BTreeMap::from([
            ("A.test_file".to_owned(), ending(file)),
            ("A.test_list".to_owned(), ending(list)),
        ]);
        let passes = BTreeMap::from([
            ("A.test_file".to_owned(), ending(Outcome::Passes)),
            ("A.test_list".to_owned(), ending(Outcome::Passes)),
        ]);
        let mut observed = Observed::default();
        observed.add(Suite::ALL[2], cases, &passes);
        observed
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        assert_eq!(Outcomes::parse(TEXT).unwrap().render(), TEXT);
    }

    #[test]
    fn an_unexpected_pass_is_told_like_an_unexpected_failure() {
        let expected = Outcomes::parse(TEXT).unwrap();
        let as_expected = seen(Outcome::Fails, Outcome::Passes);
        assert!(expected.surprises(&as_expected).is_empty());
        let other = seen(Outcome::Passes, Outcome::Crashes);
        assert_eq!(
            expected.surprises(&other),
            [
                "copy (main) A.test_file was expected to be fails, and passes: so",
                "copy (main) A.test_list was expected to be passes, and crashes: so",
            ]
        );
    }

    #[test]
    fn a_new_failure_needs_a_reason() {
        let mut expected = Outcomes::parse(TEXT).unwrap();
        expected.take_over(&seen(Outcome::Passes, Outcome::Fails));
        assert_eq!(
            expected.without_reason(),
            ["copy (main) A.test_list doesn't pass, and no reason is told"]
        );
    }

    #[test]
    fn every_exception_has_its_reason_and_the_readme_tells_it() {
        let outcomes = Outcomes::read(&folder()).unwrap();
        assert_eq!(outcomes.without_reason(), [""; 0]);
        let readme = std::fs::read_to_string(folder().join(README_FILE)).unwrap();
        assert!(
            readme == outcomes.readme(&folder()).unwrap(),
            "README.md isn't made from outcomes.txt; RHUMBA_BLESS=1 cargo snapshot-conformance writes it"
        );
    }
}
