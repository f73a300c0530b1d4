//! The single-threaded programs of the simulation on the real kernel. They check that the model
//! describes a real kernel, and not only the simulated one.
//!
//! `MODEL_SEED` runs one program and traces it.

#![cfg(all(unix, not(stream_socket_simulated)))]

#[path = "simulation/mod.rs"]
mod model;

use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use model::event_loops;
use model::exchange::Exchange;
use model::real::Real;
use model::system::Random;
use model::trace;

/// How many programs run, however long that takes on a busy machine.
const PROGRAMS: u64 = 150;

#[test]
fn random_programs_keep_every_promise_on_the_real_kernel() {
    let only = std::env::var("MODEL_SEED").ok().map(|seed| {
        seed.parse::<u64>()
            .unwrap_or_else(|_| panic!("MODEL_SEED is not a number: {seed}"))
    });
    trace::turn_on(only.is_some());
    let started = Instant::now();
    let seeds = only.map_or(0..PROGRAMS, |seed| seed..seed + 1);
    for seed in seeds.clone() {
        trace::begin();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            let random = Random::new(seed);
            if seed % 3 == 0 {
                event_loops::run_alone::<Real>(random, |_, _| {});
            } else {
                Exchange::<Real>::new(random, false).run_alone();
            }
        }));
        if outcome.is_err() {
            let lines = trace::take();
            panic!("{lines}program {seed} fails; MODEL_SEED={seed} runs it again");
        }
    }
    println!(
        "{} steps in {} programs and {:.1} s",
        trace::steps(),
        seeds.end - seeds.start,
        started.elapsed().as_secs_f64()
    );
    stream_socket::process::shut_down();
}
