//! Worlds: made of namespaces and a few lines of shell, for one program at a time.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::watch;

/// How long a program may take in its world.
const LIMIT: Duration = Duration::from_secs(60);

/// The exit code of a world that cannot be made here.
const IMPOSSIBLE: u8 = 77;

/// What a program finds around it.
pub struct World {
    /// Options of unshare(1); none for the world as it is.
    pub namespaces: &'static [&'static str],
    /// Lines of shell that make it, mostly of [`super::setups`].
    pub setup: &'static [&'static str],
    /// What the program is started through; `$DENIED` withholds system calls.
    pub through: &'static str,
}

/// Why a program has not come to its end.
#[derive(Debug)]
pub enum End {
    /// The world cannot be made here.
    Impossible(String),
    Failed(String),
}

/// Runs `program` in the world, and hands on its lines.
pub fn run(
    world: &World,
    program: &Command,
    place: &Path,
    mut on_line: impl FnMut(&str),
) -> std::result::Result<(), End> {
    let mut command = shell(world);
    command
        .arg(program.get_program())
        .args(program.get_args())
        .env("PLACE", place);
    if let Ok(own) = env::current_exe() {
        command.env("OWN", own);
    }
    if let Some(folder) = program.get_current_dir() {
        command.current_dir(folder);
    }
    for (name, value) in program.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let mut last = String::new();
    watch::run_quietly(&mut command, LIMIT, |line| {
        on_line(line);
        line.clone_into(&mut last);
    })
    .map_err(|reason| {
        if reason.ends_with(&format!("exit status: {IMPOSSIBLE}")) || last.starts_with("unshare: ")
        {
            End::Impossible(last)
        } else {
            End::Failed(reason)
        }
    })
}

/// A shell that makes the world and then runs its arguments in it. It stays, since the first
/// process of a namespace cannot be stopped by a signal.
fn shell(world: &World) -> Command {
    let script = format!(
        "trap '[ -n \"$MADE\" ] || exit {IMPOSSIBLE}' EXIT\nset -e\nDENIED=\"$OWN denied\"\n{}\n\
         MADE=1\nset +e\n{} \"$@\"\nexit $?",
        world.setup.join("\n"),
        world.through
    );
    let mut command = Command::new("sh");
    if !world.namespaces.is_empty() {
        command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(world.namespaces)
            .args(["sh"]);
    }
    command.args(["-c", &script, "sh"]);
    command
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
