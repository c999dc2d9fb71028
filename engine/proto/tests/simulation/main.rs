//! The simulation: whole clusters, with everything that can go wrong, from one
//! number each. The same number is the same run, on every machine.
//!
//! - `RHUMBA_SIM_SEEDS=10000` runs that many seeds instead of the usual ones,
//!   `RHUMBA_SIM_SEEDS=5000..6000` those.
//! - `RHUMBA_SIM_SEED=1234` runs that one and prints everything that happens.
//!
//! Read next: `world.rs` for how a run goes, `oracle/` for what must be true.
#![allow(
    clippy::disallowed_methods,
    reason = "which seeds to run is told by the environment; no run depends on it"
)]

mod fairness;
mod faults;
mod link;
mod locks;
mod machines;
mod oracle;
mod peers;
mod random;
mod records;
mod recoveries;
mod scenario;
mod waits;
mod wishes;
mod world;

use oracle::Counts;
use std::ops::Range;
use world::World;

/// Seeds that once failed, each with what it showed.
const REGRESSIONS: &str = include_str!("regressions.txt");

const SEEDS: Range<u64> = 0..300;

fn run(seed: u64, is_traced: bool) -> World {
    let result = std::panic::catch_unwind(|| {
        let mut world = World::new(seed, is_traced);
        world.run();
        world
    });
    result.unwrap_or_else(|panic| {
        eprintln!(
            "\nseed {seed} failed. Replay it with\n    \
             RHUMBA_SIM_SEED={seed} cargo test -p rhumba-proto --test simulation \
             --ignore-rust-version -- seeds --nocapture\n"
        );
        std::panic::resume_unwind(panic)
    })
}

fn seeds() -> Range<u64> {
    let Ok(seeds) = std::env::var("RHUMBA_SIM_SEEDS") else {
        return SEEDS;
    };
    let parse = |number: &str| {
        number
            .parse()
            .expect("RHUMBA_SIM_SEEDS is 10000 or 5000..6000")
    };
    match seeds.split_once("..") {
        Some((from, to)) => parse(from)..parse(to),
        None => 0..parse(&seeds),
    }
}

#[test]
fn seeds_hold() {
    if let Ok(seed) = std::env::var("RHUMBA_SIM_SEED") {
        run(seed.parse().expect("RHUMBA_SIM_SEED is a number"), true);
        return;
    }
    let seeds = seeds();
    let count = seeds.end - seeds.start;
    let mut counts = Counts::default();
    let mut events = 0;
    for seed in seeds {
        let world = run(seed, false);
        counts.add(&world.oracle.counts);
        events += world.events;
    }
    println!("{count} seeds, {events} events: {counts:?}");
    if count >= 100 {
        counts.check_coverage();
    }
}

#[test]
fn seeds_that_once_failed_hold() {
    for line in REGRESSIONS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let seed = line
            .split_whitespace()
            .next()
            .expect("a line that isn't empty has a word");
        run(seed.parse().expect("a line starts with a seed"), false);
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in 0..20 {
        let (first, second) = (run(seed, false), run(seed, false));
        assert_eq!(first.digest, second.digest, "seed {seed} differs");
        assert_eq!(first.events, second.events, "seed {seed} differs");
    }
}
