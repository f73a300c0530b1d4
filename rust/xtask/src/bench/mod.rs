//! The side-by-side benchmark: the engine's classes, ours, and sockets of plain Rust, measured by turns in one run.
//!
//! `godot-project/benchmarks/run.gd` measures, this module has the table with the goals, and says what came of it. Times
//! are never asserted: machines differ, and so do minutes on the same machine.

mod outcome;
mod page;
mod plot;
mod record;
mod report;
mod rows;
mod run;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use godot_finder::Godot;

use crate::project::Project;
use crate::result::Result;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use outcome::rows;
use run::Scale;

/// What to measure, and where to write it.
#[derive(Debug, Default, PartialEq, clap::Args)]
pub struct Options {
    /// Measure roughly, in less than a minute
    #[arg(long)]
    pub quick: bool,
    /// Write the page and the plot in docs/
    #[arg(long, conflicts_with = "filters")]
    pub docs: bool,
    /// Write everything that was measured into FILE
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measure only the rows whose name contains a FILTER
    #[arg(last = true, value_name = "FILTER")]
    pub filters: Vec<String>,
}

/// Measures, prints the table, and writes what was asked for. It succeeds if everything was measured.
pub fn run(options: &Options) -> Result<ExitCode> {
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
    if sections.is_empty() {
        return Err("there is no such row; docs/benchmarks.md has them all".into());
    }
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
    Ok(if rows(&sections).all(|row| row.missing().is_none()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Checks that everything is still measured for which this machine has what it needs. What comes out is of no interest.
pub fn smoke_test(project: &Project, godot: &Godot, tally: &mut Tally) {
    const NAME: &str = "the benchmarks";
    let report = run::measure(project, godot, Profile::Debug, Scale::Smoke, &[]);
    let outcome = report.and_then(|report| {
        let failures: Vec<_> = rows(&outcome::summarize(&report, &[]))
            .filter(|row| row.needs.is_empty() || !row.problem.is_empty())
            .filter_map(|row| Some(format!("{}: {}", row.row.name, row.missing()?)))
            .collect();
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures.join("\n        "))
        }
    });
    tally.check(NAME, outcome);
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
