//! The project's automation. `cargo xtask help` lists the commands.
//!
//! `main.rs` is the command line. The module named after a command does its work. All paths are
//! relative to the workspace that this program was started from (see [`project`]).
//!
//! | module | what it does |
//! | --- | --- |
//! | `test`, `ci` | all tests; everything that a change has to pass |
//! | `layers`, `invariants`, `comments`, `gdlint`, `repository` | checks of all files |
//! | `stage`, `platforms`, `project` | building the library, staging the addon, where things are |
//! | `engine`, `suites`, `log_scan`, `tally` | running Godot and judging its output |
//! | `process`, `folder`, `new_project` | running programs, making folders and projects |
//! | `manual` | the manual on the web |
//! | `chromium`, `python`, `node` | programs from Debian, PyPI and npm |
//! | `class_docs`, `editor_views`, `photographs` | tests in the editor, and screenshots of it |
//! | `other_godots`, `packaging`, `install` | other builds of Godot; exports; installing |
//! | `interop`, `situations`, `simulate` | other programs; restricted environments; simulation |
//! | `elsewhere`, `wine`, `api_versions` | other platforms; other versions of Godot |
//! | `bench` | benchmarks |
//! | `dist` | releases |

mod api_versions;
mod bench;
mod chromium;
mod ci;
mod class_docs;
mod comments;
mod dist;
mod editor_views;
mod elsewhere;
mod engine;
mod folder;
mod gdlint;
mod install;
mod interop;
mod invariants;
mod layers;
mod log_scan;
mod manual;
mod new_project;
mod node;
mod other_godots;
mod packaging;
mod photographs;
mod platforms;
mod process;
mod project;
mod python;
mod repository;
mod simulate;
mod situations;
mod stage;
mod suites;
mod tally;
mod test;
mod wine;

use std::env;
use std::ffi::OsString;
use std::path::{self, Path};
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use fs_err::{self as fs, File};
use godot_finder::Godot;

use project::Project;
use stage::Profile;
use tally::Tally;

const GODOT: &str = "\
Godot is taken from GODOT4_BIN, else from godot4 or godot on PATH if that is 4.4 or later. On a
Debian system without one, Godot is set up for this user alone, in the cache folder
(XDG_CACHE_HOME or ~/.cache, stream-peer-socket-rs/). Nothing is installed into the system. Delete
that folder to remove Godot, or to get a newer one.";

