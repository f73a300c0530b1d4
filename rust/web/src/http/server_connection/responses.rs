//! The responses to the requests of a connection.

use std::time::Instant;

use super::{ConnectionState, Ending, RequestKind, ServerConnection};
use crate::http::body_encoder::BodyEncoder;
use crate::http::framing::{BodyFraming, allows_body};
use crate::http::headers::Headers;
use crate::http::respond_error::RespondError;
use crate::http::version::Version;
use crate::http::write::{check_field, write_response_head};

impl ServerConnection {
    /// A handler gets the request `id` now. Its time begins. A request that waits for a handler for
    /// longer than [`ServerRules::response_timeout`] is answered with 503.
    ///
    /// [`ServerRules::response_timeout`]: crate::http::ServerRules::response_timeout
    pub fn hand_out(&mut self, id: u64, now: Instant) {
        if let ConnectionState::Waiting {
            since,
            is_handed_out,
            ..
        } = &mut self.state
            && id == self.id
        {
            *since = self.clock.at(now).now();
            *is_handed_out = true;
        }
    }

    /// Answers the request `id`. The server sets `Content-Length` and `Connection`, but `headers`
    /// may have `Connection: close`. For `HEAD`, `body` is not sent. If the body of the request is
    /// incomplete, the connection ends after the response.
    pub fn respond(
        &mut self,
        id: u64,
        status: u16,
        headers: &Headers,
        body: &[u8],
        now: Instant,
    ) -> Result<(), RespondError> {
        let (kind, _) = self.waiting(id)?;
        check_headers(status, headers)?;
        if headers.contains("Content-Length") {
            return Err(RespondError::Reserved(String::from("Content-Length")));
        }
        if !allows_body(status) && !body.is_empty() {
            return Err(RespondError::NoBody(status));
        }
        let closes = self.closes(headers);
        let length = body.len().to_string();
        let stated = allows_body(status).then_some(("Content-Length", &*length));
        self.write_head(status, headers, stated, closes, kind)?;
        if !kind.is_head {
            self.output.extend_from_slice(body);
        }
        self.is_last = closes;
        self.next(now);
        Ok(())
    }

    /// Starts to answer the request `id`. [`write`](Self::write) and [`finish`](Self::finish)
    /// continue the response. Without a `Content-Length` in `headers` the body is sent in chunks,
    /// or up to the end of the stream if the client uses HTTP/1.0.
    pub fn start(&mut self, id: u64, status: u16, headers: &Headers) -> Result<(), RespondError> {
        let (kind, since) = self.waiting(id)?;
        check_headers(status, headers)?;
        let mut closes = self.closes(headers);
        let length = headers
            .get("Content-Length")
            .map(parse_length)
            .transpose()?;
        let framing = match length {
            _ if !allows_body(status) => BodyFraming::Empty,
            Some(length) => BodyFraming::Length(length),
            None if kind.version == Version::Http11 => BodyFraming::Chunked,
            None => BodyFraming::UntilEnd,
        };
        closes |= framing == BodyFraming::UntilEnd;
        let stated = (framing == BodyFraming::Chunked).then_some(("Transfer-Encoding", "chunked"));
        self.write_head(status, headers, stated, closes, kind)?;
        self.is_last = closes;
        let encoder = BodyEncoder::new(framing);
        self.state = ConnectionState::Sending {
            since,
            encoder,
            kind,
        };
        Ok(())
    }

    /// Appends to the body of a response that was started.
    pub fn write(&mut self, id: u64, data: &[u8]) -> Result<(), RespondError> {
        let output = &mut self.output;
        match &mut self.state {
            ConnectionState::Sending { encoder, kind, .. } if id == self.id => {
                let start = output.len();
                encoder.write(output, data)?;
                if kind.is_head {
                    output.truncate(start);
                }
                Ok(())
            }
            ConnectionState::Waiting { .. } if id == self.id => Err(RespondError::NotBegun),
            _ => Err(RespondError::Over),
        }
    }

    /// Completes a response that was started.
    pub fn finish(&mut self, id: u64, now: Instant) -> Result<(), RespondError> {
        let output = &mut self.output;
        match &mut self.state {
            ConnectionState::Sending { encoder, kind, .. } if id == self.id => {
                // The length in the response to HEAD is that of the body that GET would have.
                if !kind.is_head {
                    encoder.finish(output, [])?;
                }
                self.next(now);
                Ok(())
            }
            ConnectionState::Waiting { .. } if id == self.id => Err(RespondError::NotBegun),
            _ => Err(RespondError::Over),
        }
    }

