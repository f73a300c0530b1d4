//! The table of situations in the documentation.

use crate::marked::{self, Marks};
use crate::project::Project;
use crate::result::Result;

use super::outcome::Case;

const MARKS: Marks = Marks {
    begin: "<!-- What follows is written by `cargo xtask situations`. -->\n",
    end: "<!-- What precedes is written by `cargo xtask situations`. -->\n",
};

/// Writes the table.
pub fn write(project: &Project, rows: &[(&str, Vec<Case>)]) -> Result<()> {
    marked::replace(
        &project.root().join("docs/reliability.md"),
        &MARKS,
        &table(rows),
    )
}

/// Cases of a situation that ended alike share a line. Those that only ours knows, and that work, are left out.
fn table(rows: &[(&str, Vec<Case>)]) -> String {
    let mut table = line("situation", "engine", "ours") + "\n" + &line("---", "---", "---") + "\n";
    for (situation, cases) in rows {
        let alike = |one: &Case, other: &Case| {
            one.engine.words == other.engine.words && one.ours.words == other.ours.words
        };
        let mut told: Vec<&Case> = Vec::new();
        for case in cases {
            let only_ours = case.engine.words.starts_with("has no ") && case.ours.words == "works";
            if only_ours || told.iter().any(|one| alike(one, case)) {
                continue;
            }
            told.push(case);
            let names = cases.iter().filter(|other| alike(case, other));
            let names: Vec<_> = names.map(|other| other.name.as_str()).collect();
            let name = format!("{situation}: {}", names.join(", "));
            table += &line(&name, &case.engine.words, &case.ours.words);
            table.push('\n');
        }
    }
    table
}

/// A line of it.
pub fn line(name: &str, engine: &str, ours: &str) -> String {
    format!("| {name} | {engine} | {ours} |")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::situations::outcome::Outcome;

    #[test]
    fn cases_that_ended_alike_share_a_line() {
        let outcome = |words: &str| Outcome {
            score: 100,
            words: words.into(),
        };
        let case = |name: &str, ours| Case {
            name: name.into(),
            engine: outcome("works"),
            ours: outcome(ours),
        };
        let cases = vec![case("a", "works"), case("b", "refused"), case("c", "works")];
        let table = table(&[("no hosts", cases)]);
        let lines: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| no hosts: a, c | works | works |",
                "| no hosts: b | works | refused |"
            ]
        );
    }
}
