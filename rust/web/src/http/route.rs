//! Patterns of paths.

use thiserror::Error;

use super::percent::percent_decode;

/// A pattern of paths, such as `/players/{name}/score`. A `{name}` stands for one segment that is
/// not empty, and `{name...}` at the end for all that follows, which may be empty.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::RoutePattern;
///
/// let pattern = RoutePattern::parse("/players/{name}")?;
/// let found = pattern.parameters("/players/J%C3%BCrgen").unwrap();
/// assert_eq!(found, [("name", "Jürgen".into())]);
/// assert_eq!(pattern.parameters("/players/"), None);
/// # Ok::<(), stream_socket_web::http::PatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    Name(String),
    Rest(String),
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It does not begin with a slash.
    #[error("pattern {0:?} does not begin with /")]
    NoSlash(String),
    /// A segment has a brace that is not part of `{name}`.
    #[error("segment {0:?} is neither text nor {{name}}")]
    Segment(String),
    /// Two segments have the same name.
    #[error("name {0:?} occurs twice")]
    Twice(String),
    /// `{name...}` is not the last segment.
    #[error("{{{0}...}} is not the last segment")]
    AfterRest(String),
}

impl RoutePattern {
    /// Parses a pattern.
    pub fn parse(pattern: &str) -> Result<RoutePattern, PatternError> {
        let Some(path) = pattern.strip_prefix('/') else {
            return Err(PatternError::NoSlash(String::from(pattern)));
        };
        let mut segments: Vec<Segment> = Vec::new();
        for text in path.split('/') {
            if let Some(Segment::Rest(name)) = segments.last() {
                return Err(PatternError::AfterRest(name.clone()));
            }
            let segment = Segment::parse(text)?;
            if let Some(name) = segment.name()
                && segments.iter().any(|other| other.name() == Some(name))
            {
                return Err(PatternError::Twice(String::from(name)));
            }
            segments.push(segment);
        }
        Ok(RoutePattern { segments })
    }

    /// The values of the names, decoded, if the pattern matches a path that is not decoded. A value
    /// that is not valid UTF-8 in valid percent-encoding matches nothing. An encoded slash does not
    /// separate segments.
    pub fn parameters(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let mut rest = Some(path.strip_prefix('/')?);
        let mut found = Vec::new();
        for segment in &self.segments {
            let left = rest?;
            let (text, after) = match left.split_once('/') {
                Some((text, after)) => (text, Some(after)),
                None => (left, None),
            };
            match segment {
                Segment::Text(expected) if decoded(text)? == *expected => {}
                Segment::Name(name) if !text.is_empty() => found.push((&**name, decoded(text)?)),
                Segment::Rest(name) => {
                    found.push((&**name, decoded(left)?));
                    return Some(found);
                }
                _ => return None,
            }
            rest = after;
        }
        rest.is_none().then_some(found)
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Segment, PatternError> {
        let wrong = || PatternError::Segment(String::from(text));
        let Some(inner) = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
        else {
            return match text.contains(['{', '}']) {
                true => Err(wrong()),
                false => Ok(Segment::Text(String::from(text))),
            };
        };
        let (name, is_rest) = match inner.strip_suffix("...") {
            Some(name) => (name, true),
            None => (inner, false),
        };
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '_')
        };
        match (is_name(name), is_rest) {
            (false, _) => Err(wrong()),
            (true, true) => Ok(Segment::Rest(String::from(name))),
            (true, false) => Ok(Segment::Name(String::from(name))),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Segment::Text(_) => None,
            Segment::Name(name) | Segment::Rest(name) => Some(name),
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(percent_decode(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        let pattern = RoutePattern::parse(pattern).unwrap();
        let own = |(name, value): (&str, String)| (name.to_string(), value);
        Some(pattern.parameters(path)?.into_iter().map(own).collect())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn patterns_match_whole_paths() {
        assert_eq!(found("/", "/"), Some(vec![]));
        assert_eq!(found("/a/b", "/a/b"), Some(vec![]));
        assert_eq!(found("/ä", "/%C3%A4"), Some(vec![]));
        for path in [
            "/a", "/a/b/", "/a/b/c", "//a/b", "/a//b", "/A/b", "a/b", "*", "",
        ] {
            assert_eq!(found("/a/b", path), None, "{path}");
        }
        assert_eq!(
            found("/a/{x}/{y}", "/a/1/2%2F3"),
            Some(vec![pair("x", "1"), pair("y", "2/3")])
        );
        assert_eq!(found("/{x}", "/%ff"), None);
        assert_eq!(found("/{x}", "/%"), None);
        assert_eq!(
            found("/a/{rest...}", "/a/b/c"),
            Some(vec![pair("rest", "b/c")])
        );
        assert_eq!(found("/a/{rest...}", "/a/"), Some(vec![pair("rest", "")]));
        assert_eq!(found("/a/{rest...}", "/a"), None);
    }

    #[test]
    fn malformed_patterns_are_refused_with_a_message() {
        let words = |pattern| RoutePattern::parse(pattern).unwrap_err().to_string();
        assert_eq!(words(""), "pattern \"\" does not begin with /");
        assert_eq!(words("a"), "pattern \"a\" does not begin with /");
        assert_eq!(
            words("/a{b}"),
            "segment \"a{b}\" is neither text nor {name}"
        );
        assert_eq!(words("/{}"), "segment \"{}\" is neither text nor {name}");
        assert_eq!(
            words("/{a b}"),
            "segment \"{a b}\" is neither text nor {name}"
        );
        assert_eq!(words("/{a}/{a}"), "name \"a\" occurs twice");
        assert_eq!(words("/{a...}/b"), "{a...} is not the last segment");
    }
}
