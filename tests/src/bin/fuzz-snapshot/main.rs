//! `cargo fuzz-snapshot`: damaged snapshots and namespace files, decoded by rhumba for as long as it is told.
//!
//! It makes a corpus (`tests/fuzz/corpus.py`), damages its samples ([`damage`]), and has processes of the
//! executable decode them ([`decoder`]). What must never happen ends up in `target/fuzz-snapshot/findings`: a
//! crash or a panic, memory or time beyond the limits, damaged bytes whose checksum passed, something
//! called or bound by bytes that were only to be data. Every case has a number: with `--seed` and
//! `--case` it runs again, alone. Without `--minutes` it runs for one.

mod bytes;
mod damage;
mod decoder;
mod random;
mod records;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rhumba_tests::executable;

use crate::bytes::{NamespaceFile, open_snapshot};
use crate::decoder::{Decoder, Ended, Way};
use crate::random::Random;

const USAGE: &str =
    "usage: cargo fuzz-snapshot [--minutes N] [--cases N] [--seed N] [--case N] [--findings-max N]";
/// How many cases are on their way to a decoder at once.
const WINDOW: usize = 32;
/// A decoder is replaced after this many, so that nothing that one leaves behind hides in another.
const CASES_PER_DECODER: usize = 20_000;
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

struct Options {
    minutes: u64,
    seed: u64,
    /// The numbers of the cases.
    cases: Range<u64>,
    findings_max: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match parse(&arguments).and_then(|options| fuzz(&options)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz-snapshot: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options {
        minutes: 1,
        seed: 1,
        cases: 0..u64::MAX,
        findings_max: 20,
    };
    for pair in arguments.chunks(2) {
        let [flag, value] = pair else {
            bail!("{} needs a number; {USAGE}", pair[0]);
        };
        let number: u64 = value
            .parse()
            .with_context(|| format!("{value} is not a number; {USAGE}"))?;
        match flag.as_str() {
            "--minutes" => options.minutes = number,
            "--seed" => options.seed = number,
            "--cases" => options.cases = 0..number,
            "--case" => options.cases = number..number + 1,
            "--findings-max" => options.findings_max = number as usize,
            _ => bail!("{flag} is not an option; {USAGE}"),
        }
    }
    Ok(options)
}

/// What is damaged.
struct Corpus {
    snapshots: Vec<Vec<u8>>,
    files: Vec<(Vec<u8>, NamespaceFile)>,
}

/// A damaged sample and what is to be done with it.
struct Case {
    number: u64,
    way: Way,
    bytes: Vec<u8>,
    /// Its checksum is wrong, so it must be refused.
    must_be_refused: bool,
}

impl Corpus {
    /// Makes the samples with the executable, and checks that their layout is the one known here.
    fn make(rhumba: &Path, scripts: &Path, folder: &Path) -> Result<Self> {
        let samples = folder.join("corpus");
        fs::create_dir_all(&samples)?;
        let made = Command::new(rhumba)
            .arg(scripts.join("corpus.py"))
            .arg(&samples)
            .env("RHUMBA_HOME", folder)
            .env_remove("PYTHONPATH")
            .stdin(Stdio::null())
            .status()
            .context("starting rhumba")?;
        if !made.success() {
            bail!("the corpus could not be made; what rhumba says is above");
        }
        let mut corpus = Self {
            snapshots: Vec::new(),
            files: Vec::new(),
        };
        let mut paths: Vec<PathBuf> = fs::read_dir(&samples)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        for path in paths {
            let bytes = fs::read(&path)?;
            let unknown = || {
                format!(
                    "the layout of {} isn't known: `records.rs` and `bytes.rs` are to follow the format",
                    path.display()
                )
            };
            if path.extension().is_some_and(|kind| kind == "snapshot") {
                let buffers = open_snapshot(&bytes).with_context(unknown)?;
                let table = buffers.first().with_context(unknown)?;
                records::read(table).ok().with_context(unknown)?;
                corpus.snapshots.push(bytes);
            } else {
                let file = NamespaceFile::open(&bytes).with_context(unknown)?;
                corpus.files.push((bytes, file));
            }
        }
        Ok(corpus)
    }

    fn case(&self, seed: u64, number: u64) -> Case {
        let mut random = Random::of_case(seed, number);
        let empty = Vec::new();
        let sample = random.pick(&self.snapshots).unwrap_or(&empty).clone();
        let other = random.pick(&self.snapshots).unwrap_or(&empty).clone();
        let way = match random.below(20) {
            0..=7 => Way::Loads,
            8..=13 => Way::LoadsData,
            14..=17 => Way::File,
            _ => Way::FileData,
        };
        let mut must_be_refused = false;
        let bytes = match way {
            Way::Loads | Way::LoadsData if random.one_in(8) => {
                must_be_refused = true;
                damage::flipped(&mut random, &sample)
            }
            Way::Loads | Way::LoadsData => damage::snapshot(&mut random, &sample, &other),
            Way::File | Way::FileData => match random.pick(&self.files) {
                Some((raw, _)) if random.one_in(6) => {
                    must_be_refused = true;
                    damage::flipped(&mut random, raw)
                }
                Some((_, file)) => damage::sealed_file(&mut random, file, &other),
                None => Vec::new(),
            },
        };
        Case {
            number,
            way,
            bytes,
            must_be_refused,
        }
    }
}

/// How many cases ended how.
#[derive(Default)]
struct Counts {
    cases: u64,
    loaded: BTreeMap<Way, u64>,
    refused: BTreeMap<Way, u64>,
    /// Other exceptions, by type.
    raised: BTreeMap<(Way, String), u64>,
    findings: usize,
}

impl Counts {
    fn render(&self, seed: u64, elapsed: Duration) -> String {
        let mut text = format!(
            "seed {seed}: {} cases in {} s, {} findings\n",
            self.cases,
            elapsed.as_secs(),
            self.findings
        );
        for way in Way::ALL {
            let of = |counts: &BTreeMap<Way, u64>| counts.get(&way).copied().unwrap_or(0);
            let raised = self.raised.iter().filter(|((whose, _), _)| *whose == way);
            let raised: Vec<String> = raised
                .map(|((_, kind), count)| format!("{count} {kind}"))
                .collect();
            text.push_str(&format!(
                "  {}: {} loaded, {} refused, other exceptions: {}\n",
                way.name(),
                of(&self.loaded),
                of(&self.refused),
                if raised.is_empty() {
                    "none".to_owned()
                } else {
                    raised.join(", ")
                },
            ));
        }
        text
    }

