//! Archives whose bytes follow from the files in them alone: the same order, the same times, the same rights.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::result::Result;

/// The files of an archive, by their paths in it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Writes an archive.
pub fn write(path: &Path, files: &Files) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        // The first moment that the format knows.
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let write = || -> io::Result<()> {
        let mut archive = ZipWriter::new(File::create(path)?);
        for (name, content) in files {
            archive.start_file(name, options)?;
            archive.write_all(content)?;
        }
        archive.finish()?;
        Ok(())
    };
    write().map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Unpacks an archive into a folder.
pub fn unpack(path: &Path, folder: &Path) -> Result<()> {
    let unpack = || -> io::Result<()> {
        ZipArchive::new(File::open(path)?)?.extract(folder)?;
        Ok(())
    };
    unpack().map_err(|error| format!("cannot unpack {}: {error}", path.display()))
}

/// Reads all files below a folder, by their paths in it.
pub fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    add(folder, "", &mut files)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    Ok(files)
}

fn add(folder: &Path, prefix: &str, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
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
