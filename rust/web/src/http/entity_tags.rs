//! Entity tags of files that have no time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many files are remembered.
const MOST: usize = 1000;

/// Entity tags that follow from all bytes of a file, each computed once: a client that asks for a
/// large file again and again must not have it read each time.
#[derive(Debug, Default)]
pub struct EntityTags {
    /// By path, with the length of the file.
    known: Mutex<HashMap<String, (u64, String)>>,
}

impl EntityTags {
    /// The tag of the file at `path` with `length` bytes. `digest` reads the file. Nothing is
    /// locked meanwhile.
    pub fn get(&self, path: &str, length: u64, digest: impl FnOnce() -> String) -> String {
        if let Some((known_length, tag)) = self.known().get(path)
            && *known_length == length
        {
            return tag.clone();
        }
        let tag = format!("\"{}\"", digest());
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(String::from(path), (length, tag.clone()));
        tag
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (u64, String)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once() {
        let tags = EntityTags::default();
        let mut reads = 0;
        let mut get = |path: &str, length| {
            tags.get(path, length, || {
                reads += 1;
                format!("{path} {reads}")
            })
        };
        assert_eq!(get("a", 1), "\"a 1\"");
        assert_eq!(get("a", 1), "\"a 1\"");
        assert_eq!(get("b", 1), "\"b 2\"");
        assert_eq!(get("a", 2), "\"a 3\"", "another length is another file");
        assert_eq!(get("a", 2), "\"a 3\"");
    }

    #[test]
    fn the_number_of_files_is_limited() {
        let tags = EntityTags::default();
        for number in 0..2 * MOST + 1 {
            tags.get(&number.to_string(), 1, String::new);
            assert!(tags.known().len() <= MOST);
        }
    }
}
