//! `--checkpoint-every` and `--restore-on-death`: how the options of `cluster start` become the
//! policy of its controller.
//!
//! What a policy does is in `engine/proto/src/controller/duties.rs`.

use std::str::FromStr;

use clap::Args;
use rhumba_proto::message::Policy;

/// When a cluster saves its engines' namespaces by itself.
#[derive(Debug, Args)]
pub struct PolicyArguments {
    /// Checkpoint an engine that is idle after so many requests (10), or so long after the last
    /// one (30s, 5m, 2h); may be given as both
    #[arg(long, value_name = "REQUESTS|TIME")]
    checkpoint_every: Vec<Every>,

    /// Start an engine for one that dies, with its namespace as of its latest checkpoint
    #[arg(long, requires = "checkpoint_every")]
    restore_on_death: bool,
}

/// One way to say how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Every {
    Requests(u64),
    Seconds(u64),
}

impl FromStr for Every {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "it is a number of requests, such as 10, or a time, such as 30s, 5m or 2h";
        let digits = text.trim_end_matches(|unit: char| !unit.is_ascii_digit());
        let count: u64 = digits.parse().map_err(|_| form)?;
        let seconds_per_unit = match &text[digits.len()..] {
            "" => None,
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3_600),
            _ => return Err(form),
        };
        if count == 0 {
            return Err("it must be above 0");
        }
        match seconds_per_unit {
            None => Ok(Self::Requests(count)),
            Some(unit) => {
                let seconds = count.checked_mul(unit);
                // The policy counts microseconds.
                let fits = |seconds: &u64| seconds.checked_mul(1_000_000).is_some();
                seconds
                    .filter(fits)
                    .map(Self::Seconds)
                    .ok_or("that is too long a time")
            }
        }
    }
}

impl PolicyArguments {
    /// Returns the policy to set; `None` if there is nothing to do.
    ///
    /// # Errors
    /// A sentence, if the same was said twice.
    pub fn policy(&self) -> Result<Option<Policy>, &'static str> {
        let mut policy = Policy {
            restore_on_death: self.restore_on_death,
            ..Policy::default()
        };
        for &every in &self.checkpoint_every {
            let (place, value) = match every {
                Every::Requests(count) => (&mut policy.checkpoint_every_requests, count),
                Every::Seconds(seconds) => (&mut policy.checkpoint_every_us, seconds * 1_000_000),
            };
            if place.replace(value).is_some() {
                return Err("--checkpoint-every takes one number of requests and one time at most");
            }
        }
        Ok((policy != Policy::default()).then_some(policy))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        policy: PolicyArguments,
    }

    fn policy_of(words: &[&str]) -> Result<Option<Policy>, String> {
        let words = ["start"].iter().chain(words);
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.policy.policy().map_err(str::to_owned)
    }

    #[test]
    fn requests_and_times_are_told_apart() {
        assert_eq!(policy_of(&[]), Ok(None));
        let both = [
            "--checkpoint-every",
            "10",
            "--checkpoint-every",
            "5m",
            "--restore-on-death",
        ];
        let expected = Policy {
            checkpoint_every_requests: Some(10),
            checkpoint_every_us: Some(300_000_000),
            restore_on_death: true,
        };
        assert_eq!(policy_of(&both), Ok(Some(expected)));
    }

    #[test]
    fn what_makes_no_sense_is_a_sentence() {
        let refused = |words: &[&str], sentence: &str| {
            let error = policy_of(words).expect_err("it is refused");
            assert!(error.contains(sentence), "{words:?}: {error}");
        };
        refused(&["--checkpoint-every", "0"], "above 0");
        refused(&["--checkpoint-every", "0s"], "above 0");
        refused(&["--checkpoint-every", "often"], "a number of requests");
        refused(&["--checkpoint-every", "5 d"], "a number of requests");
        refused(&["--checkpoint-every", "99999999999999999h"], "too long");
        refused(
            &["--checkpoint-every", "1", "--checkpoint-every", "2"],
            "at most",
        );
        refused(&["--restore-on-death"], "--checkpoint-every");
    }
}
