//! The tools that build libraries for other systems: a compiler with the sources of Rust's standard
//! library, the linker of Zig, and LLVM's tools for libraries, set up for this user alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use fs_err as fs;
use provision::apt::{self, Apt};
use provision::cache::SetUp;
use provision::{debian_architecture, process};

use crate::project::Project;

/// The suites of the compiler with its sources, and of its dependencies.
const SUITES: [&str; 2] = ["bookworm", "bookworm-security"];

/// The suite with the standard library's sources for a compiler from rustup.
const SOURCES_SUITE: &str = "trixie-backports";

/// The libraries that LLVM needs in addition to the C and C++ libraries.
#[rustfmt::skip]
const LIBRARIES: [&str; 9] = [
    "libbsd0", "libedit2", "libffi8", "libicu72", "libmd0", "libtinfo6", "libxml2", "libz3-4", "zlib1g",
];

/// Increased when the results of an older version of this module can no longer be used.
const REVISION: u32 = 1;

pub struct Toolchain {
    rustc: PathBuf,
    /// How the compiler names itself.
    pub version: String,
    /// The folder of all these tools but Zig, and of the sources.
    root: PathBuf,
    zig: PathBuf,
}

impl Toolchain {
    /// The tools, after setting them up if necessary.
    pub fn find() -> Result<Self> {
        let debian = debian_tools()?;
        let rustc = debian.join("rustc");
        let version = process::output(Command::new(&rustc).arg("--version"))?;
        Ok(Self {
            rustc,
            version: version.trim().into(),
            root: debian,
            zig: zig()?,
        })
    }

    /// `cargo COMMAND` with the standard library built from its sources.
    pub fn cargo(&self, project: &Project, command: &str) -> Command {
        let mut cargo = project.cargo();
        cargo.arg(command);
        self.equip(&mut cargo);
        cargo
    }

    /// A command of cargo-zigbuild, `zigbuild` or `test`: cargo's with Zig as the linker.
    pub fn zig(&self, project: &Project, command: &str) -> Command {
        let mut cargo = Command::new(self.zig.join("bin/cargo-zigbuild"));
        cargo.current_dir(project.root()).arg(command);
        self.equip(&mut cargo);
        cargo
    }

    /// Zig as a compiler for C.
    pub fn zig_cc(&self) -> Command {
        let mut compiler = Command::new(self.zig.join("ziglang/zig"));
        compiler.arg("cc");
        compiler
    }

    /// The linker flag for a folder with an empty `libssp_nonshared.a`. Debian's compiler links
    /// that mingw library for Windows; Zig does not need it.
    pub fn empty_library(project: &Project) -> Result<String> {
        let folder = project.target().join("dist/empty");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("libssp_nonshared.a"), "!<arch>\n")?;
        Ok(format!("-Lnative={}", folder.display()))
    }

    fn equip(&self, cargo: &mut Command) {
        cargo
            .arg("-Zbuild-std=std,panic_unwind")
            .env("RUSTC", &self.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.zig.join("ziglang/zig"));
    }

    /// The folder in which the sources of the standard library are.
    pub fn sources(&self) -> &Path {
        &self.root
    }

    /// One of LLVM's tools, such as `llvm-objcopy`.
    pub fn llvm(&self, tool: &str) -> Command {
        Command::new(self.root.join(tool))
    }
}

/// A compiler with its sources, and LLVM's tools, as scripts that start them with their libraries.
fn debian_tools() -> Result<PathBuf> {
    let architecture = debian_architecture()?;
    let own = process::output(Command::new("rustc").arg("-vV"))?;
    let release = field(&own, "release: ").unwrap_or_default().to_owned();
    SetUp {
        name: &format!("rust-{release}-with-sources-{architecture}-{REVISION}"),
        what: "a Rust compiler with the sources of its standard library, and LLVM's tools (250 MB to download, once)",
        is_ready: &|folder| folder.join("rustc").exists(),
        fill: &|folder, work| {
            let apt = Apt::open(&work.join("apt"), &architecture, &SUITES)?;
            let std = dependency(&apt, "libstd-rust-web-dev", "libstd-rust-web-1")?;
            let llvm = dependency(&apt, &std, "libllvm")?;
            let llvm_tools = llvm.replace("libllvm", "llvm-");
            let mut packages = vec![llvm.as_str(), llvm_tools.as_str()];
            packages.extend(LIBRARIES);

            let sources = sources_for(&release, &architecture, work)?;
            if sources.is_none() {
                packages.extend(["rustc-web", &std, "libstd-rust-web-dev", "rust-web-src"]);
            }
            apt::unpack(&apt.download_alone(&packages)?, folder)?;
            match sources {
                Some(package) => {
                    apt::unpack(&[package], folder)?;
                    own_compiler(folder, &own, &release)?;
                }
                None => start_script(folder, "rustc", "usr/bin/rustc")?,
            }
            let tools = format!("usr/lib/{llvm_tools}/bin");
            for tool in ["llvm-install-name-tool", "llvm-lipo", "llvm-objcopy"] {
                start_script(folder, tool, &format!("{tools}/{tool}"))?;
            }
            Ok(())
        },
    }
    .folder()
}

