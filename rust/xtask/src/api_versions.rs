//! The versions of Godot that the binding can be built for.

use godot_finder::Godot;

use crate::engine::Engine;
use crate::project::{ADDON, Project};
use crate::tally::Tally;
use crate::{process, stage, suites};

/// The versions that the binding has a feature for. Such a build loads in this version and later
/// ones.
const VERSIONS: [(u32, u32); 4] = [(4, 4), (4, 5), (4, 6), (4, 7)];

/// What to do with the builds.
#[derive(Debug, Default, PartialEq, clap::Args)]
pub struct Options {
    /// Instead, run the tests in Godot with each build that the Godot at hand can load
    #[arg(long)]
    test: bool,
    /// Run only the tests whose line in the report matches a FILTER
    #[arg(last = true, value_name = "FILTER", requires = "test")]
    filters: Vec<String>,
}

/// Checks that the binding compiles for each version, or runs the tests with those builds that the
/// Godot at hand can load.
pub fn run(project: &Project, options: &Options, tally: &mut Tally) {
    if options.test {
        test(project, &options.filters, tally);
    } else {
        check(project, tally);
    }
}

fn feature((major, minor): (u32, u32)) -> String {
    format!("api-{major}-{minor}")
}

/// The first check compiles gdext for each.
fn check(project: &Project, tally: &mut Tally) {
    for feature in VERSIONS.map(feature) {
        let name = format!("cargo check for {feature}");
        process::announce(&name);
        let mut cargo = project.cargo();
        cargo.args(["check", "--package", ADDON, "--no-default-features"]);
        tally.check(&name, process::run(cargo.args(["--features", &feature])));
    }
}

/// The last build stays staged.
fn test(project: &Project, filters: &[String], tally: &mut Tally) {
    let godot = match Godot::find() {
        Ok(godot) => godot,
        Err(error) => return tally.check("Godot", Err(error)),
    };
    let engine = Engine::new(project, godot);
    let args: Vec<&str> = std::iter::once("--")
        .chain(filters.iter().map(String::as_str))
        .collect();
    for version in VERSIONS {
        let feature = feature(version);
        let name = format!("the tests in Godot with {feature}");
        match engine.godot.is_at_least(version) {
            Ok(true) => {}
            Ok(false) => {
                tally.skip(&name, "this Godot is older");
                continue;
            }
            Err(error) => return tally.check(&name, Err(error)),
        }
        match stage::build_and_stage_for(project, &feature) {
            Ok(()) => {
                suites::godot(&engine, &name, &args, [], tally);
            }
            Err(error) => tally.check(&name, Err(error)),
        }
    }
}
