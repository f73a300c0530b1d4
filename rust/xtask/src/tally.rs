//! Counting what passed and what failed, over several suites and checks.

use std::process::ExitCode;

use crate::log_scan::Counts;
use crate::result::Result;

/// The counts so far, and the reasons for each failure.
#[derive(Debug, Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    failures: Vec<String>,
}

impl Tally {
    /// Counts the tests of a suite that has said itself which of them failed. The suite is a check, too: that its program
    /// succeeded, as `outcome` says, and that it has counted a test.
    pub fn suite(&mut self, name: &str, counts: Counts, outcome: Result<()>) {
        let Counts {
            passed,
            failed,
            skipped,
        } = counts;
        self.skipped += skipped;
        self.passed += passed;
        self.failed += failed;
        if failed > 0 {
            self.failures.push(format!("{name}: {failed} failed"));
        }
        let some_ran = || match passed + failed {
            0 => Err("no test was run, or none counted".into()),
            _ => Ok(()),
        };
        self.check(name, outcome.and_then(|()| some_ran()));
    }

    /// Counts a check that stands for itself.
    pub fn check(&mut self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(reason) => {
                self.failed += 1;
                self.failures.push(format!("{name}: {reason}"));
            }
        }
    }

    /// Counts a check that cannot be made here, and says why.
    pub fn skip(&mut self, name: &str, reason: &str) {
        println!("SKIPPED {name}: {reason}");
        self.skipped += 1;
    }

    /// Prints every failure once more, then as the last line the counts, which the exit code agrees with. Nothing
    /// passed is no success.
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
    use super::*;

    #[test]
    fn success_takes_something_passed_and_nothing_failed() {
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
        tally.check("another", Err("broken".into()));
        tally.suite("a bad suite", counts(1, 2), Err("ended".into()));
        assert_eq!((tally.passed, tally.failed), (5, 4));
        tally.suite("an empty suite", counts(0, 0), Ok(()));
        assert!(!tally.is_success());
        assert_eq!(
            tally.failures,
            [
                "another: broken",
                "a bad suite: 2 failed",
                "a bad suite: ended",
                "an empty suite: no test was run, or none counted",
            ]
        );
    }
}
