//! Building the libraries that ship, from this one machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::sign;
use super::targets::{CHECKED, Format, GLIBC, MACOS, PLATFORMS, Platform};
use super::toolchain::Toolchain;
use crate::process;
use crate::project::{ADDON, Project};
use crate::result::Result;

/// The variable that names a program which signs the library for macOS with a certificate.
const SIGN: &str = "MACOS_SIGN";

/// A library as it ships, and what belongs to it and does not.
pub struct Built {
    pub library: PathBuf,
    /// What a debugger needs to tell functions and lines: a file for each architecture.
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
    /// Builds for several platforms at a time. What is up to date stays.
    pub fn build<'p>(&self, platforms: &[&'p Platform]) -> Vec<(&'p Platform, Result<Built>)> {
        let triples = platforms.iter().flat_map(|platform| platform.triples);
        let all: Vec<_> = triples.copied().collect();
        println!("building for {}", all.join(", "));
        // One cargo for all: it keeps every processor busy to the end. Only when it fails, each is built by itself, to
        // see which it is. What is built already takes no time then.
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

    /// Has the compiler look at the code for each platform without a library: as above, first for all at a time.
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
        run(&mut cargo, || {
            format!("the code does not compile for {}", triples.join(", "))
        })
    }

    fn cargo_build(&self, triples: &[&str]) -> Result<()> {
        let mut cargo = self.toolchain.zig(self.project, "zigbuild");
        self.configure(&mut cargo)?;
        // What one platform lacks is no reason to leave the others half done.
        cargo.args(["--release", "--keep-going"]);
        for triple in triples {
            let (major, minor) = GLIBC;
            let glibc = if triple.ends_with("-linux-gnu") {
                format!(".{major}.{minor}")
            } else {
                String::new()
            };
            cargo.args(["--target", &format!("{triple}{glibc}")]);
        }
        run(&mut cargo, || {
            format!(
                "{} was not built; the message above says why",
                triples.join(", ")
            )
        })
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
            // What is named and not needed: the crate libc names two libraries for macOS that nothing here calls.
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
        // It would be taken in place of these.
        cargo.env_remove("RUSTFLAGS");
        Ok(())
    }

    fn rust_flags(&self) -> Result<Vec<String>> {
        // Names of folders of this machine have no place in what ships.
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

    /// Takes the symbols out of what cargo has built, and puts together what belongs in one file.
    fn finish(&self, platform: &Platform) -> Result<Built> {
        let folder = self.folder.join("libraries").join(platform.folder());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        let library = folder.join(platform.format.file_name());
        let (mut halves, mut symbols) = (Vec::new(), Vec::new());
        for triple in platform.triples {
            let cargos = self
                .cargo_folder()
                .join(triple)
                .join("release")
                .join(platform.format.file_name());
            let half = folder.join(format!("{triple}.half"));
            let debug = folder.join(format!("{triple}.debug"));
            self.separate(platform.format, &cargos, &half, &debug)?;
            halves.push(half);
            symbols.push(debug);
        }
        if let [half] = halves.as_slice() {
            fs::rename(half, &library)
                .map_err(|error| format!("cannot write {}: {error}", library.display()))?;
        } else {
            let mut lipo = self.toolchain.llvm("llvm-lipo");
            lipo.arg("-create")
                .args(&halves)
                .arg("-output")
                .arg(&library);
            run(&mut lipo, || {
                format!("{} was not put together", library.display())
            })?;
            halves.iter().for_each(|half| drop(fs::remove_file(half)));
        }
        if platform.format == Format::MachO
            && let Some(program) = env::var_os(SIGN)
        {
            let mut sign = Command::new(program);
            run(sign.arg(&library), || {
                format!("the program in {SIGN} failed")
            })?;
        }
        Ok(Built { library, symbols })
    }

    fn separate(
        &self,
        format: Format,
        cargos: &Path,
        library: &Path,
        symbols: &Path,
    ) -> Result<()> {
        let objcopy = |options: &[&str], to: &Path| {
            let mut command = self.toolchain.llvm("llvm-objcopy");
            command.args(options).arg(cargos).arg(to);
            run(&mut command, || {
                format!("cannot separate {} from its symbols", cargos.display())
            })
        };
        match format {
            Format::MachO => {
                // No tool takes the symbols out alone: this is a copy with everything.
                fs::copy(cargos, symbols)
                    .map_err(|error| format!("cannot copy {}: {error}", cargos.display()))?;
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

/// Gives a library for macOS the name that it is found by, instead of its path on this machine, and a signature.
fn name_and_sign(toolchain: &Toolchain, library: &Path) -> Result<()> {
    let name = Format::MachO.file_name();
    let mut rename = toolchain.llvm("llvm-install-name-tool");
    rename.args(["-id", &format!("@rpath/{name}")]).arg(library);
    run(&mut rename, || format!("cannot name {}", library.display()))?;
    let failed = |error| format!("cannot sign {}: {error}", library.display());
    let unsigned = fs::read(library).map_err(|error| failed(error.to_string()))?;
    let signed = sign::ad_hoc(&unsigned, &name).map_err(failed)?;
    fs::write(library, signed).map_err(|error| failed(error.to_string()))
}

fn remapped(path: &Path, name: &str) -> String {
    format!("--remap-path-prefix={}={name}", path.display())
}

fn run(command: &mut Command, failure: impl FnOnce() -> String) -> Result<()> {
    match process::succeeds(command)? {
        true => Ok(()),
        false => Err(failure()),
    }
}
