//! What a connection does with a body that the caller takes as it arrives.

use std::time::Instant;

use super::upload::{Refusal, too_large};
use super::{ConnectionState, Ending, ServerConnection};
use crate::http::server_rules::ServerRules;

impl ServerConnection {
    /// Reads more of the body of the current request.
    pub(super) fn read_upload(&mut self, rules: &ServerRules) {
        let clock = self.clock;
        let Some(upload) = &mut self.upload else {
            return;
        };
        if upload.is_discarded() {
            // The connection ends after the response, so no other request follows. The client may
            // stop sending.
            self.used = self.input.len();
            return;
        }
        let waited = upload.waits_for_client();
        match upload.decode(&self.input[self.used..], clock.now()) {
            Ok(used) => self.used += used,
            Err(Refusal::Malformed(error)) => {
                return self.refuse_upload(error.status(), &error.to_string());
            }
            Err(Refusal::TooLarge(limit)) => {
                return self.refuse_upload(413, &too_large(limit));
            }
        }
        if waited
            && !upload.waits_for_client()
            && let ConnectionState::Waiting { since, .. } = &mut self.state
        {
            *since = clock.now();
        }
        let is_slow =
            !upload.waits_for_caller() && upload.transfer().is_slow(rules.idle_timeout, &clock);
        if !upload.is_whole() && self.input_has_ended && self.unread().is_empty() {
            match self.state {
                ConnectionState::Sending { .. } => self.end(Ending::Abort),
                _ => self.end(Ending::Close),
            }
        } else if is_slow {
            self.refuse_upload(408, "body took too long");
        }
    }

    /// Ends the connection because of a body, after an error if no response has begun.
    fn refuse_upload(&mut self, status: u16, words: &str) {
        match self.state {
            ConnectionState::Sending { .. } => self.end(Ending::Abort),
            _ => self.refuse(status, words),
        }
    }

    /// Takes what has arrived of the body of the request `id`, which makes room for more.
    pub fn take_body(&mut self, id: u64, now: Instant) -> Vec<u8> {
        let Some(upload) = self.upload.as_mut().filter(|_| id == self.id) else {
            return Vec::new();
        };
        let now = self.clock.at(now).now();
        let taken = upload.take(now);
        if let ConnectionState::Waiting { since, .. } = &mut self.state
            && !taken.is_empty()
        {
            *since = now;
        }
        taken
    }

    /// Whether more of the body of the request `id` can be taken, now or later. This changes only
    /// in [`has_body_event`](Self::has_body_event), and at the end of the request.
    pub fn is_receiving_body(&self, id: u64) -> bool {
        let upload = self.upload.as_ref().filter(|_| id == self.id);
        upload.is_some_and(|upload| !upload.has_ended())
    }

    /// Whether something of the body of the request `id` can be taken, or everything was taken
    /// since the last call. So the last `true` comes after the last byte was taken.
    pub fn has_body_event(&mut self, id: u64) -> bool {
        let Some(upload) = self.upload.as_mut().filter(|_| id == self.id) else {
            return false;
        };
        upload.has_event()
    }

    /// Discards what has arrived and what still arrives of the body of the request `id`. Its
    /// response has begun, and a client that sends before it reads must not wait for room.
    pub fn discard_body(&mut self, id: u64, now: Instant) {
        if let Some(upload) = self.upload.as_mut().filter(|_| id == self.id) {
            upload.discard(self.clock.at(now).now());
        }
    }

    /// Lets the client of the request `id` send its body, if it waits for that (RFC 9110, section
    /// 10.1.1).
    pub fn send_continue(&mut self, id: u64, now: Instant) {
        if let (ConnectionState::Waiting { .. }, Some(upload)) = (&self.state, &mut self.upload)
            && id == self.id
            && upload.may_continue(self.clock.at(now).now())
            && self.unread().is_empty()
        {
            self.write_continue();
        }
    }

    /// Whether the body of the current request has not arrived to its end.
    pub(super) fn is_body_missing(&self) -> bool {
        let upload = self.upload.as_ref();
        upload.is_some_and(|upload| !upload.is_whole())
    }
}
