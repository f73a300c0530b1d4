//! The side-by-side benchmark: the engine's classes, ours, and sockets of plain Rust, measured by turns in one run.
//!
//! `godot-project/benchmarks/run.gd` measures, this module has the table with the goals, and says what came of it. Times
//! are never asserted: machines differ, and so do minutes on the same machine.

mod options;
mod outcome;
mod page;
mod plot;
mod record;
mod report;
mod rows;
mod run;
mod text;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

pub use options::Options;

use crate::godot::Godot;
use crate::project::Project;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{Result, test};
use outcome::MeasuredSection;
use run::Scale;

/// Measures, prints the table, and writes what was asked for. It is a success if everything was measured.
pub fn run(options: Options) -> Result<ExitCode> {
    let project = Project::find()?;
    stage::build_and_stage(&project, Profile::Release)?;
    let scale = if options.quick {
        Scale::Quick
    } else {
        Scale::Full
    };
    let report = run::measure(
        &project,
        &Godot::find()?,
        Profile::Release,
        scale,
        &options.filters,
    )?;
    let sections = outcome::summarize(&report, &options.filters);
    println!("\n{}", text::table(&sections));
    if let Some(file) = &options.json {
        write(file, &record::json(&report.machine, scale, &sections)?)?;
    }
    if options.docs {
        let docs = project.root().join("docs");
        write(
            &docs.join("benchmarks.md"),
            &page::markdown(&report.machine, scale, &sections),
        )?;
        write(&docs.join("benchmarks.svg"), &plot::svg(&sections)?)?;
    }
    Ok(if incomplete(&sections).is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Checks that everything that can be measured here still is.
pub fn smoke_test(project: &Project, godot: &Godot, tally: &mut Tally) {
    const NAME: &str = "the benchmarks";
    test::announce(NAME);
    let outcome =
        run::measure(project, godot, Profile::Debug, Scale::Smoke, &[]).and_then(|report| {
            let reasons = incomplete(&outcome::summarize(&report, &[]));
            if reasons.is_empty() {
                Ok(())
            } else {
                Err(reasons.join("\n        "))
            }
        });
    tally.check(NAME, outcome);
}

/// The rows that lack a number, and why.
fn incomplete(sections: &[MeasuredSection]) -> Vec<String> {
    let rows = sections.iter().flat_map(|section| &section.rows);
    rows.filter(|row| !row.is_complete())
        .map(|row| format!("{}: {}", row.row.name, row.missing))
        .collect()
}

fn write(file: &Path, text: &str) -> Result<()> {
    let write = || {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)
    };
    write().map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}
