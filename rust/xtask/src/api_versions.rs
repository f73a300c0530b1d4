//! The versions of Godot that the binding can be built for.

use crate::process;
use crate::project::{ADDON, Project};
use crate::tally::Tally;

/// The features of the binding, each for a version of Godot and later ones.
const FEATURES: [&str; 4] = ["api-4-4", "api-4-5", "api-4-6", "api-4-7"];

/// Checks that the binding compiles for each of them, and counts that. The first check compiles
/// gdext for each.
pub fn check(project: &Project, tally: &mut Tally) {
    for feature in FEATURES {
        let name = format!("cargo check for {feature}");
        process::announce(&name);
        let mut cargo = project.cargo();
        cargo.args(["check", "--package", ADDON, "--no-default-features"]);
        tally.check(&name, process::run(cargo.args(["--features", feature])));
    }
}
