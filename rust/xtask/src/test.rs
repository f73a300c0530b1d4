//! All tests: the tests of the crates, and the tests of the classes in a real Godot.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use crate::engine::Engine;
use crate::platforms::{self, Kind};
use crate::project::Project;
use crate::stage::Profile;
use crate::tally::Tally;
use crate::{bench, class_docs, editor_views, other_godots, packaging, photographs, suites};

/// With this variable the core asks each socket, as on a system where sockets cannot be watched
/// together (`check_watching` in `rust/core/src/sys/mod.rs`). Some tests run once more with it.
const DIRECT: (&str, &str) = ("STREAM_SOCKET_DIRECT", "1");

/// Runs all the tests, and counts them.
pub fn run(project: &Project, tally: &mut Tally) {
    let threads = test_threads();
    let cargo = || {
        let mut cargo = project.cargo();
        cargo
            .args(["test", "--no-fail-fast"])
            .env("RUST_TEST_THREADS", &threads);
        cargo
    };
    suites::cargo("cargo test", cargo().arg("--workspace"), tally);
    let mut direct = cargo();
    direct
        .args(["--package", "stream-socket"])
        .args(["--package", "stream-socket-relay"])
        .envs([DIRECT]);
    let core = suites::cargo("cargo test without watching sockets", &mut direct, tally);
    record(project, Kind::CoreTests, &core.to_string());
    match Engine::with_addon(project, Profile::Debug) {
        Ok(engine) => run_in_godot(&engine, tally),
        Err(error) => tally.check("Godot with the addon", Err(error)),
    }
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