    /// Gives up the request `id`, because nobody will answer it. Returns whether it was open. It is
    /// answered with 500, or the connection is aborted if a response was started.
    pub fn abandon(&mut self, id: u64) -> bool {
        match &self.state {
            ConnectionState::Waiting { .. } if id == self.id => {
                self.refuse(500, "server did not answer");
                true
            }
            ConnectionState::Sending { .. } if id == self.id => {
                self.end(Ending::Abort);
                true
            }
            _ => false,
        }
    }

    /// Ends the connection with `response`, a whole response to the request `id` that refuses an
    /// upgrade.
    pub fn refuse_upgrade(&mut self, id: u64, response: &[u8]) -> Result<(), RespondError> {
        self.waiting(id)?;
        self.output.extend_from_slice(response);
        self.responses += 1;
        self.end(Ending::Close);
        Ok(())
    }

    /// Hands the connection over to another protocol. Returns the bytes that were received after
    /// the request `id`. The caller answers it.
    pub fn upgrade(&mut self, id: u64) -> Result<Vec<u8>, RespondError> {
        self.waiting(id)?;
        if self.is_body_missing() {
            return Err(RespondError::BodyMissing);
        }
        self.upload = None;
        self.responses += 1;
        self.state = ConnectionState::Upgraded;
        let rest = self.input.split_off(self.used);
        self.input = Vec::new();
        self.used = 0;
        Ok(rest)
    }

    fn waiting(&self, id: u64) -> Result<(RequestKind, Instant), RespondError> {
        match self.state {
            ConnectionState::Waiting { since, kind, .. } if id == self.id => Ok((kind, since)),
            ConnectionState::Sending { .. } if id == self.id => Err(RespondError::Begun),
            _ => Err(RespondError::Over),
        }
    }

    /// Whether the connection ends after a response with `headers` that begins now.
    fn closes(&self, headers: &Headers) -> bool {
        self.is_last || self.is_body_missing() || headers.has_token("Connection", "close")
    }

    fn write_head(
        &mut self,
        status: u16,
        headers: &Headers,
        stated: Option<(&str, &str)>,
        closes: bool,
        kind: RequestKind,
    ) -> Result<(), RespondError> {
        let connection = match kind.version {
            _ if closes => Some(("Connection", "close")),
            Version::Http10 => Some(("Connection", "keep-alive")),
            Version::Http11 => None,
        };
        let is_own = |(name, _): &(&str, &str)| !name.eq_ignore_ascii_case("Connection");
        let fields = headers
            .iter()
            .filter(is_own)
            .chain(stated)
            .chain(connection);
        write_response_head(&mut self.output, status, None, fields)?;
        Ok(())
    }

    /// The response is complete.
    fn next(&mut self, now: Instant) {
        debug_assert!(self.is_last || !self.is_body_missing());
        self.responses += 1;
        if self.is_last {
            self.end(Ending::Close);
        } else {
            self.upload = None;
            let since = self.clock.at(now).now();
            self.state = ConnectionState::Idle { since };
        }
    }
}

/// Refuses an invalid final response, and headers that would contradict those of the server.
fn check_headers(status: u16, headers: &Headers) -> Result<(), RespondError> {
    if !(200..=999).contains(&status) {
        return Err(RespondError::Status(status));
    }
    for (name, value) in headers.iter() {
        check_field(name, value)?;
        let closes = value.eq_ignore_ascii_case("close");
        let is_reserved = name.eq_ignore_ascii_case("Transfer-Encoding")
            || name.eq_ignore_ascii_case("Connection") && !closes
            || name.eq_ignore_ascii_case("Upgrade");
        if is_reserved {
            return Err(RespondError::Reserved(String::from(name)));
        }
    }
    match headers.get_all("Content-Length").count() > 1 {
        true => Err(RespondError::Reserved(String::from("Content-Length"))),
        false => Ok(()),
    }
}

fn parse_length(text: &str) -> Result<u64, RespondError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let length = is_number.then(|| text.parse().ok()).flatten();
    length.ok_or_else(|| RespondError::Length(String::from(text)))
}
