//! Running other programs and reading their output.

use std::env;
use std::io;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use fs_err as fs;

/// Runs a program to its end and returns what it printed to its standard output. If the program
/// fails, the error is everything that it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        bail!(text(&output.stdout) + &text(&output.stderr));
    }
    Ok(text(&output.stdout))
}

/// The last line of such an error.
pub fn last_line(error: &anyhow::Error) -> String {
    let output = format!("{error:#}");
    output.trim().lines().last().unwrap_or_default().into()
}

/// The full path of a program on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(&name))
        .find(|file| is_executable(file))
        .and_then(|file| path::absolute(file).ok())
}

/// Writes a script that can be started.
pub fn write_program(path: &Path, script: &str) -> io::Result<()> {
    fs::write(path, script)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
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
