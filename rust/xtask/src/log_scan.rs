//! What the outputs of Godot and of cargo say about a run.

/// Texts that stand in Godot's output only when something went wrong that its exit code does not tell of.
const PROBLEMS: [&str; 10] = [
    // Errors of the engine, of scripts and shaders, libraries that do not load, and `push_error`.
    "ERROR:",
    "SCRIPT ERROR",
    "Parse Error",
    "Program crashed",
    // A panic in Rust code.
    "panicked at",
    // The same in the words of gdext.
    "[panic",
    // What was still there when the engine had ended.
    "leaked at exit",
    "Leaked instance",
    "still in use at exit",
    "unclaimed string names",
];

/// Whether a line of Godot's output reports an error, a crash or a leak.
pub fn is_problem(line: &str) -> bool {
    PROBLEMS.iter().any(|problem| line.contains(problem))
}

/// Reads the summary of the suite of tests in Godot: `N passed, N failed`.
pub fn suite_summary(line: &str) -> Option<(usize, usize)> {
    let (passed, failed) = line
        .trim()
        .strip_suffix(" failed")?
        .split_once(" passed, ")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}

/// Reads a summary of `cargo test`: `test result: ok. N passed; N failed; ...`.
pub fn cargo_summary(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ");
    let passed = counts.next()?.strip_suffix(" passed")?;
    let failed = counts.next()?.strip_suffix(" failed")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_seen() {
        for line in [
            "ERROR: Can't open dynamic library: /x.so.",
            "USER ERROR: pushed",
            "SCRIPT ERROR: Invalid call.",
            "   SCRIPT ERROR: Parse Error: Identifier not declared.",
            "handle_crash: Program crashed with signal 11",
            "thread 'main' panicked at src/lib.rs:1:2:",
            "WARNING: ObjectDB instances leaked at exit (run with --verbose for details).",
            "Leaked instance: RefCounted:123 - Reference count: 1",
            "ERROR: 2 resources still in use at exit (run with --verbose for details).",
            "ERROR: 1 RID allocations of type 'P11Body' were leaked at exit.",
            "StringName: 3 unclaimed string names at exit.",
        ] {
            assert!(is_problem(line), "{line}");
        }
    }

    #[test]
    fn ordinary_lines_are_not_problems() {
        for line in [
            "",
            "Godot Engine v4.6.3.stable.official - https://godotengine.org",
            "ok      own/test_x.gd test_errors_leave_no_descriptor_leaked [ours]",
            "WARNING: something to know",
            "12 passed, 0 failed",
        ] {
            assert!(!is_problem(line), "{line}");
        }
    }

    #[test]
    fn the_suites_summary_is_read() {
        assert_eq!(suite_summary("12 passed, 3 failed"), Some((12, 3)));
        assert_eq!(suite_summary("ok test_1 passed, 3 failed"), None);
        assert_eq!(suite_summary("12 passed"), None);
        assert_eq!(suite_summary("2 skipped"), None);
    }

    #[test]
    fn cargos_summary_is_read() {
        let line = "test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out";
        assert_eq!(cargo_summary(line), Some((4, 1)));
        assert_eq!(cargo_summary("test a ... ok"), None);
    }
}
