//! The addon as its users get it: the archive in an empty project, started for the first time in each of the ways there are,
//! and exported.

pub mod presets;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use godot_finder::{Godot, Templates};

use crate::dist::toolchain::Toolchain;
use crate::dist::{self, archive, package};
use crate::project::{ADDON, Project};
use crate::records::{self, Kind};
use crate::result::Result;
use crate::tally::Tally;
use crate::{elsewhere, headless};
use presets::Preset;

/// What the project's scene prints when its sockets work.
pub const EXCHANGED: &str = "received: hello";

/// The files of the project, by their names.
pub const PROJECT: [(&str, &str); 3] = [
    ("project.godot", include_str!("project/project.godot")),
    ("main.tscn", include_str!("project/main.tscn")),
    ("main.gd", include_str!("project/main.gd")),
];

/// Installs the archive that `dist` has made, and counts what was tried.
pub fn run(project: &Project, tally: &mut Tally) {
    let archive = package::addon_archive(&dist::folder(project));
    if !archive.exists() {
        let reason = format!(
            "there is no {}; make it with `cargo xtask dist`",
            archive.display()
        );
        return tally.check("the archive", Err(reason));
    }
    let godot = match Godot::find() {
        Ok(godot) => godot,
        Err(reason) => return tally.check("Godot", Err(reason)),
    };
    let test = Installation {
        project,
        godot: &godot,
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
            let seen = exported
                .is_ok()
                .then(|| format!("addon {version}, editor and exported game"));
            test.record("linux-x86_64", seen.as_deref());
        }
        tally.check(
            &format!("a game exported with the {name} template"),
            exported,
        );
    }
    match env::var_os("GODOT4_WINDOWS_BIN").filter(|value| !value.is_empty()) {
        Some(program) => {
            let exported = test.export_for_windows(Path::new(&program));
            let seen = exported
                .is_ok()
                .then(|| format!("addon {version}, exported game under Wine"));
            test.record("windows-x86_64", seen.as_deref());
            tally.check("a game exported for Windows", exported);
        }
        None => tally.skip(
            "a game exported for Windows",
            "GODOT4_WINDOWS_BIN does not name a template",
        ),
    }
}

struct Installation<'a> {
    project: &'a Project,
    godot: &'a Godot,
    archive: &'a Path,
}

impl Installation<'_> {
    /// Starts a new project for the first time with `args`, and then its scene. Nothing of the addon may change, apart from
    /// what it says of its platform.
    fn first_start(&self, name: &str, is_listed: bool, args: &[&str]) -> Result<()> {
        let folder = self.install(&name.replace(' ', "-"), is_listed)?;
        let addon = folder.join("addons");
        let before = archive::read(&addon)?;
        let start = || {
            let mut command = headless::command(self.project, self.godot, &folder);
            headless::run(self.project, name, command.args(args), |_| ())
        };
        if !args.is_empty() {
            match start() {
                // Godot 4.6 aborts once it has found an extension and is done, but finds it (godotengine/godot#111048).
                Err(reason) if !is_listed && reason.contains("signal: 6") => {
                    println!(
                        "{name}: Godot has aborted, as it does when it first finds an extension"
                    );
                    start()?;
                }
                outcome => outcome?,
            }
        }
        let command = headless::command(self.project, self.godot, &folder);
        self.exchange(&format!("{name}, then the scene"), command)?;
        let after = archive::read(&addon)?;
        let names = before.keys().chain(after.keys());
        let changed: Vec<_> = names
            .filter(|name| before.get(*name) != after.get(*name))
            .collect();
        match changed.as_slice() {
            [] => Ok(()),
            changed => Err(format!("opening the project has changed {changed:?}")),
        }
    }

    /// Unpacks the archive into a new project. Listed means that the project knows of the addon before Godot has looked.
    fn install(&self, name: &str, is_listed: bool) -> Result<PathBuf> {
        let folder = self.project.target().join("install").join(name);
        let _ = fs::remove_dir_all(&folder);
        let write = || {
            fs::create_dir_all(folder.join(".godot"))?;
            for (name, text) in PROJECT {
                fs::write(folder.join(name), text)?;
            }
            if is_listed {
                let listed = format!("res://addons/{ADDON}/{ADDON}.gdextension\n");
                fs::write(folder.join(".godot/extension_list.cfg"), listed)?;
            }
            Ok(())
        };
        write().map_err(|error: std::io::Error| {
            format!("cannot write {}: {error}", folder.display())
        })?;
        archive::unpack(self.archive, &folder)?;
        Ok(folder)
    }

    fn exchange(&self, name: &str, mut command: Command) -> Result<()> {
        let mut has_received = false;
        headless::run(self.project, name, &mut command, |line| {
            has_received |= line == EXCHANGED
        })?;
        match has_received {
            true => Ok(()),
            false => Err("the scene has sent a line, and it has not arrived".into()),
        }
    }

    fn export_for_this_system(&self, name: &str, option: &str) -> Result<()> {
        let templates = Templates::of_system()?;
        let preset = Preset {
            platform: "Linux",
            release: &templates.release,
            debug: &templates.debug,
            export_filter: "all_resources",
            include_filter: "",
        };
        let game = self.export(name, option, &preset, "game.x86_64")?;
        let mut command = Command::new(&game);
        command.arg("--headless");
        self.exchange(
            &format!("the game exported with the {name} template"),
            command,
        )
    }

    fn export_for_windows(&self, template: &Path) -> Result<()> {
        let preset = Preset {
            platform: "Windows Desktop",
            release: template,
            debug: template,
            export_filter: "all_resources",
            include_filter: "",
        };
        let game = self.export("windows", "--export-release", &preset, "game.exe")?;
        let wine = elsewhere::wine::runner(self.project, &Toolchain::find()?)?;
        let mut command = Command::new(wine);
        command.arg(&game).arg("--headless");
        self.exchange("the game exported for Windows", command)
    }

    /// Exports a new project, and returns the path of the game, in a folder apart.
    fn export(&self, name: &str, option: &str, preset: &Preset, file: &str) -> Result<PathBuf> {
        let folder = self.install(&format!("export-{name}"), true)?;
        let game = self
            .project
            .target()
            .join("install")
            .join(format!("game-{name}"));
        let _ = fs::remove_dir_all(&game);
        fs::create_dir_all(&game)
            .and_then(|()| {
                let text = presets::text(preset);
                fs::write(folder.join("export_presets.cfg"), text)
            })
            .map_err(|error| format!("cannot write {}: {error}", game.display()))?;
        let game = game.join(file);
        let mut command = headless::command(self.project, self.godot, &folder);
        command.args([option, preset.platform]).arg(&game);
        headless::run(
            self.project,
            &format!("exporting for {}", preset.platform),
            &mut command,
            |_| (),
        )?;
        // What the game needs has to be beside it, not in the project.
        let _ = fs::remove_dir_all(&folder);
        Ok(game)
    }

    fn record(&self, platform: &str, seen: Option<&str>) {
        if let Err(reason) = records::set(self.project, platform, Kind::Loaded, seen) {
            eprintln!("{reason}");
        }
    }
}
