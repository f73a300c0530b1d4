//! What serving files needs: safe paths, types, ranges and entity tags.

use super::headers::Headers;
use super::percent::percent_decode;

/// The path of a file in a folder, from the path of a request without its prefix. Segments are
/// separated by `/`; the path is empty for the folder itself.
///
/// `None` if it could lead out of the folder, or is ambiguous: segments that are `.` or `..` or
/// begin with a dot, empty ones, backslashes, colons and control characters, encoded or not, and
/// bytes that are not UTF-8. A slash at the end is kept as an empty last segment.
pub fn file_path(path: &str) -> Option<String> {
    // Split before decoding, so that an encoded slash does not separate segments.
    let lower = path.to_ascii_lowercase();
    if lower.contains("%2f") {
        return None;
    }
    let path = String::from_utf8(percent_decode(path)?).ok()?;
    let is_safe = |segment: &str| {
        let is_wrong = |letter: char| letter.is_control() || "\\:*?\"<>|".contains(letter);
        // Windows ignores dots and spaces at the end of a name.
        !segment.is_empty()
            && !segment.starts_with('.')
            && !segment.ends_with(['.', ' '])
            && !segment.contains(is_wrong)
    };
    let inner = path.strip_suffix('/').unwrap_or(&path);
    let is_empty = path.is_empty();
    (is_empty || inner.split('/').all(is_safe)).then_some(path)
}

/// The media type of a file by the ending of its name, for `Content-Type`.
pub fn content_type(path: &str) -> &'static str {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    match &*ending.to_ascii_lowercase() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "log" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Which bytes of a file a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// All of them.
    Whole,
    /// The bytes from `first` to `last`, which is included.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// None of the bytes of the file.
    Unsatisfiable,
}

/// Which bytes of a file of `length` bytes a request is for (RFC 9110, section 14.2). A `Range`
/// with another unit, several ranges or a wrong format is ignored, and so is one whose `If-Range`
/// does not match `etag`.
pub fn byte_range(headers: &Headers, length: u64, etag: Option<&str>) -> ByteRange {
    let if_range = headers.get("If-Range");
    if if_range.is_some() && if_range != etag {
        return ByteRange::Whole;
    }
    let mut ranges = headers.get_all("Range");
    match (ranges.next(), ranges.next()) {
        (Some(range), None) => parse_range(range, length).unwrap_or(ByteRange::Whole),
        _ => ByteRange::Whole,
    }
}

fn parse_range(range: &str, length: u64) -> Option<ByteRange> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large is beyond the end of every file.
        true if !text.is_empty() => Some(text.parse().unwrap_or(u64::MAX)),
        _ => None,
    };
    let end = length.checked_sub(1);
    if first.is_empty() {
        let count = number(last)?;
        return Some(match end {
            Some(end) if count > 0 => ByteRange::Part {
                first: length.saturating_sub(count),
                last: end,
            },
            _ => ByteRange::Unsatisfiable,
        });
    }
    let first = number(first)?;
    let last = match last {
        "" => u64::MAX,
        last => number(last)?,
    };
    if last < first {
        return None;
    }
    Some(match end {
        Some(end) if first <= end => ByteRange::Part {
            first,
            last: last.min(end),
        },
        _ => ByteRange::Unsatisfiable,
    })
}

/// Whether a client has the file with this entity tag already (RFC 9110, section 13.1.2).
pub fn has_current(headers: &Headers, etag: Option<&str>) -> bool {
    let strong = |tag: &str| String::from(tag.strip_prefix("W/").unwrap_or(tag));
    headers
        .list("If-None-Match")
        .any(|tag| tag == "*" || etag.is_some_and(|etag| strong(tag) == strong(etag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for (path, file) in [
            ("", ""),
            ("a", "a"),
            ("a/b.txt", "a/b.txt"),
            ("a/", "a/"),
            ("a%20b/%C3%A4.png", "a b/ä.png"),
            ("a..b/c", "a..b/c"),
        ] {
            assert_eq!(file_path(path).as_deref(), Some(file), "{path}");
        }
        for path in [
            "..",
            "../a",
            "a/../b",
            "a/..",
            "%2e%2e/a",
            "%2E./a",
            ".%2e/a",
            "..%2fa",
            "..%2Fa",
            "a%2f..%2fb",
            "%5c..%5ca",
            "..\\a",
            "a\\b",
            "/a",
            "//a",
            "a//b",
            "/",
            ".",
            "./a",
            "a/.",
            ".git/config",
            "a/.hidden",
            "%2egit",
            "C:/a",
            "c%3a/a",
            "a:stream",
            "a\0",
            "a%00",
            "a%0a",
            "%ff",
            "%",
            "a%2",
            "a.",
            "a ",
            "a%20",
            "a./b",
            "a?",
            "a|b",
            "%252e%252e/%",
        ] {
            assert_eq!(file_path(path), None, "{path}");
        }
        // Decoded once: the name has a percent sign.
        assert_eq!(file_path("%252e%252e").as_deref(), Some("%2e%2e"));
    }

    #[test]
    fn types_depend_on_the_extension() {
        assert_eq!(content_type("a/Index.HTML"), "text/html; charset=utf-8");
        assert_eq!(content_type("a.tar.gz"), "application/gzip");
        assert_eq!(content_type("png"), "application/octet-stream");
        assert_eq!(content_type("a.unknown"), "application/octet-stream");
    }

    #[test]
    fn single_ranges_are_found() {
        let range = |lines: &[(&str, &str)], length| {
            byte_range(&lines.iter().copied().collect(), length, Some("\"tag\""))
        };
        let of = |text, length| range(&[("Range", text)], length);
        let part = |first, last| ByteRange::Part { first, last };
        assert_eq!(range(&[], 10), ByteRange::Whole);
        assert_eq!(of("bytes=0-0", 10), part(0, 0));
        assert_eq!(of("Bytes=2-", 10), part(2, 9));
        assert_eq!(of("bytes=2-100", 10), part(2, 9));
        assert_eq!(of("bytes=2-99999999999999999999", 10), part(2, 9));
        assert_eq!(of("bytes=-3", 10), part(7, 9));
        assert_eq!(of("bytes=-30", 10), part(0, 9));
        for wrong in ["bytes=10-", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(of(wrong, 10), ByteRange::Unsatisfiable, "{wrong}");
        }
        assert_eq!(of("bytes=0-", 0), ByteRange::Unsatisfiable);
        assert_eq!(of("bytes=-1", 0), ByteRange::Unsatisfiable);
        for ignored in [
            "bytes=3-2",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1",
            "bytes=--1",
        ] {
            assert_eq!(of(ignored, 10), ByteRange::Whole, "{ignored}");
        }
        let twice = [("Range", "bytes=0-0"), ("Range", "bytes=1-1")];
        assert_eq!(range(&twice, 10), ByteRange::Whole);
        let same = [("Range", "bytes=0-0"), ("If-Range", "\"tag\"")];
        assert_eq!(range(&same, 10), part(0, 0));
        let other = [("Range", "bytes=0-0"), ("If-Range", "\"other\"")];
        assert_eq!(range(&other, 10), ByteRange::Whole);
    }

    #[test]
    fn entity_tags_are_compared_weakly() {
        let has = |value: &str| {
            has_current(
                &[("If-None-Match", value)].into_iter().collect(),
                Some("\"a\""),
            )
        };
        assert!(has("\"a\"") && has("W/\"a\"") && has("*") && has("\"b\", \"a\""));
        assert!(!has("\"b\"") && !has("a") && !has(""));
    }
}
