//! Where things are: the folders of this checkout.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::result::Result;

/// The name of the addon's folder, of the binding's package, of the library and of the manifest.
pub const ADDON: &str = "stream_peer_socket_rs";

/// One checkout of the project.
pub struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// The checkout that `cargo xtask` was started from.
    pub fn find() -> Result<Self> {
        // Asked for at run time, not built in: a checkout that is moved, or shares its target folder, stays right.
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .ok_or("this program has to be started as `cargo xtask`")?;
        let root = Path::new(&package)
            .ancestors()
            .nth(2)
            .ok_or("the xtask package is not where the workspace has it")?;

        // Cargo puts this program beside everything else it builds, wherever its configuration says that is.
        let program = env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
        let target = program
            .ancestors()
            .nth(2)
            .ok_or("this program is not in a target folder of cargo")?;

        Ok(Self {
            root: root.into(),
            target: target.into(),
        })
    }

    /// The top folder, with the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder for everything generated; it has a folder per build profile.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The one manifest of the extension.
    pub fn manifest(&self) -> PathBuf {
        self.root.join(ADDON).with_extension("gdextension")
    }

    /// The part of the addon that is kept in the repository.
    pub fn addon(&self) -> PathBuf {
        self.root.join("addons").join(ADDON)
    }

    /// The demo project, which is also the one the tests run in.
    pub fn godot_project(&self) -> PathBuf {
        self.root.join("godot-project")
    }

    /// The complete addon, as the demo project uses it.
    pub fn staged_addon(&self) -> PathBuf {
        self.godot_project().join("addons").join(ADDON)
    }

    /// The cargo that started this program, in the top folder.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        cargo
    }
}
