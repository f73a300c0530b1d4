//! The addon as its users get it: the archive in an empty project, started for the first time in
//! each possible way, and exported.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, anyhow, ensure};
use fs_err as fs;
use godot_finder::{Godot, Templates};

use crate::dist::toolchain::Toolchain;
use crate::dist::{self, archive, package};
use crate::engine::Engine;
use crate::new_project::{self, EXCHANGED, FILES, PROJECT, Preset};
use crate::platforms::{self, Kind};
use crate::project::{ADDON, Project};
use crate::tally::Tally;
use crate::{folder, wine};

/// Installs the archive of `dist`, and counts the attempts.
pub fn run(project: &Project, tally: &mut Tally) {
    let archive = package::addon_archive(&dist::folder(project));
    if !archive.exists() {
        let error = anyhow!(
            "there is no {}; make it with `cargo xtask dist`",
            archive.display()
        );
        return tally.check("the archive", Err(error));
    }
    let engine = match Godot::find() {
        Ok(godot) => Engine::new(project, godot),
        Err(error) => return tally.check("Godot", Err(error)),
    };
    let test = Installation {
        engine,
        archive: &archive,
    };
    let starts: [(&str, bool, &[&str]); 5] = [
        ("the editor", false, &["--editor", "--quit"]),
        ("--import", false, &["--import"]),
        ("the editor, with the list", true, &["--editor", "--quit"]),
        ("--import, with the list", true, &["--import"]),
        ("running the scene, with the list", true, &[]),
    ];
    for (name, is_listed, args) in starts {
        let name = format!("first start by {name}");
        tally.check(&name, test.first_start(&name, is_listed, args));
    }
    let version = package::VERSION;
    for (name, option) in [("release", "--export-release"), ("debug", "--export-debug")] {
        let exported = test.export_for_this_system(name, option);
        if name == "release" {
            let seen = format!("addon {version}, editor and exported game");
            let seen = exported.is_ok().then_some(&*seen);
            platforms::record(project, "linux-x86_64", Kind::Loaded, seen);
        }
        tally.check(
            &format!("a game exported with the {name} template"),
            exported,
        );
    }
    match env::var_os("GODOT4_WINDOWS_BIN").filter(|value| !value.is_empty()) {
        Some(program) => {
            let exported = test.export_for_windows(Path::new(&program));
            let seen = format!("addon {version}, exported game under Wine");
            let seen = exported.is_ok().then_some(&*seen);
            platforms::record(project, "windows-x86_64", Kind::Loaded, seen);
            tally.check("a game exported for Windows", exported);
        }
        None => tally.skip(
            "a game exported for Windows",
            "GODOT4_WINDOWS_BIN does not name a template",
        ),
    }
}

struct Installation<'a> {
    engine: Engine<'a>,
    archive: &'a Path,
}

impl Installation<'_> {
    /// Starts a new project for the first time with `args`, and then its scene. The files of the
    /// addon may not change.
    fn first_start(&self, name: &str, is_listed: bool, args: &[&str]) -> Result<()> {
        let folder = self.install(&name.replace(' ', "-"), is_listed)?;
        let addon = folder.join("addons");
        let before = archive::read(&addon)?;
        let start = || {
            let mut command = self.engine.command(&folder);
            self.engine.run(name, command.args(args), |_| ())
        };
        if !args.is_empty() {
            match start() {
                // Godot 4.6 finds a new extension, but aborts at its end
                // (godotengine/godot#111048).
                Err(error) if !is_listed && error.to_string().contains("signal: 6") => {
                    println!("{name}: Godot aborted, as it does when it first finds an extension");
                    start()?;
                }
                outcome => outcome?,
            }
        }
        let mut command = self.engine.command(&folder);
        let scene = format!("{name}, then the scene");
        self.engine.expect(&scene, &mut command, &[EXCHANGED])?;
        let after = archive::read(&addon)?;
        let mut changed = Vec::from_iter(before.keys().chain(after.keys()));
        changed.retain(|name| before.get(*name) != after.get(*name));
        ensure!(
            changed.is_empty(),
            "opening the project changed {changed:?}"
        );
        Ok(())
    }

    /// Unpacks the archive into a new project. A listed addon is known before Godot scans the
    /// project.
    fn install(&self, name: &str, is_listed: bool) -> Result<PathBuf> {
        let folder = self.engine.project.target().join("install").join(name);
        let addon = format!("addons/{ADDON}");
        let addons = if is_listed { &[&*addon][..] } else { &[] };
        folder::replace(&folder, |folder| {
            new_project::write(folder, &PROJECT, addons)
        })?;
        archive::unpack(self.archive, &folder)?;
        Ok(folder)
    }

    fn export_for_this_system(&self, name: &str, option: &str) -> Result<()> {
        let Templates { release, debug } = Templates::of_system()?;
        let templates = [&*release, &*debug];
        let game = self.export(name, option, "Linux", templates, "game.x86_64")?;
        let name = format!("the game exported with the {name} template");
        let mut command = Command::new(&game);
        self.engine
            .expect(&name, command.arg("--headless"), &[EXCHANGED])
    }

    fn export_for_windows(&self, template: &Path) -> Result<()> {
        let templates = [template, template];
        let platform = "Windows Desktop";
        let game = self.export(
            "windows",
            "--export-release",
            platform,
            templates,
            "game.exe",
        )?;
        let mut command = Command::new(wine::runner(self.engine.project, &Toolchain::find()?)?);
        command.arg(&game).arg("--headless");
        let name = "the game exported for Windows";
        self.engine.expect(name, &mut command, &[EXCHANGED])
    }

    /// Exports a new project, and returns the path of the game, in another folder.
    fn export(
        &self,
        name: &str,
        option: &str,
        platform: &str,
        [release, debug]: [&Path; 2],
        file: &str,
    ) -> Result<PathBuf> {
        let folder = self.install(&format!("export-{name}"), true)?;
        let preset = Preset {
            platform,
            release,
            debug,
            export_filter: "all_resources",
            include_filter: FILES,
        };
        preset.write(&folder)?;
        let game = folder.with_file_name(format!("game-{name}"));
        folder::replace(&game, |_| Ok(()))?;
        let game = game.join(file);
        let mut command = self.engine.command(&folder);
        command.args([option, platform]).arg(&game);
        let name = format!("exporting for {platform}");
        self.engine.run(&name, &mut command, |_| ())?;
        // An exported game runs without the project.
        let _ = fs::remove_dir_all(&folder);
        Ok(game)
    }
}
