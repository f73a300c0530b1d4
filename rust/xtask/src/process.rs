//! Running other programs.

use std::env;
use std::path::{self, Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::Result;

/// Runs a program to its end on this terminal; the result is whether it succeeded.
pub fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command
        .status()
        .map_err(|error| not_started(command, &error))?;
    Ok(status.success())
}

/// Runs a program to its end and returns what it printed: standard output if it succeeded, otherwise everything as the
/// error.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started(command, &error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
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

/// The full path of a program on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(&name))
        .find(|file| is_executable(file))
        .and_then(|file| path::absolute(file).ok())
}

fn is_executable(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.metadata()
            .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        file.is_file()
    }
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start {}: {error}", command.get_program().display())
}
