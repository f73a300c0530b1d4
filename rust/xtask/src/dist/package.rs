//! The archives of a release.

use std::fs;
use std::path::{Path, PathBuf};

use super::archive::{self, Files};
use super::build::Built;
use super::licences;
use super::targets::Platform;
use crate::manifest;
use crate::project::{ADDON, Project};
use crate::result::Result;

/// The version of everything here, which stands in the workspace's `Cargo.toml`.
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
    let addon = addon(project, built)?;
    let below = |files: &Files, prefix: &str| -> Files {
        let renamed = files
            .iter()
            .map(|(name, content)| (format!("{prefix}{name}"), content.clone()));
        renamed.collect()
    };
    let mut demo = below(
        &archive::read(&project.godot_project().join("demo"))?,
        "demo/",
    );
    demo.insert(
        "project.godot".into(),
        read(&project.godot_project().join("project.godot"))?,
    );
    demo.extend(below(&addon, &format!("addons/{ADDON}/")));
    // A game that is started before the editor has seen the project finds the extension here.
    let listed = format!("res://addons/{ADDON}/{ADDON}.gdextension\n");
    demo.insert(".godot/extension_list.cfg".into(), listed.into());

    let mut symbols = Files::new();
    for (platform, built) in built {
        for file in &built.symbols {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            symbols.insert(format!("{}/{name}", platform.folder()), read(file)?);
        }
    }
    let archives = [
        (
            addon_archive(folder),
            below(&addon, &format!("addons/{ADDON}/")),
        ),
        (
            folder.join(format!("{ADDON}-demo-{VERSION}.zip")),
            below(&demo, &format!("{ADDON}-demo/")),
        ),
        (
            folder.join(format!("{ADDON}-symbols-{VERSION}.zip")),
            symbols,
        ),
    ];
    for (path, files) in &archives {
        archive::write(path, files)?;
    }
    Ok(archives.map(|(path, _)| path))
}

/// The files of the addon, by their paths in its folder.
fn addon(project: &Project, built: &[(&Platform, Built)]) -> Result<Files> {
    let mut files = archive::read(&project.addon())?;
    let manifest = fs::read_to_string(project.manifest())
        .map_err(|error| format!("cannot read the manifest: {error}"))?;
    let keys: Vec<_> = built.iter().map(|(platform, _)| platform.key).collect();
    let manifest = manifest::with_libraries(&manifest, &keys);
    files.insert(format!("{ADDON}.gdextension"), manifest.into());
    files.insert(
        "CHANGELOG.md".into(),
        read(&project.root().join("CHANGELOG.md"))?,
    );
    let triples: Vec<_> = built
        .iter()
        .flat_map(|(platform, _)| platform.triples)
        .copied()
        .collect();
    files.insert(
        "THIRD_PARTY_LICENSES.txt".into(),
        licences::text(project, &triples)?.into(),
    );
    for (platform, built) in built {
        files.insert(platform.library(), read(&built.library)?);
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
