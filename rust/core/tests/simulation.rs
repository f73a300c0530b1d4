//! Random programs over the whole library, on a simulated kernel and a scheduler that follow from a
//! seed.
//!
//! `SIMULATION_SEED` runs the program of one seed and traces it. `SIMULATION_STEPS` is the total
//! number of operations. `cargo xtask simulate` sets both.
//!
//! A fork in the simulation copies no descriptors and no threads. ENOBUFS and ETIMEDOUT occur in
//! some programs only; tests on the real kernel have them too.

#![cfg(stream_socket_simulated)]

#[path = "simulation/call_counts.rs"]
mod call_counts;
#[path = "simulation/message_counts.rs"]
mod message_counts;
#[path = "simulation/mod.rs"]
mod model;

use std::panic::{self, AssertUnwindSafe};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::programs;
use model::trace;
use stream_socket::simulated::control::Summary;

/// The seeds below this number always run first.
const FIXED: u64 = 200;

/// How many programs run twice, to check that they follow from their seeds.
const REPEATED: u64 = 100;

const STEPS: u64 = 50_000;

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {value}")),
    )
}

/// Runs the program of `seed`. Fails if the program panics.
fn run(seed: u64) -> Result<Summary, ()> {
    panic::catch_unwind(AssertUnwindSafe(|| programs::run(seed))).map_err(drop)
}

#[test]
fn random_programs_keep_every_promise() {
    let only = number("SIMULATION_SEED");
    let goal = number("SIMULATION_STEPS").unwrap_or(STEPS);
    trace::turn_on(only.is_some());
    let fresh = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos() as u64);
    let started = Instant::now();
    let mut seeds = (0..FIXED).chain((0..).map(|number| fresh.wrapping_add(number * 7919)));
    let mut programs = 0_u64;
    let mut all = Summary::default();
    while only.is_none_or(|_| programs == 0) && trace::steps() < goal {
        let seed = only.unwrap_or_else(|| seeds.next().expect("there are always more"));
        let Ok(summary) = run(seed) else {
            let (lines, steps) = (trace::take(), trace::steps());
            panic!(
                "{lines}seed {seed} fails after {steps} steps; \
                 `cargo xtask simulate --seed {seed}` runs it again"
            );
        };
        if only.is_none() && programs < REPEATED {
            assert_eq!(run(seed), Ok(summary), "two runs of seed {seed} differ");
        }
        if only.is_some() {
            println!("{summary:?}");
        }
        programs += 1;
        all.connections += summary.connections;
        all.bytes += summary.bytes;
        all.faults += summary.faults;
        all.resets += summary.resets;
        all.ends += summary.ends;
        all.nanoseconds += summary.nanoseconds;
    }
    println!(
        "{} steps in {programs} programs and {:.1} s ({:.0} s of theirs): \
         {} connections, {} bytes, {} faults, {} resets, {} ends",
        trace::steps(),
        started.elapsed().as_secs_f64(),
        all.nanoseconds as f64 / 1e9,
        all.connections,
        all.bytes,
        all.faults,
        all.resets,
        all.ends
    );
}
