//! A body that the caller takes as it arrives.

use std::time::Instant;

use super::transfer::Transfer;
use crate::http::body_decoder::BodyDecoder;
use crate::http::body_error::BodyError;
use crate::http::framing::BodyFraming;
use crate::http::head::RequestHead;
use crate::http::head_reader::HeadLimits;

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
    /// Whether what still arrives is discarded.
    is_discarded: bool,
}

/// Why a body is refused.
pub(super) enum Refusal {
    Malformed(BodyError),
    /// It has more bytes than this.
    TooLarge(u64),
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
            is_discarded: false,
        })
    }

    /// Whether the body has arrived to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.decoder.is_done()
    }

    pub(super) fn has_room(&self) -> bool {
        self.untaken.len() < MAX_UNTAKEN
    }

    /// Whether the client waits for the caller.
    pub(super) fn waits_for_caller(&self) -> bool {
        self.is_whole() || !self.has_room() || self.awaits_continue
    }

    /// Whether the caller waits for the client.
    pub(super) fn waits_for_client(&self) -> bool {
        !self.waits_for_caller() && self.untaken.is_empty()
    }

    pub(super) fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// Decodes as much of `input` as there is room for. Returns how many bytes of it are used.
    pub(super) fn decode(&mut self, input: &[u8], now: Instant) -> Result<usize, Refusal> {
        let mut used = 0;
        while !self.is_whole() && self.has_room() && used < input.len() {
            let room = MAX_UNTAKEN - self.untaken.len();
            let end = input.len().min(used + room);
            let decoded = self.decoder.decode(&input[used..end]);
            let (count, data) = decoded.map_err(Refusal::Malformed)?;
            used += count;
            self.awaits_continue = false;
            self.transfer.moved(data.len(), now);
            if self.transfer.bytes() > self.limit {
                return Err(Refusal::TooLarge(self.limit));
            }
            self.untaken.extend_from_slice(data);
        }
        if !self.has_room() {
            self.full_since.get_or_insert(now);
        }
        Ok(used)
    }

    /// Whether something can be taken, or everything was taken since the last call.
    pub(super) fn has_event(&mut self) -> bool {
        let ends = self.is_whole() && self.untaken.is_empty() && !self.has_ended;
        self.has_ended |= ends;
        ends || !self.untaken.is_empty()
    }

    /// Whether [`has_event`](Self::has_event) has reported that everything was taken.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The client may send the body now. Returns whether it waits for that.
    pub(super) fn may_continue(&mut self, now: Instant) -> bool {
        if self.awaits_continue {
            self.transfer = Transfer::beginning(now);
        }
        std::mem::take(&mut self.awaits_continue)
    }

    /// From now on, what still arrives is discarded.
    pub(super) fn discard(&mut self, now: Instant) {
        self.take(now);
        self.is_discarded = !self.is_whole();
        self.has_ended = true;
    }

    /// Whether what still arrives is discarded.
    pub(super) fn is_discarded(&self) -> bool {
        self.is_discarded
    }

    pub(super) fn take(&mut self, now: Instant) -> Vec<u8> {
        // The client is not slow while there is no room.
        if let Some(since) = self.full_since.take() {
            self.transfer.resume(since, now);
        }
        std::mem::take(&mut self.untaken)
    }
}

pub(super) fn too_large(limit: u64) -> String {
    format!("body exceeds the limit of {limit} bytes")
}
