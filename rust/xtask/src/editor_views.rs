//! What the addon shows in the editor: the help and the icons of its classes, its project settings,
//! and the Sockets tab of the debugger. A plugin in a new project checks it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fs_err as fs;
use godot_finder::Screen;

use crate::engine::{self, Engine};
use crate::project::{ADDON, Project};
use crate::tally::Tally;
use crate::{folder, new_project};

/// A new project with the addon, and a plugin of the editor.
struct EditorProject {
    /// The name of its folder, in the folder for everything generated.
    name: &'static str,
    /// The name of the plugin's folder, and of its script without the extension.
    plugin: &'static str,
    /// The description of the plugin, for Godot.
    plugin_config: &'static str,
    script: &'static str,
    /// The other files, by their names.
    files: &'static [(&'static str, &'static str)],
}

/// The addon and nothing else.
const VIEWS: EditorProject = EditorProject {
    name: "views-project",
    plugin: "look_around",
    plugin_config: include_str!("views_project/plugin.cfg"),
    script: include_str!("views_project/look_around.gd"),
    files: &[("project.godot", include_str!("views_project/project.godot"))],
};

/// How many project settings [`VIEWS`] checks.
const SETTINGS: usize = 3;

/// A game that has sockets.
const GAME: EditorProject = EditorProject {
    name: "debugger-project",
    plugin: "read_tab",
    plugin_config: include_str!("debugger_project/plugin.cfg"),
    script: include_str!("debugger_project/read_tab.gd"),
    files: &[
        (
            "project.godot",
            include_str!("debugger_project/project.godot"),
        ),
        ("game.tscn", include_str!("debugger_project/game.tscn")),
        ("game.gd", include_str!("debugger_project/game.gd")),
    ],
};

/// How many rows of the game [`GAME`] checks.
const ROWS: usize = 6;

/// The pictures that [`photograph_views`] and [`photograph_debugger`] make.
pub const VIEWS_PICTURES: [&str; 3] = ["help.png", "icons.png", "settings.png"];
pub const DEBUGGER_PICTURES: [&str; 2] = ["sockets.png", "monitors.png"];

/// Imports a new project with the addon, opens it in the editor twice, and runs a game in the
/// editor.
pub fn test(engine: &Engine, tally: &mut Tally) {
    match VIEWS.make(engine) {
        Ok(folder) => {
            for name in ["the addon in the editor", "the same, opened again"] {
                let command = engine.command(&folder);
                tally.check(name, look_around(engine, name, command));
            }
        }
        Err(error) => tally.check(VIEWS.name, Err(error)),
    }
    let name = "the sockets of a game in the debugger";
    let shown = GAME.make(engine).and_then(|folder| {
        let command = engine.command(&folder);
        read_tab(engine, name, command)
    });
    tally.check(name, shown);
}

/// Opens the editor on a screen, and photographs it into the folder `pictures`.
pub fn photograph_views(engine: &Engine, screen: &Screen, pictures: &Path) -> Result<()> {
    let command = VIEWS.on_screen(engine, screen, pictures)?;
    look_around(engine, "the addon in the editor, photographed", command)
}

/// The same with a game in the debugger.
pub fn photograph_debugger(engine: &Engine, screen: &Screen, pictures: &Path) -> Result<()> {
    let command = GAME.on_screen(engine, screen, pictures)?;
    read_tab(
        engine,
        "the sockets of a game in the debugger, photographed",
        command,
    )
}

fn look_around(engine: &Engine, name: &str, command: Command) -> Result<()> {
    let classes = fs::read_dir(engine.project.addon().join("doc_classes"))?.count();
    let expected = [
        format!("help pages: {classes}"),
        format!("class icons: {classes}"),
        format!("settings: {SETTINGS}"),
    ];
    VIEWS.open(engine, name, command, &expected)
}

fn read_tab(engine: &Engine, name: &str, command: Command) -> Result<()> {
    let expected = [format!("sockets shown: {ROWS}"), "bytes shown: true".into()];
    GAME.open(engine, name, command, &expected)
}

impl EditorProject {
    /// Makes the project in place of an older one, and returns its folder. The plugin is added
    /// after the import: during the first import, a thread of the editor that reads documentation
    /// can meet files that change, and crash (seen in 4.6.3).
    fn make(&self, engine: &Engine) -> Result<PathBuf> {
        let folder = engine.project.target().join(self.name);
        let addon = format!("addons/{ADDON}");
        folder::replace(&folder, |folder| {
            folder::copy(&engine.project.staged_addon(), &folder.join(&addon))?;
            new_project::write(
                folder,
                &[("project.godot", "config_version=5\n")],
                &[&addon],
            )
        })?;
        let _ = fs::remove_dir_all(self.user(engine.project));
        let mut import = engine.command(&folder);
        engine::set_user(import.arg("--import"), &self.user(engine.project));
        engine.run(&format!("{}, imported", self.name), &mut import, |_| ())?;

        let plugin = folder.join("addons").join(self.plugin);
        fs::create_dir_all(&plugin)?;
        fs::write(plugin.join("plugin.cfg"), self.plugin_config)?;
        fs::write(plugin.join(self.plugin).with_extension("gd"), self.script)?;
        for (name, text) in self.files {
            fs::write(folder.join(name), text)?;
        }
        Ok(folder)
    }

    /// A command that opens the project on a screen.
    fn on_screen(&self, engine: &Engine, screen: &Screen, pictures: &Path) -> Result<Command> {
        let folder = self.make(engine)?;
        let mut command = engine.command_on(screen, &folder);
        command.env("PICTURES", pictures);
        if self.name == VIEWS.name {
            command.arg("--single-window");
        }
        Ok(command)
    }

    /// Opens the editor, and expects these lines in its output.
    fn open(
        &self,
        engine: &Engine,
        name: &str,
        mut command: Command,
        expected: &[String],
    ) -> Result<()> {
        // The documentation is among the files that the import left for the user.
        engine::set_user(command.arg("--editor"), &self.user(engine.project));
        engine.expect(name, &mut command, expected)
    }

    fn user(&self, project: &Project) -> PathBuf {
        project.target().join(format!("{}-user", self.name))
    }
}
