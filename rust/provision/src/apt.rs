//! A private apt: downloads packages from suites the system does not use, into one folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Error, Result, anyhow, bail};
use fs_err as fs;

use crate::apt_sources::{self, Archive};
use crate::process;

/// The processor architecture of this system, as Debian names it. The error names the program of
/// Debian's that is missing.
pub fn debian_architecture() -> Result<String> {
    for program in ["apt-get", "apt-config", "dpkg", "dpkg-deb"] {
        if process::on_path(program).is_none() {
            bail!("this system has no {program}, which Debian and its derivatives have");
        }
    }
    let architecture = process::output(Command::new("dpkg").arg("--print-architecture"))?;
    Ok(architecture.trim().into())
}

/// Signs every suite of the Debian archive.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with a configuration and folders of its own. It does not know the system's packages, so its
/// downloads are complete, and it needs no rights beyond those on its folder.
pub struct Apt {
    folder: PathBuf,
    architecture: String,
}

impl Apt {
    /// Sets apt up in `folder`, and has it read the lists of `suites` for one processor
    /// architecture. Suites whose names end in `-security` come from Debian's archive of security
    /// updates, all others from its main archive.
    pub fn open(folder: &Path, architecture: &str, suites: &[&str]) -> Result<Self> {
        let apt = Self {
            folder: folder.into(),
            architecture: architecture.into(),
        };
        for needed in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(needed))?;
        }
        apt.write("status", "")?;
        apt.write("apt.conf", &apt.configuration()?)?;

        let sources = system_sources();
        let security = apt_sources::security_archives(&sources);
        let mut problem = anyhow!("this system's apt sources name no Debian archive");
        for archive in apt_sources::debian_archives(&sources) {
            let uri = &archive.uri;
            match apt.update(&archive, security.first(), suites) {
                Ok(()) => return Ok(apt),
                Err(error) => {
                    problem = anyhow!("apt cannot read {uri}: {error}; check the network")
                }
            }
        }
        Err(problem)
    }

    fn update(&self, main: &Archive, security: Option<&Archive>, suites: &[&str]) -> Result<()> {
        let mut list = String::new();
        for suite in suites {
            let archive = match suite.ends_with("-security") {
                true => security.context("this system's apt sources name no security updates")?,
                false => main,
            };
            list += &self.source(archive, suite);
        }
        self.write("sources.list", &list)?;
        self.apt_get(&["update"])
    }

    fn source(&self, archive: &Archive, suite: &str) -> String {
        let (architecture, uri) = (&self.architecture, &archive.uri);
        let keyrings: Vec<_> = [archive.keyring.as_deref(), Some(Path::new(DEBIAN_KEYRING))]
            .into_iter()
            .flatten()
            .filter(|keyring| keyring.exists())
            .map(|keyring| keyring.display().to_string())
            .collect();
        // Without a keyring, apt uses the keys that the system trusts for every source.
        let signed_by = match keyrings.join(",") {
            list if list.is_empty() => list,
            list => format!(" signed-by={list}"),
        };
        format!("deb [arch={architecture}{signed_by}] {uri} {suite} main\n")
    }

    /// Downloads packages with all they depend on, the C library included, and returns all the
    /// files.
    pub fn download_complete(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let install = [
            "install",
            "--yes",
            "--download-only",
            "--no-install-recommends",
        ];
        self.apt_get(&[&install, packages].concat())?;
        debs(&self.folder.join("cache/archives"))
    }

    /// Downloads these packages and nothing they depend on: the system has that.
    pub fn download_alone(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        self.apt_get(&[&["download"], packages].concat())?;
        debs(&self.folder)
    }

    /// The version of a package that would be downloaded.
    pub fn version(&self, package: &str) -> Result<String> {
        self.field(package, "Version")
    }

    /// The names of the packages that a package depends on directly.
    pub fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let depends = self.field(package, "Depends")?;
        let name = |entry: &str| Some(entry.split_whitespace().next()?.to_owned());
        Ok(depends.split([',', '|']).filter_map(name).collect())
    }

    fn field(&self, package: &str, name: &str) -> Result<String> {
        let mut command = self.command("apt-cache");
        let shown = process::output(command.args(["show", "--no-all-versions", package]))
            .map_err(first_error)?;
        let mut lines = shown.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = value.with_context(|| format!("apt does not know the {name} of {package}"))?;
        Ok(value.into())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("LC_ALL", "C");
        command
    }

    fn apt_get(&self, args: &[&str]) -> Result<()> {
        let mut command = self.command("apt-get");
        command
            .arg("--option=APT::Update::Error-Mode=any")
            .args(args);
        process::output(&mut command).map_err(first_error)?;
        Ok(())
    }

    fn configuration(&self) -> Result<String> {
        let system = process::output(Command::new("apt-config").arg("dump"))?;
        let folder = self.folder.display();
        let architecture = &self.architecture;
        Ok(format!(
            r#"{download_settings}
Acquire::Languages "none";
APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
APT::Sandbox::User "root";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Log "{folder}";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"#,
            download_settings = download_settings(&system),
        ))
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        Ok(fs::write(self.folder.join(name), content)?)
    }
}

