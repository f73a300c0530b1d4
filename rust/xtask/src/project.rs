//! Where things are: the folders of this checkout.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

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
        // Read at run time, since a checkout may move, and may share its target folder.
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .context("this program has to be started as `cargo xtask`")?;
        let root = Path::new(&package)
            .ancestors()
            .nth(2)
            .context("the xtask package is not in the workspace's rust/xtask")?;

        // Cargo puts this program into the target folder, which its configuration may move.
        let program = env::current_exe()?;
        let target = program
            .ancestors()
            .nth(2)
            .context("this program is not in a target folder of cargo")?;

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
