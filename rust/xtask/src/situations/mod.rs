//! The engine's classes and ours side by side, in sandboxes: `godot-project/tests/situations` has
//! the tasks, `situations.toml` lists which task runs in which sandbox, and `setups.sh` sets the
//! sandboxes up.

mod deny;
mod outcome;
mod sandbox;
mod table;

use std::path::Path;

pub use deny::run as run_denied;

use crate::engine::{self, Engine};
use crate::folder::{self, Temporary};
use crate::process;
use crate::project::Project;
use crate::stage::Profile;
use crate::tally::Tally;
use outcome::{Case, Outcomes};
use sandbox::{RunError, Situation};

const TREES: [&str; 2] = ["engine", "ours"];

/// Which situations to compare in.
#[derive(Debug, Default, PartialEq, clap::Args)]
pub struct Options {
    /// Compare in the situations of the short form only, and do not write the table in
    /// docs/reliability.md
    #[arg(long)]
    pub quick: bool,
    /// Compare only in situations whose name contains a FILTER, and do not write the table
    #[arg(last = true, value_name = "FILTER")]
    pub filters: Vec<String>,
}

impl Options {
    fn wants(&self, situation: &Situation) -> bool {
        let named = |filter: &String| situation.name.contains(filter.as_str());
        (!situation.long || !self.quick)
            && (self.filters.is_empty() || self.filters.iter().any(named))
    }
}

/// Builds the library, and compares the classes in every situation. The full form writes the table
/// into the documentation.
pub fn run(project: &Project, options: &Options, tally: &mut Tally) {
    process::announce("the engine's classes and ours, in situations");
    if !cfg!(target_os = "linux") {
        return tally.skip("the situations", "they need Linux");
    }
    let engine = match Engine::with_addon(project, Profile::Debug) {
        Ok(engine) => engine,
        Err(error) => return tally.check("Godot with the addon", Err(error)),
    };
    let place = Temporary(std::env::temp_dir().join(folder::unique_name("sprs")));
    if let Err(error) = folder::replace_for_all(&place.0) {
        return tally.check("a folder for the situations", Err(error.into()));
    }
    let mut rows = Vec::new();
    let situations = sandbox::situations();
    for situation in situations.iter().filter(|row| options.wants(row)) {
        match compare(&engine, &place.0, situation) {
            Ok(cases) => {
                for case in &cases {
                    let name = format!("{}: {}", situation.name, case.name);
                    println!(
                        "{}",
                        table::line(&name, &case.engine.words, &case.ours.words)
                    );
                    tally.check(&name, case.verdict());
                }
                rows.push((situation.name.as_str(), cases));
            }
            Err(RunError::Impossible(reason)) => tally.skip(&situation.name, reason),
            Err(RunError::Failed(reason)) => tally.check(&situation.name, Err(reason)),
        }
    }
    if rows
        .iter()
        .any(|(_, cases)| cases.iter().any(Case::is_without_unix))
    {
        tally.skip("the engine's Unix sockets", "this engine has none");
    }
    if *options == Options::default() {
        tally.check("the table of situations", table::write(project, &rows));
    }
}

/// The outcome of each case. A class tree that ended the program is not run again; the other one
/// still is.
fn compare(
    engine: &Engine,
    place: &Path,
    situation: &Situation,
) -> std::result::Result<Vec<Case>, RunError> {
    let mut outcomes = Outcomes::default();
    let mut first = 0;
    while first < TREES.len() {
        let path = place.join("sockets");
        folder::replace_for_all(&path).map_err(|error| RunError::Failed(error.into()))?;
        let mut command = engine.command(&engine.project.godot_project());
        command
            .args(["--script", "res://tests/situations/run.gd", "--"])
            .args([&situation.task, &TREES[first..].join(",")])
            .args(&situation.arguments);
        engine::set_user(&mut command, place);
        command.env("SITUATION_FOLDER", &path);
        match sandbox::run(situation, &command, &path, |line| outcomes.read(line)) {
            Ok(()) => break,
            Err(RunError::Impossible(reason)) => return Err(RunError::Impossible(reason)),
            Err(RunError::Failed(reason)) => {
                let reached = if outcomes.has(TREES[1]) { 1 } else { first };
                outcomes.ended(TREES[reached], &reason.to_string());
                first = reached + 1;
            }
        }
    }
    outcomes.cases().map_err(RunError::Failed)
}
