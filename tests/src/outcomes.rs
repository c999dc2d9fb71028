//! How the cases of other people's suites end: what is expected, and what was seen.
//!
//! Each of the [`crate::collections`] has an `outcomes.txt`. It holds a line for each case, a reason for each
//! that doesn't pass, and the suites that are omitted as a whole, with their reason. The tables in the README
//! beside it are made from it. It runs nothing: who runs the cases is `cargo conformance`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter, Write as _};
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};

pub const OUTCOMES_FILE: &str = "outcomes.txt";
pub const README_FILE: &str = "README.md";
/// What stands in the README before the part made from the outcomes.
const README_MARK: &str = "<!-- From here on made from outcomes.txt. -->\n";

/// The way in which a suite's own classes and functions go by value, where there is such a way.
const BY_VALUE: &str = "main";

/// A suite in one of the ways it is run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suite {
    pub name: String,
    /// In `snapshots` it tells where the suite's own classes and functions live: `main`, so they go by value;
    /// `imported`, so they go by name. The other collections have one way each.
    pub way: String,
}

impl Suite {
    pub fn new(name: &str, way: &str) -> Self {
        let (name, way) = (name.to_owned(), way.to_owned());
        Self { name, way }
    }
}

impl Display for Suite {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name, self.way)
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

/// How a case ended with what its suite was written for.
enum Control {
    /// That could not be run.
    NotRun,
    /// `None` if it hasn't got the case.
    Ran(Option<Outcome>),
}

/// What was seen of one case.
struct Seen {
    ending: Ending,
    control: Control,
}

/// What a run saw.
#[derive(Default)]
pub struct Observed {
    suites: BTreeMap<Suite, BTreeMap<String, Seen>>,
}

impl Observed {
    /// Notes how the cases of a suite ended, and how with what it was written for, if that could be run.
    pub fn add(
        &mut self,
        suite: &Suite,
        endings: BTreeMap<String, Ending>,
        control: Option<&BTreeMap<String, Ending>>,
    ) {
        let seen = endings.into_iter().map(|(case, ending)| {
            let control = match control {
                None => Control::NotRun,
                Some(control) => Control::Ran(control.get(&case).map(|ending| ending.outcome)),
            };
            (case, Seen { ending, control })
        });
        self.suites.insert(suite.clone(), seen.collect());
    }

    /// One line for each suite.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (suite, cases) in &self.suites {
            let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
            for seen in cases.values() {
                *counts.entry(seen.ending.outcome).or_default() += 1;
            }
            let counts = counts
                .iter()
                .map(|(outcome, count)| format!("{count} {}", outcome.name()));
            let counts: Vec<String> = counts.collect();
            // Writing into a String can't fail.
            let _ = writeln!(text, "{suite}: {}", counts.join(", "));
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

/// Cases that differ in their parameters, and the ways in which they don't pass.
#[derive(Default)]
struct Group<'a> {
    cases: BTreeSet<&'a str>,
    ways: BTreeSet<&'a str>,
}