/// The dependency of `package` whose name is `prefix` and a version.
fn dependency(apt: &Apt, package: &str, prefix: &str) -> Result<String> {
    let mut needed = apt.dependencies(package)?.into_iter();
    needed
        .find(|name| name.starts_with(prefix))
        .with_context(|| format!("Debian's {package} does not depend on any {prefix}*"))
}

/// The package with the sources of this compiler's release, if Debian has it.
fn sources_for(release: &str, architecture: &str, work: &Path) -> Result<Option<PathBuf>> {
    let apt = Apt::open(&work.join("apt-sources"), architecture, &[SOURCES_SUITE])?;
    let version = apt.version("rust-src")?;
    if version.starts_with(&format!("{release}+")) {
        return Ok(apt.download_alone(&["rust-src"])?.pop());
    }
    eprintln!(
        "Debian's {SOURCES_SUITE} has the sources of Rust {version}, and the compiler here is {release}: using Debian's \
         rustc-web with its own sources instead"
    );
    Ok(None)
}

/// A script that starts this system's compiler with the sources in `folder`.
fn own_compiler(folder: &Path, version: &str, release: &str) -> Result<()> {
    let host = field(version, "host: ").unwrap_or_default();
    let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let (sysroot, rustlib) = (sysroot.trim(), "lib/rustlib");
    let script = format!(
        r#"mkdir -p "$here/{rustlib}/src" &&
ln -sfn "$here/usr/src/rustc-{release}" "$here/{rustlib}/src/rust" &&
ln -sfn "{sysroot}/{rustlib}/{host}" "$here/{rustlib}/{host}" &&
exec "{sysroot}/bin/rustc" --sysroot "$here" "$@"
"#
    );
    write_script(&folder.join("rustc"), &script)
}

/// A script `name` that starts a program in `folder` with the libraries there.
fn start_script(folder: &Path, name: &str, program: &str) -> Result<()> {
    let script = format!(
        r#"for libraries in "$here"/usr/lib/*-linux-gnu "$here"/usr/lib/llvm-*/lib "$here"/lib/*-linux-gnu; do
	LD_LIBRARY_PATH="$libraries${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
done
export LD_LIBRARY_PATH
exec "$here/{program}" "$@"
"#
    );
    write_script(&folder.join(name), &script)
}

fn write_script(path: &Path, script: &str) -> Result<()> {
    let begin = "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")\n";
    Ok(process::write_program(path, &format!("{begin}{script}"))?)
}

/// Zig and cargo-zigbuild, from the Python Package Index.
fn zig() -> Result<PathBuf> {
    SetUp {
        name: &format!("zig-{REVISION}"),
        what: "the linker of Zig, with cargo-zigbuild (100 MB to download, once)",
        is_ready: &|folder| folder.join("bin/cargo-zigbuild").exists(),
        fill: &|folder, work| {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--no-compile", "--target"])
                .arg(folder)
                .args(["ziglang", "cargo-zigbuild"])
                .env("HOME", work);
            process::output(&mut pip).map_err(|error| {
                let reason = process::last_line(&error);
                anyhow!(
                    "cannot install the packages ziglang and cargo-zigbuild: {reason}; this needs the network and \
                     python3 with pip, on Debian `apt-get install python3-pip`"
                )
            })?;
            Ok(())
        },
    }
    .folder()
}

/// The value on the line of `text` that begins with `name`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}
