//! A body that the caller takes as it arrives.

use std::time::Instant;

use super::{Ending, ServerConnection, State, Transfer};
use crate::http::body_decoder::BodyDecoder;
use crate::http::body_error::BodyError;
use crate::http::framing::BodyFraming;
use crate::http::head::RequestHead;
use crate::http::head_reader::HeadLimits;
use crate::http::server_rules::ServerRules;

/// How many bytes of a body may wait to be taken. Then the client has to wait.
const MAX_UNTAKEN: usize = 1 << 20;

/// The body of the current request.
#[derive(Debug)]
pub(super) struct Upload {
    decoder: BodyDecoder,
    /// The maximum number of bytes of the body.
    limit: u64,
    /// What has arrived and was not taken.
    untaken: Vec<u8>,
    transfer: Transfer,
    /// Since when there is no room.
    full_since: Option<Instant>,
    /// Whether the client waits for `100 Continue`, as far as the server knows.
    awaits_continue: bool,
    /// Whether the caller knows that everything was taken.
    has_ended: bool,
}

/// Why a body cannot go on.
enum Refusal {
    Malformed(BodyError),
    TooLarge,
}

impl Upload {
    /// The body after `head`, if there is one.
    pub(super) fn after(
        head: &RequestHead,
        limits: HeadLimits,
        limit: u64,
        now: Instant,
    ) -> Option<Upload> {
        (head.body() != BodyFraming::Empty).then(|| Upload {
            decoder: BodyDecoder::new(head.body(), limits),
            limit,
            untaken: Vec::new(),
            transfer: Transfer::beginning(now),
            full_since: None,
            awaits_continue: head.expects_continue(),
            has_ended: false,
        })
    }

    /// Whether the body has arrived to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.decoder.is_done()
    }

    pub(super) fn has_room(&self) -> bool {
        self.untaken.len() < MAX_UNTAKEN
    }

    /// Whether nothing can be expected of the client before the caller does something.
    pub(super) fn waits_for_caller(&self) -> bool {
        self.is_whole() || !self.has_room() || self.awaits_continue
    }

    /// Whether nothing can be expected of the caller before the client does something.
    pub(super) fn waits_for_client(&self) -> bool {
        !self.waits_for_caller() && self.untaken.is_empty()
    }

    pub(super) fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Decodes from `input` what there is room for. Returns how many bytes of it are used.
    fn decode(&mut self, input: &[u8], now: Instant) -> Result<usize, Refusal> {
        let mut used = 0;
        while !self.is_whole() && self.has_room() && used < input.len() {
            let room = MAX_UNTAKEN - self.untaken.len();
            let end = input.len().min(used + room);
            let decoded = self.decoder.decode(&input[used..end]);
            let (count, data) = decoded.map_err(Refusal::Malformed)?;
            used += count;
            self.awaits_continue = false;
            self.transfer.moved(data.len(), now);
            if self.transfer.bytes > self.limit {
                return Err(Refusal::TooLarge);
            }
            self.untaken.extend_from_slice(data);
        }
        if !self.has_room() {
            self.full_since.get_or_insert(now);
        }
        Ok(used)
    }

    fn take(&mut self, now: Instant) -> Vec<u8> {
        // The client is not slow while there is no room.
        if let Some(since) = self.full_since.take() {
            self.transfer.since += now.saturating_duration_since(since);
            self.transfer.progress = now;
        }
        std::mem::take(&mut self.untaken)
    }
}

impl ServerConnection {
    /// Goes on with the body of the current request.
    pub(super) fn read_upload(&mut self, now: Instant, rules: &ServerRules) {
        let Some(upload) = &mut self.upload else {
            return;
        };
        let waited = upload.waits_for_client();
        match upload.decode(&self.input[self.used..], now) {
            Ok(used) => self.used += used,
            Err(Refusal::Malformed(error)) => {
                return self.refuse_upload(error.status(), &error.to_string());
            }
            Err(Refusal::TooLarge) => {
                let words = too_large(upload.limit);
                return self.refuse_upload(413, &words);
            }
        }
        if waited
            && !upload.waits_for_client()
            && let State::Waiting { since, .. } = &mut self.state
        {
            *since = now;
        }
        let is_slow =
            !upload.waits_for_caller() && upload.transfer.is_slow(rules.idle_timeout, now);
        if !upload.is_whole() && self.input_has_ended && self.unread().is_empty() {
            match self.state {
                State::Sending { .. } => self.end(Ending::Abort),
                _ => self.end(Ending::Close),
            }
        } else if is_slow {
            self.refuse_upload(408, "the body took too long");
        }
    }

    /// Ends the connection because of a body, after an error if no answer has begun.
    fn refuse_upload(&mut self, status: u16, words: &str) {
        match self.state {
            State::Sending { .. } => self.end(Ending::Abort),
            _ => self.refuse(status, words),
        }
    }

    /// Takes what has arrived of the body of the request `id`, which makes room for more.
    pub fn take_body(&mut self, id: u64, now: Instant) -> Vec<u8> {
        let Some(upload) = self.upload.as_mut().filter(|_| id == self.id) else {
            return Vec::new();
        };
        let taken = upload.take(now);
        if let State::Waiting { since, .. } = &mut self.state
            && !taken.is_empty()
        {
            *since = now;
        }
        taken
    }

    /// Whether more of the body of the request `id` can be taken, now or later. This changes only
    /// in [`has_news_of_body`](Self::has_news_of_body), and at the end of the request.
    pub fn is_receiving_body(&self, id: u64) -> bool {
        let upload = self.upload.as_ref().filter(|_| id == self.id);
        upload.is_some_and(|upload| !upload.has_ended)
    }

    /// Whether something of the body of the request `id` can be taken, or everything was taken
    /// since the last call. So the last `true` comes after the last byte was taken.
    pub fn has_news_of_body(&mut self, id: u64) -> bool {
        let Some(upload) = self.upload.as_mut().filter(|_| id == self.id) else {
            return false;
        };
        let ends = upload.is_whole() && upload.untaken.is_empty() && !upload.has_ended;
        upload.has_ended |= ends;
        ends || !upload.untaken.is_empty()
    }

    /// Lets the client of the request `id` send its body, if it waits for that (RFC 9110, section
    /// 10.1.1).
    pub fn send_continue(&mut self, id: u64, now: Instant) {
        if let (State::Waiting { .. }, Some(upload)) = (&self.state, &mut self.upload)
            && id == self.id
            && upload.awaits_continue
        {
            upload.awaits_continue = false;
            upload.transfer = Transfer::beginning(now);
            if self.unread().is_empty() {
                self.write_continue();
            }
        }
    }

    /// Whether the body of the current request has not arrived to its end.
    pub(super) fn is_body_missing(&self) -> bool {
        let upload = self.upload.as_ref();
        upload.is_some_and(|upload| !upload.is_whole())
    }
}

pub(super) fn too_large(limit: u64) -> String {
    format!("body exceeds the limit of {limit} bytes")
}
