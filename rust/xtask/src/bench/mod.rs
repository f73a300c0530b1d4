//! The side-by-side benchmark: the engine's classes, ours, and sockets of plain Rust, measured in
//! turn in one run.
//!
//! `godot-project/benchmarks/run.gd` measures, and this module compares the numbers with the goals.
//! Times are never asserted: machines differ, and so do minutes on the same machine.

mod outcome;
mod plot;
mod table;
mod text;

use fs_err as fs;
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::engine::Engine;
use crate::folder::unique_name;
use crate::node;
use crate::project::Project;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use outcome::rows;
use table::{Report, TABLE};

/// The package of the plain Rust program, and the program.
const PACKAGE: &str = "stream-socket-bench";
const PLAIN: &str = "plain";

/// The maximum number of descriptors to request: for 10,000 sockets and everything else.
const DESCRIPTORS: u64 = 16_384;

/// What to measure, and where to write it.
#[derive(Debug, Default, PartialEq, clap::Args)]
pub struct Options {
    /// Measure roughly, with fewer rounds
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

/// Measures, prints the table, and writes the requested files. It succeeds if everything was
/// measured.
pub fn run(options: &Options) -> Result<ExitCode> {
    let project = Project::find()?;
    let engine = Engine::with_addon(&project, Profile::Release)?;
    // `godot-project/benchmarks/scale.gd` explains these words.
    let scale = if options.quick { "quick" } else { "full" };
    let report = measure(&engine, Profile::Release, scale, &options.filters)?;
    let sections = outcome::summarize(&report, &options.filters);
    ensure!(
        !sections.is_empty(),
        "there is no such row; docs/benchmarks.md lists all"
    );
    println!("\n{}", text::table(&sections));
    if let Some(file) = &options.json {
        let record = outcome::record(&report.machine, scale, &sections);
        write(file, &format!("{record:#}"))?;
    }
    if options.docs {
        let docs = project.root().join("docs");
        write(
            &docs.join("benchmarks.md"),
            &text::page(&report.machine, scale, &sections),
        )?;
        write(&docs.join("benchmarks.svg"), &plot::svg(&sections)?)?;
    }
    Ok(if rows(&sections).all(|row| row.missing().is_none()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Checks that every row can be measured, unless this machine lacks what a row needs. The numbers
/// do not matter.
pub fn smoke_test(engine: &Engine, tally: &mut Tally) {
    const NAME: &str = "the benchmarks";
    let report = measure(engine, Profile::Debug, "smoke", &[]);
    let outcome = report.and_then(|report| {
        let failures: Vec<_> = rows(&outcome::summarize(&report, &[]))
            .filter(|row| row.reported.needs.is_empty() || !row.reported.problem.is_empty())
            .filter_map(|row| Some(format!("{}: {}", row.row.name, row.missing()?)))
            .collect();
        ensure!(failures.is_empty(), failures.join("\n        "));
        Ok(())
    });
    tally.check(NAME, outcome);
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text)?;
    println!("wrote {}", file.display());
    Ok(())
}

/// Measures all rows, or those that a filter names, with the staged library.
fn measure(engine: &Engine, profile: Profile, scale: &str, filters: &[String]) -> Result<Report> {
    let project = engine.project;
    let plain = format!("{PLAIN}{EXE_SUFFIX}");
    let plain = stage::build_package(project, PACKAGE, profile)?.join(plain);
    raise_descriptor_limit();
    let file = project
        .target()
        .join(unique_name("benchmarks"))
        .with_extension("json");
    let options = [
        format!("--plain={}", plain.display()),
        format!("--report={}", file.display()),
        format!("--scale={scale}"),
    ];
    let mut command = engine.command(&project.godot_project());
    command
        .args(["--script", "res://benchmarks/run.gd", "--"])
        .args(options.iter().chain(filters));
    // Without it, its row says what it needs.
    if let Ok(modules) = node::with_ws() {
        command.env("NODE_PATH", modules);
    }
    engine.run("benchmarks in Godot", &mut command, |_| ())?;
    let text = fs::read_to_string(&file)?;
    let _ = fs::remove_file(&file);
    let report: Report = serde_json::from_str(&text).context("the report of the benchmarks")?;
    let is_known = |name: &str| {
        let mut rows = TABLE.iter().flat_map(|section| &section.rows);
        rows.any(|row| row.name == name)
    };
    if let Some(row) = report.rows.iter().find(|row| !is_known(&row.name)) {
        bail!("{:?} is measured, but not in the table", row.name);
    }
    Ok(report)
}

/// Raises the limit of descriptors, for this process and its children, to what the rows with many
/// sockets need. `run.gd` finds out whether that was permitted.
fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit
            .maximum
            .map_or(DESCRIPTORS, |hard| hard.min(DESCRIPTORS));
        if limit.current.is_some_and(|current| current < wanted) {
            let current = Some(wanted);
            let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
        }
    }
}
