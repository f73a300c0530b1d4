//! The class documentation: that it is complete, and agrees with the classes.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::engine::Engine;
use crate::folder;
use crate::manual;
use crate::project::Project;
use crate::tally::Tally;

const FOLDER: &str = "doc_classes";

const UP_TO_DATE: &str = "the class documentation against the classes";

/// The command that writes the documentation's skeleton again, and keeps the texts.
const UPDATE: &str = "cargo xtask godot -- --headless --path godot-project --doctool ../addons/stream_peer_socket_rs \
                      --gdextension-docs";

/// Tests the documentation, and counts the tests.
pub fn test(engine: &Engine, tally: &mut Tally) {
    tally.check(
        "a description of every member",
        each_described(engine.project),
    );
    tally.check(UP_TO_DATE, up_to_date(engine));
    tally.check(
        "docs/classes against the class documentation",
        manual::check_classes(engine),
    );
}

fn each_described(project: &Project) -> Result<()> {
    let mut lacking = Vec::new();
    for (file, text) in folder::texts(&project.addon().join(FOLDER))? {
        let lines = undescribed(&text).into_iter();
        lacking.extend(lines.map(|line| format!("{file}:{line} has no description")));
    }
    ensure!(lacking.is_empty(), lacking.join("\n        "));
    Ok(())
}

/// The numbers of the lines at which an empty element begins that should hold a text. Godot writes
/// an empty element as two lines.
fn undescribed(text: &str) -> Vec<usize> {
    const ELEMENTS: [&str; 4] = ["brief_description", "description", "member", "constant"];
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let is_empty = |begin: &str, end: &str| {
        ELEMENTS.iter().any(|element| {
            begin.starts_with(&format!("<{element}")) && end == format!("</{element}>")
        })
    };
    let pairs = (1..).zip(lines.windows(2));
    pairs
        .filter(|(_, pair)| is_empty(pair[0], pair[1]))
        .map(|(number, _)| number)
        .collect()
}

/// Makes Godot write the documentation from its classes and the existing texts: nothing may change.
fn up_to_date(engine: &Engine) -> Result<()> {
    let addon = engine.project.addon();
    let committed = folder::texts(&addon.join(FOLDER))?;
    let scratch = engine.project.target().join("class-docs");
    folder::replace(&scratch, |folder| {
        folder::copy(&addon.join(FOLDER), &folder.join(FOLDER))
    })?;
    let mut command = engine.command(&engine.project.godot_project());
    command
        .arg("--doctool")
        .arg(&scratch)
        .arg("--gdextension-docs");
    engine.run(UP_TO_DATE, &mut command, |_| ())?;
    let generated = folder::texts(&scratch.join(FOLDER))?;
    let files: BTreeSet<_> = committed.keys().chain(generated.keys()).collect();
    let mut changed = Vec::from_iter(files);
    changed.retain(|file| committed.get(*file) != generated.get(*file));
    ensure!(
        changed.is_empty(),
        "{changed:?} differ from the classes; write them with `{UPDATE}`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_elements_are_found() {
        let text = "\
<class>
\t<brief_description>
\t\tSomething.
\t</brief_description>
\t<description>
\t</description>
\t<constant name=\"A\" value=\"0\">
\t</constant>
\t<member name=\"c\" type=\"int\">
\t</member>
\t<constants>
\t</constants>
\t<constant name=\"B\" value=\"1\">
\t\tText.
\t</constant>
</class>";
        assert_eq!(undescribed(text), [5, 7, 9]);
        assert_eq!(undescribed(""), [0; 0]);
    }
}
