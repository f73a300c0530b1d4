//! Running other programs.

use std::process::{Command, ExitCode};

use crate::result::Result;

/// Runs a program to its end on this terminal; the result is whether it succeeded.
pub fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command
        .status()
        .map_err(|error| not_started(command, &error))?;
    Ok(status.success())
}

/// Prints a headline for the program that runs next.
pub fn announce(name: &str) {
    println!("\n--- {name}");
}

/// Runs a program in this one's place, so that signals reach it and its exit code is what the caller sees. Comes back
/// only if that fails, or on a system where it cannot be done.
pub fn replace(command: &mut Command) -> Result<ExitCode> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(not_started(command, &error))
    }
    #[cfg(not(unix))]
    {
        let status = command
            .status()
            .map_err(|error| not_started(command, &error))?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start {}: {error}", command.get_program().display())
}
