//! A new project with the addon, opened in the editor by a test: a plugin in it looks at what the editor shows.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use godot_finder::Godot;

use crate::project::{ADDON, Project};
use crate::result::Result;
use crate::{folder, headless};

/// A project and its plugin.
pub struct EditorProject {
    /// The name of its folder, in the folder for everything generated.
    pub name: &'static str,
    /// The name of the plugin's folder, and of its script without the ending.
    pub plugin: &'static str,
    /// What the plugin is, for Godot.
    pub plugin_config: &'static str,
    pub script: &'static str,
    /// The other files, by their names.
    pub files: &'static [(&'static str, &'static str)],
}

impl EditorProject {
    /// Makes it anew, and returns its folder. It is imported before the plugin is there: while it imports for the first
    /// time, a thread of the editor that reads documentation can meet files that change, and crashes (seen in 4.6.3).
    pub fn make(&self, project: &Project, godot: &Godot) -> Result<PathBuf> {
        let folder = project.target().join(self.name);
        let failed = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
        folder::replace(&folder, |folder| {
            folder::copy(&project.staged_addon(), &folder.join("addons").join(ADDON))?;
            fs::create_dir_all(folder.join(".godot"))?;
            let listed = format!("res://addons/{ADDON}/{ADDON}.gdextension\n");
            fs::write(folder.join(".godot/extension_list.cfg"), listed)?;
            fs::write(folder.join("project.godot"), "config_version=5\n")
        })
        .map_err(failed)?;
        let _ = fs::remove_dir_all(self.user(project));
        let mut import = headless::command(project, godot, &folder);
        let name = format!("{}, imported", self.name);
        self.set_user(project, &mut import);
        headless::run(project, &name, import.arg("--import"), |_| ())?;

        let plugin = folder.join("addons").join(self.plugin);
        let script = format!("{}.gd", self.plugin);
        let of_plugin = [("plugin.cfg", self.plugin_config), (&*script, self.script)];
        fs::create_dir_all(&plugin).map_err(failed)?;
        for (name, text) in of_plugin {
            fs::write(plugin.join(name), text).map_err(failed)?;
        }
        for (name, text) in self.files {
            fs::write(folder.join(name), text).map_err(failed)?;
        }
        Ok(folder)
    }

    /// Has a command that opens it find what the import has left for the user, documentation among it.
    pub fn set_user(&self, project: &Project, command: &mut Command) {
        headless::set_user(command, &self.user(project));
    }

    fn user(&self, project: &Project) -> PathBuf {
        project.target().join(format!("{}-user", self.name))
    }
}
