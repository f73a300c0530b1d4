//! One direction of a connection: what is on its way, what has arrived, and its end. No rules of sockets in it.

use std::collections::VecDeque;

/// A direction. Bytes go from `sent` to `arrived`.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Taken by the sender's kernel, and not yet at the receiver's.
    pub(super) sent: VecDeque<u8>,
    /// At the receiver's, and not yet read.
    pub(super) arrived: VecDeque<u8>,
    /// Where reads stop, counted from the beginning of the stream.
    marks: VecDeque<u64>,
    /// How many bytes were taken and read in all.
    taken: u64,
    read: u64,
    /// The sizes of the buffers at both ends.
    pub(super) send_room: usize,
    pub(super) receive_room: usize,
    pub(super) end: End,
    /// When the next bytes, or the end, arrive at the latest.
    pub(super) due: u64,
    /// The sender has found no room, and wants to be told.
    pub(super) wants_room: bool,
    /// What is sent arrives at once, and takes the sender's room until it is read: within one system, without a network.
    is_local: bool,
}

/// How far the end of a direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// More may be sent.
    Open,
    /// It is on its way, behind what was sent.
    Sent,
    /// It is at the receiver's.
    Arrived,
}

impl Pipe {
    pub(super) fn new(send_room: usize, receive_room: usize, is_local: bool) -> Pipe {
        Pipe {
            is_local,
            sent: VecDeque::new(),
            arrived: VecDeque::new(),
            marks: VecDeque::new(),
            taken: 0,
            read: 0,
            send_room,
            receive_room,
            end: End::Open,
            due: 0,
            wants_room: false,
        }
    }

    /// How much the sender's kernel takes.
    pub(super) fn room(&self) -> usize {
        let used = if self.is_local {
            self.arrived.len()
        } else {
            self.sent.len()
        };
        self.send_room.saturating_sub(used)
    }

    /// Whether there is so much room that it is worth telling (tcp(7): a third of the buffer).
    pub(super) fn has_much_room(&self) -> bool {
        self.room() > 0 && self.room() * 3 >= self.send_room
    }

    /// Takes bytes to be sent.
    pub(super) fn take(&mut self, data: &[u8]) {
        let queue = if self.is_local {
            &mut self.arrived
        } else {
            &mut self.sent
        };
        queue.extend(data);
        self.taken += data.len() as u64;
    }

    /// Reads stop behind what was taken so far.
    pub(super) fn mark(&mut self) {
        self.marks.push_back(self.taken);
    }

    /// Whether something can arrive.
    pub(super) fn is_moving(&self) -> bool {
        if self.sent.is_empty() {
            self.end == End::Sent
        } else {
            self.arrived.len() < self.receive_room
        }
    }

    /// Lets at most `count` bytes arrive. How many did.
    pub(super) fn deliver(&mut self, count: usize) -> usize {
        let room = self.receive_room.saturating_sub(self.arrived.len());
        let count = count.min(room).min(self.sent.len());
        self.arrived.extend(self.sent.drain(..count));
        count
    }

    /// How many bytes one read gives at most: up to the next mark.
    pub(super) fn readable(&self) -> usize {
        let to_mark = self
            .marks
            .iter()
            .find(|mark| **mark > self.read)
            .map(|mark| mark - self.read);
        let arrived = self.arrived.len();
        to_mark.map_or(arrived, |distance| arrived.min(distance as usize))
    }

    /// Reads at most `limit` bytes.
    pub(super) fn read(&mut self, limit: usize) -> Vec<u8> {
        while self.marks.front().is_some_and(|mark| *mark <= self.read) {
            self.marks.pop_front();
        }
        let count = self.readable().min(limit);
        self.read += count as u64;
        self.arrived.drain(..count).collect()
    }

    /// What was on its way is lost.
    pub(super) fn lose(&mut self) {
        self.taken -= self.sent.len() as u64;
        self.sent.clear();
        if self.end == End::Sent {
            self.end = End::Open;
        }
    }
}
