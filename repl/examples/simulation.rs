//! A simulation that one pauses with Ctrl-C, looks at, changes, and lets go on.
//!
//! ```text
//! cargo run --example simulation                      runs until Ctrl-C opens the console
//! cargo run --example simulation -- --pause           opens it before the first step
//! cargo run --example simulation -- --join FILE       is an engine of a cluster as well
//! ```
//!
//! In the console, `dt` is the length of a step, `state()` what has become of it, `advance(n)` goes
//! on by hand, and `done = True` ends it. From elsewhere the same names are an engine's:
//! `rc[0].push({'dt': 0.5})`.

use std::sync::{Arc, Mutex, PoisonError};

use rhumba::{Console, ConsoleError};

/// A swinging weight, and how far it is.
struct Pendulum {
    angle: f64,
    speed: f64,
    time: f64,
}

impl Pendulum {
    fn step(&mut self, dt: f64) {
        assert!(dt > 0.0, "a step must go forward in time");
        self.speed -= self.angle.sin() * dt;
        self.angle += self.speed * dt;
        self.time += dt;
    }
}

/// Steps between two looks at what clients have sent.
const STEPS_AT_ONCE: usize = 1_000;

fn main() -> Result<(), ConsoleError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pendulum = Arc::new(Mutex::new(Pendulum {
        angle: 0.1,
        speed: 0.0,
        time: 0.0,
    }));
    let (looked_at, advanced) = (Arc::clone(&pendulum), Arc::clone(&pendulum));
    let mut console = Console::new()
        .name("a pendulum")
        .value("dt", &0.001)
        .value("done", &false)
        .function("state", move || {
            let pendulum = looked_at.lock().unwrap_or_else(PoisonError::into_inner);
            (pendulum.time, pendulum.angle, pendulum.speed)
        })
        .function("advance", move |steps: usize, dt: f64| {
            let mut pendulum = advanced.lock().unwrap_or_else(PoisonError::into_inner);
            (0..steps).for_each(|_| pendulum.step(dt));
            pendulum.time
        })
        .catch_interrupts();
    let is_engine = arguments.first().is_some_and(|word| word == "--join");
    if let (true, Some(file)) = (is_engine, arguments.get(1)) {
        console = console.join_cluster(file);
    }
    let mut console = console.build()?;
    if arguments.first().is_some_and(|word| word == "--pause") {
        console.open()?;
    }
    println!("Running; Ctrl-C opens the console.");
    while !console.get::<bool>("done")? {
        let dt = console.get::<f64>("dt")?;
        {
            let mut pendulum = pendulum.lock().unwrap_or_else(PoisonError::into_inner);
            (0..STEPS_AT_ONCE).for_each(|_| pendulum.step(dt));
        }
        if is_engine && !console.serve() {
            println!("The cluster is gone.");
            break;
        }
        if console.interrupted() {
            println!();
            console.open()?;
        }
    }
    let pendulum = pendulum.lock().unwrap_or_else(PoisonError::into_inner);
    println!("It ended at t = {:.3}.", pendulum.time);
    Ok(())
}
