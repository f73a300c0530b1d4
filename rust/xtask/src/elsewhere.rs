//! The tests on other platforms than this machine's: 64-bit ARM in an emulator, and Windows in
//! Wine.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use godot_finder::Godot;
use provision::process;

use crate::dist::{self, toolchain::Toolchain};
use crate::engine::Engine;
use crate::log_scan::Counts;
use crate::platforms::{self, Kind, PLATFORMS, Platform};
use crate::project::Project;
use crate::tally::Tally;
use crate::{stage, suites, wine};

const ARM64: &str = "aarch64-unknown-linux-gnu";
const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// A program that stands in for a platform.
struct StandIn {
    /// The platform's target triple.
    triple: &'static str,
    /// The program's name.
    name: &'static str,
    /// The command that starts a program of the platform, in the form that cargo expects of a
    /// runner.
    runner: String,
    /// A Godot, or why there is none.
    godot: Result<Godot>,
    /// The arguments that select the tests in Godot.
    tests: &'static [&'static str],
}

/// Runs the tests of the core and those in Godot on the platform that cargo calls `triple`, and
/// counts them.
pub fn run(project: &Project, triple: &str, tally: &mut Tally) {
    let prepared = Toolchain::find().and_then(|toolchain| {
        let stand_in = match triple {
            ARM64 => arm64(),
            WINDOWS => windows(project, &toolchain),
            _ => bail!("tests can be run here for {ARM64} and {WINDOWS}, not for {triple}"),
        };
        Ok((toolchain, stand_in?))
    });
    match prepared {
        Ok((toolchain, stand_in)) => {
            stand_in.test_core(project, &toolchain, tally);
            stand_in.test_in_godot(project, &toolchain, tally);
        }
        Err(error) => tally.check("the platform", Err(error)),
    }
}

fn arm64() -> Result<StandIn> {
    let emulator = emulator()?;
    let godot = Godot::emulated("arm64", &emulator)?;
    // Godot comes with the loader and the C library, which are all that the core's tests need.
    let folder = godot.program().parent().unwrap_or(Path::new(""));
    let libraries = folder
        .join("usr/lib/aarch64-linux-gnu")
        .display()
        .to_string();
    let emulator = emulator.display();
    Ok(StandIn {
        triple: ARM64,
        name: "QEMU",
        runner: format!("{emulator} {libraries}/ld-linux-aarch64.so.1 --library-path {libraries}"),
        godot: Ok(godot),
        // All of them would take an hour.
        tests: &["--", "test_accept_and_exchange"],
    })
}

/// QEMU's emulator for single programs.
fn emulator() -> Result<PathBuf> {
    const NAME: &str = "qemu-aarch64-static";
    if let Some(program) = process::on_path(NAME) {
        return Ok(program);
    }
    let program = format!("usr/bin/{NAME}");
    let what = "QEMU (100 MB to download, once)";
    Ok(wine::unpacked("qemu", what, &["qemu-user-static"], &program)?.join(program))
}

fn windows(project: &Project, toolchain: &Toolchain) -> Result<StandIn> {
    let runner = wine::runner(project, toolchain)?;
    Ok(StandIn {
        triple: WINDOWS,
        name: "Wine",
        godot: wine::godot(project, &runner),
        runner: runner.display().to_string(),
        tests: &[],
    })
}

impl StandIn {
    fn test_core(&self, project: &Project, toolchain: &Toolchain, tally: &mut Tally) {
        let mut cargo = toolchain.zig(project, "test");
        let name = format!("the core's tests under {}", self.name);
        match Toolchain::empty_library(project) {
            Ok(flag) => cargo.env("RUSTFLAGS", flag),
            Err(error) => return tally.check(&name, Err(error)),
        };
        let runner = self.triple.to_uppercase().replace('-', "_");
        cargo
            .args(["--package", "stream-socket"])
            .args(["--package", "stream-socket-relay", "--lib", "--tests"])
            .args(["--no-fail-fast", "--target", self.triple])
            .env(format!("CARGO_TARGET_{runner}_RUNNER"), &self.runner);
        let counts = suites::cargo(&name, &mut cargo, tally);
        record(project, self.triple, self.name, Kind::CoreTests, counts, "");
    }

    fn test_in_godot(self, project: &Project, toolchain: &Toolchain, tally: &mut Tally) {
        let name = format!("the tests in Godot under {}", self.name);
        let godot = match self.godot {
            Ok(godot) => godot,
            Err(error) => return tally.skip(&name, error),
        };
        // The library is the one that ships.
        let platform = platform(self.triple);
        let staged = dist::library(project, toolchain, platform)
            .and_then(|library| stage::stage(project, &library, platform));
        if let Err(error) = staged {
            return tally.check(&name, Err(error));
        }
        let engine = Engine::new(project, godot);
        let counts = suites::godot(&engine, &name, self.tests, [], tally);
        let version = engine.godot.version().unwrap_or_default();
        let more = format!(", Godot {version}");
        record(
            project,
            self.triple,
            self.name,
            Kind::GodotTests,
            counts,
            &more,
        );
    }
}

/// The platform of a target.
fn platform(triple: &str) -> &'static Platform {
    PLATFORMS
        .iter()
        .find(|platform| platform.triples == [triple])
        .expect("a library ships for each of these platforms")
}

/// Keeps the counts of a suite, if tests passed.
fn record(project: &Project, triple: &str, stand_in: &str, kind: Kind, counts: Counts, more: &str) {
    let seen = (counts.passed > 0).then(|| format!("{counts}{more}, under {stand_in}"));
    platforms::record(project, &platform(triple).folder(), kind, seen.as_deref());
}
