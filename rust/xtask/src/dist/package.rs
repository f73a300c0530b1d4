//! The archives of a release, and the files that the asset stores ask for.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use super::archive::{self, Files};
use super::build::Built;
use super::licences;
use crate::platforms::Platform;
use crate::project::{ADDON, Project};
use crate::{folder, photographs};

/// The version in the workspace's `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The path of the archive that users unzip into their projects, in the folder of `dist`.
pub fn addon_archive(folder: &Path) -> PathBuf {
    folder.join(format!("{ADDON}-{VERSION}.zip"))
}

/// Writes the archives: the addon, the demo with the addon, and the symbols. Returns their paths.
pub fn write(
    project: &Project,
    folder: &Path,
    built: &[(&Platform, Built)],
) -> Result<[PathBuf; 3]> {
    let addon = below(addon(project, built)?, &format!("addons/{ADDON}/"));
    let mut demo = demo(&project.godot_project())?;
    demo.extend(addon.clone());
    // A game that is started before the editor has scanned the project finds the extension here.
    let listed = format!("res://addons/{ADDON}/{ADDON}.gdextension\n");
    demo.insert(".godot/extension_list.cfg".into(), listed.into());

    let mut symbols = Files::new();
    for (platform, built) in built {
        for file in &built.symbols {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            symbols.insert(format!("{}/{name}", platform.folder()), fs::read(file)?);
        }
    }
    let path = |what: &str| folder.join(format!("{ADDON}-{what}-{VERSION}.zip"));
    let archives = [
        (addon_archive(folder), addon),
        (path("demo"), below(demo, &format!("{ADDON}-demo/"))),
        (path("symbols"), symbols),
    ];
    for (path, files) in &archives {
        archive::write(path, files)?;
    }
    Ok(archives.map(|(path, _)| path))
}

/// The demo's own files, and the example that one of its tabs shows.
fn demo(godot_project: &Path) -> Result<Files> {
    const EXAMPLE: &str = "examples/phone_controllers";
    let mut files = Files::new();
    for folder in ["demo", EXAMPLE] {
        let read = archive::read(&godot_project.join(folder))?;
        files.extend(below(read, &format!("{folder}/")));
    }
    for file in ["project.godot", &format!("{EXAMPLE}.gd")] {
        files.insert(file.into(), fs::read(godot_project.join(file))?);
    }
    Ok(files)
}

fn below(files: Files, folder: &str) -> Files {
    let moved = |(name, content)| (format!("{folder}{name}"), content);
    files.into_iter().map(moved).collect()
}

/// The files of the addon, by their paths in its folder.
fn addon(project: &Project, built: &[(&Platform, Built)]) -> Result<Files> {
    let mut files = archive::read(&project.addon())?;
    let manifest = fs::read_to_string(project.manifest())?;
    let keys: Vec<_> = built.iter().map(|(platform, _)| platform.key).collect();
    let manifest = with_libraries(&manifest, &keys);
    files.insert(format!("{ADDON}.gdextension"), manifest.into());
    let changes = fs::read(project.root().join("CHANGELOG.md"))?;
    files.insert("CHANGELOG.md".into(), changes);
    let triples = built.iter().flat_map(|(platform, _)| platform.triples);
    let licences = licences::text(project, &Vec::from_iter(triples.copied()))?;
    files.insert("THIRD_PARTY_LICENSES.txt".into(), licences.into());
    for (platform, built) in built {
        files.insert(platform.library(), fs::read(&built.library)?);
    }
    Ok(files)
}

/// Fills the folder `store` in the folder of `dist` with what the Asset Library and the Asset Store
/// ask for: the fields, the icon and the screenshots. Returns its path.
pub fn write_store(project: &Project, folder: &Path) -> Result<PathBuf> {
    let store = folder.join("store");
    folder::replace(&store, |store| {
        let fields = include_str!("store_fields.md").replace("{VERSION}", VERSION);
        fs::write(store.join("fields.md"), fields)?;
        for name in [photographs::ICON]
            .into_iter()
            .chain(photographs::pictures())
        {
            fs::copy(photographs::images(project).join(name), store.join(name))?;
        }
        Ok(())
    })?;
    Ok(store)
}

/// The keys of the `[libraries]` section.
fn libraries(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[libraries]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with(';'))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
}

/// The manifest with the libraries of these keys alone.
fn with_libraries(manifest: &str, keys: &[&str]) -> String {
    let all = Vec::from_iter(libraries(manifest));
    let is_wanted = |line: &&str| {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        key.is_none_or(|key| !all.contains(&key) || keys.contains(&key))
    };
    let lines = manifest.lines().filter(is_wanted);
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_has_what_it_loads() {
        let files = demo(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../godot-project"));
        let files = files.unwrap();
        for (name, content) in &files {
            let text = String::from_utf8_lossy(content);
            for rest in text.split("\"res://").skip(1) {
                let path = rest.split('"').next().unwrap_or(rest);
                let exists = files.contains_key(path)
                    || files.keys().any(|it| it.starts_with(&format!("{path}/")));
                assert!(exists, "{name} loads {path}, which the demo does not have");
            }
        }
    }

    #[test]
    fn libraries_that_do_not_exist_are_removed_from_the_manifest() {
        let manifest = "[configuration]\na = 1\n[libraries]\nlinux = \"a\"\nmacos = \"b\"\n\n[icons]\nA = \"c\"\n";
        assert_eq!(
            with_libraries(manifest, &["macos"]),
            manifest.replace("linux = \"a\"\n", "")
        );
    }

    #[test]
    fn the_documents_are_those_of_this_version() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        let changes = text("CHANGELOG.md");
        let versions = changes.lines().filter_map(|line| line.strip_prefix("## ["));
        let newest = versions.map(|line| line.split(']').next().unwrap_or(line));
        let newest = newest.into_iter().find(|&version| version != "Unreleased");
        assert_eq!(newest, Some(VERSION), "CHANGELOG.md");
        let notes = text(&format!("docs/releases/{VERSION}.md"));
        assert!(notes.starts_with(&format!("# Version {VERSION}\n")));
        assert!(notes.contains(&format!("{ADDON}-{VERSION}.zip")));
        let upgrading = text("docs/upgrading.md");
        let (_, versions) = upgrading.split_once("## From version to version").unwrap();
        assert!(versions.contains(VERSION), "docs/upgrading.md");
    }
}
