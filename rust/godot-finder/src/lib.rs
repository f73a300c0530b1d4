//! Finds a Godot to run: the user's choice, one on `PATH`, or one that is set up for this user
//! alone.

mod debian;
mod requirement;
mod screen;
mod templates;

use std::env;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use provision::process;

pub use screen::Screen;
pub use templates::Templates;

/// A Godot that is known to start and to be recent enough.
#[derive(Clone)]
pub struct Godot {
    program: PathBuf,
}

impl Godot {
    /// The user's choice, else one on `PATH`, else one that is set up for this user alone. The
    /// error tells the user what failed and what to do about it.
    pub fn find() -> Result<Self> {
        if let Some(chosen) = env::var_os("GODOT4_BIN").filter(|value| !value.is_empty()) {
            return Self::chosen(Path::new(&chosen));
        }
        let on_path = ["godot4", "godot"]
            .into_iter()
            .filter_map(process::on_path)
            .find(|program| requirement::check(program).is_ok());
        let program = match on_path {
            Some(program) => program,
            None => debian::godot()?,
        };
        Ok(Self { program })
    }

    /// The Godot at this path, if it is one.
    pub fn at(program: &Path) -> Result<Self> {
        requirement::check(program)?;
        Ok(Self {
            program: program.into(),
        })
    }

    /// Debian's Godot for another `architecture`, as Debian names it, started through the program
    /// `emulator`.
    pub fn emulated(architecture: &str, emulator: &Path) -> Result<Self> {
        let program = debian::emulated(architecture, emulator)?;
        Ok(Self { program })
    }

    /// The user's own choice is used or refused. A silent fallback would run another Godot than the
    /// user expects.
    fn chosen(chosen: &Path) -> Result<Self> {
        let program = match chosen.to_str() {
            Some(name) if chosen.components().count() == 1 => process::on_path(name),
            _ => path::absolute(chosen).ok(),
        };
        let program = program.unwrap_or_else(|| chosen.into());
        requirement::check(&program).context(
            "GODOT4_BIN cannot be used: set it to the program of a Godot 4.4 or later, or unset it",
        )?;
        Ok(Self { program })
    }

    /// The numbers of its version.
    pub fn version(&self) -> Result<String> {
        let version = requirement::check(&self.program)?;
        let parts: Vec<_> = version.split('.').collect();
        let is_number = |part: &&&str| part.parse::<u32>().is_ok();
        let numbers: Vec<_> = parts.iter().take_while(is_number).copied().collect();
        Ok(numbers.join("."))
    }

    /// Whether its version is `(major, minor)` or later.
    pub fn is_at_least(&self, (major, minor): (u32, u32)) -> Result<bool> {
        requirement::is_at_least(&self.program, requirement::Version(major, minor))
    }

    /// The program itself.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A command that starts this Godot in `folder`. Scripts that start another Godot find it in
    /// `GODOT4_BIN`, since a Godot that was set up for this user alone does not know its own path.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).env("GODOT4_BIN", &self.program);
        command
    }
}
