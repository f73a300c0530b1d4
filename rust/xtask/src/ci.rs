//! Everything a change has to pass.

use crate::project::Project;
use crate::tally::Tally;
use crate::{
    comments, gdlint, interop, invariants, layers, manual, process, repository, simulate,
    situations, test,
};

/// How long to simulate.
const SIMULATED_STEPS: u64 = 1_000_000;

/// Runs every check, even after a failure, and counts them with the tests.
pub fn run(project: &Project, tally: &mut Tally) {
    for args in [
        "fmt --all --check",
        "clippy --workspace --all-targets -- -D warnings",
        "doc --workspace --no-deps",
        "package -p stream-socket -p stream-socket-relay -p stream-socket-web --no-verify --offline --allow-dirty",
    ] {
        let name = format!("cargo {args}");
        process::announce(&name);
        let mut cargo = project.cargo();
        cargo
            .args(args.split(' '))
            .env("RUSTDOCFLAGS", "-D warnings");
        tally.check(&name, process::run(&mut cargo));
    }
    layers::run(project, tally);
    invariants::run(project, tally);
    comments::run(project, tally);
    gdlint::run(project, tally);
    repository::run(project, tally);
    manual::check_site(project, tally);
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
