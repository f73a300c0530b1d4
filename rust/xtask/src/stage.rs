//! Building the library and staging the addon: putting the complete addon, as a user gets it, into the demo project.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::unique_name;
use crate::project::{ADDON, Project};
use crate::result::Result;
use crate::{manifest, process};

/// What cargo builds for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Profile {
    /// Quick to build, with checks.
    #[default]
    Debug,
    /// What ships.
    Release,
}

/// Builds the library and makes the demo project use it.
pub fn build_and_stage(project: &Project, profile: Profile) -> Result<()> {
    let library = build(project, profile)?;
    stage(project, &library)
}

/// Returns the path of the library.
fn build(project: &Project, profile: Profile) -> Result<PathBuf> {
    let name = format!(
        "{}{ADDON}{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    );
    Ok(build_package(project, ADDON, profile)?.join(name))
}

/// Builds a package of the workspace and returns the folder that cargo puts the outcome in.
pub fn build_package(project: &Project, package: &str, profile: Profile) -> Result<PathBuf> {
    let mut cargo = project.cargo();
    cargo.args(["build", "--package", package]);
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    if process::succeeds(&mut cargo)? {
        return Ok(project.target().join(folder));
    }
    Err(if cfg!(unix) && is_missing("cc") {
        format!(
            "{package} was not built, and there is no C compiler, which Rust links with; install one, on Debian with \
             `apt-get install gcc libc6-dev`"
        )
    } else {
        format!("{package} was not built; cargo's message above says why")
    })
}

/// Whether there is no such program on `PATH`.
fn is_missing(program: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn stage(project: &Project, library: &Path) -> Result<()> {
    stage_for(project, library, manifest::own_tags())
}

/// Makes the demo project use a library for the operating system and the processor that the manifest calls so.
pub fn stage_for(project: &Project, library: &Path, tags: (&str, &str)) -> Result<()> {
    // One at a time: two stagings at once would take each other's half-written files for stale ones.
    let lock_path = project.target().join("stage.lock");
    let lock = File::create(&lock_path).map_err(|error| at("cannot create", &lock_path, &error))?;
    lock.lock()
        .map_err(|error| at("cannot lock", &lock_path, &error))?;

    let manifest_path = project.manifest();
    let manifest = fs::read_to_string(&manifest_path)
        .map_err(|error| at("cannot read", &manifest_path, &error))?;
    let manifest_name = format!("{ADDON}.gdextension");

    let mut wanted = BTreeMap::new();
    collect(&project.addon(), Path::new(""), &mut wanted)?;
    wanted.insert(manifest_name.clone().into(), manifest_path);
    wanted.insert(manifest::library_path(&manifest, tags)?, library.into());

    let staged = project.staged_addon();
    for (relative, source) in &wanted {
        install(source, &staged.join(relative))?;
    }
    prune(&staged, Path::new(""), &wanted)?;
    list_extension(project, &format!("res://addons/{ADDON}/{manifest_name}"))?;
    list_classes(project)
}

/// Adds the files below `root/relative` to the list of files to stage, keyed by their path in the addon.
fn collect(root: &Path, relative: &Path, wanted: &mut BTreeMap<PathBuf, PathBuf>) -> Result<()> {
    for (name, is_folder) in entries(&root.join(relative))? {
        let relative = relative.join(name);
        if is_folder {
            collect(root, &relative, wanted)?;
        } else {
            wanted.insert(relative.clone(), root.join(relative));
        }
    }
    Ok(())
}

/// Copies a file unless the copy is there already, so that Godot does not import it anew each time. A running Godot may
/// have the old file mapped: a new file takes its name, and the old one lives on for as long as it is in use.
fn install(source: &Path, destination: &Path) -> Result<()> {
    let content = fs::read(source).map_err(|error| at("cannot read", source, &error))?;
    if fs::read(destination).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let write = || {
        let folder = destination.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder)?;
        let new = folder.join(unique_name(".staging"));
        fs::write(&new, &content)?;
        fs::rename(&new, destination)
    };
    write().map_err(|error| at("cannot write", destination, &error))
}

/// Removes what an earlier staging left behind and this one does not have.
fn prune(root: &Path, relative: &Path, wanted: &BTreeMap<PathBuf, PathBuf>) -> Result<()> {
    for (name, is_folder) in entries(&root.join(relative))? {
        let relative = relative.join(name);
        let path = root.join(&relative);
        if is_folder {
            prune(root, &relative, wanted)?;
            // Fails when there is something left in it, as it should.
            let _ = fs::remove_dir(&path);
        } else if !is_wanted(&relative, wanted) {
            fs::remove_file(&path).map_err(|error| at("cannot remove", &path, &error))?;
        }
    }
    Ok(())
}

/// Whether a file belongs to the addon, or is one that Godot puts beside a file of the addon.
fn is_wanted(relative: &Path, wanted: &BTreeMap<PathBuf, PathBuf>) -> bool {
    let is_godots = relative
        .extension()
        .is_some_and(|extension| extension == "uid" || extension == "import");
    wanted.contains_key(relative) || is_godots && wanted.contains_key(&relative.with_extension(""))
}

/// The names in a folder, and which of them are folders.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let read = || -> io::Result<_> {
        fs::read_dir(folder)?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.file_name().into(), entry.path().is_dir()))
            })
            .collect()
    };
    read().map_err(|error| at("cannot read", folder, &error))
}

/// Tells the demo project about the extension. Godot's editor finds extensions when it scans the files of a project; a
/// game or a script started in a fresh clone knows only those in this list.
fn list_extension(project: &Project, resource: &str) -> Result<()> {
    let list = project.godot_project().join(".godot/extension_list.cfg");
    let mut lines = fs::read_to_string(&list).unwrap_or_default();
    if lines.lines().any(|line| line == resource) {
        return Ok(());
    }
    if !lines.is_empty() && !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines += resource;
    lines.push('\n');
    let write = || {
        fs::create_dir_all(list.parent().unwrap_or(Path::new("")))?;
        fs::write(&list, &lines)
    };
    write().map_err(|error| at("cannot write", &list, &error))
}

/// Writes down that no script of the project has a global name, unless an editor has written down which have. Without that
/// file, a Godot for games that are to ship prints an error.
fn list_classes(project: &Project) -> Result<()> {
    let list = project
        .godot_project()
        .join(".godot/global_script_class_cache.cfg");
    if list.exists() {
        return Ok(());
    }
    fs::write(&list, "list=[]\n").map_err(|error| at("cannot write", &list, &error))
}

fn at(what: &str, path: &Path, error: &io::Error) -> String {
    format!("{what} {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
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

        let mut wanted = BTreeMap::new();
        collect(&source, Path::new(""), &mut wanted).unwrap();
        for _ in 0..2 {
            for (relative, source) in &wanted {
                install(source, &staged.join(relative)).unwrap();
            }
            prune(&staged, Path::new(""), &wanted).unwrap();
            assert_eq!(fs::read(staged.join("docs/a")).unwrap(), b"new");
            assert!(!staged.join("old").exists());
            assert_eq!(entries(&staged.join("docs")).unwrap().len(), 1);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