/// What is expected of every case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// The lines at the top.
    head: String,
    /// Sentences by key, in the order of the file.
    reasons: Vec<(String, String)>,
    /// Suites that aren't run at all, with the key of the reason, in the order of the file.
    omitted: Vec<(String, Vec<String>)>,
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
                ["omit", key, names @ ..] => {
                    let names = names.iter().map(|name| (*name).to_owned());
                    outcomes.omitted.push(((*key).to_owned(), names.collect()));
                }
                ["suite", name, way] => {
                    let found = Suite::new(name, way);
                    outcomes.suites.entry(found.clone()).or_default();
                    suite = Some(found);
                }
                [outcome, control, case, reason @ ..] if reason.len() < 2 => {
                    let suite = suite
                        .as_ref()
                        .context("a case stands before the first suite")?;
                    let expected = Expected {
                        outcome: outcome.parse()?,
                        control: match *control {
                            "-" => None,
                            control => Some(control.parse()?),
                        },
                        reason: reason.first().map(|key| (*key).to_owned()),
                    };
                    let cases = outcomes.suites.get_mut(suite);
                    let cases = cases.context("its suite is there")?;
                    if cases.insert((*case).to_owned(), expected).is_some() {
                        bail!("{suite} {case} is told twice");
                    }
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
        if !self.omitted.is_empty() {
            let _ = writeln!(text);
        }
        for (key, names) in &self.omitted {
            let _ = writeln!(text, "omit {key} {}", names.join(" "));
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

    /// Every suite in each of its ways.
    pub fn suites(&self) -> Vec<Suite> {
        self.suites.keys().cloned().collect()
    }

    /// Whether it tells of this suite: how its cases end, or why it is omitted.
    pub fn tells_of(&self, name: &str) -> bool {
        self.suites.keys().any(|suite| suite.name == name) || self.omits(name)
    }

    fn omits(&self, name: &str) -> bool {
        let mut omitted = self.omitted.iter().flat_map(|(_, names)| names);
        omitted.any(|one| one == name)
    }

    fn tables(&self) -> String {
        let mut text = self.table_of_suites();
        for (key, sentence) in &self.reasons {
            text.push_str(&self.list_of_reason(key, sentence));
        }
        text
    }

    /// How many cases of each suite end how; and of all, where each suite is run in one way.
    fn table_of_suites(&self) -> String {
        let has_ways = self.suites.keys().any(|suite| suite.way == BY_VALUE);
        let mut text = String::from("\n| suite |");
        text.push_str(if has_ways { " its own classes |" } else { "" });
        text.push_str(" cases | pass | and fail | skipped | pass with what it was written for |\n");
        text.push_str(if has_ways { "|---|---|" } else { "|---|" });
        text.push_str("--:|--:|--:|--:|--:|\n");
        let mut row = |name: &str, way: &str, counts: [usize; 5]| {
            let classes = match way {
                _ if !has_ways => "",
                BY_VALUE => " by value |",
                _ => " by name |",
            };
            let counts = counts.map(|count| count.to_string()).join(" | ");
            // Writing into a String can't fail.
            let _ = writeln!(text, "| {name} |{classes} {counts} |");
        };
        let mut all = [0; 5];
        for (suite, cases) in &self.suites {
            let counts = counts_of(cases);
            for (sum, count) in all.iter_mut().zip(counts) {
                *sum += count;
            }
            row(&suite.name, &suite.way, counts);
        }
        if !has_ways {
            row("all", "", all);
        }
        text
    }

    /// The cases and suites with this reason; nothing if there are none.
    ///
    /// Cases that differ in their parameters stand there once, with how many they are.
    fn list_of_reason(&self, key: &str, sentence: &str) -> String {
        // By suite, and by name without parameters.
        let mut found: BTreeMap<&str, BTreeMap<&str, Group>> = BTreeMap::new();
        for (suite, expected) in &self.suites {
            for (case, one) in expected {
                if one.reason.as_deref() == Some(key) {
                    let name = case.split('[').next().unwrap_or(case);
                    let groups = found.entry(&suite.name).or_default();
                    let group = groups.entry(name).or_default();
                    group.cases.insert(case);
                    group.ways.insert(&suite.way);
                }
            }
        }
        let mut omitted = self.omitted.iter().filter(|(one, _)| one == key).peekable();
        if found.is_empty() && omitted.peek().is_none() {
            return String::new();
        }
        let mut text = format!("\n**{sentence}**\n");
        for (suite, groups) in found {
            let groups = groups.into_iter().map(|(name, group)| {
                let number = match group.cases.len() {
                    1 => String::new(),
                    number => format!(" ({number})"),
                };
                let is_by_value = group.ways.len() == 1 && group.ways.contains(BY_VALUE);
                let way = if is_by_value { " (by value)" } else { "" };
                format!("`{name}`{number}{way}")
            });
            let groups: Vec<String> = groups.collect();
            let _ = writeln!(text, "- {suite}: {}", groups.join(", "));
        }
        for (_, names) in omitted {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(text, "- not run at all: {}", names.join(", "));
        }
        text
    }

    /// What ended otherwise than expected, each as a sentence.
    pub fn surprises(&self, observed: &Observed) -> Vec<String> {
        let mut surprises = self.without_reason();
        for (suite, cases) in &observed.suites {
            let none = BTreeMap::new();
            let expected = self.suites.get(suite).unwrap_or(&none);
            for (case, seen) in cases {
                let now = seen.ending.outcome.name();
                let said = match seen.ending.said.as_str() {
                    "" => String::new(),
                    said => format!(": {said}"),
                };
                match (expected.get(case), &seen.control) {
                    (None, _) => surprises.push(format!("{suite} {case} is new, and {now}{said}")),
                    (Some(one), _) if one.outcome != seen.ending.outcome => {
                        let before = one.outcome.name();
                        surprises.push(format!(
                            "{suite} {case} was expected to be {before}, and {now}{said}"
                        ));
                    }
                    (Some(one), Control::Ran(control)) if one.control != *control => {
                        let now = control.map_or("hasn't got it", Outcome::name);
                        surprises
                            .push(format!("{suite} {case}: what it was written for now {now}"));
                    }
                    (Some(_), _) => {}
                }
            }
            let gone = expected.keys().filter(|case| !cases.contains_key(*case));
            surprises.extend(gone.map(|case| format!("{suite} {case} was not run")));
        }
        surprises
    }

    /// Cases that don't pass, and suites that are omitted, whose reason isn't told, each as a sentence.
    pub fn without_reason(&self) -> Vec<String> {
        let known: BTreeSet<&String> = self.reasons.iter().map(|(key, _)| key).collect();
        let mut found = Vec::new();
        for (key, names) in &self.omitted {
            if !known.contains(key) {
                let names = names.join(", ");
                found.push(format!(
                    "{names} are omitted for the reason {key}, which isn't told"
                ));
            }
        }
        for suite in self.suites.keys().filter(|suite| self.omits(&suite.name)) {
            found.push(format!("{suite} is omitted, and how its cases end is told"));
        }
        for (suite, cases) in &self.suites {
            for (case, one) in cases {
                let place = format!("{suite} {case}");
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
                let outcome = seen.ending.outcome;
                let known = before.get(case);
                let reason = known
                    .and_then(|one| one.reason.clone())
                    .filter(|_| outcome != Outcome::Passes)
                    .or_else(|| (outcome == Outcome::Beside).then(|| "bytes".to_owned()));
                let control = match seen.control {
                    Control::NotRun => known.and_then(|one| one.control),
                    Control::Ran(control) => control,
                };
                let expected = Expected {
                    outcome,
                    control,
                    reason,
                };
                (case.clone(), expected)
            });
            let now = now.collect();
            self.suites.insert(suite.clone(), now);
        }
    }
}

