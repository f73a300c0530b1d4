//! Making a release: the libraries of all platforms, and the archives.

pub mod archive;
mod build;
mod inspect;
mod licences;
pub mod package;
mod sign;
mod store;
pub mod targets;
pub mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use build::{Built, Workshop};
use targets::{PLATFORMS, Platform};
use toolchain::Toolchain;

use crate::platforms;
use crate::project::Project;
use crate::records::{self, Kind};
use crate::result::Result;
use crate::tally::Tally;

/// The folder for all that is made here.
pub fn folder(project: &Project) -> PathBuf {
    project.target().join("dist")
}

/// Builds the libraries of the platforms with these keys, of all if there are none, checks them, writes the archives, and
/// counts that.
pub fn run(project: &Project, keys: &[String], tally: &mut Tally) {
    let started = Instant::now();
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain,
        Err(reason) => return tally.check("the tools for other systems", Err(reason)),
    };
    println!("compiler: {}", toolchain.version);
    let workshop = workshop(project, &toolchain);
    let platforms: Vec<_> = PLATFORMS
        .iter()
        .filter(|platform| keys.is_empty() || keys.iter().any(|key| key == platform.key))
        .collect();
    let mut built = Vec::new();
    for (platform, outcome) in workshop.build(&platforms) {
        let outcome = outcome.and_then(|library| {
            let seen = inspect(&library, platform)?;
            built.push((platform, library));
            Ok(seen)
        });
        let seen = outcome.as_ref().ok().cloned();
        let recorded = records::set(project, &platform.folder(), Kind::Built, seen.as_deref());
        tally.check(platform.title, outcome.and(recorded));
    }
    let checked = match keys {
        [] => workshop.check(),
        _ => Vec::new(),
    };
    for (triple, outcome) in checked {
        let seen = outcome.is_ok().then_some("compiles");
        let recorded = records::set(project, triple, Kind::Checked, seen);
        tally.check(&format!("the code for {triple}"), outcome.and(recorded));
    }
    if !built.is_empty() {
        let archives = package::write(project, &workshop.folder, &built);
        let shown = archives.map(|paths| {
            for path in &paths {
                println!("{} ({})", path.display(), size(path));
            }
        });
        tally.check("the archives", shown);
        let store = store::write(project, &workshop.folder);
        let shown = store.map(|path| println!("{}", path.display()));
        tally.check("what the asset stores ask for", shown);
    }
    println!("\n{}", platforms::table(project));
    println!(
        "{} minutes in all",
        started.elapsed().as_secs().div_ceil(60)
    );
}

/// The library as it ships for `platform`, built if it is not up to date.
pub fn library(project: &Project, toolchain: &Toolchain, platform: &Platform) -> Result<PathBuf> {
    let mut built = workshop(project, toolchain).build(&[platform]);
    let (_, outcome) = built.remove(0);
    Ok(outcome?.library)
}

fn workshop<'a>(project: &'a Project, toolchain: &'a Toolchain) -> Workshop<'a> {
    Workshop {
        project,
        toolchain,
        folder: folder(project),
    }
}

/// Checks a library, and says in a few words what it is.
fn inspect(built: &Built, platform: &Platform) -> Result<String> {
    let halves = inspect::library(&built.library, platform)?;
    let size = size(&built.library);
    println!("{}: {size}", platform.title);
    halves.iter().for_each(|half| println!("    {half}"));
    Ok(size)
}

fn size(file: &Path) -> String {
    let bytes = fs::metadata(file).map_or(0, |data| data.len());
    format!("{:.1} MB", bytes as f64 / 1e6)
}
