//! Reads the outputs of Godot and of cargo.

use std::env::consts::DLL_PREFIX;

/// Texts in Godot's output that report a problem, which the exit code may not report.
const PROBLEMS: [&str; 12] = [
    // Errors of the engine, of scripts and shaders, libraries that do not load, and `push_error`.
    "ERROR:",
    // Warnings of the engine, and `push_warning`.
    "WARNING:",
    "SCRIPT ERROR",
    "Parse Error",
    "Program crashed",
    // The engine prints this for each byte of a text that is not UTF-8. Such a text comes from a
    // peer.
    "Unicode parsing error",
    // A panic in Rust code.
    "panicked at",
    // The same in the words of gdext.
    "[panic",
    // Objects that were left when the engine had ended.
    "leaked at exit",
    "Leaked instance",
    "still in use at exit",
    "unclaimed string names",
];

/// Warnings about the machine, which Godot prints without the addon, too.
const OF_THE_MACHINE: [&str; 1] = [
    // A virtual screen has no vertical synchronisation.
    "WARNING: Could not set V-Sync mode",
];

/// Whether a line of Godot's output reports an error, a warning, a crash or a leak.
pub fn is_problem(line: &str) -> bool {
    let has_one_of = |texts: &[&str]| texts.iter().any(|text| line.contains(text));
    has_one_of(&PROBLEMS) && !has_one_of(&OF_THE_MACHINE)
}

/// Whether this is the output of a Godot that crashed in its own code: its list of the functions
/// that were being called names none of the addon's library.
pub fn is_crash_of_godot(lines: &[String]) -> bool {
    let library = format!("{DLL_PREFIX}stream_peer_socket_rs");
    let mut functions = lines
        .iter()
        .skip_while(|line| !line.contains("Program crashed"))
        .take_while(|line| !line.contains("END OF C++ BACKTRACE"))
        .filter(|line| line.starts_with('['))
        .peekable();
    functions.peek().is_some() && functions.all(|line| !line.contains(&library))
}

/// How many tests of a suite passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(out, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Reads the summary of the tests in Godot: `N passed, N failed`, after an optional `N skipped`.
pub fn suite_summary(line: &str) -> Option<Counts> {
    let line = line.trim();
    if let Some(skipped) = line.strip_suffix(" skipped") {
        let skipped = skipped.parse().ok()?;
        return Some(Counts {
            skipped,
            ..Counts::default()
        });
    }
    let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some(Counts {
        passed: passed.parse().ok()?,
        failed: failed.parse().ok()?,
        skipped: 0,
    })
}

/// Reads a summary of `cargo test`: `test result: ok. N passed; N failed; N ignored; ...`.
pub fn cargo_summary(line: &str) -> Option<Counts> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ");
    let mut next = |what| counts.next()?.strip_suffix(what)?.parse().ok();
    Some(Counts {
        passed: next(" passed")?,
        failed: next(" failed")?,
        skipped: next(" ignored")?,
    })
}

/// Whether a test of the core reports on this line that it was skipped. Cargo counts it as passed.
pub fn is_skipped(line: &str) -> bool {
    line.starts_with("SKIPPED ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_seen() {
        for line in [
            "ERROR: Can't open dynamic library: /x.so.",
            "USER ERROR: pushed",
            "WARNING: something to know",
            "USER WARNING: pushed",
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
            "WARNING: Could not set V-Sync mode, as changing V-Sync mode is not supported by the graphics driver.",
            "12 passed, 0 failed",
        ] {
            assert!(!is_problem(line), "{line}");
        }
    }

    #[test]
    fn the_suites_summary_is_read() {
        let counts = |passed, failed, skipped| Counts {
            passed,
            failed,
            skipped,
        };
        assert_eq!(suite_summary("12 passed, 3 failed"), Some(counts(12, 3, 0)));
        assert_eq!(suite_summary("ok test_1 passed, 3 failed"), None);
        assert_eq!(suite_summary("12 passed"), None);
        assert_eq!(suite_summary("2 skipped"), Some(counts(0, 0, 2)));
    }

    #[test]
    fn a_crash_is_that_of_the_library_if_it_is_in_the_backtrace() {
        let crash = |functions: &[&str]| {
            let lines = [
                &["handle_crash: Program crashed with signal 11"],
                functions,
                &[
                    "-- END OF C++ BACKTRACE --",
                    "[0] _ready (res://libstream_peer_socket_rs.gd:3)",
                ],
            ];
            let lines = lines.concat().into_iter().map(str::to_owned);
            is_crash_of_godot(&lines.collect::<Vec<_>>())
        };
        let of_godot = "[1] /usr/bin/godot(+0x5dfde76) [0x7fcb55bfde76] (??:0)";
        let of_library =
            format!("[2] /p/{DLL_PREFIX}stream_peer_socket_rs.so(+0x197b) [0x7f] (??:0)");
        assert!(crash(&[of_godot, of_godot]));
        assert!(!crash(&[of_godot, &of_library, of_godot]));
        assert!(!crash(&[]), "nobody knows where");
        assert!(!is_crash_of_godot(&[of_godot.into()]), "no crash");
    }

    #[test]
    fn cargos_summary_is_read() {
        let line = "test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out";
        let counts = Counts {
            passed: 4,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(cargo_summary(line), Some(counts));
        assert_eq!(counts.to_string(), "4 passed, 1 failed, 2 skipped");
        assert_eq!(cargo_summary("test a ... ok"), None);
    }
}
