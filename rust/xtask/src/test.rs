//! All the tests: those of the crates, and those of the classes in a real Godot.

use godot_finder::Godot;

use crate::platforms::{self, Kind};
use crate::project::Project;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{bench, class_docs, editor, headless, other_godots, packaging, photographs, suites};

/// With this variable the core asks each socket, as on a system where sockets cannot be watched
/// together (`check_watching` in `rust/core/src/sys/mod.rs`). Some tests run once more with it.
const DIRECT: (&str, &str) = ("STREAM_SOCKET_DIRECT", "1");

/// Runs all the tests, and counts them.
pub fn run(project: &Project, tally: &mut Tally) {
    let cargo = || {
        let mut cargo = project.cargo();
        cargo.args(["test", "--no-fail-fast"]);
        cargo
    };
    suites::cargo("cargo test", cargo().arg("--workspace"), tally);
    let mut direct = cargo();
    direct.args(["--package", "stream-socket"]).envs([DIRECT]);
    let core = suites::cargo("cargo test without watching sockets", &mut direct, tally);
    record(project, Kind::CoreTests, &core.to_string());
    match stage::build_and_stage(project, Profile::Debug).and_then(|()| Godot::find()) {
        Ok(godot) => run_in_godot(project, &godot, tally),
        Err(error) => tally.check("Godot with the addon", Err(error)),
    }
}

fn run_in_godot(project: &Project, godot: &Godot, tally: &mut Tally) {
    let whole = suites::godot(project, godot, "the tests in Godot", &[], [], tally);
    let name = "the tests in Godot without watching sockets";
    suites::godot(project, godot, name, &["--", "[ours]"], [DIRECT], tally);
    let version = godot.version().unwrap_or_default();
    record(
        project,
        Kind::GodotTests,
        &format!("{whole}, Godot {version}"),
    );
    other_godots::test(project, godot, tally);
    bench::smoke_test(project, godot, tally);
    editor_load(project, godot, tally);
    class_docs::test(project, godot, tally);
    editor::test(project, godot, tally);
    packaging::test(project, godot, tally);
    photographs::test(project, godot, tally);
}

/// Keeps what was seen of the platform that this program runs on.
fn record(project: &Project, kind: Kind, seen: &str) {
    if let Some(platform) = platforms::own() {
        platforms::record(project, &platform.folder(), kind, Some(seen));
    }
}

/// Loads the project in the editor, which does more with an extension than a running game.
fn editor_load(project: &Project, godot: &Godot, tally: &mut Tally) {
    const NAME: &str = "the project in Godot's editor";
    let mut command = headless::command(project, godot, &project.godot_project());
    command.args(["--editor", "--quit"]);
    let result = headless::run(project, NAME, &mut command, |_| ());
    tally.check(NAME, result);
}
