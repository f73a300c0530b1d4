//! The linter for GDScript, gdlint of gdtoolkit. `gdlintrc` in the top folder has its rules.

use std::process::Command;

use anyhow::{Context, Result};
use provision::cache::SetUp;
use provision::process::output;

use crate::process;
use crate::project::Project;
use crate::tally::Tally;

const VERSION: &str = "4.5.0";

/// The folders of the project's scripts. The copy of the addon in `godot-project/addons` is
/// generated.
const FOLDERS: [&str; 5] = [
    "addons",
    "godot-project/benchmarks",
    "godot-project/demo",
    "godot-project/examples",
    "godot-project/tests",
];

/// Where a virtual environment has its Python.
const PYTHON: &str = if cfg!(windows) {
    "Scripts/python.exe"
} else {
    "bin/python"
};

/// Checks every script, and counts that as one check.
pub fn run(project: &Project, tally: &mut Tally) {
    const NAME: &str = "gdlint";
    process::announce(NAME);
    let mut gdlint = match set_up() {
        Ok(gdlint) => gdlint,
        Err(error) => return tally.skip(NAME, format!("{error:#}")),
    };
    gdlint.current_dir(project.root()).args(FOLDERS);
    tally.check(NAME, process::run(&mut gdlint));
}

/// The linter, in a virtual environment in the user's cache.
fn set_up() -> Result<Command> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let folder = SetUp {
        name: &format!("gdtoolkit-{VERSION}"),
        what: "gdlint (10 MB to download, once)",
        is_ready: &|folder| folder.join(PYTHON).exists(),
        fill: &|folder, work| {
            let venv = output(Command::new(python).args(["-m", "venv"]).arg(folder));
            let mut pip = Command::new(folder.join(PYTHON));
            pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
                .arg("--disable-pip-version-check")
                .arg(format!("gdtoolkit=={VERSION}"))
                .env("HOME", work);
            venv.and_then(|_| output(&mut pip)).with_context(|| {
                format!(
                    "cannot install gdtoolkit, which needs {python} with venv (on Debian \
                     `apt-get install python3-venv`) and the network"
                )
            })?;
            Ok(())
        },
    }
    .folder()?;
    // The programs in the environment name the folder that it was made in; the interpreter does
    // not.
    let mut gdlint = Command::new(folder.join(PYTHON));
    gdlint.args(["-m", "gdtoolkit.linter"]);
    Ok(gdlint)
}
