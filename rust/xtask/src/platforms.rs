//! The table of platforms in the README: what was seen of each, and no more.

use std::process::ExitCode;

use crate::dist::targets::{CHECKED, PLATFORMS};
use crate::marked::{self, Marks};
use crate::project::Project;
use crate::records::{self, Kind};
use crate::result::Result;

/// What the table stands between in the README.
const MARKS: Marks = Marks {
    begin: "<!-- What follows is written by `cargo xtask platforms`. -->\n",
    end: "<!-- What precedes is written by `cargo xtask platforms`. -->\n",
};

/// Prints the table, and writes it into the README.
pub fn run() -> Result<ExitCode> {
    let project = Project::find()?;
    let table = table(&project);
    print!("{table}");
    marked::replace(&project.root().join("README.md"), &MARKS, &table)?;
    Ok(ExitCode::SUCCESS)
}

/// The table of what was seen.
pub fn table(project: &Project) -> String {
    table_of(&|platform, kind| records::get(project, platform, kind))
}

fn table_of(seen: &dyn Fn(&str, Kind) -> Option<String>) -> String {
    let mut table = String::from(
        "| platform | library | runs in Godot | tests of the core | tests in Godot |\n| --- | --- | --- | --- | --- |\n",
    );
    let mut row = |title: &str, library: String, cells: [Option<String>; 3]| {
        let cells = cells.map(|cell| cell.unwrap_or_else(|| "not tried".into()));
        table += &format!("| {title} | {library} | {} |\n", cells.join(" | "));
    };
    for platform in &PLATFORMS {
        let of = |kind| seen(&platform.folder(), kind);
        let library = of(Kind::Built).unwrap_or_else(|| "not built".into());
        row(
            platform.title,
            library,
            [of(Kind::Loaded), of(Kind::CoreTests), of(Kind::GodotTests)],
        );
    }
    for (title, triple) in CHECKED {
        let library = match seen(triple, Kind::Checked) {
            Some(_) => "none; the code compiles",
            None => "none",
        };
        row(title, library.into(), [None, None, None]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_that_was_not_seen() {
        let table = table_of(&|_, _| None);
        for line in table.lines().skip(2) {
            assert!(
                line.contains("| not built |") || line.contains("| none |"),
                "{line}"
            );
            assert!(
                line.ends_with("| not tried | not tried | not tried |"),
                "{line}"
            );
        }
    }

    #[test]
    fn what_was_seen_is_said_of_its_platform_alone() {
        let table = table_of(&|platform, kind| {
            let is = platform == "linux-arm64" && kind == Kind::CoreTests;
            is.then(|| "3 passed".into())
        });
        let lines: Vec<_> = table
            .lines()
            .filter(|line| line.contains("3 passed"))
            .collect();
        assert_eq!(
            lines,
            ["| Linux arm64 | not built | not tried | 3 passed | not tried |"]
        );
    }
}
