//! One direction of a connection, as plain data: the bytes in flight, the bytes that have arrived,
//! and the end of the stream. The rules of sockets are elsewhere.

use std::collections::VecDeque;

/// One direction. Over TCP, bytes go from `in_flight` to `arrived`. In a Unix domain socket they
/// arrive at once, and use the room of the sender until they are read.
#[derive(Debug)]
pub(super) struct Pipe {
    /// The bytes that the sender's kernel has accepted and that have not arrived.
    in_flight: VecDeque<u8>,
    /// The bytes that have arrived and were not read.
    arrived: VecDeque<u8>,
    /// The offsets in the stream at which a read stops, as at urgent data.
    marks: VecDeque<u64>,
    /// How many bytes were accepted from the sender and not lost since.
    accepted: u64,
    /// How many bytes were read, or discarded unread.
    consumed: u64,
    send_buffer_size: usize,
    receive_buffer_size: usize,
    pub(super) end: End,
    /// The time by which the next bytes, or the end, arrive.
    pub(super) due: u64,
    /// The sender lacked room, and is to be notified when there is more.
    pub(super) sender_wants_room: bool,
    is_local: bool,
}

/// The progress of the end of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// More bytes may be sent.
    Open,
    /// The sender has ended the stream, and the receiver does not know yet.
    InFlight,
    /// The end has reached the receiver.
    Arrived,
}

impl Pipe {
    /// `is_local` is for a Unix domain socket.
    pub(super) fn new(send_buffer_size: usize, receive_buffer_size: usize, is_local: bool) -> Pipe {
        Pipe {
            in_flight: VecDeque::new(),
            arrived: VecDeque::new(),
            marks: VecDeque::new(),
            accepted: 0,
            consumed: 0,
            send_buffer_size,
            receive_buffer_size,
            end: End::Open,
            due: 0,
            sender_wants_room: false,
            is_local,
        }
    }

    /// How many bytes the sender's kernel accepts now.
    pub(super) fn room(&self) -> usize {
        self.send_buffer_size.saturating_sub(self.unacknowledged())
    }

    /// How many accepted bytes still use the send buffer.
    pub(super) fn unacknowledged(&self) -> usize {
        if self.is_local {
            self.arrived.len()
        } else {
            self.in_flight.len()
        }
    }

    /// Whether a poll reports the sender as writable: a third of its buffer is free.
    pub(super) fn is_writable(&self) -> bool {
        self.room() > 0 && self.room() * 3 >= self.send_buffer_size
    }

    /// Accepts `data` from the sender.
    pub(super) fn push(&mut self, data: &[u8]) {
        debug_assert_eq!(self.end, End::Open, "data is sent after the end");
        debug_assert!(
            data.len() <= self.room(),
            "more is sent than there is room for"
        );
        let queue = if self.is_local {
            &mut self.arrived
        } else {
            &mut self.in_flight
        };
        queue.extend(data);
        self.accepted += data.len() as u64;
        self.check();
    }

    /// Makes reads stop after the bytes that were accepted so far.
    pub(super) fn mark(&mut self) {
        self.marks.push_back(self.accepted);
    }

    /// Whether bytes, or the end, can arrive now.
    pub(super) fn can_deliver(&self) -> bool {
        if self.in_flight.is_empty() {
            self.end == End::InFlight
        } else {
            self.arrived.len() < self.receive_buffer_size
        }
    }

    pub(super) fn has_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    pub(super) fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// Moves at most `limit` bytes to the receiver. Returns their number.
    pub(super) fn deliver(&mut self, limit: usize) -> usize {
        let room = self.receive_buffer_size.saturating_sub(self.arrived.len());
        let count = limit.min(room).min(self.in_flight.len());
        self.arrived.extend(self.in_flight.drain(..count));
        self.check();
        count
    }

    /// How many bytes are counted as unread. Over TCP only those before the next mark are (tcp(7),
    /// SIOCINQ).
    pub(super) fn unread(&self) -> usize {
        if self.is_local {
            self.arrived.len()
        } else {
            self.readable()
        }
    }

    /// How many bytes one read returns at most: those before the next mark.
    fn readable(&self) -> usize {
        let arrived = self.arrived.len();
        let next_mark = self.marks.iter().find(|mark| **mark > self.consumed);
        next_mark.map_or(arrived, |mark| arrived.min((mark - self.consumed) as usize))
    }

    /// Reads at most `limit` bytes.
    pub(super) fn read(&mut self, limit: usize) -> Vec<u8> {
        while self
            .marks
            .front()
            .is_some_and(|mark| *mark <= self.consumed)
        {
            self.marks.pop_front();
        }
        let count = self.readable().min(limit);
        self.consumed += count as u64;
        let bytes = self.arrived.drain(..count).collect();
        self.check();
        bytes
    }

    /// Discards what has arrived and was not read. Returns whether there was any.
    pub(super) fn discard_arrived(&mut self) -> bool {
        let had_unread = self.has_arrived();
        self.consumed += self.arrived.len() as u64;
        self.arrived.clear();
        self.check();
        had_unread
    }

    /// Loses what is in flight, the end included.
    pub(super) fn lose_in_flight(&mut self) {
        self.accepted -= self.in_flight.len() as u64;
        self.in_flight.clear();
        if self.end == End::InFlight {
            self.end = End::Open;
        }
        self.check();
    }

    /// Every accepted byte is in flight, has arrived, or was consumed.
    fn check(&self) {
        let held = self.in_flight.len() + self.arrived.len();
        debug_assert_eq!(self.accepted, self.consumed + held as u64, "{self:?}");
        debug_assert!(
            self.unacknowledged() <= self.send_buffer_size,
            "the send buffer holds more than its size: {self:?}"
        );
        debug_assert!(
            self.is_local || self.arrived.len() <= self.receive_buffer_size,
            "the receive buffer holds more than its size: {self:?}"
        );
        debug_assert!(
            !self.is_local || self.in_flight.is_empty() && self.end != End::InFlight,
            "something is in flight within one host: {self:?}"
        );
    }
}
