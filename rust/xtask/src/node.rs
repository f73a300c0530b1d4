//! Packages of npm for Node.js, in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use provision::cache::SetUp;
use provision::process::{on_path, output};

/// The folder for the variable `NODE_PATH` with the package ws, after setting it up if necessary.
pub fn with_ws() -> Result<PathBuf> {
    let npm = on_path("npm").context("there is no npm")?;
    let modules = |folder: &Path| folder.join("node_modules");
    let folder = SetUp {
        name: "npm-ws-8.23.0",
        what: "ws of Node.js (1 MB to download, once)",
        is_ready: &|folder| modules(folder).join("ws").exists(),
        fill: &|folder, work| {
            let mut install = Command::new(&npm);
            install
                .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
                .arg(folder)
                .arg("ws@8.23.0")
                .env("npm_config_cache", work.join("cache"));
            output(&mut install).map(drop)
        },
    }
    .folder()?;
    Ok(modules(&folder))
}
