//! New projects with the addon: a scene that uses sockets, and how Godot exports it.

use std::io;
use std::path::Path;

use fs_err as fs;

use crate::project::ADDON;

/// What the scene prints when its sockets work.
pub const EXCHANGED: &str = "received: hello";

/// The include filter for what is no resource.
pub const FILES: &str = "web/*";

/// The files of the project, by their names.
pub const PROJECT: [(&str, &str); 4] = [
    ("project.godot", include_str!("new_project/project.godot")),
    ("main.tscn", include_str!("new_project/main.tscn")),
    ("main.gd", include_str!("new_project/main.gd")),
    ("web/page.txt", include_str!("new_project/page.txt")),
];

/// Writes the files of a project, and lists the addon in each of the folders `addons`, since only
/// an editor looks for extensions.
pub fn write(folder: &Path, files: &[(&str, &str)], addons: &[&str]) -> io::Result<()> {
    let cache = folder.join(".godot");
    fs::create_dir_all(&cache)?;
    for (name, text) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap_or(folder))?;
        fs::write(file, text)?;
    }
    if addons.is_empty() {
        return Ok(());
    }
    let listed = |addon: &&str| format!("res://{addon}/{ADDON}.gdextension\n");
    let list: String = addons.iter().map(listed).collect();
    fs::write(cache.join("extension_list.cfg"), list)
}

/// A way to export the project.
pub struct Preset<'a> {
    /// Its name, which is also Godot's name for the platform.
    pub platform: &'a str,
    pub release: &'a Path,
    pub debug: &'a Path,
    /// Which resources are exported, such as `all_resources`. Only the main scene is selected.
    pub export_filter: &'a str,
    /// Patterns of further files to export, separated by commas.
    pub include_filter: &'a str,
}

impl Preset<'_> {
    /// Makes this the preset of the project in `folder`.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = include_str!("export_presets.cfg")
            .replace("{platform}", self.platform)
            .replace("{export_filter}", self.export_filter)
            .replace("{include_filter}", self.include_filter)
            .replace("{debug}", &self.debug.to_string_lossy())
            .replace("{release}", &self.release.to_string_lossy());
        fs::write(folder.join("export_presets.cfg"), text)
    }
}
