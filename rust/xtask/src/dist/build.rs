//! Building the libraries that ship, from this one machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use super::sign;
use super::toolchain::Toolchain;
use crate::platforms::{CHECKED, Format, GLIBC, MACOS, PLATFORMS, Platform};
use crate::project::{ADDON, Project};
use crate::{folder, process};

/// The variable that names a program that signs the library for macOS with a certificate.
const SIGN: &str = "MACOS_SIGN";

/// A library as it ships, and its symbols.
pub struct Built {
    pub library: PathBuf,
    /// The symbols for a debugger: a file for each architecture.
    pub symbols: Vec<PathBuf>,
}

/// Where the pieces of a release are put together.
pub struct Workshop<'a> {
    pub project: &'a Project,
    pub toolchain: &'a Toolchain,
    /// The folder for all that `dist` makes.
    pub folder: PathBuf,
}

impl Workshop<'_> {
    /// Builds for several platforms, unless a library is up to date.
    pub fn build<'p>(&self, platforms: &[&'p Platform]) -> Vec<(&'p Platform, Result<Built>)> {
        let triples = platforms.iter().flat_map(|platform| platform.triples);
        let all: Vec<_> = triples.copied().collect();
        println!("building for {}", all.join(", "));
        // One cargo for all keeps every processor busy to the end. If it fails, a cargo for each
        // shows which platform failed.
        let failed = self.cargo_build(&all).err();
        let finish = |platform: &Platform| {
            if failed.is_some() {
                self.cargo_build(platform.triples)?;
            }
            self.finish(platform)
        };
        let outcome = |platform: &&'p Platform| (*platform, finish(platform));
        platforms.iter().map(outcome).collect()
    }

    /// Checks that the code compiles for each platform without a library.
    pub fn check(&self) -> Vec<(&'static str, Result<()>)> {
        let triples = CHECKED.map(|(_, triple)| triple);
        println!("checking for {}", triples.join(", "));
        let failed = self.cargo_check(&triples).is_err();
        let outcome = |triple| match failed {
            true => self.cargo_check(&[triple]),
            false => Ok(()),
        };
        triples.map(|triple| (triple, outcome(triple))).into()
    }

    fn cargo_check(&self, triples: &[&str]) -> Result<()> {
        let mut cargo = self.toolchain.cargo(self.project, "check");
        self.configure(&mut cargo)?;
        cargo.arg("--keep-going");
        for triple in triples {
            cargo.args(["--target", triple]);
        }
        process::run(&mut cargo)
            .with_context(|| format!("the code does not compile for {}", triples.join(", ")))
    }

    fn cargo_build(&self, triples: &[&str]) -> Result<()> {
        let mut cargo = self.toolchain.zig(self.project, "zigbuild");
        self.configure(&mut cargo)?;
        // A platform that fails does not stop the others.
        cargo.args(["--release", "--keep-going"]);
        for triple in triples {
            let (major, minor) = GLIBC;
            let target = match triple.ends_with("-linux-gnu") {
                true => format!("{triple}.{major}.{minor}"),
                false => (*triple).to_owned(),
            };
            cargo.args(["--target", &target]);
        }
        process::run(&mut cargo)
            .with_context(|| format!("{} was not built, for the reason above", triples.join(", ")))
    }

    fn configure(&self, cargo: &mut Command) -> Result<()> {
        let (major, minor) = MACOS;
        cargo
            .args(["--locked", "--package", ADDON, "--target-dir"])
            .arg(self.cargo_folder())
            .env("MACOSX_DEPLOYMENT_TARGET", format!("{major}.{minor}"))
            // The symbols are taken out afterwards, and kept.
            .env("CARGO_PROFILE_RELEASE_STRIP", "none");
        let flags = self.rust_flags()?.join(" ");
        for platform in &PLATFORMS {
            // The crate libc names two libraries for macOS that nothing here calls.
            let own = match platform.format {
                Format::MachO => " -Clink-arg=-Wl,-dead_strip_dylibs",
                Format::Elf | Format::Pe => "",
            };
            for triple in platform.triples {
                let triple = triple.to_uppercase().replace('-', "_");
                let name = format!("CARGO_TARGET_{triple}_RUSTFLAGS");
                cargo.env(name, format!("{flags}{own}"));
            }
        }
        // RUSTFLAGS would replace these flags.
        cargo.env_remove("RUSTFLAGS");
        Ok(())
    }

    fn rust_flags(&self) -> Result<Vec<String>> {
        // The libraries must not contain paths of this machine.
        let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo_home = cargo_home.or_else(|| Some(env::home_dir()?.join(".cargo")));
        let crates = cargo_home.map(|home| remapped(&home.join("registry/src"), "crates"));
        let mut flags = vec![
            remapped(self.project.root(), "addon"),
            remapped(self.toolchain.sources(), "rust"),
        ];
        flags.extend(crates);
        flags.push(Toolchain::empty_library(self.project)?);
        Ok(flags)
    }

    fn cargo_folder(&self) -> PathBuf {
        self.folder.join("cargo")
    }

    /// Separates the symbols from cargo's files, and joins the files into one library.
    fn finish(&self, platform: &Platform) -> Result<Built> {
        let folder = self.folder.join("libraries").join(platform.folder());
        folder::replace(&folder, |_| Ok(()))?;
        let library = folder.join(platform.format.file_name());
        let (mut slices, mut symbols) = (Vec::new(), Vec::new());
        for triple in platform.triples {
            let release = self.cargo_folder().join(triple).join("release");
            let slice = folder.join(format!("{triple}.slice"));
            let debug = folder.join(format!("{triple}.debug"));
            let built = release.join(platform.format.file_name());
            self.separate(platform.format, &built, &slice, &debug)?;
            slices.push(slice);
            symbols.push(debug);
        }
        if let [slice] = slices.as_slice() {
            fs::rename(slice, &library)?;
        } else {
            let mut lipo = self.toolchain.llvm("llvm-lipo");
            lipo.arg("-create")
                .args(&slices)
                .arg("-output")
                .arg(&library);
            process::run(&mut lipo)
                .with_context(|| format!("cannot join {}", library.display()))?;
            slices.iter().for_each(|slice| drop(fs::remove_file(slice)));
        }
        if platform.format == Format::MachO
            && let Some(program) = env::var_os(SIGN)
        {
            process::run(Command::new(program).arg(&library))
                .with_context(|| format!("the program in {SIGN} failed"))?;
        }
        Ok(Built { library, symbols })
    }

    fn separate(&self, format: Format, built: &Path, library: &Path, symbols: &Path) -> Result<()> {
        let objcopy = |options: &[&str], to: &Path| {
            let mut command = self.toolchain.llvm("llvm-objcopy");
            process::run(command.args(options).arg(built).arg(to))
                .with_context(|| format!("cannot separate {} from its symbols", built.display()))
        };
        match format {
            Format::MachO => {
                // No tool takes the symbols out alone, so this is a copy with everything.
                fs::copy(built, symbols)?;
                objcopy(&["--strip-debug", "--discard-all"], library)?;
                name_and_sign(self.toolchain, library)
            }
            Format::Elf | Format::Pe => {
                objcopy(&["--only-keep-debug"], symbols)?;
                objcopy(&["--strip-all"], library)
            }
        }
    }
}

/// Gives a library for macOS a name, instead of its path on this machine, and a signature.
fn name_and_sign(toolchain: &Toolchain, library: &Path) -> Result<()> {
    let name = Format::MachO.file_name();
    let mut rename = toolchain.llvm("llvm-install-name-tool");
    process::run(rename.args(["-id", &format!("@rpath/{name}")]).arg(library))
        .with_context(|| format!("cannot name {}", library.display()))?;
    let signed = sign::ad_hoc(&fs::read(library)?, &name)
        .with_context(|| format!("cannot sign {}", library.display()))?;
    Ok(fs::write(library, signed)?)
}

fn remapped(path: &Path, name: &str) -> String {
    format!("--remap-path-prefix={}={name}", path.display())
}
