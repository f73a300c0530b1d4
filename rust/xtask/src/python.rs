//! Programs from the Python Package Index, each in a virtual environment in the user's cache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use provision::cache::SetUp;
use provision::process::output;

/// Where a virtual environment has its programs, and its Python.
const PROGRAMS: &str = if cfg!(windows) { "Scripts" } else { "bin" };
const PYTHON: &str = if cfg!(windows) {
    "python.exe"
} else {
    "python"
};

/// Packages in a virtual environment.
pub struct Environment {
    /// The name, which has to change with the packages.
    pub name: &'static str,
    /// What is set up and how much is downloaded, for the person at the terminal.
    pub what: &'static str,
    /// The packages with their versions.
    pub packages: &'static [&'static str],
}

impl Environment {
    /// `python -m MODULE`. The programs in the environment contain the path that it was created at;
    /// the interpreter does not.
    pub fn module(&self, module: &str) -> Result<Command> {
        let mut command = Command::new(self.python()?);
        command.args(["-m", module]);
        Ok(command)
    }

    /// A program of the environment. It is passed to the interpreter, because its first line has
    /// the path that the environment was created at.
    pub fn program(&self, name: &str) -> Result<Command> {
        let program = self.programs()?.join(name);
        if !fs::read(&program)?.starts_with(b"#!") {
            return Ok(Command::new(program));
        }
        let mut command = Command::new(self.python()?);
        command.arg(program);
        Ok(command)
    }

    /// The interpreter, after setting it up if necessary.
    pub fn python(&self) -> Result<PathBuf> {
        Ok(self.programs()?.join(PYTHON))
    }

    /// The folder of the programs, after setting it up if necessary.
    fn programs(&self) -> Result<PathBuf> {
        let python = if cfg!(windows) { "python" } else { "python3" };
        let own_python = |folder: &std::path::Path| folder.join(PROGRAMS).join(PYTHON);
        let folder = SetUp {
            name: self.name,
            what: self.what,
            is_ready: &|folder| own_python(folder).exists(),
            fill: &|folder, work| {
                let venv = output(Command::new(python).args(["-m", "venv"]).arg(folder));
                let mut pip = Command::new(own_python(folder));
                pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
                    .arg("--disable-pip-version-check")
                    .args(self.packages)
                    .env("HOME", work);
                venv.and_then(|_| output(&mut pip)).with_context(|| {
                    format!(
                        "cannot install {}, which needs {python} with venv (on Debian `apt-get \
                         install python3-venv`) and the network",
                        self.packages.join(" ")
                    )
                })?;
                Ok(())
            },
        }
        .folder()?;
        Ok(folder.join(PROGRAMS))
    }
}
