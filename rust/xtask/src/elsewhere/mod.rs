//! The tests on platforms that this machine is not, through programs that stand in for them.

mod arm64;
pub mod wine;

use std::path::{Path, PathBuf};
use std::process::Command;

use godot_finder::Godot;

use crate::dist::targets::{PLATFORMS, Platform};
use crate::dist::{self, toolchain::Toolchain};
use crate::log_scan::Counts;
use crate::project::Project;
use crate::records::{self, Kind};
use crate::result::Result;
use crate::tally::Tally;
use crate::test::{self, Suite};
use crate::{cargo_suite, stage};

/// What stands in for a platform.
pub struct StandIn {
    /// The platform in Rust's words.
    triple: &'static str,
    /// How it is called in a sentence.
    name: &'static str,
    /// What starts a program, as cargo wants it.
    runner: String,
    /// A Godot, or why there is none.
    godot: Result<Godot>,
    /// Which tests in Godot to run: the words that their names contain, none for all.
    suite: &'static [&'static str],
}

/// Runs the tests of the core and those in Godot on the platform that cargo calls `triple`, and counts them.
pub fn run(project: &Project, triple: &str, tally: &mut Tally) {
    let prepared = Toolchain::find().and_then(|toolchain| {
        let stand_in = match triple {
            arm64::TRIPLE => arm64::stand_in(),
            wine::TRIPLE => wine::stand_in(project, &toolchain),
            _ => Err(format!(
                "tests can be run here for {} and {}, not for {triple}",
                arm64::TRIPLE,
                wine::TRIPLE
            )),
        };
        Ok((toolchain, stand_in?))
    });
    match prepared {
        Ok((toolchain, stand_in)) => {
            stand_in.test_core(project, &toolchain, tally);
            stand_in.test_in_godot(project, &toolchain, tally);
        }
        Err(reason) => tally.check("the platform", Err(reason)),
    }
}

impl StandIn {
    fn test_core(&self, project: &Project, toolchain: &Toolchain, tally: &mut Tally) {
        let mut cargo = toolchain.zig(project, "test");
        let name = format!("the core's tests under {}", self.name);
        match Toolchain::empty_library(project) {
            Ok(flag) => cargo.env("RUSTFLAGS", flag),
            Err(reason) => return tally.check(&name, Err(reason)),
        };
        let runner = self.triple.to_uppercase().replace('-', "_");
        cargo
            .args([
                "--package",
                "stream-socket",
                "--package",
                "stream-socket-relay",
                "--lib",
                "--tests",
                "--no-fail-fast",
            ])
            .args(["--target", self.triple])
            .env(format!("CARGO_TARGET_{runner}_RUNNER"), &self.runner);
        let counts = cargo_suite::run(&name, &mut cargo, tally);
        self.record(project, Kind::CoreTests, counts, "");
    }

    fn test_in_godot(&self, project: &Project, toolchain: &Toolchain, tally: &mut Tally) {
        let name = format!("the tests in Godot under {}", self.name);
        let godot = match &self.godot {
            Ok(godot) => godot,
            Err(reason) => return tally.skip(&name, reason),
        };
        // What ships is what is tried.
        let platform = self.platform();
        let staged = dist::library(project, toolchain, platform)
            .and_then(|library| stage::stage_for(project, &library, platform.tags()));
        if let Err(reason) = staged {
            return tally.check(&name, Err(reason));
        }
        let mut args = vec!["--"];
        args.extend(self.suite);
        let suite = Suite {
            name: &name,
            args: if self.suite.is_empty() { &[] } else { &args },
            environment: &[],
        };
        let counts = test::godot_suite(project, godot, &suite, tally);
        let version = godot.version().unwrap_or_default();
        self.record(
            project,
            Kind::GodotTests,
            counts,
            &format!(", Godot {version}"),
        );
    }

    /// The platform that it stands in for.
    fn platform(&self) -> &'static Platform {
        PLATFORMS
            .iter()
            .find(|platform| platform.triples == [self.triple])
            .expect("it stands in for a platform of which a library ships")
    }

    fn record(&self, project: &Project, kind: Kind, counts: Counts, more: &str) {
        let seen = (counts.passed > 0).then(|| format!("{counts}{more}, under {}", self.name));
        if let Err(reason) = records::set(project, &self.platform().folder(), kind, seen.as_deref())
        {
            eprintln!("{reason}");
        }
    }
}

/// Words for a shell, or for cargo, which splits at spaces.
fn words<'a>(words: impl IntoIterator<Item = &'a Path>) -> String {
    let words = words.into_iter().map(|word| word.display().to_string());
    words.collect::<Vec<_>>().join(" ")
}

/// A file of a package of Debian's stable release before the last, which is set up for this user alone.
fn unpacked(name: &str, what: &str, packages: &[&str], probe: &str) -> Result<PathBuf> {
    use provision::apt::{self, Apt};
    let architecture = provision::debian_architecture()?;
    provision::cache::SetUp {
        name: &format!("{name}-{architecture}-1"),
        what,
        is_ready: &|folder| folder.join(probe).exists(),
        fill: &|folder, work| {
            let apt = Apt::open(&work.join("apt"), &architecture, &["bookworm"])?;
            apt::unpack(&apt.download_alone(packages)?, folder)
        },
    }
    .folder()
}

/// A command's output is of no interest, but that it succeeds.
fn succeeds(command: &mut Command, what: &str) -> Result<()> {
    provision::process::output(command)
        .map(|_| ())
        .map_err(|output| {
            format!(
                "{what}: {}",
                output.trim().lines().last().unwrap_or_default()
            )
        })
}
