//! Scenarios: what kind of cluster and what kind of trouble a seed stands for.

use crate::random::Random;
use rhumba_proto::controller::Config;
use rhumba_proto::message::{Placement, Policy, Scheduling};

#[derive(Debug)]
pub struct Scenario {
    pub config: Config,
    pub engines: u64,
    pub clients: u64,
    pub hosts: u64,
    /// How often each client does something while faults happen.
    pub acts: u64,
    pub pause_us: u64,
    /// How long work takes.
    pub durations: Durations,
    /// Of a thousand pieces of work, how many raise.
    pub raising: u64,
    /// Of a thousand pieces of work, how many end their engine.
    pub deadly: u64,
    pub faults: u64,
    pub delay_us: u64,
    /// How many engines join in place of some that ended.
    pub replacements: u64,
    /// A client ends the cluster while it works.
    pub ends_early: bool,
    /// Everything said goes through its bytes.
    pub is_encoded: bool,
    /// Of a thousand pieces of work, how many don't end when interrupted.
    pub deaf: u64,
    /// Of a thousand tasks, how many depend on others.
    pub dependent: u64,
    /// Of a thousand restores, how many end their engine.
    pub deadly_restores: u64,
    /// Of a thousand restores, how many end their engine a moment later.
    pub poisonous_restores: u64,
    /// Of a thousand restores, how many never end, and hear no interrupt.
    pub endless_restores: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum Durations {
    Short,
    Long,
    Mixed,
}

impl Durations {
    pub fn draw_us(self, random: &mut Random) -> u64 {
        match self {
            Self::Short => random.skewed(1, 200),
            Self::Long => random.skewed(1_000, 500_000),
            Self::Mixed if random.chance(100) => random.between(10_000, 300_000),
            Self::Mixed => random.skewed(1, 2_000),
        }
    }
}

impl Scenario {
    pub fn draw(random: &mut Random) -> Self {
        let is_large = random.chance(30);
        let is_tight = random.chance(150);
        let durations = match random.between(0, 2) {
            0 => Durations::Short,
            1 => Durations::Long,
            _ => Durations::Mixed,
        };
        let calm = random.chance(150);
        let mut scenario = Self {
            config: draw_config(random, is_tight),
            engines: if is_large {
                random.between(100, 400)
            } else {
                random.skewed(1, 20)
            },
            clients: random.between(1, 6),
            hosts: random.between(0, 3),
            acts: random.skewed(5, if is_large { 20 } else { 60 }),
            pause_us: random.skewed(1, 20_000),
            durations,
            raising: if random.chance(500) {
                random.skewed(0, 500)
            } else {
                0
            },
            deadly: if calm { 0 } else { random.skewed(0, 30) },
            faults: if calm {
                0
            } else {
                random.skewed(0, if is_large { 100 } else { 40 })
            },
            delay_us: random.skewed(1, 2_000),
            replacements: random.skewed(0, 30),
            ends_early: random.chance(50),
            is_encoded: random.chance(50),
            deaf: random.skewed(0, 500),
            dependent: match random.between(0, 2) {
                0 => 0,
                1 => random.skewed(0, 200),
                _ => random.between(0, 900),
            },
            deadly_restores: 0,
            poisonous_restores: 0,
            endless_restores: 0,
        };
        // Most clusters keep no checkpoints, and are as they were.
        if random.chance(500) {
            scenario.draw_recovery(random);
        }
        scenario
    }

    /// Draws when namespaces are saved, and what goes wrong as they are
    /// brought back. Times are short, so that all of it happens.
    fn draw_recovery(&mut self, random: &mut Random) {
        let config = &mut self.config;
        config.policy = draw_policy(random);
        config.duty_timeout_us = random.between(20_000, 1_000_000);
        config.restore_attempts_max = random.between(1, 5) as u32;
        config.restore_pause_us = random.skewed(1, 200_000);
        config.restore_settle_us = random.between(100_000, 1_000_000);
        // Without hosts nobody is there to start another engine.
        if random.chance(900) {
            self.hosts = self.hosts.max(1);
        }
        let chosen = |random: &mut Random| match random.between(0, 19) {
            0 => 1000,
            1..=4 => random.between(0, 500),
            _ => 0,
        };
        self.deadly_restores = chosen(random);
        self.poisonous_restores = chosen(random);
        self.endless_restores = chosen(random);
    }
}

pub fn draw_policy(random: &mut Random) -> Policy {
    Policy {
        checkpoint_every_requests: random.chance(600).then(|| random.skewed(1, 20)),
        checkpoint_every_us: random.chance(400).then(|| random.skewed(1_000, 500_000)),
        restore_on_death: random.chance(800),
    }
}

pub fn draw_scheduling(random: &mut Random) -> Scheduling {
    let placements = [
        Placement::LeastLoad,
        Placement::Lru,
        Placement::PlainRandom,
        Placement::Weighted,
        Placement::TwoBin,
        Placement::Pure,
    ];
    Scheduling {
        placement: *random.pick(&placements).expect("there are six"),
        hwm: match random.chance(500) {
            true => random.skewed(1, 10) as u32,
            false => 0,
        },
    }
}

/// Draws limits and intervals. Times are short, so that silence is noticed
/// while there is work; `is_tight` limits are so low that they are met.
fn draw_config(random: &mut Random, is_tight: bool) -> Config {
    let defaults = Config::default();
    let scheduling = match random.chance(400) {
        true => draw_scheduling(random),
        false => Scheduling::default(),
    };
    let config = Config {
        scheduling,
        seed: random.next(),
        prefetch_max: random.skewed(1, 64) as u32,
        heartbeat_interval_us: random.between(50_000, 500_000),
        heartbeat_misses_max: random.between(2, 5) as u32,
        window_requests_max: random.skewed(1, 64) as u32,
        window_bytes_max: if random.chance(300) {
            random.between(1, 5_000)
        } else {
            64 << 20
        },
        blob_bytes_max_per_engine: if random.chance(500) {
            random.between(1, 500)
        } else {
            1 << 20
        },
        cancel_grace_us: random.skewed(0, 300_000),
        hello_timeout_us: 300_000,
        shutdown_grace_us: 500_000,
        start_timeout_us: 1_000_000,
        ..defaults
    };
    if !is_tight {
        return config;
    }
    Config {
        queued_bytes_max: random.between(500, 20_000),
        queued_requests_max_per_client: random.between(5, 200),
        blob_bytes_max_per_client: random.between(50, 500),
        blob_bytes_max: random.between(50, 1_000),
        engines_max: random.between(2, 30) as u32,
        clients_max: random.between(2, 6) as u32,
        ..config
    }
}
