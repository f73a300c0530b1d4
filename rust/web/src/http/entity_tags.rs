//! Entity tags of files.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many files are remembered.
const MOST: usize = 1000;

/// Larger files are not read for a tag.
const MAX_BYTES: u64 = 4 << 20;

/// How long a tag is taken for that of the file without another look. A client that asks for a file
/// again and again must not have it read each time.
const VALID: Duration = Duration::from_secs(1);

/// Until a file is this old, it may change again within the second that its time names.
const SETTLED: u64 = 2;

/// What tells the versions of a file apart (RFC 9110, section 8.8.3): its length and the time of
/// its last change, or its bytes if its time does not tell.
///
/// A file in a pack has no time, and another pack may replace it by one of the same length. That is
/// noticed within a second. Until then a client may be told that it has the file, or get new bytes
/// under the old tag; it gets the file the next time it asks.
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
    /// The tag of the file at `path` with `length` bytes that has last changed at `modified`, in
    /// seconds since 1970, if it has a time. `today` is the present time, in the same way. `digest`
    /// reads the file. Nothing is locked meanwhile.
    ///
    /// `None` if only the bytes would tell, and there are too many of them.
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
        if known.len() >= MOST {
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
    fn the_time_of_a_file_tells_after_two_seconds() {
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
        for number in 0..2 * MOST + 1 {
            tags.get(&number.to_string(), 1, None, (now, 0), String::new);
            assert!(tags.known().len() <= MOST);
        }
    }
}
