//! The width of comments: a line that is only a comment ends at column 100 at most.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::project::Project;
use crate::tally::Tally;
use crate::{folder, process};

/// The last column of a comment.
const WIDTH: usize = 100;

/// How many columns a tab takes.
const TAB: usize = 4;

/// Checks the comments in Rust, GDScript, Python, shell and TOML.
pub fn run(project: &Project, tally: &mut Tally) {
    process::announce("width of comments");
    tally.check("width of comments", check(project));
}

fn check(project: &Project) -> Result<()> {
    let mut faults = Vec::new();
    for file in files(project)? {
        let mark = match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => "//",
            Some("gd" | "py" | "sh" | "toml") => "#",
            _ => continue,
        };
        let text = fs::read_to_string(project.root().join(&file))?;
        let file = file.display();
        faults.extend(
            lines_too_wide(&text, mark)
                .map(|line| format!("{file}:{line}: the comment ends after column {WIDTH}")),
        );
    }
    ensure!(faults.is_empty(), faults.join("\n"));
    Ok(())
}

/// The files of the project, without what is generated: the staged addon, and Godot's cache.
fn files(project: &Project) -> Result<Vec<PathBuf>> {
    let mut files = vec!["Cargo.toml".into(), "deny.toml".into()];
    for folder in ["addons", "godot-project", "rust"] {
        let below = folder::files(&project.root().join(folder))?;
        files.extend(below.into_iter().map(|file| Path::new(folder).join(file)));
    }
    files.retain(|file| {
        let generated = [
            "godot-project/addons",
            "godot-project/.godot",
            "rust/fuzz/target",
        ];
        !generated.iter().any(|folder| file.starts_with(folder))
    });
    Ok(files)
}

/// The numbers of the lines that are only a comment, begun by `mark`, and too wide.
fn lines_too_wide(text: &str, mark: &str) -> impl Iterator<Item = usize> {
    let columns = |line: &str| -> usize {
        let width = |character| if character == '\t' { TAB } else { 1 };
        line.chars().map(width).sum()
    };
    let numbered = text.lines().enumerate();
    numbered
        .filter(move |(_, line)| line.trim_start().starts_with(mark) && columns(line) > WIDTH)
        .map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_has_a_hundred_columns() {
        let comment = format!("\t# {}", "ä".repeat(94));
        let text = format!("{comment}\n{comment}.\nprint(1) {comment}.\n");
        assert_eq!(Vec::from_iter(lines_too_wide(&text, "#")), [2]);
        assert_eq!(Vec::from_iter(lines_too_wide(&text, "//")), [0; 0]);
    }
}
