//! What the Asset Library and the Asset Store ask for: the fields, the icon and the screenshots, in one folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::package::VERSION;
use crate::photographs;
use crate::project::Project;
use crate::result::Result;

/// The fields, with `{VERSION}` where it belongs.
const FIELDS: &str = include_str!("store_fields.md");

/// Fills the folder `store` in the folder of `dist`, and returns its path.
pub fn write(project: &Project, folder: &Path) -> Result<PathBuf> {
    let store = folder.join("store");
    let write = || {
        let _ = fs::remove_dir_all(&store);
        fs::create_dir_all(&store)?;
        fs::write(
            store.join("fields.md"),
            FIELDS.replace("{VERSION}", VERSION),
        )?;
        for name in [photographs::ICON].into_iter().chain(photographs::PICTURES) {
            fs::copy(photographs::images(project).join(name), store.join(name))?;
        }
        Ok(())
    };
    write().map_err(|error: std::io::Error| format!("cannot fill {}: {error}", store.display()))?;
    Ok(store)
}