/// The project's automation
#[derive(Debug, PartialEq, Parser)]
#[command(bin_name = "cargo xtask", after_help = GODOT, term_width = 100, flatten_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, PartialEq, Subcommand)]
enum Command {
    /// Build the library and stage the addon into godot-project/addons/
    Build {
        /// Build the library that ships
        #[arg(long)]
        release: bool,
    },
    /// Build, then run Godot with ARGS from the repository root
    Godot {
        /// Build the library that ships
        #[arg(long)]
        release: bool,
        /// The arguments of Godot
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Build the library that ships, then run the demo: in a window if there is a display, else as
    /// text
    Demo {
        #[arg(last = true, help = "Nothing | tcp HOST PORT [TEXT] | uds PATH [TEXT]")]
        args: Vec<OsString>,
    },
    /// Run all tests: of the crates, and of the classes in Godot
    Test {
        /// Run the tests of another platform instead: aarch64-unknown-linux-gnu in an emulator, or
        /// x86_64-pc-windows-gnu in Wine with the Godot that GODOT4_WINDOWS_BIN names
        #[arg(long)]
        target: Option<String>,
        /// Run the tests against servers such as Redis and nginx instead, which are set up like
        /// Godot
        #[arg(long, conflicts_with = "target")]
        interop: bool,
        /// Install the archive of `dist` into new projects instead, and export these
        #[arg(long, conflicts_with_all = ["target", "interop"])]
        zip: bool,
    },
    /// Run all of Autobahn's cases against our WebSockets, in about ten minutes
    Autobahn,
    /// Measure the engine's classes and ours side by side
    Bench(bench::Options),
    /// Run the simulation of the core
    Simulate(simulate::Options),
    /// Compare the engine's classes and ours where something is missing, full, locked or slow
    Situations(situations::Options),
    /// Check that the binding compiles for each Godot it can be built for
    Versions(api_versions::Options),
    /// Check layers and cycles of imports, the other invariants, names in documents, and the width
    /// of comments
    Layers,
    /// Check what every change has to pass: format, lints, documentation, layers, and all tests
    Ci,
    /// Build the libraries of all platforms, and the archives of a release
    Dist {
        /// Build only these, by their names in the manifest, such as linux.x86_64
        #[arg(value_parser = platforms::keys())]
        platforms: Vec<String>,
    },
    /// Write the class reference in docs/classes, and build the manual in target/manual/site/
    Manual {
        /// Only build the site, without Godot
        #[arg(long)]
        site: bool,
        /// Take screenshots of the site, too, for docs/images
        #[arg(long)]
        pictures: bool,
    },
    /// Make the pictures in docs/images
    Photographs,
    /// Check the code for Android, iOS and FreeBSD, and write the results of each platform into the
    /// README
    Platforms,
    /// Start a program from which the kernel withholds system calls, as `situations` does
    #[command(hide = true)]
    Denied {
        rules: Vec<String>,
        #[arg(last = true)]
        program: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    run(Arguments::parse().command).unwrap_or_else(|message| {
        eprintln!("error: {message:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Option<Command>) -> Result<ExitCode> {
    match command {
        None => {
            let help = Arguments::command().render_help();
            println!("{help}");
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Build { release }) => {
            let project = Project::find()?;
            stage::build_and_stage(&project, profile(release))?;
            println!("staged {}", project.staged_addon().display());
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Godot { release, args }) => {
            let project = Project::find()?;
            stage::build_and_stage(&project, profile(release))?;
            process::replace(Godot::find()?.command(project.root()).args(args))
        }
        Some(Command::Demo { args }) => demo(args),
        Some(Command::Test {
            target: Some(triple),
            ..
        }) => counted(|project, tally| elsewhere::run(project, &triple, tally)),
        Some(Command::Test { interop: true, .. }) => counted(interop::run),
        Some(Command::Test { zip: true, .. }) => counted(install::run),
        Some(Command::Test { .. }) => counted_alone(test::run),
        Some(Command::Autobahn) => counted(interop::autobahn),
        Some(Command::Bench(options)) => bench::run(&options),
        Some(Command::Simulate(options)) => {
            counted(|project, tally| simulate::run(project, &options, tally))
        }
        Some(Command::Situations(options)) => {
            counted(|project, tally| situations::run(project, &options, tally))
        }
        Some(Command::Versions(options)) => {
            counted(|project, tally| api_versions::run(project, &options, tally))
        }
        Some(Command::Layers) => counted(|project, tally| {
            layers::run(project, tally);
            invariants::run(project, tally);
            comments::run(project, tally);
        }),
        Some(Command::Ci) => counted_alone(ci::run),
        Some(Command::Dist { platforms }) => {
            counted(|project, tally| dist::run(project, &platforms, tally))
        }
        Some(Command::Manual { site, pictures }) => counted(|project, tally| {
            manual::run(project, site, tally);
            if pictures {
                manual::photograph(project, tally);
            }
        }),
        Some(Command::Photographs) => counted(|project, tally| {
            interop::with_browser(tally, |tools, tally| {
                photographs::run(project, tools, tally);
            });
        }),
        Some(Command::Platforms) => counted(|project, tally| {
            dist::check_others(project, tally);
            tally.check("the table in the README", platforms::write_table(project));
        }),
        Some(Command::Denied { rules, program }) => situations::run_denied(&rules, &program),
    }
}

fn profile(release: bool) -> Profile {
    match release {
        true => Profile::Release,
        false => Profile::Debug,
    }
}

fn demo(args: Vec<OsString>) -> Result<ExitCode> {
    let project = Project::find()?;
    // The demo compares times, so it uses the library that ships.
    stage::build_and_stage(&project, Profile::Release)?;
    let mut command = Godot::find()?.command(project.root());
    // Only the exchange without arguments has something to show in a window.
    if !args.is_empty() || !has_display() {
        command.arg("--headless");
    }
    // The demo is silent. Godot's search for a sound card would fill the screen with errors.
    command
        .args(["--audio-driver", "Dummy", "--path", "godot-project"])
        .arg("res://demo/demo.tscn")
        .arg("--")
        .args(demo_arguments(args)?);
    process::replace(&mut command)
}

/// Runs tests or checks. The last line that it prints counts how many passed and how many failed.
fn counted(run: impl FnOnce(&Project, &mut Tally)) -> Result<ExitCode> {
    count(&Project::find()?, run)
}

fn count(project: &Project, run: impl FnOnce(&Project, &mut Tally)) -> Result<ExitCode> {
    let mut tally = Tally::default();
    run(project, &mut tally);
    Ok(tally.finish())
}

/// Like [`counted`], but waits for another such run in this checkout: both would use the same
/// projects in the target folder.
fn counted_alone(run: impl FnOnce(&Project, &mut Tally)) -> Result<ExitCode> {
    let project = Project::find()?;
    let target = project.target();
    fs::create_dir_all(target)?;
    let lock = File::create(target.join("tests.lock"))?;
    if lock.try_lock().is_err() {
        eprintln!(
            "another run of the tests uses {}; waiting",
            target.display()
        );
        lock.lock()?;
    }
    count(&project, run)
}

/// Makes the path of `uds PATH` absolute, since Godot changes the directory.
fn demo_arguments(mut args: Vec<OsString>) -> Result<Vec<OsString>> {
    if let [kind, socket, ..] = args.as_mut_slice()
        && kind == "uds"
        && !socket.is_empty()
    {
        *socket = path::absolute(Path::new(socket))?.into();
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

    fn parse(args: &[&str]) -> std::result::Result<Command, String> {
        let parsed = Arguments::try_parse_from([&["xtask"], args].concat());
        let parsed = parsed.map_err(|error| error.to_string())?;
        parsed.command.ok_or_else(|| "no command".into())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn arguments_after_the_dashes_are_forwarded_unparsed() {
        let godot = parse(&["godot", "--release", "--", "--release", "--", "-x"]).unwrap();
        let args = ["--release", "--", "-x"].map(OsString::from).into();
        let release = true;
        assert_eq!(godot, Command::Godot { release, args });
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(
            parse(&["build", "--relase"])
                .unwrap_err()
                .contains("--relase")
        );
        assert!(parse(&["build", "--", "x"]).is_err());
        assert!(parse(&["ci", "--release"]).is_err());
        assert!(
            parse(&["dist", "linux.x86"])
                .unwrap_err()
                .contains("linux.x86_64")
        );
    }

    #[test]
    fn options_of_the_benchmarks_come_before_the_filters() {
        let line = [
            "bench", "--quick", "--json", "a.json", "--", "get_u8", "--quick",
        ];
        let options = bench::Options {
            quick: true,
            docs: false,
            json: Some("a.json".into()),
            filters: vec!["get_u8".into(), "--quick".into()],
        };
        assert_eq!(parse(&line), Ok(Command::Bench(options)));
        assert!(parse(&["bench", "--json"]).is_err());
        assert!(parse(&["bench", "get_u8"]).unwrap_err().contains("get_u8"));
        assert!(parse(&["bench", "--docs", "--", "get_u8"]).is_err());
    }

    #[test]
    fn options_of_the_simulation_require_a_number() {
        let simulate = |seed, steps| Ok(Command::Simulate(simulate::Options { seed, steps }));
        assert_eq!(parse(&["simulate"]), simulate(None, None));
        let line = [
            "simulate",
            "--steps",
            "10",
            "--seed",
            "18446744073709551615",
        ];
        assert_eq!(parse(&line), simulate(Some(u64::MAX), Some(10)));
        for wrong in [&["--seed"][..], &["--steps", "-1"], &["10"]] {
            let error = parse(&[&["simulate"], wrong].concat()).unwrap_err();
            assert!(error.contains(wrong[0]), "{error}");
        }
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
