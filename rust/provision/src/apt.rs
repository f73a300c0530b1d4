//! A private apt: downloads packages from suites the system does not use, into one folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use crate::apt_sources::{self, Archive};
use crate::cache::failed;
use crate::process;

/// Signs every suite of the Debian archive.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with a configuration and folders of its own. It knows nothing of the system's packages, so what it downloads is
/// complete, and needs no rights beyond those on its folder.
pub struct Apt {
    folder: PathBuf,
    architecture: String,
}

impl Apt {
    /// Sets apt up in `folder`, and has it read what there is in `suites`, for one processor architecture. The suites
    /// whose names end in `-security` are taken from Debian's archive of security updates, all others from its main one.
    pub fn open(folder: &Path, architecture: &str, suites: &[&str]) -> Result<Self, String> {
        let apt = Self {
            folder: folder.into(),
            architecture: architecture.into(),
        };
        for needed in ["state/lists/partial", "cache/archives/partial"] {
            let path = folder.join(needed);
            fs::create_dir_all(&path).map_err(|error| failed("create", &path, &error))?;
        }
        apt.write("status", "")?;
        apt.write("apt.conf", &apt.configuration()?)?;

        let sources = system_sources();
        let security = apt_sources::security_archives(&sources);
        let mut problem = "this system's apt sources name no Debian archive".into();
        for archive in apt_sources::debian_archives(&sources) {
            match apt.update(&archive, security.first(), suites) {
                Ok(()) => return Ok(apt),
                Err(message) => {
                    let uri = archive.uri;
                    problem = format!("apt cannot read {uri}: {message}; check the network");
                }
            }
        }
        Err(problem)
    }

    fn update(
        &self,
        main: &Archive,
        security: Option<&Archive>,
        suites: &[&str],
    ) -> Result<(), String> {
        let mut list = String::new();
        for suite in suites {
            let archive = match suite.ends_with("-security") {
                true => security.ok_or("this system's apt sources name no security updates")?,
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
        // Without a keyring apt goes by the keys the system trusts for every source.
        let signed_by = match keyrings.join(",") {
            list if list.is_empty() => list,
            list => format!(" signed-by={list}"),
        };
        format!("deb [arch={architecture}{signed_by}] {uri} {suite} main\n")
    }

    /// Downloads packages with all they depend on, the C library included, and returns all the files.
    pub fn download_complete(&self, packages: &[&str]) -> Result<Vec<PathBuf>, String> {
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
    pub fn download_alone(&self, packages: &[&str]) -> Result<Vec<PathBuf>, String> {
        self.apt_get(&[&["download"], packages].concat())?;
        debs(&self.folder)
    }

    /// The version of a package that would be downloaded.
    pub fn version(&self, package: &str) -> Result<String, String> {
        self.field(package, "Version")
    }

    /// The names of the packages that a package depends on directly.
    pub fn dependencies(&self, package: &str) -> Result<Vec<String>, String> {
        let depends = self.field(package, "Depends")?;
        let name = |entry: &str| Some(entry.split_whitespace().next()?.to_owned());
        Ok(depends.split([',', '|']).filter_map(name).collect())
    }

    fn field(&self, package: &str, name: &str) -> Result<String, String> {
        let mut command = self.command("apt-cache");
        let shown = process::output(command.args(["show", "--no-all-versions", package]))
            .map_err(|output| first_error(&output))?;
        let line = shown
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(String::from)
            .ok_or_else(|| format!("apt does not tell the {name} of {package}"))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("LC_ALL", "C");
        command
    }

    fn apt_get(&self, args: &[&str]) -> Result<(), String> {
        let mut command = self.command("apt-get");
        command
            .arg("--option=APT::Update::Error-Mode=any")
            .args(args);
        match process::output(&mut command) {
            Ok(_) => Ok(()),
            Err(output) => Err(first_error(&output)),
        }
    }

    fn configuration(&self) -> Result<String, String> {
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

    fn write(&self, name: &str, content: &str) -> Result<(), String> {
        let path = self.folder.join(name);
        fs::write(&path, content).map_err(|error| failed("write", &path, &error))
    }
}

/// The packages in a folder.
fn debs(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| failed("read", folder, &error))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("deb")))
        .collect())
}

/// Unpacks packages side by side; for most of the time it takes, `dpkg-deb` decompresses on one processor.
pub fn unpack(packages: &[PathBuf], prefix: &Path) -> Result<(), String> {
    fs::create_dir_all(prefix).map_err(|error| failed("create", prefix, &error))?;
    let remaining = Mutex::new(packages.iter());
    let next = || {
        remaining
            .lock()
            .ok()
            .and_then(|mut packages| packages.next())
    };
    let work = || -> Result<(), String> {
        while let Some(package) = next() {
            process::output(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(package)
                    .arg(prefix),
            )
            .map_err(|message| format!("cannot unpack {}: {message}", package.display()))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, Into::into).min(8);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err("a thread panicked".into()))
        })
    })
}

/// The part of the system's configuration that says how to download: proxies, certificates, retries. The rest, hooks in
/// particular, is about the system's own packages.
fn download_settings(configuration: &str) -> String {
    configuration
        .lines()
        .filter(|line| line.starts_with("Acquire::") && !line.ends_with(" \"\";"))
        .filter(|line| {
            !["Acquire::IndexTargets::", "Acquire::Languages"]
                .iter()
                .any(|prefix| line.starts_with(prefix))
        })
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The first thing that apt calls an error: what follows is a consequence of it.
fn first_error(output: &str) -> String {
    let error = output.lines().find_map(|line| line.strip_prefix("E: "));
    let last_line = || output.trim().lines().last();
    error
        .or_else(last_line)
        .unwrap_or("apt-get said nothing")
        .trim()
        .into()
}

/// The files in which the system's sources are.
fn system_sources() -> Vec<(PathBuf, String)> {
    let parts = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten();
    let mut parts: Vec<_> = parts.flatten().map(|entry| entry.path()).collect();
    parts.sort();
    ["/etc/apt/sources.list".into()]
        .into_iter()
        .chain(parts)
        .filter(|path: &PathBuf| {
            path.extension()
                .is_some_and(|extension| extension == "list" || extension == "sources")
        })
        .filter_map(|path| {
            let content = fs::read_to_string(&path).ok()?;
            Some((path, content))
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
        assert_eq!(first_error(output), "Unable to locate package godot");
        assert_eq!(first_error("killed\n"), "killed");
        assert_eq!(first_error(""), "apt-get said nothing");
    }
}
