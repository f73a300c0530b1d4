//! Everything a change has to pass.

use crate::project::Project;
use crate::tally::Tally;
use crate::{comments, interop, layers, process, simulate, situations, test};

/// How long to simulate.
const SIMULATED_STEPS: u64 = 1_000_000;

/// Runs every check, also after one failed, and counts them with the tests.
pub fn run(project: &Project, tally: &mut Tally) {
    let checks: [(&str, &[&str]); 3] = [
        ("cargo fmt --all --check", &["fmt", "--all", "--check"]),
        (
            "cargo clippy",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        ("cargo doc", &["doc", "--workspace", "--no-deps"]),
    ];
    for (name, args) in checks {
        process::announce(name);
        let mut cargo = project.cargo();
        cargo.args(args).env("RUSTDOCFLAGS", "-D warnings");
        let outcome = match process::succeeds(&mut cargo) {
            Ok(true) => Ok(()),
            Ok(false) => Err("failed, as said above".into()),
            Err(reason) => Err(reason),
        };
        tally.check(name, outcome);
    }
    layers::run(project, tally);
    comments::run(project, tally);
    test::run(project, tally);
    interop::run(project, tally);
    let simulation = simulate::Options {
        seed: None,
        steps: Some(SIMULATED_STEPS),
    };
    simulate::run(project, &simulation, tally);
    let short = situations::Options {
        quick: true,
        ..Default::default()
    };
    situations::run(project, &short, tally);
}
