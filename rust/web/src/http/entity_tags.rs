//! Entity tags of files.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many files are remembered.
const MAX_FILES: usize = 1000;

/// Larger files are not read for a tag.
const MAX_BYTES: u64 = 4 << 20;

/// How long a tag is valid without reading the file again, so that repeated requests do not read
/// the file each time.
const VALID: Duration = Duration::from_secs(1);

/// A younger file may change again within the second of its modification time. In seconds.
const SETTLED: u64 = 2;

/// The entity tags of files (RFC 9110, section 8.8.3). A tag is made of the length and the
/// modification time, or of a hash of the bytes if the time does not identify the version.
///
/// A file in a pack has no time, and another pack may replace it with one of the same length. The
/// new tag is used within a second. Until then, a client may get 304 for an outdated copy, or new
/// bytes with the old tag; its next request gets the new file.
#[derive(Debug, Default)]
pub struct EntityTags {
    /// By path.
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    length: u64,
    digested: Instant,
    tag: String,
}

impl EntityTags {
    /// The tag of the file at `path` with `length` bytes. `modified` is its modification time in
    /// seconds since 1970, if it has one, and `today` is the current time. `digest` hashes the
    /// bytes of the file, and is called without a lock.
    ///
    /// `None` if a hash is needed, and the file is too large for that.
    pub fn get(
        &self,
        path: &str,
        length: u64,
        modified: Option<u64>,
        (now, today): (Instant, u64),
        digest: impl FnOnce() -> String,
    ) -> Option<String> {
        if let Some(modified) = modified
            && modified.saturating_add(SETTLED) <= today
        {
            return Some(format!("\"{modified:x}-{length:x}\""));
        }
        if length > MAX_BYTES {
            return None;
        }
        let is_valid = |known: &&Known| {
            known.length == length && now.saturating_duration_since(known.digested) < VALID
        };
        if let Some(known) = self.known().get(path).filter(is_valid) {
            return Some(known.tag.clone());
        }
        let tag = format!("\"{}\"", digest());
        let mut known = self.known();
        if known.len() >= MAX_FILES {
            known.clear();
        }
        let entry = Known {
            length,
            digested: now,
            tag: tag.clone(),
        };
        known.insert(String::from(path), entry);
        Some(tag)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_time_is_read_once_a_second() {
        let tags = EntityTags::default();
        let start = Instant::now();
        let mut reads = 0;
        let mut get = |path: &str, length, seconds: f64| {
            let now = start + Duration::from_secs_f64(seconds);
            tags.get(path, length, None, (now, 0), || {
                reads += 1;
                format!("{path} {reads}")
            })
        };
        assert_eq!(get("a", 1, 0.0).unwrap(), "\"a 1\"");
        assert_eq!(get("a", 1, 0.9).unwrap(), "\"a 1\"");
        assert_eq!(get("b", 1, 0.9).unwrap(), "\"b 2\"");
        assert_eq!(
            get("a", 1, 1.0).unwrap(),
            "\"a 3\"",
            "it may be another one"
        );
        assert_eq!(get("a", 1, 1.9).unwrap(), "\"a 3\"");
        assert_eq!(
            get("a", 2, 1.9).unwrap(),
            "\"a 4\"",
            "another length is another file"
        );
        assert_eq!(get("large", MAX_BYTES, 2.0).unwrap(), "\"large 5\"");
        assert_eq!(get("large", MAX_BYTES + 1, 2.0), None);
        assert_eq!(reads, 5);
    }

    #[test]
    fn a_modification_time_is_used_after_two_seconds() {
        let tags = EntityTags::default();
        let get = |modified: u64, today: u64, bytes: &str| {
            let now = Instant::now() + Duration::from_secs(today * 2);
            tags.get("a", 16, Some(modified), (now, today), || bytes.into())
        };
        // It changes twice in a second.
        assert_eq!(get(100, 100, "x").unwrap(), "\"x\"");
        assert_eq!(get(100, 101, "y").unwrap(), "\"y\"");
        assert_eq!(get(100, 102, "z").unwrap(), "\"64-10\"");
        assert_eq!(
            get(u64::MAX, 103, "from the future").unwrap(),
            "\"from the future\""
        );
    }

    #[test]
    fn the_number_of_files_is_limited() {
        let tags = EntityTags::default();
        let now = Instant::now();
        for number in 0..2 * MAX_FILES + 1 {
            tags.get(&number.to_string(), 1, None, (now, 0), String::new);
            assert!(tags.known().len() <= MAX_FILES);
        }
    }
}
