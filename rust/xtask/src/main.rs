//! The project's automation. `cargo xtask help` lists the commands.
//!
//! `main.rs` is the command line; each command's work is in the module named after it. Everything is relative to the
//! workspace this program was started from (see [`project`]), so a clone works in any directory.

mod api_versions;
mod bench;
mod cargo_suite;
mod ci;
mod class_docs;
mod comments;
mod debugger_tab;
mod dist;
mod editor_project;
mod editor_views;
mod elsewhere;
mod folder;
mod headless;
mod install;
mod interop;
mod layers;
mod log_scan;
mod manifest;
mod marked;
mod other_godots;
mod packaging;
mod photographs;
mod platforms;
mod process;
mod project;
mod records;
mod result;
mod simulate;
mod situations;
mod stage;
mod tally;
mod test;
mod watch;

use std::env;
use std::ffi::OsString;
use std::path::{self, Path};
use std::process::ExitCode;

use godot_finder::Godot;

use project::Project;
use result::Result;
use stage::Profile;
use tally::Tally;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  build [--release]            Build the library and stage the addon into godot-project/addons/
  godot [--release] -- ARGS    Build, then run Godot with ARGS from the repository root
  demo  [-- ARGS]              Build as for a release, then run the demo: in a window if there is a display, else as text.
                               ARGS: nothing | tcp HOST PORT [TEXT] | uds PATH [TEXT]
  test                         Run all tests: of the crates, and of the classes in Godot
  test --target TARGET         Run the tests of another platform: aarch64-unknown-linux-gnu, in an emulator, or
                               x86_64-pc-windows-gnu, in Wine, and in the Godot that GODOT4_WINDOWS_BIN names
  test --interop               Run the tests against servers of others, such as Redis and nginx, which are set up like Godot
  test --zip                   Install the archive of `dist` into new projects, and export these
  bench [--quick] [--json FILE] [--docs] [-- FILTER...]
                               Measure the engine's classes and ours side by side, or only the rows whose name contains
                               a FILTER. --quick: in less than a minute, roughly. --json: write everything into FILE.
                               --docs: write the page and the plot in docs/
  simulate [--seed SEED] [--steps STEPS]
                               Run the simulation of the core. --seed: the run that follows from this number. --steps:
                               how long
  situations [--quick] [-- FILTER...]
                               Compare the engine's classes and ours where something is missing, full, locked or slow,
                               and write the table in docs/reliability.md. --quick: the short form, or with a FILTER
                               those whose name contains one; neither writes
  versions                     Check that the binding compiles for each Godot it can be built for
  layers                       Check that imports only lead to lower layers and never in a circle, and the width of comments
  ci                           Check format and lints, build the documentation, and run all tests, those against servers of
                               others too, a simulation, and the short form of the situations
  dist [PLATFORM...]           Build the libraries of all platforms, and the archives of a release. PLATFORM: only of
                               these, by their names in the manifest, such as linux.x86_64
  photographs                  Make the pictures in docs/images
  platforms                    Write what was seen of each platform into the README
  help                         Show this text

Godot is taken from GODOT4_BIN, else from godot4 or godot on PATH, if it is 4.4 or later. Otherwise, on Debian, one is
set up for this user alone, in the cache folder (XDG_CACHE_HOME or ~/.cache, stream-peer-socket-rs/). Nothing is
installed into the system; delete that folder to be rid of it, or to get a newer one.";

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let command = args.next().unwrap_or_else(|| "help".into());
    if command == "bench" {
        return exit_code(bench::Options::parse(args).and_then(bench::run));
    }
    if command == "simulate" {
        return exit_code(simulate::Options::parse(args).and_then(|options| {
            counted(|project, tally| simulate::run(project, &options, tally))
        }));
    }
    if command == "situations" {
        return exit_code(situations::Options::parse(args).and_then(|options| {
            counted(|project, tally| situations::run(project, &options, tally))
        }));
    }
    // What `situations` starts Godot through.
    if command == "denied" {
        return exit_code(situations::run_denied(args));
    }
    if command == "test" {
        return exit_code(run_tests(args));
    }
    if command == "dist" {
        let args: Vec<_> = args.collect();
        let keys: Vec<_> = args.iter().filter_map(|arg| arg.to_str()).collect();
        return exit_code(
            dist::parse(&keys)
                .and_then(|()| counted(|project, tally| dist::run(project, &keys, tally))),
        );
    }
    exit_code(
        Arguments::parse(args).and_then(|args| match command.to_str() {
            Some("build") => build(args),
            Some("godot") => run_godot(args),
            Some("demo") => demo(args),
            Some("versions") => args.none().and_then(|()| counted(api_versions::check)),
            Some("photographs") => args.none().and_then(|()| counted(photographs::run)),
            Some("platforms") => args.none().and_then(|()| platforms::run()),
            Some("layers") => args.none().and_then(|()| {
                counted(|project, tally| {
                    layers::run(project, tally);
                    comments::run(project, tally);
                })
            }),
            Some("ci") => args.none().and_then(|()| counted(ci::run)),
            Some("help" | "--help" | "-h") => {
                println!("{HELP}");
                Ok(ExitCode::SUCCESS)
            }
            _ => Err(format!(
                "there is no command {command:?}; see `cargo xtask help`"
            )),
        }),
    )
}

