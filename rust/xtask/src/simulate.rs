//! The simulation of the core, a test program of its own (`rust/core/tests/simulation.rs`).

use crate::project::Project;
use crate::suites;
use crate::tally::Tally;

/// What to simulate. The test program chooses what is not given.
#[derive(Debug, Default, PartialEq, clap::Args)]
pub struct Options {
    /// Repeat the run with this seed
    #[arg(long)]
    pub seed: Option<u64>,
    /// Stop after this many steps
    #[arg(long, allow_negative_numbers = true)]
    pub steps: Option<u64>,
}

/// Builds the program with the simulated system, runs it, and counts its tests.
pub fn run(project: &Project, options: &Options, tally: &mut Tally) {
    let mut cargo = project.cargo();
    cargo
        // This profile has its own folder, so that the flag affects no other build.
        .env("RUSTFLAGS", "--cfg stream_socket_simulated")
        .args(["test", "--profile", "simulated"])
        .args(["--package", "stream-socket", "--test", "simulation"])
        .args(["--", "--nocapture"]);
    let numbers = [
        ("SIMULATION_SEED", options.seed),
        ("SIMULATION_STEPS", options.steps),
    ];
    for (variable, number) in numbers {
        if let Some(number) = number {
            cargo.env(variable, number.to_string());
        }
    }
    suites::cargo("the simulation of the core", &mut cargo, tally);
}
