//! What this machine's memory gives at best: the rate of a bare copy, the measure for large buffers.

use anyhow::{Context, Result};
use rhumba_tests::figures::median;

/// As large as the large case, so that no cache holds it.
const BYTES: usize = 1 << 30;
const ROUNDS: usize = 5;

/// Rates of copying a large buffer within one process.
pub struct Copy {
    /// Into memory that the process has written before.
    pub used_mb_per_s: f64,
    /// Into memory fresh from the system, as a serializer's result is.
    pub fresh_mb_per_s: f64,
}

/// Copies a large buffer several times and gives the median rates, by processor time.
///
/// # Errors
/// When the system doesn't tell how long a thread has run.
pub fn measure() -> Result<Copy> {
    let source = vec![7_u8; BYTES];
    let mut target = vec![1_u8; BYTES];
    let rate = |times_s: &mut [f64]| {
        BYTES as f64 / 1048576.0 / median(times_s).expect("there was more than one round")
    };
    let mut used_s = Vec::new();
    let mut fresh_s = Vec::new();
    for _ in 0..ROUNDS {
        let begin_s = ran_s()?;
        target.copy_from_slice(std::hint::black_box(&source));
        used_s.push(ran_s()? - begin_s);
        std::hint::black_box(&target);
    }
    drop(target);
    for _ in 0..ROUNDS {
        let begin_s = ran_s()?;
        let copy = std::hint::black_box(&source).clone();
        fresh_s.push(ran_s()? - begin_s);
        drop(std::hint::black_box(copy));
    }
    Ok(Copy {
        used_mb_per_s: rate(&mut used_s),
        fresh_mb_per_s: rate(&mut fresh_s),
    })
}

/// How long this thread has been on a processor.
fn ran_s() -> Result<f64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat")
        .context("asking how long this thread has run")?;
    let ran_ns: f64 = told
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .context("/proc/thread-self/schedstat doesn't begin with a number")?;
    Ok(ran_ns / 1e9)
}
