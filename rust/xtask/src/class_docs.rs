//! The class documentation: that it is complete, and agrees with what the classes are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use godot_finder::Godot;

use crate::project::Project;
use crate::result::Result;
use crate::tally::Tally;
use crate::{folder, headless};

const FOLDER: &str = "doc_classes";

const UP_TO_DATE: &str = "the class documentation against the classes";

/// What writes the documentation's skeleton anew, keeping the texts.
const UPDATE: &str = "cargo xtask godot -- --headless --path godot-project --doctool ../addons/stream_peer_socket_rs \
                      --gdextension-docs";

/// Tests the documentation, and counts that.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    tally.check("a description of every member", each_described(project));
    tally.check(UP_TO_DATE, up_to_date(project, godot));
}

type Files = BTreeMap<String, String>;

fn each_described(project: &Project) -> Result<()> {
    let lacking: Vec<_> = read(&project.addon().join(FOLDER))?
        .iter()
        .flat_map(|(file, text)| {
            let lines = undescribed(text).into_iter();
            lines.map(move |line| format!("{file}:{line} has no description"))
        })
        .collect();
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(lacking.join("\n        "))
    }
}

/// The numbers of the lines at which an element begins that ought to hold a text and does not. Godot writes an empty
/// element as two lines.
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

/// Has Godot write the documentation from the classes it has loaded and the texts there are: nothing may change.
fn up_to_date(project: &Project, godot: &Godot) -> Result<()> {
    let committed = read(&project.addon().join(FOLDER))?;
    let scratch = project.target().join("class-docs");
    folder::replace(&scratch, |folder| {
        let folder = folder.join(FOLDER);
        fs::create_dir_all(&folder)?;
        committed
            .iter()
            .try_for_each(|(file, text)| fs::write(folder.join(file), text))
    })
    .map_err(|error| format!("cannot write {}: {error}", scratch.display()))?;
    let mut command = headless::command(project, godot, &project.godot_project());
    command
        .arg("--doctool")
        .arg(&scratch)
        .arg("--gdextension-docs");
    headless::run(project, UP_TO_DATE, &mut command, |_| ())?;
    let generated = read(&scratch.join(FOLDER))?;
    let files: BTreeSet<_> = committed.keys().chain(generated.keys()).collect();
    let changed: Vec<_> = files
        .into_iter()
        .filter(|file| committed.get(*file) != generated.get(*file))
        .map(String::as_str)
        .collect();
    if changed.is_empty() {
        Ok(())
    } else {
        let changed = changed.join(", ");
        Err(format!(
            "not what the classes are in {changed}; write it anew with `{UPDATE}`"
        ))
    }
}

fn read(folder: &Path) -> Result<Files> {
    let read = || -> io::Result<Files> {
        fs::read_dir(folder)?
            .map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok((name, fs::read_to_string(entry.path())?))
            })
            .collect()
    };
    read().map_err(|error| format!("cannot read {}: {error}", folder.display()))
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
