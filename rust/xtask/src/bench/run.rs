//! Running the measurements in Godot.

use std::env::consts::EXE_SUFFIX;
use std::fs;

use godot_finder::Godot;
use serde::Serialize;

use super::report::Report;
use super::rows::TABLE;
use crate::folder::unique_name;
use crate::headless;
use crate::project::Project;
use crate::result::Result;
use crate::stage::{self, Profile};

/// The package of the plain Rust program, and the program.
const PACKAGE: &str = "stream-socket-bench";
const PLAIN: &str = "plain";

/// How many descriptors to ask for, at most: 10,000 sockets and what else there is.
const DESCRIPTORS: u64 = 16_384;

/// How much is measured; `godot-project/benchmarks/scale.gd` says what that means.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    Full,
    Quick,
    Smoke,
}

impl Scale {
    pub fn name(self) -> &'static str {
        match self {
            Scale::Full => "full",
            Scale::Quick => "quick",
            Scale::Smoke => "smoke",
        }
    }
}

/// Measures all rows, or those that a filter names, with the library that is staged.
pub fn measure(
    project: &Project,
    godot: &Godot,
    profile: Profile,
    scale: Scale,
    filters: &[String],
) -> Result<Report> {
    let plain =
        stage::build_package(project, PACKAGE, profile)?.join(format!("{PLAIN}{EXE_SUFFIX}"));
    raise_descriptor_limit();
    let file = project
        .target()
        .join(format!("{}.json", unique_name("benchmarks")));
    let options = [
        format!("--plain={}", plain.display()),
        format!("--report={}", file.display()),
        format!("--scale={}", scale.name()),
    ];
    let mut command = headless::command(project, godot, &project.godot_project());
    command
        .args(["--script", "res://benchmarks/run.gd", "--"])
        .args(options.iter().chain(filters));
    headless::run(project, "benchmarks in Godot", &mut command, |_| ())?;
    let text = fs::read_to_string(&file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let _ = fs::remove_file(&file);
    let report: Report = serde_json::from_str(&text)
        .map_err(|error| format!("the report of the benchmarks: {error}"))?;
    let is_known = |name: &str| {
        TABLE
            .iter()
            .flat_map(|section| section.rows)
            .any(|row| row.name == name)
    };
    match report.rows.iter().find(|row| !is_known(&row.name)) {
        Some(row) => Err(format!(
            "the table has no row {:?}, which is measured",
            row.name
        )),
        None => Ok(report),
    }
}

/// Lets this process and its children open as many descriptors as the rows with many sockets need, if that is allowed.
/// What they have in the end, `run.gd` finds out.
fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit
            .maximum
            .map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
        if limit.current.is_some_and(|current| current < wanted) {
            let current = Some(wanted);
            let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
        }
    }
}
