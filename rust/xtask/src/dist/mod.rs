//! Making a release: the libraries of all platforms, and the archives.
//!
//! | step | file |
//! | --- | --- |
//! | rustc, its sources and LLVM from Debian; Zig and cargo-zigbuild from PyPI | `toolchain` |
//! | `cargo zigbuild -Zbuild-std`, symbols apart; for macOS one file of two | `build`, `sign` |
//! | checks: architecture, entry, needed libraries, oldest system, signature | `inspect` |
//! | the archives: addon, demo, symbols | `package`, `archive`, `licences` |
//!
//! The standard library is built from its sources for every target; `RUSTC_BOOTSTRAP` permits that
//! with a stable compiler. Zig brings the C libraries, and stubs of the systems' libraries.

pub mod archive;
mod build;
mod inspect;
mod licences;
pub mod package;
mod sign;
pub mod toolchain;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use fs_err as fs;

use build::{Built, Workshop};
use toolchain::Toolchain;

use crate::platforms::{self, Kind, PLATFORMS, Platform};
use crate::project::Project;
use crate::tally::Tally;

/// The folder for all that is made here.
pub fn folder(project: &Project) -> PathBuf {
    project.target().join("dist")
}

/// Builds the libraries of the platforms with these keys, or of all without keys, checks them,
/// writes the archives, and counts these steps.
pub fn run(project: &Project, keys: &[String], tally: &mut Tally) {
    let started = Instant::now();
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain,
        Err(error) => return tally.check("the tools for other systems", Err(error)),
    };
    println!("compiler: {}", toolchain.version);
    let workshop = workshop(project, &toolchain);
    let is_wanted = |key| keys.is_empty() || keys.iter().any(|wanted| wanted == key);
    let platforms = PLATFORMS.iter().filter(|platform| is_wanted(platform.key));
    let mut built = Vec::new();
    for (platform, outcome) in workshop.build(&Vec::from_iter(platforms)) {
        let seen = outcome.and_then(|library| {
            let seen = inspect(&library, platform)?;
            built.push((platform, library));
            Ok(seen)
        });
        let record = seen.as_deref().ok();
        platforms::record(project, &platform.folder(), Kind::Built, record);
        tally.check(platform.title, seen.map(drop));
    }
    if !built.is_empty() {
        let archives = package::write(project, &workshop.folder, &built);
        let shown = archives.map(|paths| {
            for path in &paths {
                println!("{} ({})", path.display(), size(path));
            }
        });
        tally.check("the archives", shown);
        let store = package::write_store(project, &workshop.folder);
        let shown = store.map(|path| println!("{}", path.display()));
        tally.check("the files for the asset stores", shown);
    }
    println!("\n{}", platforms::table(project));
    println!(
        "{} minutes in all",
        started.elapsed().as_secs().div_ceil(60)
    );
}

/// Checks that the code compiles for each platform without a library, and counts these checks.
pub fn check_others(project: &Project, tally: &mut Tally) {
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain,
        Err(error) => return tally.check("the tools for other systems", Err(error)),
    };
    for (triple, outcome) in workshop(project, &toolchain).check() {
        let seen = outcome.is_ok().then_some("compiles");
        platforms::record(project, triple, Kind::Checked, seen);
        tally.check(&format!("the code for {triple}"), outcome);
    }
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

/// Checks a library, and returns its size.
fn inspect(built: &Built, platform: &Platform) -> Result<String> {
    let slices = inspect::library(&built.library, platform)?;
    let size = size(&built.library);
    println!("{}: {size}", platform.title);
    slices.iter().for_each(|slice| println!("    {slice}"));
    Ok(size)
}

fn size(file: &Path) -> String {
    let bytes = fs::metadata(file).map_or(0, |data| data.len());
    format!("{:.1} MB", bytes as f64 / 1e6)
}
