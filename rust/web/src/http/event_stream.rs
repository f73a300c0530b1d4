//! Server-Sent Events (HTML standard, section 9.2).

use thiserror::Error;

/// Why an event cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventError {
    /// The name has a line end.
    #[error("event name contains a line end")]
    Name,
    /// The id has a line end or a null character.
    #[error("event id contains a line end or a null character")]
    Id,
}

/// Encodes an event for `text/event-stream`. `data` may have several lines. An empty `name` means
/// the default, `message`. An empty `id` keeps the last id.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::event_text;
///
/// assert_eq!(event_text("a\nb", "tick", "7")?, "event: tick\nid: 7\ndata: a\ndata: b\n\n");
/// # Ok::<(), stream_socket_web::http::EventError>(())
/// ```
pub fn event_text(data: &str, name: &str, id: &str) -> Result<String, EventError> {
    if name.contains(['\r', '\n']) {
        return Err(EventError::Name);
    }
    if id.contains(['\r', '\n', '\0']) {
        return Err(EventError::Id);
    }
    let mut text = String::with_capacity(data.len() + name.len() + id.len() + 32);
    for (field, value) in [("event", name), ("id", id)] {
        if !value.is_empty() {
            text.push_str(&format!("{field}: {value}\n"));
        }
    }
    for line in data.replace("\r\n", "\n").split(['\r', '\n']) {
        text.push_str(&format!("data: {line}\n"));
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_an_event_early() {
        assert_eq!(event_text("", "", "").unwrap(), "data: \n\n");
        let lines = "a\r\nb\rc\n\nid: d";
        let text = event_text(lines, "", "").unwrap();
        assert_eq!(text, "data: a\ndata: b\ndata: c\ndata: \ndata: id: d\n\n");
        assert_eq!(event_text("", "a\nb", ""), Err(EventError::Name));
        assert_eq!(event_text("", "", "a\rb"), Err(EventError::Id));
        assert_eq!(event_text("", "", "\0"), Err(EventError::Id));
    }
}