/// The packages in a folder.
fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    Ok(paths
        .filter(|path| path.extension() == Some(OsStr::new("deb")))
        .collect())
}

/// Unpacks packages on several processors, since `dpkg-deb` decompresses on one.
pub fn unpack(packages: &[PathBuf], prefix: &Path) -> Result<()> {
    fs::create_dir_all(prefix)?;
    let remaining = Mutex::new(packages.iter());
    let next = || {
        remaining
            .lock()
            .ok()
            .and_then(|mut packages| packages.next())
    };
    let work = || -> Result<()> {
        while let Some(package) = next() {
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("--extract").arg(package).arg(prefix);
            let unpacked = process::output(&mut unpack);
            unpacked.with_context(|| format!("cannot unpack {}", package.display()))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, Into::into).min(8);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut outcomes = workers.into_iter().map(|worker| worker.join());
        outcomes.try_for_each(|outcome| outcome.unwrap_or_else(|_| bail!("a thread panicked")))
    })
}

/// The settings of the system's apt for downloads: proxies, certificates, retries. The others,
/// hooks in particular, are about the system's own packages.
fn download_settings(configuration: &str) -> String {
    let is_other = |line: &&str| {
        !line.starts_with("Acquire::")
            || line.ends_with(" \"\";")
            || line.starts_with("Acquire::IndexTargets::")
            || line.starts_with("Acquire::Languages")
    };
    let lines = configuration.lines().filter(|line| !is_other(line));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The first error in apt's output. Later errors are consequences of it.
fn first_error(output: Error) -> Error {
    let output = output.to_string();
    let error = output.lines().find_map(|line| line.strip_prefix("E: "));
    let error = error.or_else(|| output.trim().lines().last());
    anyhow!(error.unwrap_or("apt-get printed nothing").trim().to_owned())
}

/// The files with the system's sources.
fn system_sources() -> Vec<(PathBuf, String)> {
    let parts = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten();
    let mut parts: Vec<_> = parts.flatten().map(|entry| entry.path()).collect();
    parts.sort();
    let paths = ["/etc/apt/sources.list".into()].into_iter().chain(parts);
    let extensions = ["list", "sources"].map(OsStr::new).map(Some);
    paths
        .filter(|path: &PathBuf| extensions.contains(&path.extension()))
        .filter_map(|path| {
            fs::read_to_string(&path)
                .ok()
                .map(|content| (path, content))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_for_downloads_are_taken_over() {
        let configuration = "\
APT::Update::Post-Invoke:: \"rm -rf /somewhere\";
Acquire \"\";
Acquire::http::Proxy \"http://proxy.example.org:3128\";
Acquire::Languages:: \"de\";
Acquire::IndexTargets::deb::Packages::Optional \"0\";
Acquire::Retries \"5\";
";
        assert_eq!(
            download_settings(configuration),
            "Acquire::http::Proxy \"http://proxy.example.org:3128\";\nAcquire::Retries \"5\";\n"
        );
    }

    #[test]
    fn the_first_error_is_the_one_to_report() {
        let output = "Hit:1 x\nE: Unable to locate package godot\nE: Something else\n";
        let first_error = |output: &str| first_error(anyhow!(output.to_owned())).to_string();
        assert_eq!(first_error(output), "Unable to locate package godot");
        assert_eq!(first_error("killed\n"), "killed");
        assert_eq!(first_error(""), "apt-get printed nothing");
    }
}
