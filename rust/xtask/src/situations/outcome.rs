//! Reads how the cases ended from the output of the tasks, and compares the class trees.

use anyhow::{Result, bail, ensure};

/// The score of a class tree that ended the program or its task before it printed an outcome.
const ENDED: u32 = 0;

/// The outcome that `godot-project/tests/situations/situation.gd` prints for an engine without Unix
/// sockets.
const WITHOUT_UNIX: &str = "has no Unix sockets";

/// How a case ended for a class tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// A higher score is better; `godot-project/tests/situations/situation.gd` has the scale.
    pub score: u32,
    pub words: String,
}

/// How a case ended for both class trees.
#[derive(Debug, PartialEq)]
pub struct Case {
    pub name: String,
    pub engine: Outcome,
    pub ours: Outcome,
}

impl Case {
    /// Whether it needs a class that this engine lacks, so that only ours was tried.
    pub fn is_without_unix(&self) -> bool {
        self.engine.words == WITHOUT_UNIX
    }

    /// Whether ours is no worse than the engine's, and did not end the program.
    pub fn verdict(&self) -> Result<()> {
        let Self { engine, ours, .. } = self;
        ensure!(
            ours.score >= engine.score && ours.score > ENDED,
            "the engine: {}; ours: {}",
            engine.words,
            ours.words
        );
        Ok(())
    }
}

/// What was printed so far: class tree, case and outcome.
#[derive(Default)]
pub struct Outcomes {
    printed: Vec<(String, String, Outcome)>,
    ended: Vec<(String, String)>,
}

impl Outcomes {
    /// Reads a line: `SITUATION`, the class tree, the case, its score and its outcome in words,
    /// separated by tabs.
    pub fn read(&mut self, line: &str) {
        let mut parts = line.split('\t');
        if parts.next() != Some("SITUATION") {
            return;
        }
        let mut next = || parts.next().map(str::to_owned);
        if let (Some(tree), Some(case), Some(score), Some(words)) = (
            next(),
            next(),
            next().and_then(|score| score.parse().ok()),
            next(),
        ) {
            self.printed.push((tree, case, Outcome { score, words }));
        }
    }

    pub fn has(&self, tree: &str) -> bool {
        self.printed.iter().any(|(of, ..)| of == tree)
    }

    /// Records how a class tree ended the program.
    pub fn ended(&mut self, tree: &str, how: &str) {
        self.ended.push((tree.to_owned(), how.to_owned()));
    }

    /// The outcome of a case that a class tree did not print.
    fn without(&self, tree: &str) -> Outcome {
        let ended = self.ended.iter().find(|(of, _)| of == tree);
        Outcome {
            score: ENDED,
            words: ended.map_or("ended by a script error".into(), |(_, how)| how.clone()),
        }
    }

    /// Every case that a class tree printed.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let mut names: Vec<&String> = Vec::new();
        for (_, case, _) in &self.printed {
            if !names.contains(&case) {
                names.push(case);
            }
        }
        if names.is_empty() {
            let how = self.ended.first().map_or("", |(_, how)| how);
            bail!("no case was tried: {how}");
        }
        let of = |tree: &str, name: &String| {
            let mut printed = self.printed.iter();
            let outcome = printed.find(|(of, case, _)| of == tree && case == name);
            outcome.map_or_else(|| self.without(tree), |(.., outcome)| outcome.clone())
        };
        let case = |name: &String| Case {
            name: name.clone(),
            engine: of("engine", name),
            ours: of("ours", name),
        };
        Ok(names.into_iter().map(case).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_that_the_engine_lacks_are_recognised() {
        let [without, with] = &cases(&[
            "SITUATION\tengine\ta Unix socket\t30\thas no Unix sockets",
            "SITUATION\tengine\tTCP\t100\tworks",
            "SITUATION\tours\ta Unix socket\t100\tworks",
            "SITUATION\tours\tTCP\t100\tworks",
        ])[..] else {
            panic!("not two cases")
        };
        assert!(without.is_without_unix() && without.verdict().is_ok());
        assert!(!with.is_without_unix());
    }

    fn cases(lines: &[&str]) -> Vec<Case> {
        let mut outcomes = Outcomes::default();
        lines.iter().for_each(|line| outcomes.read(line));
        outcomes.ended("ours", "signal: 11 (SIGSEGV)");
        outcomes.cases().unwrap()
    }

    #[test]
    fn a_worse_outcome_fails_and_a_crash_always_does() {
        let [better, worse, both_fail, crashed] = &cases(&[
            "Godot Engine",
            "SITUATION\tengine\ta\t20\tpending for 6 s",
            "SITUATION\tengine\tb\t100\tworks",
            "SITUATION\tengine\tc\t30\trefused",
            "SITUATION\tengine\td\t0\tcrashed",
            "SITUATION\tours\ta\t30\trefused",
            "SITUATION\tours\tb\t99\t1 of 9 failed",
            "SITUATION\tours\tc\t30\trefused",
        ])[..] else {
            panic!("not four cases")
        };
        better.verdict().unwrap();
        both_fail.verdict().unwrap();
        assert!(worse.verdict().unwrap_err().to_string().contains("1 of 9"));
        assert!(
            crashed
                .verdict()
                .unwrap_err()
                .to_string()
                .contains("SIGSEGV")
        );
    }
}
