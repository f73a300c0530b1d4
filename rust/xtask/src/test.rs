//! All tests: the tests of the crates, and the tests of the classes in a real Godot.

use std::array;
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
/// together (`check_watching` in `rust/core/src/sys/portable.rs`). Some tests run once more with
/// it.
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

/// Runs the tests in Godot, with and without watching sockets, and the checks of the editor and of
/// exports. Each of these waits most of the time, so they are divided among parallel runs.
fn run_in_godot(engine: &Engine, tally: &mut Tally) {
    const WHOLE: &str = "the tests in Godot";
    const DIRECTLY: &str = "the tests in Godot without watching sockets";
    let (whole, direct) = (&[][..], &["[ours]"][..]);
    let counts = side_by_side(
        engine,
        tally,
        [
            &|engine, tally| part(engine, WHOLE, 1, whole, &[], tally),
            &|engine, tally| part(engine, WHOLE, 2, whole, &[], tally),
            &|engine, tally| part(engine, DIRECTLY, 1, direct, &[DIRECT], tally),
            &|engine, tally| part(engine, DIRECTLY, 2, direct, &[DIRECT], tally),
        ],
    );
    let [mut whole, second, ..] = counts;
    whole += second;
    let version = engine.godot.version().unwrap_or_default();
    record(
        engine.project,
        Kind::GodotTests,
        &format!("{whole}, Godot {version}"),
    );
    // This one writes into `godot-project`, which the others use.
    editor_load(engine, tally);
    side_by_side(
        engine,
        tally,
        [
            &|engine, tally| {
                bench::smoke_test(engine, tally);
                class_docs::test(engine, tally);
                other_godots::test(engine, tally);
                packaging::test(engine, tally);
            },
            // These two share a project.
            &|engine, tally| {
                editor_views::test(engine, tally);
                photographs::test(engine, tally);
            },
        ],
    );
}

/// Runs the first or the second half of the tests in Godot that `filters` select.
fn part(
    engine: &Engine,
    name: &str,
    number: usize,
    filters: &[&str],
    environment: &[(&str, &str)],
    tally: &mut Tally,
) -> Counts {
    let part = format!("--part={number}/2");
    let args = [&["--", &part], filters].concat();
    let name = format!("{name}, half {number}");
    suites::godot(engine, &name, &args, environment.iter().copied(), tally)
}

/// What counts its results and returns a value.
type Work<'a, T> = &'a (dyn Fn(&Engine, &mut Tally) -> T + Sync);

/// Does all of `work` at the same time, and counts it. The output of the first is shown at once,
/// and that of the others afterwards.
fn side_by_side<T: Send, const N: usize>(
    engine: &Engine,
    tally: &mut Tally,
    work: [Work<T>; N],
) -> [T; N] {
    let engines: [_; N] = array::from_fn(|i| (i > 0).then(|| engine.beside()));
    let done = thread::scope(|scope| {
        let mut index = 0;
        let threads = work.map(|work| {
            let engine = engines[index].as_ref().unwrap_or(engine);
            index += 1;
            scope.spawn(move || {
                let mut tally = Tally::default();
                (work(engine, &mut tally), tally)
            })
        });
        threads.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    engines.into_iter().flatten().for_each(Engine::show_held);
    done.map(|(value, counted)| {
        tally.add(counted);
        value
    })
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
