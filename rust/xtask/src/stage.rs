//! Building the library and staging the addon: putting the complete addon, as users get it, into
//! the demo project.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err::{self as fs, File};

use crate::folder::{self, unique_name};
use crate::platforms::{self, Platform};
use crate::process;
use crate::project::{ADDON, Project};

/// How cargo builds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Profile {
    /// Quick to build, with checks.
    Debug,
    /// What ships.
    Release,
}

/// Builds the library and makes the demo project use it.
pub fn build_and_stage(project: &Project, profile: Profile) -> Result<()> {
    stage_built(project, &build_package(project, ADDON, profile)?)
}

/// The same with the library for the interface of one version of Godot, which `feature` names.
pub fn build_and_stage_for(project: &Project, feature: &str) -> Result<()> {
    let features = ["--no-default-features", "--features", feature];
    stage_built(project, &build(project, ADDON, Profile::Debug, &features)?)
}

/// Stages the library in the folder of what cargo built.
fn stage_built(project: &Project, built: &Path) -> Result<()> {
    let platform = platforms::own()?;
    stage(project, &built.join(platform.format.file_name()), platform)
}

/// Builds a package of the workspace and returns the folder of what cargo built.
pub fn build_package(project: &Project, package: &str, profile: Profile) -> Result<PathBuf> {
    build(project, package, profile, &[])
}

fn build(project: &Project, package: &str, profile: Profile, features: &[&str]) -> Result<PathBuf> {
    let mut cargo = project.cargo();
    cargo.arg("build").args(features);
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    if profile == Profile::Debug && features.is_empty() {
        // All libraries, and the program of the benchmarks: so dependencies have the features that
        // they have in `cargo test --workspace`. For one package alone, cargo would compile Godot's
        // bindings once more.
        cargo.args(["--workspace", "--lib", "--bin", "plain"]);
    } else {
        cargo.args(["--package", package]);
    }
    process::run(&mut cargo).with_context(|| match cfg!(unix) && is_missing("cc") {
        true => format!(
            "{package} was not built, since there is no C compiler for Rust to link with: install one, on Debian by \
             `apt-get install gcc libc6-dev`"
        ),
        false => format!("{package} was not built, for the reason above"),
    })?;
    Ok(project.target().join(folder))
}

/// Whether `PATH` has no such program.
fn is_missing(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Makes the demo project use a library for `platform`.
pub fn stage(project: &Project, library: &Path, platform: &Platform) -> Result<()> {
    // Two stagings at once would remove each other's half-written files as stale ones.
    let lock = File::create(project.target().join("stage.lock"))?;
    lock.lock()?;

    let manifest_name = format!("{ADDON}.gdextension");
    let mut wanted = BTreeMap::new();
    for file in folder::files(&project.addon())? {
        wanted.insert(file.clone(), project.addon().join(file));
    }
    wanted.insert(manifest_name.clone().into(), project.manifest());
    wanted.insert(platform.library().into(), library.into());

    let staged = project.staged_addon();
    for (relative, source) in &wanted {
        install(source, &staged.join(relative))?;
    }
    prune(&staged, &wanted)?;
    list_extension(project, &format!("res://addons/{ADDON}/{manifest_name}"))?;
    list_classes(project)
}

/// Copies a file unless the copy is up to date, so that Godot does not import it again. A running
/// Godot may have the old file mapped, so a new file replaces it.
fn install(source: &Path, destination: &Path) -> Result<()> {
    let content = fs::read(source)?;
    if fs::read(destination).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let folder = destination.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)?;
    let new = folder.join(unique_name(".staging"));
    fs::write(&new, &content)?;
    Ok(fs::rename(&new, destination)?)
}

/// Removes the files of an earlier staging that this one does not have.
fn prune(staged: &Path, wanted: &BTreeMap<PathBuf, PathBuf>) -> Result<()> {
    for file in folder::files(staged)? {
        if !is_wanted(&file, wanted) {
            fs::remove_file(staged.join(&file))?;
            // Fails for a folder that is not empty.
            let _ = fs::remove_dir(staged.join(&file).with_file_name(""));
        }
    }
    Ok(())
}

/// Whether a file belongs to the addon, or Godot has created it beside a file of the addon.
fn is_wanted(relative: &Path, wanted: &BTreeMap<PathBuf, PathBuf>) -> bool {
    let is_godots = relative
        .extension()
        .is_some_and(|extension| extension == "uid" || extension == "import");
    wanted.contains_key(relative) || is_godots && wanted.contains_key(&relative.with_extension(""))
}

/// Lists the extension for the demo project. Godot's editor finds extensions when it scans a
/// project, but a game or a script that is started in a fresh clone knows only the listed ones.
fn list_extension(project: &Project, resource: &str) -> Result<()> {
    let list = project.godot_project().join(".godot/extension_list.cfg");
    let mut lines = fs::read_to_string(&list).unwrap_or_default();
    if lines.lines().any(|line| line == resource) {
        return Ok(());
    }
    if !lines.is_empty() && !lines.ends_with('\n') {
        lines.push('\n');
    }
    fs::create_dir_all(list.with_file_name(""))?;
    Ok(fs::write(&list, lines + resource + "\n")?)
}

/// Writes an empty list of global classes, unless an editor has written the list. Without that
/// file, a release build of Godot prints an error.
fn list_classes(project: &Project) -> Result<()> {
    let folder = project.godot_project().join(".godot");
    let list = folder.join("global_script_class_cache.cfg");
    if !list.exists() {
        fs::write(&list, "list=[]\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn files_of_godot_stay_as_long_as_the_file_they_belong_to() {
        let wanted = BTreeMap::from([(PathBuf::from("icons/a.svg"), PathBuf::new())]);
        let is_wanted = |path: &str| is_wanted(Path::new(path), &wanted);
        assert!(is_wanted("icons/a.svg"));
        assert!(is_wanted("icons/a.svg.import"));
        assert!(!is_wanted("icons/b.svg"));
        assert!(!is_wanted("icons/b.svg.import"));
        assert!(!is_wanted("a.svg"));
    }

    #[test]
    fn staging_twice_replaces_changed_files_and_removes_stale_ones() {
        let folder = env::temp_dir().join(unique_name("xtask-stage"));
        let (source, staged) = (folder.join("source"), folder.join("staged"));
        fs::create_dir_all(source.join("docs")).unwrap();
        fs::write(source.join("docs/a"), "new").unwrap();
        fs::create_dir_all(staged.join("old")).unwrap();
        fs::write(staged.join("old/b"), "stale").unwrap();

        let wanted = folder::files(&source).unwrap();
        let wanted = wanted
            .into_iter()
            .map(|file| (file.clone(), source.join(file)));
        let wanted = BTreeMap::from_iter(wanted);
        for _ in 0..2 {
            for (relative, source) in &wanted {
                install(source, &staged.join(relative)).unwrap();
            }
            prune(&staged, &wanted).unwrap();
            assert_eq!(fs::read(staged.join("docs/a")).unwrap(), b"new");
            assert!(!staged.join("old").exists());
            assert_eq!(fs::read_dir(staged.join("docs")).unwrap().count(), 1);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
