//! Running other programs.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The interval of checks for the end of a program whose child keeps the output open.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// For how long the output must be silent after the end of such a program. Its last lines may still
/// be on their way.
const SILENCE: Duration = Duration::from_secs(3);

/// Prints a headline for the program that runs next.
pub fn announce(name: &str) {
    println!("\n--- {name}");
}

/// Runs a program to its end on this terminal. A failure of the program is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| not_started(command))?;
    verdict(status)
}

/// Runs a program in this one's place, so that signals reach it and the caller sees its exit code.
/// Returns only if that fails, or on a system that has no such call.
pub fn replace(command: &mut Command) -> Result<ExitCode> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(error).with_context(|| not_started(command))
    }
    #[cfg(not(unix))]
    {
        let status = command.status().with_context(|| not_started(command))?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// Runs a program without input, shows its output, and passes each line of it to `on_line`. A
/// program that runs for longer than `limit` is killed.
pub fn watch(command: &mut Command, limit: Duration, mut on_line: impl FnMut(&str)) -> Result<()> {
    let status = watch_quietly(command, limit, |line| {
        println!("{line}");
        on_line(&without_escape_codes(line));
    })?;
    verdict(status)
}

/// The same without showing the output, whose lines are passed on as they are. A failure of the
/// program is no error: see [`verdict`].
pub fn watch_quietly(
    command: &mut Command,
    limit: Duration,
    mut on_line: impl FnMut(&str),
) -> Result<ExitStatus> {
    let (mut child, output) = start(command).with_context(|| not_started(command))?;
    let lines = lines_of(output);
    let deadline = Instant::now() + limit;
    let mut ended = None;
    loop {
        let wait = if ended.is_some() {
            SILENCE
        } else {
            POLL_INTERVAL
        };
        match lines.recv_timeout(wait) {
            Ok(line) => on_line(&line),
            Err(error) => {
                // The run is over when the program has ended, and its output has ended or is
                // silent.
                if let Some(status) = ended {
                    return Ok(status);
                }
                ended = child.try_wait()?;
                if error == RecvTimeoutError::Disconnected && ended.is_none() {
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            bail!("still running after {} s, killed", limit.as_secs());
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
    // The command holds ends of the pipe, which would keep it open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((child?, output))
}

fn lines_of(output: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(output).split(b'\n');
        for line in lines.map_while(io::Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// An error if a program has failed.
pub fn verdict(status: ExitStatus) -> Result<()> {
    // "exit status: 1", or "signal: 11 (SIGSEGV)".
    ensure!(status.success(), "ended with {status}");
    Ok(())
}

fn not_started(command: &Command) -> String {
    format!("cannot start {}", command.get_program().display())
}

/// The text of a line without colour codes (ECMA-48, CSI sequences).
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
        let result = watch(command.args(["-c", script]), limit, |line| {
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
        result.unwrap();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_is_named() {
        let ended = |script| shell(script, LONG).0.unwrap_err().to_string();
        assert!(ended("exit 3").contains('3'));
        assert!(ended("kill -s SEGV $$").contains("SIGSEGV"));
        assert!(watch(&mut Command::new("/nowhere"), LONG, |_| ()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let (result, lines) = shell("echo on; exec sleep 1000", Duration::from_secs(5));
        assert!(result.unwrap_err().to_string().contains("killed"));
        assert_eq!(lines, ["on"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_surviving_grandchild_does_not_block_the_caller() {
        let (result, lines) = shell("sleep 1000 & echo $!", LONG);
        result.unwrap();
        let stopped = Command::new("kill").args(&lines).status().unwrap();
        assert!(stopped.success());
    }
}
