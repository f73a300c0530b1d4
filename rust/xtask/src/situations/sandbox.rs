//! Sandboxes, made of namespaces and a few lines of shell, for one program at a time.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::process;

/// How long a program may take in its sandbox.
const LIMIT: Duration = Duration::from_secs(60);

/// The exit code of a sandbox that cannot be made here.
const IMPOSSIBLE: u8 = 77;

/// A task in a sandbox.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Situation {
    pub name: String,
    /// A file and a method in `godot-project/tests/situations`.
    #[serde(default = "everything")]
    pub task: String,
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Whether the program has mounts of its own.
    #[serde(default)]
    mounts: bool,
    /// Whether it has mounts and a network of its own.
    #[serde(default)]
    network: bool,
    /// Commands of the shell that make the sandbox.
    #[serde(default)]
    setup: String,
    /// The command that starts the program, if there is one. `$DENIED` is a command that withholds
    /// system calls.
    #[serde(default)]
    wrapper: String,
    /// Whether it is left out of the short form.
    #[serde(default)]
    pub long: bool,
}

/// The default task: what a game does with sockets.
fn everything() -> String {
    "exchange.everything".into()
}

/// The situations of `situations.toml`.
pub fn situations() -> Vec<Situation> {
    #[derive(Deserialize)]
    struct Table {
        situation: Vec<Situation>,
    }
    let table: Table = toml::from_str(include_str!("situations.toml"))
        .expect("situations.toml has the form of `Situation`");
    table.situation
}

/// Why a program did not run to its end.
#[derive(Debug)]
pub enum RunError {
    /// The sandbox cannot be made here.
    Impossible(String),
    Failed(anyhow::Error),
}

/// Runs `program` in the sandbox, and passes on its lines.
pub fn run(
    situation: &Situation,
    program: &Command,
    place: &Path,
    mut on_line: impl FnMut(&str),
) -> std::result::Result<(), RunError> {
    let mut command = shell(situation);
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
    let status = process::watch_quietly(&mut command, LIMIT, |line| {
        on_line(line);
        line.clone_into(&mut last);
    })
    .map_err(RunError::Failed)?;
    let is_impossible = status.code() == Some(IMPOSSIBLE.into()) || last.starts_with("unshare: ");
    process::verdict(status).map_err(|reason| match is_impossible {
        true => RunError::Impossible(last),
        false => RunError::Failed(reason),
    })
}

/// A shell that sets up the sandbox and then runs its arguments in it. It is not replaced by the
/// program, since a signal cannot stop the first process of a namespace.
fn shell(situation: &Situation) -> Command {
    let Situation { setup, wrapper, .. } = situation;
    let functions = include_str!("setups.sh");
    let script = format!(
        "trap '[ -n \"$MADE\" ] || exit {IMPOSSIBLE}' EXIT\nset -e\nDENIED=\"$OWN denied\"\n{functions}\n\
         {setup}\nMADE=1\nset +e\n{wrapper} \"$@\"\nexit $?",
    );
    let mut command = Command::new("sh");
    if situation.mounts || situation.network {
        command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        if situation.network {
            command.arg("--net");
        }
        command.arg("sh");
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_situation_has_a_name_of_its_own() {
        let all = situations();
        let names: BTreeSet<_> = all.iter().map(|situation| &situation.name).collect();
        assert_eq!(names.len(), all.len());
    }
}