/// Cases, those that pass, those that don't, those skipped, and those that pass with what they were written for.
fn counts_of(cases: &BTreeMap<String, Expected>) -> [usize; 5] {
    let count = |wanted: &[Outcome]| {
        let found = cases.values().filter(|one| wanted.contains(&one.outcome));
        found.count()
    };
    let control = cases
        .values()
        .filter(|one| one.control == Some(Outcome::Passes));
    [
        cases.len(),
        count(&[Outcome::Passes, Outcome::Beside]),
        count(&[Outcome::Fails, Outcome::Crashes, Outcome::Hangs]),
        count(&[Outcome::Skipped]),
        control.count(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::{Ending, OUTCOMES_FILE, Observed, Outcome, Outcomes, README_FILE, Suite};
    use crate::collections::Collection;

    const TEXT: &str = "# Head.\n\nreason files Open files aren't carried.\n\nomit files io\n\n\
                        suite copy main\n\
                        fails   passes  A.test_file files\npasses  passes  A.test_list\n";

    fn copy() -> Suite {
        Suite::new("copy", "main")
    }

    fn endings(file: Outcome, list: Outcome) -> BTreeMap<String, Ending> {
        let ending = |outcome| Ending {
            outcome,
            said: "so".to_owned(),
        };
        BTreeMap::from([
            ("A.test_file".to_owned(), ending(file)),
            ("A.test_list".to_owned(), ending(list)),
        ])
    }

    fn seen(file: Outcome, list: Outcome) -> Observed {
        let control = endings(Outcome::Passes, Outcome::Passes);
        let mut observed = Observed::default();
        observed.add(&copy(), endings(file, list), Some(&control));
        observed
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        assert_eq!(Outcomes::parse(TEXT).unwrap().render(), TEXT);
        for collection in Collection::ALL {
            let (folder, name) = (collection.folder(), collection.name());
            let text = fs::read_to_string(folder.join(OUTCOMES_FILE)).unwrap();
            assert!(
                Outcomes::parse(&text).unwrap().render() == text,
                "outcomes.txt of {name} isn't as it is written; RHUMBA_BLESS=1 cargo conformance {name} does that"
            );
        }
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
    fn where_control_could_not_be_run_what_was_told_of_it_stays() {
        let mut expected = Outcomes::parse(TEXT).unwrap();
        let mut observed = Observed::default();
        observed.add(&copy(), endings(Outcome::Fails, Outcome::Passes), None);
        assert!(expected.surprises(&observed).is_empty());
        expected.take_over(&observed);
        assert_eq!(expected.render(), TEXT);
    }

    #[test]
    fn cases_that_differ_in_parameters_are_one_in_the_readme() {
        let text = "reason why So it is.\n\nomit why late\n\nsuite one shell\n\
                    fails   passes  test_a[1] why\nfails   passes  test_a[2] why\n\
                    passes  passes  test_b\n";
        assert_eq!(
            Outcomes::parse(text).unwrap().tables(),
            "\n| suite | cases | pass | and fail | skipped | pass with what it was written for |\n\
             |---|--:|--:|--:|--:|--:|\n\
             | one | 3 | 1 | 2 | 0 | 3 |\n\
             | all | 3 | 1 | 2 | 0 | 3 |\n\
             \n**So it is.**\n- one: `test_a` (2)\n- not run at all: `late`\n"
        );
    }

    #[test]
    fn every_exception_has_its_reason_and_the_readme_tells_it() {
        for collection in Collection::ALL {
            let (folder, name) = (collection.folder(), collection.name());
            let outcomes = Outcomes::read(&folder).unwrap();
            assert_eq!(outcomes.without_reason(), [""; 0], "{name}");
            let readme = fs::read_to_string(folder.join(README_FILE)).unwrap();
            assert!(
                readme == outcomes.readme(&folder).unwrap(),
                "README.md of {name} isn't made from outcomes.txt; RHUMBA_BLESS=1 cargo conformance {name} writes it"
            );
        }
    }
}
