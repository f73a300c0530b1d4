//! Counting what passed and what failed, over several suites and checks.

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::log_scan::Counts;

/// The counts so far, and the reasons for each failure.
#[derive(Debug, Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    failures: Vec<String>,
}

impl Tally {
    /// Counts the tests of a suite, and the suite as one more check: it passes if its program
    /// succeeded (the `outcome`) and ran at least one test.
    pub fn suite(&mut self, name: &str, counts: Counts, outcome: Result<()>) {
        self.passed += counts.passed;
        self.failed += counts.failed;
        self.skipped += counts.skipped;
        if counts.failed > 0 {
            self.failures
                .push(format!("{name}: {} failed", counts.failed));
        }
        let some_ran = || {
            ensure!(
                counts.passed + counts.failed > 0,
                "no test ran, or none was counted"
            );
            Ok(())
        };
        self.check(name, outcome.and_then(|()| some_ran()));
    }

    /// Counts all that another tally has counted.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }

    /// Counts a single check.
    pub fn check(&mut self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(reason) => {
                self.failed += 1;
                self.failures.push(format!("{name}: {reason:#}"));
            }
        }
    }

    /// Counts a check that is impossible here, and prints why.
    pub fn skip(&mut self, name: &str, reason: impl Display) {
        println!("SKIPPED {name}: {reason}");
        self.skipped += 1;
    }

    /// Prints every failure once more, and the counts as the last line. The run succeeds if
    /// something passed and nothing failed.
    pub fn finish(self) -> ExitCode {
        println!();
        for failure in &self.failures {
            println!("FAILED  {failure}");
        }
        if self.skipped > 0 {
            println!("{} skipped", self.skipped);
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.is_success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn is_success(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn success_requires_a_pass_and_no_failure() {
        let counts = |passed, failed| Counts {
            passed,
            failed,
            skipped: 0,
        };
        let mut tally = Tally::default();
        assert!(!tally.is_success());
        tally.suite("a suite", counts(2, 0), Ok(()));
        tally.check("a check", Ok(()));
        assert_eq!((tally.passed, tally.failed), (4, 0));
        assert!(tally.is_success());
        tally.check("another", Err(anyhow!("broken")));
        tally.suite("a bad suite", counts(1, 2), Err(anyhow!("ended")));
        assert_eq!((tally.passed, tally.failed), (5, 4));
        tally.suite("an empty suite", counts(0, 0), Ok(()));
        assert!(!tally.is_success());
        assert_eq!(
            tally.failures,
            [
                "another: broken",
                "a bad suite: 2 failed",
                "a bad suite: ended",
                "an empty suite: no test ran, or none was counted",
            ]
        );
    }
}
