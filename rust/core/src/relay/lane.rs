//! One direction of a link: the bytes that are under way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::relay::conditions::{Conditions, Cut};
use crate::relay::pacer::Pacer;
use crate::relay::random::Random;

/// A time that no clock can hold is a day.
const LONG: Duration = Duration::from_secs(86_400);

/// An empty lane keeps no more memory.
const KEPT: usize = 16 * 1024;

/// A queue of bytes, each with the time when it is due. No socket and no clock in it.
#[derive(Debug)]
pub(super) struct Lane {
    bytes: VecDeque<u8>,
    /// When they are due, from the front on. Never before those in front of them.
    arrivals: VecDeque<Arrival>,
    last_due: Option<Instant>,
    /// What comes behind the bytes, and when it is due.
    tail: Option<(Tail, Instant)>,
    /// The end has arrived.
    is_ended: bool,
    pacer: Pacer,
    jitter: Random,
    pieces: Random,
    /// What is left of the piece that is arriving.
    piece: usize,
    arrived: u64,
    /// How much has arrived since that was asked for.
    news: u64,
}

#[derive(Debug)]
struct Arrival {
    due: Instant,
    count: usize,
}

/// What comes behind the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    End,
    Reset,
}

impl Lane {
    pub(super) fn new(random: &mut Random) -> Lane {
        Lane {
            bytes: VecDeque::new(),
            arrivals: VecDeque::new(),
            last_due: None,
            tail: None,
            is_ended: false,
            pacer: Pacer::default(),
            jitter: Random::new(random.number()),
            pieces: Random::new(random.number()),
            piece: 0,
            arrived: 0,
            news: 0,
        }
    }

    /// How many bytes can set out.
    pub(super) fn room(&self, conditions: &Conditions) -> usize {
        conditions.capacity().saturating_sub(self.bytes.len())
    }

    /// `bytes` set out.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant, conditions: &Conditions) {
        if bytes.is_empty() {
            return;
        }
        let due = self.due(now, conditions);
        let count = bytes.len();
        self.bytes.extend(bytes);
        match self.arrivals.back_mut() {
            Some(last) if last.due == due => last.count += count,
            _ => self.arrivals.push_back(Arrival { due, count }),
        }
    }

    /// The end of the stream sets out, unless that or a reset has.
    pub(super) fn end(&mut self, now: Instant, conditions: &Conditions) {
        if self.is_open() {
            self.tail = Some((Tail::End, self.due(now, conditions)));
        }
    }

    /// A reset sets out, unless one has.
    pub(super) fn reset(&mut self, now: Instant, conditions: &Conditions) {
        if !matches!(self.tail, Some((Tail::Reset, _))) {
            self.tail = Some((Tail::Reset, self.due(now, conditions)));
        }
    }

    /// Whether more bytes may set out.
    pub(super) fn is_open(&self) -> bool {
        self.tail.is_none() && !self.is_ended
    }

    /// Whether the end has arrived, and everything before it.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Gives what has arrived at `now` to `take`, block by block; it answers how much it has taken of each. True if it has
    /// not taken all: the rest is given again by the next call. One call gives one piece at most.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        conditions: &Conditions,
        mut take: impl FnMut(&[u8]) -> usize,
    ) -> bool {
        if conditions.is_stalled {
            self.pacer.hold(now);
            return false;
        }
        let piece = self.piece(conditions.max_piece);
        let until_cut = conditions.most().saturating_sub(self.arrived);
        let mut left = piece.min(usize::try_from(until_cut).unwrap_or(usize::MAX));
        let mut is_blocked = false;
        while let Some(arrival) = self.arrivals.front()
            && arrival.due <= now
            && left > 0
            && !is_blocked
        {
            let wanted = arrival.count.min(left);
            let passing = self
                .pacer
                .passing(wanted, arrival.due, now, conditions.bandwidth);
            let mut taken = 0;
            while taken < passing.count && !is_blocked {
                let (block, _) = self.bytes.as_slices();
                let block = &block[..block.len().min(passing.count - taken)];
                let count = take(block).min(block.len());
                is_blocked = count < block.len();
                self.bytes.drain(..count);
                taken += count;
            }
            self.pacer.passed(&passing, taken);
            self.count(taken);
            left -= taken;
            if passing.count < wanted {
                break;
            }
        }
        if is_blocked || left == 0 {
            self.pacer.hold(now);
        }
        self.release();
        is_blocked
    }

    /// What has arrived at `now` behind the bytes. A reset overtakes those that are not taken.
    pub(super) fn tail(
        &self,
        now: Instant,
        conditions: &Conditions,
        is_blocked: bool,
    ) -> Option<Tail> {
        let (tail, due) = self.tail?;
        let is_next = self.bytes.is_empty() || is_blocked && tail == Tail::Reset;
        (is_next && due <= now && !conditions.is_stalled).then_some(tail)
    }

    /// The end was passed on.
    pub(super) fn note_end(&mut self) {
        self.tail = None;
        self.is_ended = true;
    }

    /// What ends the link after so many bytes.
    pub(super) fn cut(&self, conditions: &Conditions) -> Option<Cut> {
        conditions.cut(self.arrived)
    }

    /// How many bytes have arrived since the last call.
    pub(super) fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.news)
    }

    /// When what sets out at `now` is due.
    fn due(&mut self, now: Instant, conditions: &Conditions) -> Instant {
        let jitter = self.jitter.time(conditions.jitter);
        let travel = conditions.delay.saturating_add(jitter);
        let due = now.checked_add(travel).unwrap_or(now + LONG);
        let due = self.last_due.map_or(due, |last| due.max(last));
        self.last_due = Some(due);
        due
    }

    /// How much may arrive in this poll.
    fn piece(&mut self, most: usize) -> usize {
        if most == 0 {
            self.piece = 0;
            return usize::MAX;
        }
        if self.piece == 0 || self.piece > most {
            self.piece = self.pieces.up_to(most);
        }
        self.piece
    }

    /// Takes note that `count` bytes have arrived, which are not in the queue any more.
    fn count(&mut self, count: usize) {
        self.piece = self.piece.saturating_sub(count);
        self.arrived += count as u64;
        self.news += count as u64;
        if let Some(front) = self.arrivals.front_mut() {
            front.count -= count;
            if front.count == 0 {
                self.arrivals.pop_front();
            }
        }
    }

    fn release(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = VecDeque::new();
            self.arrivals = VecDeque::new();
        }
    }
}
