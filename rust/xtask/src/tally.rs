//! Counting what passed and what failed, over several suites and checks.

use std::process::ExitCode;

use crate::Result;

/// The counts so far, and the reasons for each failure.
#[derive(Debug, Default)]
pub struct Tally {
    passed: usize,
    failed: usize,
    failures: Vec<String>,
}

impl Tally {
    /// Counts the tests of a suite that has said itself which of them failed.
    pub fn suite(&mut self, name: &str, passed: usize, failed: usize) {
        self.passed += passed;
        self.failed += failed;
        if failed > 0 {
            self.failures.push(format!("{name}: {failed} failed"));
        }
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

    /// Prints every failure once more, then as the last line the counts, which the exit code agrees with. Nothing
    /// passed is no success.
    pub fn finish(self) -> ExitCode {
        println!();
        for failure in &self.failures {
            println!("FAILED  {failure}");
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
        let mut tally = Tally::default();
        assert!(!tally.is_success());
        tally.suite("a suite", 2, 0);
        tally.check("a check", Ok(()));
        assert_eq!((tally.passed, tally.failed), (3, 0));
        assert!(tally.is_success());
        tally.check("another", Err("broken".into()));
        tally.suite("a bad suite", 1, 2);
        assert_eq!((tally.passed, tally.failed), (4, 3));
        assert!(!tally.is_success());
        assert_eq!(tally.failures, ["another: broken", "a bad suite: 2 failed"]);
    }
}
