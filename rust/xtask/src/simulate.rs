//! The simulation of the core, a test program of its own (`rust/core/tests/simulation.rs`).

use std::ffi::OsString;

use crate::cargo_suite;
use crate::project::Project;
use crate::result::Result;
use crate::tally::Tally;

/// What to simulate. What is not said, the program decides.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// What every choice follows from: the same seed makes the same run.
    pub seed: Option<u64>,
    /// How long to go on.
    pub steps: Option<u64>,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut parsed = Self::default();
        while let Some(arg) = args.next() {
            let option = match arg.to_str() {
                Some("--seed") => &mut parsed.seed,
                Some("--steps") => &mut parsed.steps,
                _ => return Err(format!("unexpected {arg:?}; see `cargo xtask help`")),
            };
            let number = args.next().and_then(|text| text.to_str()?.parse().ok());
            *option = Some(number.ok_or_else(|| format!("{} needs a number", arg.display()))?);
        }
        Ok(parsed)
    }
}

/// Builds the program with the simulated system and runs it. Its tests are counted.
pub fn run(project: &Project, options: &Options, tally: &mut Tally) {
    let mut cargo = project.cargo();
    cargo
        // What is built with the flag stays apart from everything else, in the folder of this profile.
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
    cargo_suite::run("the simulation of the core", &mut cargo, tally);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(args.iter().map(OsString::from))
    }

    #[test]
    fn each_option_has_a_number() {
        assert_eq!(parse(&[]), Ok(Options::default()));
        assert_eq!(
            parse(&["--steps", "10", "--seed", "18446744073709551615"]),
            Ok(Options {
                seed: Some(u64::MAX),
                steps: Some(10),
            })
        );
        assert!(parse(&["--seed"]).unwrap_err().contains("--seed"));
        assert!(parse(&["--steps", "-1"]).unwrap_err().contains("--steps"));
        assert!(parse(&["10"]).unwrap_err().contains("10"));
    }
}
