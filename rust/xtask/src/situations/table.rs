//! The table of situations in the documentation.

use crate::folder;
use crate::project::Project;
use anyhow::Result;

use super::outcome::Case;

/// Writes the table.
pub fn write(project: &Project, rows: &[(&str, Vec<Case>)]) -> Result<()> {
    let page = project.root().join("docs/reliability.md");
    folder::replace_marked(&page, "situations", &table(rows))
}

/// Cases of a situation with equal outcomes share a line, which names them unless these are all
/// cases. Cases that work, and that the engine does not have, are left out.
fn table(rows: &[(&str, Vec<Case>)]) -> String {
    let mut table = line("situation", "engine", "ours") + "\n" + &line("---", "---", "---") + "\n";
    for (situation, cases) in rows {
        let is_compared =
            |case: &&Case| !case.engine.words.starts_with("has no ") || case.ours.words != "works";
        let compared: Vec<&Case> = cases.iter().filter(is_compared).collect();
        let mut remaining = compared.clone();
        while let Some(first) = remaining.first().copied() {
            let (alike, others): (Vec<_>, Vec<_>) = remaining.into_iter().partition(|case| {
                case.engine.words == first.engine.words && case.ours.words == first.ours.words
            });
            let names: Vec<_> = alike.iter().map(|case| case.name.as_str()).collect();
            let name = if alike.len() == compared.len() {
                (*situation).to_owned()
            } else {
                format!("{situation}: {}", names.join("; "))
            };
            table += &(line(&name, &first.engine.words, &first.ours.words) + "\n");
            remaining = others;
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
        let some = vec![case("a", "works"), case("b", "refused"), case("c", "works")];
        let all = vec![case("a", "works"), case("b", "works")];
        let table = table(&[("no hosts", some), ("no disk", all)]);
        let lines: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| no hosts: a; c | works | works |",
                "| no hosts: b | works | refused |",
                "| no disk | works | works |",
            ]
        );
    }
}