fn exit_code(outcome: Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

/// What follows the command: options of ours, then after `--` whatever is handed on.
#[derive(Debug, Default, PartialEq)]
struct Arguments {
    profile: Profile,
    passed_on: Vec<OsString>,
}

impl Arguments {
    fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut parsed = Self::default();
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--release") => parsed.profile = Profile::Release,
                Some("--") => parsed.passed_on = args.by_ref().collect(),
                _ => return Err(format!("unexpected {arg:?}; see `cargo xtask help`")),
            }
        }
        Ok(parsed)
    }

    /// For a command that takes nothing.
    fn none(self) -> Result<()> {
        match self.profile_only()? {
            Profile::Debug => Ok(()),
            Profile::Release => Err("unexpected --release; see `cargo xtask help`".into()),
        }
    }

    /// For a command that hands nothing on, the profile alone.
    fn profile_only(self) -> Result<Profile> {
        match self.passed_on.first() {
            None => Ok(self.profile),
            Some(arg) => Err(format!("unexpected {arg:?}; see `cargo xtask help`")),
        }
    }
}

fn build(args: Arguments) -> Result<ExitCode> {
    let profile = args.profile_only()?;
    let project = Project::find()?;
    stage::build_and_stage(&project, profile)?;
    println!("staged {}", project.staged_addon().display());
    Ok(ExitCode::SUCCESS)
}

fn run_godot(args: Arguments) -> Result<ExitCode> {
    let project = Project::find()?;
    stage::build_and_stage(&project, args.profile)?;
    let mut command = Godot::find()?.command(project.root());
    process::replace(command.args(args.passed_on))
}

fn demo(args: Arguments) -> Result<ExitCode> {
    let project = Project::find()?;
    // It compares times, of the library that ships.
    stage::build_and_stage(&project, Profile::Release)?;
    let mut command = Godot::find()?.command(project.root());
    // Only the exchange without arguments has something to show in a window.
    if !args.passed_on.is_empty() || !has_display() {
        command.arg("--headless");
    }
    // The demo is silent, and without a sound card Godot's search for one would fill the screen with errors.
    command
        .args(["--audio-driver", "Dummy", "--path", "godot-project"])
        .arg("res://demo/demo.tscn")
        .arg("--")
        .args(demo_arguments(args.passed_on)?);
    process::replace(&mut command)
}

/// Runs the tests that `args` ask for: all, those for another platform, or those of the archive.
fn run_tests(args: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let args: Vec<_> = args.collect();
    let args: Vec<_> = args
        .iter()
        .map(|arg| arg.to_str().unwrap_or_default())
        .collect();
    match args.as_slice() {
        [] => counted(test::run),
        ["--zip"] => counted(install::run),
        ["--interop"] => counted(interop::run),
        ["--target", triple] => counted(|project, tally| elsewhere::run(project, triple, tally)),
        _ => Err(format!("unexpected {args:?}; see `cargo xtask help`")),
    }
}

/// Runs tests or checks; the last line printed is how many passed and how many failed.
fn counted(run: impl FnOnce(&Project, &mut Tally)) -> Result<ExitCode> {
    let mut tally = Tally::default();
    run(&Project::find()?, &mut tally);
    Ok(tally.finish())
}

/// Makes the path of `uds PATH` absolute: the caller means it from where they stand, and Godot changes directory.
fn demo_arguments(mut args: Vec<OsString>) -> Result<Vec<OsString>> {
    if let [kind, socket, ..] = args.as_mut_slice()
        && kind == "uds"
        && !socket.is_empty()
    {
        *socket = path::absolute(Path::new(socket))
            .map_err(|error| format!("cannot make {socket:?} an absolute path: {error}"))?
            .into();
    }
    Ok(args)
}

fn has_display() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Arguments> {
        Arguments::parse(args.iter().map(OsString::from))
    }

    #[test]
    fn everything_after_the_dashes_is_handed_on_unread() {
        let args = parse(&["--release", "--", "--release", "--", "-x"]).unwrap();
        assert_eq!(args.profile, Profile::Release);
        assert_eq!(args.passed_on, ["--release", "--", "-x"]);
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(parse(&["--relase"]).unwrap_err().contains("--relase"));
        assert!(parse(&["--", "x"]).unwrap().profile_only().is_err());
    }

    #[test]
    fn the_demo_gets_an_absolute_socket_path() {
        let absolute = demo_arguments(vec!["uds".into(), "a.sock".into(), "PING".into()]).unwrap();
        assert_eq!(
            absolute[1],
            env::current_dir().unwrap().join("a.sock").as_os_str()
        );
        assert_eq!(absolute[2], "PING");

        let tcp = vec![OsString::from("tcp"), "localhost".into(), "80".into()];
        assert_eq!(demo_arguments(tcp.clone()).unwrap(), tcp);
    }
}
