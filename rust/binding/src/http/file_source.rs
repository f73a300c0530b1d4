//! A file that is being sent, read through Godot, so that it may be in an exported game.

use godot::classes::FileAccess;
use godot::obj::Gd;

use crate::bridge::ObjectRef;

/// The maximum number of bytes per read.
const BLOCK: u64 = 64 * 1024;

/// A part of a file that is being sent.
pub(super) struct FileSource {
    id: u64,
    file: ObjectRef,
    left: u64,
}

impl FileSource {
    /// `count` bytes of `file` from its position on, for the request `id`.
    pub(super) fn new(id: u64, file: &Gd<FileAccess>, count: u64) -> FileSource {
        FileSource {
            id,
            file: ObjectRef::new(file),
            left: count,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The next bytes. None at the end, and if the file has become shorter.
    pub(super) fn read(&mut self) -> Vec<u8> {
        let count = self.left.min(BLOCK);
        if count == 0 {
            return Vec::new();
        }
        let mut file = self.file.to_gd().cast::<FileAccess>();
        let data = file.get_buffer(count as i64).to_vec();
        self.left -= data.len() as u64;
        data
    }
}
