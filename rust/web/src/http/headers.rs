//! The header fields of a message.

use std::fmt;
use std::ops::Range;

/// The header fields of a message, in their order. Names are compared without regard to case.
///
/// A value is text. Bytes of a received value that are not UTF-8 are read as Latin-1.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::Headers;
///
/// let mut headers = Headers::new();
/// headers.push("Connection", "keep-alive, Upgrade");
/// assert_eq!(headers.get("connection"), Some("keep-alive, Upgrade"));
/// assert!(headers.has_token("Connection", "upgrade"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// All names and values, one after another.
    text: String,
    fields: Vec<Field>,
}

#[derive(Clone, PartialEq, Eq)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// No fields.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// No fields yet, with memory for `fields` fields of `bytes` bytes in total.
    pub(super) fn with_capacity(fields: usize, bytes: usize) -> Headers {
        Headers {
            text: String::with_capacity(bytes),
            fields: Vec::with_capacity(fields),
        }
    }

    /// Adds a field after the others. Nothing is checked here: [`super::check_field`] does that,
    /// and so do the functions that write a head.
    pub fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.fields.push(Field {
            name: start..middle,
            value: middle..self.text.len(),
        });
    }

    /// Adds a field as it was received.
    pub(super) fn push_bytes(&mut self, name: &str, value: &[u8]) {
        match std::str::from_utf8(value) {
            Ok(value) => self.push(name, value),
            Err(_) => self.push(
                name,
                &String::from_iter(value.iter().copied().map(char::from)),
            ),
        }
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |range: &Range<usize>| &self.text[range.clone()];
        self.fields
            .iter()
            .map(move |field| (text(&field.name), text(&field.value)))
    }

    /// The values of all fields with this name.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first field with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.iter();
        let found = fields.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    /// Whether there is a field with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The elements of a list, from all fields with this name (RFC 9110, section 5.6.1). A comma in
    /// a quoted string separates nothing. Empty elements are left out.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.get_all(name).flat_map(elements)
    }

    /// Whether a list contains a token, without regard to case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.list(name)
            .any(|element| element.eq_ignore_ascii_case(token))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(fields: I) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    }
}

/// The elements of one value that is a list.
fn elements(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    let separates = move |letter: char| {
        if escaped {
            escaped = false;
        } else if quoted && letter == '\\' {
            escaped = true;
        } else if letter == '"' {
            quoted = !quoted;
        }
        !quoted && letter == ','
    };
    value
        .split(separates)
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> Vec<String> {
        let headers: Headers = values.iter().map(|value| ("A", *value)).collect();
        headers.list("a").map(String::from).collect()
    }

    #[test]
    fn lists_span_fields_and_keep_quoted_commas() {
        assert_eq!(list(&["a, b", ",", " c\t,,"]), ["a", "b", "c"]);
        assert_eq!(list(&[r#"x;y="1,2", z"#]), [r#"x;y="1,2""#, "z"]);
        assert_eq!(list(&[r#"x="\",", z"#]), [r#"x="\",""#, "z"]);
        assert_eq!(list(&[]), [""; 0]);
    }

    #[test]
    fn names_are_case_insensitive_and_the_first_value_counts() {
        let headers: Headers = [("Via", "1"), ("VIA", "2"), ("Other", "3")]
            .into_iter()
            .collect();
        assert_eq!(headers.get("via"), Some("1"));
        assert_eq!(Vec::from_iter(headers.get_all("via")), ["1", "2"]);
        assert_eq!(headers.get("vi"), None);
        assert_eq!((headers.len(), headers.is_empty()), (3, false));
    }

    #[test]
    fn values_that_are_no_utf8_are_latin1() {
        let mut headers = Headers::new();
        headers.push_bytes("a", b"caf\xe9");
        headers.push_bytes("b", "café".as_bytes());
        assert_eq!(headers.get("a"), headers.get("b"));
    }
}
