//! The linter for GDScript, gdlint of gdtoolkit. `gdlintrc` in the top folder has its rules.

use crate::process;
use crate::project::Project;
use crate::python::Environment;
use crate::tally::Tally;

const GDTOOLKIT: Environment = Environment {
    name: "gdtoolkit-4.5.0",
    what: "gdlint (10 MB to download, once)",
    packages: &["gdtoolkit==4.5.0"],
};

/// The folders of the project's scripts. The copy of the addon in `godot-project/addons` is
/// generated.
const FOLDERS: [&str; 6] = [
    "addons",
    "godot-project/benchmarks",
    "godot-project/demo",
    "godot-project/examples",
    "godot-project/tests",
    "rust/xtask/src",
];

/// Checks every script, and counts that as one check.
pub fn run(project: &Project, tally: &mut Tally) {
    const NAME: &str = "gdlint";
    process::announce(NAME);
    let gdlint = GDTOOLKIT.module("gdtoolkit.linter");
    let outcome = gdlint
        .and_then(|mut gdlint| process::run(gdlint.current_dir(project.root()).args(FOLDERS)));
    tally.check(NAME, outcome);
}
