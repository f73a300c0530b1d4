//! A private apt: downloads packages with all they depend on, from a suite the system does not use, into one folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt_sources::{self, Archive};
use crate::process;
use crate::requirement::REMEDY;

/// Signs every suite of the Debian archive.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with a configuration and folders of its own. It knows nothing of the system's packages, so what it downloads is
/// complete, and needs no rights beyond those on its folder.
pub struct Apt {
    folder: PathBuf,
    architecture: &'static str,
    suite: &'static str,
}

impl Apt {
    /// Makes `folder` and sets apt up in it.
    pub fn new(
        folder: &Path,
        architecture: &'static str,
        suite: &'static str,
    ) -> Result<Self, String> {
        let apt = Self {
            folder: folder.into(),
            architecture,
            suite,
        };
        for needed in ["state/lists/partial", "cache/archives/partial"] {
            let path = folder.join(needed);
            fs::create_dir_all(&path)
                .map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        }
        apt.write("status", "")?;
        apt.write("apt.conf", &apt.configuration()?)?;
        Ok(apt)
    }

    /// Downloads packages from the Debian archive that the system uses, and returns all the files.
    pub fn download(&self, packages: &[&str]) -> Result<Vec<PathBuf>, String> {
        let mut problem = format!(
            "this system's apt sources name no Debian archive to take Godot from: {REMEDY}"
        );
        for archive in apt_sources::debian_archives(&system_sources()) {
            match self.download_from(&archive, packages) {
                Ok(files) => return Ok(files),
                Err(message) => {
                    problem = format!(
                        "downloading Godot from {} failed ({message}): check the network and try again, or {REMEDY}",
                        archive.uri
                    );
                }
            }
        }
        Err(problem)
    }

    fn download_from(&self, archive: &Archive, packages: &[&str]) -> Result<Vec<PathBuf>, String> {
        let (architecture, suite, uri) = (self.architecture, self.suite, &archive.uri);
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
        let source = format!("deb [arch={architecture}{signed_by}] {uri} {suite} main\n");
        self.write("sources.list", &source)?;

        self.apt_get(&["update"])?;
        let install = [
            "install",
            "--yes",
            "--download-only",
            "--no-install-recommends",
        ];
        self.apt_get(&[&install, packages].concat())?;
        self.downloaded()
    }

    fn apt_get(&self, args: &[&str]) -> Result<(), String> {
        let mut command = Command::new("apt-get");
        command
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("LC_ALL", "C")
            .arg("--option=APT::Update::Error-Mode=any")
            .args(args);
        match process::output(&mut command) {
            Ok(_) => Ok(()),
            Err(output) => Err(first_error(&output)),
        }
    }

    fn downloaded(&self) -> Result<Vec<PathBuf>, String> {
        let archives = self.folder.join("cache/archives");
        let entries = fs::read_dir(&archives)
            .map_err(|error| format!("cannot read {}: {error}", archives.display()))?;
        Ok(entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension() == Some(OsStr::new("deb")))
            .collect())
    }

    fn configuration(&self) -> Result<String, String> {
        let system = process::output(Command::new("apt-config").arg("dump"))?;
        let folder = self.folder.display();
        let architecture = self.architecture;
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
        fs::write(&path, content)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
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
