//! Reproducible archives: the order, the times and the permissions of their files are fixed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err::{self as fs, File};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::folder;

/// The files of an archive, by their paths in it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Writes an archive.
pub fn write(path: &Path, files: &Files) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        // The earliest time of the format.
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(File::create(path)?);
    for (name, content) in files {
        archive.start_file(name, options)?;
        archive.write_all(content)?;
    }
    archive.finish()?;
    Ok(())
}

/// Unpacks an archive into a folder.
pub fn unpack(path: &Path, folder: &Path) -> Result<()> {
    Ok(ZipArchive::new(File::open(path)?)?.extract(folder)?)
}

/// Reads all files below a folder, by their paths in it.
pub fn read(folder: &Path) -> Result<Files> {
    let files = folder::files(folder)?.into_iter();
    let file = |path: PathBuf| {
        let content = fs::read(folder.join(&path))?;
        let name = path.to_string_lossy().replace('\\', "/");
        Ok((name, content))
    };
    files.map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_archive() {
        let folder = std::env::temp_dir().join(crate::folder::unique_name("xtask-archive"));
        fs::create_dir_all(&folder).unwrap();
        let files = Files::from([
            ("b/c.txt".into(), b"text".repeat(100)),
            ("a".into(), Vec::new()),
        ]);
        let (one, two) = (folder.join("1.zip"), folder.join("2.zip"));
        write(&one, &files).unwrap();
        write(&two, &files).unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());

        unpack(&one, &folder.join("out")).unwrap();
        assert_eq!(read(&folder.join("out")).unwrap(), files);
        fs::remove_dir_all(&folder).unwrap();
    }
}
