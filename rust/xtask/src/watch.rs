//! Running a program under watch: its output is shown and read line by line, and it may not run for ever.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::result::Result;

/// How long it may take until the end of a program is noticed that has left its output open to a child of its own.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Runs a program without input and hands each line of its output, standard and error, to `on_line`. The error is why
/// it did not succeed.
pub fn run(command: &mut Command, limit: Duration, mut on_line: impl FnMut(&str)) -> Result<()> {
    run_quietly(command, limit, |line| {
        println!("{line}");
        on_line(&without_escape_codes(line));
    })
}

/// The same without showing the output, whose lines are handed on as they are.
pub fn run_quietly(
    command: &mut Command,
    limit: Duration,
    mut on_line: impl FnMut(&str),
) -> Result<()> {
    let started = start(command);
    let (mut child, output) = started
        .map_err(|error| format!("cannot start {}: {error}", command.get_program().display()))?;
    let lines = lines_of(output);
    let deadline = Instant::now() + limit;
    let mut ended = None;
    loop {
        match lines.recv_timeout(LOOK_AGAIN) {
            Ok(line) => on_line(&line),
            Err(error) => {
                // It is over when the program has ended, and so has the output or, for a while, everything on it.
                if let Some(status) = ended {
                    return verdict(status);
                }
                ended = child.try_wait().map_err(|error| error.to_string())?;
                if error == RecvTimeoutError::Disconnected && ended.is_none() {
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("still running after {} s, killed", limit.as_secs()));
        }
    }
}

fn start(command: &mut Command) -> io::Result<(Child, PipeReader)> {
    let (output, input) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input);
    let child = command.spawn();
    // The command holds ends of the pipe, which would keep it open for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((child?, output))
}

fn lines_of(output: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output)
            .split(b'\n')
            .map_while(io::Result::ok)
        {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn verdict(status: ExitStatus) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        // "exit status: 1", or "signal: 11 (SIGSEGV)".
        Err(format!("ended with {status}"))
    }
}

/// The text of a line without the codes (ECMA-48, CSI sequences) that colour it.
fn without_escape_codes(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find(|character| ('@'..='~').contains(&character));
        text + end.map_or("", |end| &part[end + 1..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_codes_are_taken_out() {
        let coloured = "[ \u{1b}[90m\u{1b}[1mscan\u{1b}[22m | done\u{1b}[39m\u{1b}[0m";
        assert_eq!(without_escape_codes(coloured), "[ scan | done");
        assert_eq!(without_escape_codes("plain"), "plain");
        assert_eq!(without_escape_codes("cut off \u{1b}[1;3"), "cut off ");
    }

    #[cfg(unix)]
    fn shell(script: &str, limit: Duration) -> (Result<()>, Vec<String>) {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        let result = run(command.args(["-c", script]), limit, |line| {
            lines.push(line.to_owned());
        });
        (result, lines)
    }

    #[cfg(unix)]
    const LONG: Duration = Duration::from_secs(60);

    #[cfg(unix)]
    #[test]
    fn both_outputs_are_read_to_the_end() {
        let (result, lines) = shell("echo one; echo two >&2; printf three", LONG);
        assert_eq!(result, Ok(()));
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_is_named() {
        let ended = |script| shell(script, LONG).0.unwrap_err();
        assert!(ended("exit 3").contains('3'));
        assert!(ended("kill -s SEGV $$").contains("SIGSEGV"));
        assert!(run(&mut Command::new("/nowhere"), LONG, |_| ()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let (result, lines) = shell("echo on; exec sleep 1000", Duration::from_millis(500));
        assert!(result.unwrap_err().contains("killed"));
        assert_eq!(lines, ["on"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_child_left_behind_holds_nothing_up() {
        let (result, lines) = shell("sleep 1000 & echo $!", LONG);
        assert_eq!(result, Ok(()));
        let stopped = Command::new("kill").args(&lines).status().unwrap();
        assert!(stopped.success());
    }
}
