//! All tests: the tests of the crates, and the tests of the classes in a real Godot.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;

use crate::engine::Engine;
use crate::log_scan::Counts;
use crate::platforms::{self, Kind};
use crate::project::Project;
use crate::stage::Profile;
use crate::tally::Tally;
use crate::{bench, class_docs, editor_views, other_godots, packaging, photographs, suites};

/// With this variable the core asks each socket, as on a system where sockets cannot be watched
/// together (`check_watching` in `rust/core/src/sys/mod.rs`). Some tests run once more with it.
const DIRECT: (&str, &str) = ("STREAM_SOCKET_DIRECT", "1");

/// The folders of the crates whose tests run once more.
const CORE: [&str; 2] = ["rust/core", "rust/relay"];

/// Runs all the tests, and counts them.
pub fn run(project: &Project, tally: &mut Tally) {
    let mut cargo = project.cargo();
    cargo
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("RUST_TEST_THREADS", test_threads());
    suites::cargo("cargo test", &mut cargo, tally);
    run_core_directly(project, tally);
    match Engine::with_addon(project, Profile::Debug) {
        Ok(engine) => run_in_godot(&engine, tally),
        Err(error) => tally.check("Godot with the addon", Err(error)),
    }
}

/// Runs the test programs of the core without watching sockets.
fn run_core_directly(project: &Project, tally: &mut Tally) {
    let programs = match core_programs(project) {
        Ok(programs) => programs,
        Err(error) => return tally.check("the core's test programs", Err(error)),
    };
    let mut counts = Counts::default();
    for (name, mut program) in programs {
        program
            .envs([DIRECT])
            .env("RUST_TEST_THREADS", test_threads());
        let name = format!("{name} without watching sockets");
        counts += suites::cargo(&name, &mut program, tally);
    }
    record(project, Kind::CoreTests, &counts.to_string());
}

/// The test programs of the core with their names, as `cargo test --workspace` builds them. `cargo
/// test` of these crates alone would build them again, because it gives their dependencies fewer
/// features.
fn core_programs(project: &Project) -> Result<Vec<(String, Command)>> {
    let mut cargo = project.cargo();
    cargo
        .args(["test", "--workspace", "--no-run", "--message-format=json"])
        .stderr(Stdio::inherit());
    let output = cargo.output().context("cargo was not started")?;
    ensure!(output.status.success(), "the tests were not built");
    let core = CORE.map(|folder| project.root().join(folder));
    let mut programs = Vec::new();
    for message in Message::parse_stream(&output.stdout[..]) {
        let Message::CompilerArtifact(artifact) = message? else {
            continue;
        };
        let folder = artifact.manifest_path.with_file_name("");
        let is_core = core.iter().any(|core| folder == *core);
        // The simulation has tests only when its system is simulated (`cargo xtask simulate`).
        let is_test = artifact.profile.test && artifact.target.name != "simulation";
        if let (true, true, Some(path)) = (is_core, is_test, artifact.executable) {
            let mut program = Command::new(path);
            program.current_dir(folder);
            programs.push((artifact.target.name, program));
        }
    }
    ensure!(!programs.is_empty(), "cargo names no test program");
    Ok(programs)
}

/// How many tests of a program run at once. Many of them wait most of the time, so there are more
/// than processors.
fn test_threads() -> String {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    (2 * processors).to_string()
}

fn run_in_godot(engine: &Engine, tally: &mut Tally) {
    // Most of these tests wait most of the time, so two parallel runs take as long as one.
    let beside = engine.beside();
    let whole = thread::scope(|scope| {
        let direct = scope.spawn(|| {
            let name = "the tests in Godot without watching sockets";
            let mut tally = Tally::default();
            suites::godot(&beside, name, &["--", "[ours]"], [DIRECT], &mut tally);
            tally
        });
        let whole = suites::godot(engine, "the tests in Godot", &[], [], tally);
        match direct.join() {
            Ok(direct) => tally.add(direct),
            Err(panic) => resume_unwind(panic),
        }
        whole
    });
    beside.show_held();
    let version = engine.godot.version().unwrap_or_default();
    record(
        engine.project,
        Kind::GodotTests,
        &format!("{whole}, Godot {version}"),
    );
    other_godots::test(engine, tally);
    bench::smoke_test(engine, tally);
    editor_load(engine, tally);
    class_docs::test(engine, tally);
    editor_views::test(engine, tally);
    packaging::test(engine, tally);
    photographs::test(engine, tally);
}

/// Keeps the results of the platform that this program runs on.
fn record(project: &Project, kind: Kind, seen: &str) {
    if let Ok(platform) = platforms::own() {
        platforms::record(project, &platform.folder(), kind, Some(seen));
    }
}

/// Loads the project in the editor, which does more with an extension than a running game.
fn editor_load(engine: &Engine, tally: &mut Tally) {
    const NAME: &str = "the project in Godot's editor";
    let mut command = engine.command(&engine.project.godot_project());
    command.args(["--editor", "--quit"]);
    let result = engine.run(NAME, &mut command, |_| ());
    tally.check(NAME, result);
}