    /// Counts an end; gives the sentence if it must not be.
    fn add(&mut self, case: &Case, ended: &Ended) -> Option<String> {
        self.cases += 1;
        let way = case.way;
        match ended {
            Ended::Loaded if case.must_be_refused => {
                Some("damaged bytes were loaded: their checksum should not have passed".to_owned())
            }
            Ended::Loaded => {
                *self.loaded.entry(way).or_default() += 1;
                None
            }
            Ended::Refused => {
                *self.refused.entry(way).or_default() += 1;
                None
            }
            Ended::Raised(text) => {
                let kind = text.split(':').next().unwrap_or_default().to_owned();
                // Bytes that are only data run no code that could raise something of its own.
                let is_odd = kind == "SystemError" || kind == "MemoryError" || case.must_be_refused;
                *self.raised.entry((way, kind)).or_default() += 1;
                is_odd.then(|| format!("it raised {text}"))
            }
            Ended::Called => Some("bytes that were only data called or bound something".to_owned()),
            Ended::Crashed(how) => Some(format!("the process ended: {how}")),
            Ended::TimedOut => Some("it took too long".to_owned()),
        }
    }
}

struct Fuzz {
    rhumba: PathBuf,
    script: PathBuf,
    /// What this run needs while it lasts: another may run beside it.
    folder: PathBuf,
    findings: PathBuf,
    decoders: usize,
}

impl Fuzz {
    fn decoder(&mut self) -> Result<Decoder> {
        self.decoders += 1;
        // Their logs are few: a crash is reported with what its log says.
        Decoder::start(&self.rhumba, &self.script, &self.folder, self.decoders % 8)
    }

    fn report(&self, seed: u64, case: &Case, sentence: &str) -> Result<()> {
        let findings = &self.findings;
        fs::create_dir_all(findings)?;
        let name = format!("seed-{seed}-case-{}", case.number);
        fs::write(findings.join(format!("{name}.bin")), &case.bytes)?;
        fs::write(
            findings.join(format!("{name}.txt")),
            format!("{}\n{sentence}\n", case.way.name()),
        )?;
        println!("{name} ({}): {sentence}", case.way.name());
        Ok(())
    }
}

/// Runs cases until the time is up; returns how many ended as none may.
fn fuzz(options: &Options) -> Result<usize> {
    let common = rhumba_tests::target_folder("fuzz-snapshot")?;
    let folder = common.join(format!("run-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    // A copy, as the executable may be built anew while this runs.
    let rhumba = folder.join("rhumba");
    fs::copy(executable::rhumba()?, &rhumba).context("copying the executable")?;
    let corpus = Corpus::make(&rhumba, &scripts, &folder);
    let mut run = Fuzz {
        rhumba,
        script: scripts.join("decode_cases.py"),
        folder,
        findings: common.join("findings"),
        decoders: 0,
    };
    let done = corpus.and_then(|corpus| run_cases(&mut run, &corpus, options));
    let _ = fs::remove_dir_all(&run.folder);
    done
}

fn run_cases(run: &mut Fuzz, corpus: &Corpus, options: &Options) -> Result<usize> {
    let begin = Instant::now();
    let until = begin + Duration::from_secs(options.minutes * 60);
    let mut counts = Counts::default();
    let mut decoder = run.decoder()?;
    let mut of_decoder = 0;
    let mut next_report = begin + REPORT_INTERVAL;
    let mut numbers = options.cases.clone();
    let mut waiting: VecDeque<Case> = VecDeque::new();
    loop {
        while waiting.len() < WINDOW && of_decoder < CASES_PER_DECODER && Instant::now() < until {
            let Some(number) = numbers.next() else {
                break;
            };
            let case = corpus.case(options.seed, number);
            decoder.send(case.way, &case.bytes);
            waiting.push_back(case);
            of_decoder += 1;
        }
        let Some(case) = waiting.pop_front() else {
            if numbers.is_empty() || Instant::now() >= until {
                break;
            }
            decoder = run.decoder()?;
            of_decoder = 0;
            continue;
        };
        let ended = decoder.answer();
        if let Some(sentence) = counts.add(&case, &ended) {
            counts.findings += 1;
            run.report(options.seed, &case, &sentence)?;
            if counts.findings >= options.findings_max {
                println!("that is enough of them");
                break;
            }
        }
        if matches!(ended, Ended::Crashed(_) | Ended::TimedOut) {
            // What was on its way behind it is sent to the next.
            decoder = run.decoder()?;
            of_decoder = waiting.len();
            for case in &waiting {
                decoder.send(case.way, &case.bytes);
            }
        }
        if Instant::now() >= next_report {
            eprint!("{}", counts.render(options.seed, begin.elapsed()));
            next_report += REPORT_INTERVAL;
        }
    }
    print!("{}", counts.render(options.seed, begin.elapsed()));
    Ok(counts.findings)
}
