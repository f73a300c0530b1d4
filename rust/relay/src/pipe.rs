//! One direction of a link: the bytes in transit.
//!
//! A pipe is a queue of bytes with the times when they are due. They leave it in order. Bandwidth
//! is counted where bytes arrive, in fractions of a byte, so that it is exact for any number of
//! polls; time in which the receiver took nothing is lost. Jitter and piece sizes each have their
//! own random generator, so the bounds of pieces do not depend on when bytes arrive.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::conditions::{Conditions, CutKind};
use crate::pacer::Pacer;
use crate::random::Random;

/// Replaces a delay that no clock can represent.
const LONG: Duration = Duration::from_secs(86_400);

/// The maximum capacity of an empty pipe, in bytes.
const KEPT: usize = 16 * 1024;

/// A queue of bytes, each with the time when it is due. It has no socket and reads no clock.
#[derive(Debug)]
pub(crate) struct Pipe {
    bytes: VecDeque<u8>,
    /// When the bytes are due, in the order of the queue. A byte that is due waits for those before
    /// it.
    arrivals: VecDeque<Arrival>,
    /// When bytes were last pushed, and when these are due.
    last: Option<(Instant, Instant)>,
    /// What follows the bytes, and when it is due.
    tail: Option<(Tail, Instant)>,
    /// The end of the stream was forwarded.
    is_ended: bool,
    pacer: Pacer,
    jitter: Random,
    pieces: Random,
    /// How much of the current piece is left, in bytes.
    piece: usize,
    arrived: u64,
    /// The number of bytes that arrived since the last `take_count`.
    uncounted: u64,
}

#[derive(Debug)]
struct Arrival {
    due: Instant,
    count: usize,
}

/// What follows the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    End,
    Reset,
}

impl Pipe {
    pub(crate) fn new(random: &mut Random) -> Pipe {
        Pipe {
            bytes: VecDeque::new(),
            arrivals: VecDeque::new(),
            last: None,
            tail: None,
            is_ended: false,
            pacer: Pacer::default(),
            jitter: Random::new(random.number()),
            pieces: Random::new(random.number()),
            piece: 0,
            arrived: 0,
            uncounted: 0,
        }
    }

    /// How many bytes can be pushed.
    pub(crate) fn room(&self, conditions: &Conditions) -> usize {
        conditions.capacity().saturating_sub(self.bytes.len())
    }

    /// The number of bytes in transit.
    pub(crate) fn in_transit(&self) -> usize {
        self.bytes.len()
    }

    /// Adds `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8], now: Instant, conditions: &Conditions) {
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

    /// Adds the end of the stream, unless it or a reset was added before.
    pub(crate) fn end(&mut self, now: Instant, conditions: &Conditions) {
        if self.is_open() {
            self.tail = Some((Tail::End, self.due(now, conditions)));
        }
    }

    /// Adds a reset, unless one was added before.
    pub(crate) fn reset(&mut self, now: Instant, conditions: &Conditions) {
        if !matches!(self.tail, Some((Tail::Reset, _))) {
            self.tail = Some((Tail::Reset, self.due(now, conditions)));
        }
    }

    /// Whether bytes can still be pushed.
    pub(crate) fn is_open(&self) -> bool {
        self.tail.is_none() && !self.is_ended
    }

    /// Whether the end of the stream and all bytes before it were forwarded.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Passes the bytes that are due at `now` to `take`, block by block; it returns how many bytes
    /// of the block it took. Returns true if `take` left some: the next call passes them again. One
    /// call passes at most one piece.
    pub(crate) fn deliver(
        &mut self,
        now: Instant,
        conditions: &Conditions,
        mut take: impl FnMut(&[u8]) -> usize,
    ) -> bool {
        self.pacer.begin(now, conditions.bandwidth);
        if conditions.is_stalled {
            self.pacer.hold(now);
            return false;
        }
        let piece = self.piece(conditions.max_piece);
        let until_cut = conditions.cut_after().saturating_sub(self.arrived);
        let mut left = piece.min(usize::try_from(until_cut).unwrap_or(usize::MAX));
        let mut is_blocked = false;
        while let Some(arrival) = self.arrivals.front()
            && arrival.due <= now
            && left > 0
            && !is_blocked
        {
            let wanted = arrival.count.min(left);
            let passing = self.pacer.passing(wanted, arrival.due, now);
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

    /// What is due at `now` after the bytes. A reset overtakes bytes that the receiver does not
    /// take.
    pub(crate) fn tail(
        &self,
        now: Instant,
        conditions: &Conditions,
        is_blocked: bool,
    ) -> Option<Tail> {
        let (tail, due) = self.tail?;
        let is_next = self.bytes.is_empty() || is_blocked && tail == Tail::Reset;
        (is_next && due <= now && !conditions.is_stalled).then_some(tail)
    }

    /// Records that the end of the stream was forwarded.
    pub(crate) fn note_end(&mut self) {
        self.tail = None;
        self.is_ended = true;
    }

    /// Whether the link is cut after the bytes that have arrived.
    pub(crate) fn cut(&self, conditions: &Conditions) -> Option<CutKind> {
        conditions.cut(self.arrived)
    }

    /// The number of bytes that arrived since the last call.
    pub(crate) fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.uncounted)
    }

    /// When bytes that are pushed at `now` are due. Bytes that are pushed together arrive together.
    fn due(&mut self, now: Instant, conditions: &Conditions) -> Instant {
        if let Some((at, due)) = self.last
            && at == now
        {
            return due;
        }
        let jitter = self.jitter.time(conditions.jitter);
        let travel = conditions.delay.saturating_add(jitter);
        let due = now.checked_add(travel).unwrap_or(now + LONG);
        self.last = Some((now, due));
        due
    }

    /// How many bytes may arrive in this poll.
    fn piece(&mut self, max: usize) -> usize {
        if max == 0 {
            self.piece = 0;
            return usize::MAX;
        }
        if self.piece == 0 || self.piece > max {
            self.piece = self.pieces.up_to(max);
        }
        self.piece
    }

    /// Counts `count` bytes that have arrived and left the queue.
    fn count(&mut self, count: usize) {
        self.piece = self.piece.saturating_sub(count);
        self.arrived += count as u64;
        self.uncounted += count as u64;
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A pipe with a clock of its own.
    struct Played {
        pipe: Pipe,
        conditions: Conditions,
        start: Instant,
        now: Instant,
    }

    impl Played {
        fn new(seed: u64, conditions: Conditions) -> Played {
            let start = Instant::now();
            Played {
                pipe: Pipe::new(&mut Random::new(seed)),
                conditions,
                start,
                now: start,
            }
        }

        fn at(&mut self, milliseconds: u64) -> &mut Played {
            self.now = self.start + Duration::from_millis(milliseconds);
            self
        }

        fn push(&mut self, bytes: &[u8]) {
            self.pipe.push(bytes, self.now, &self.conditions);
        }

        /// The bytes of one poll, if the receiver takes at most `max`.
        fn taken(&mut self, max: usize) -> Vec<u8> {
            let mut taken = Vec::new();
            let is_blocked = self.pipe.deliver(self.now, &self.conditions, |block| {
                let count = block.len().min(max - taken.len());
                taken.extend_from_slice(&block[..count]);
                count
            });
            assert!(!is_blocked || taken.len() == max);
            taken
        }

        fn arrives(&mut self) -> Vec<u8> {
            self.taken(usize::MAX)
        }

        fn tail(&self) -> Option<Tail> {
            self.pipe.tail(self.now, &self.conditions, false)
        }

        /// Sends `count` bytes, one every ten milliseconds. Returns when each arrives, in
        /// milliseconds.
        fn times(&mut self, count: u64) -> Vec<u64> {
            let mut times = Vec::new();
            let mut next = 0;
            for millisecond in 0.. {
                self.at(millisecond);
                if millisecond % 10 == 0 && millisecond / 10 < count {
                    self.push(&[(millisecond / 10) as u8]);
                }
                for byte in self.arrives() {
                    assert_eq!(byte, next, "the order");
                    next += 1;
                    times.push(millisecond);
                }
                if times.len() as u64 == count {
                    return times;
                }
            }
            unreachable!()
        }
    }

    fn milliseconds(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_perfect_pipe_gives_everything_at_once() {
        let mut played = Played::new(0, Conditions::default());
        played.push(b"abc");
        played.push(b"def");
        assert_eq!(played.arrives(), b"abcdef");
        played.pipe.end(played.now, &played.conditions);
        assert!(!played.pipe.is_open());
        assert_eq!(played.tail(), Some(Tail::End));
    }

    #[test]
    fn the_delay_is_exact() {
        let conditions = Conditions {
            delay: milliseconds(80),
            ..Conditions::default()
        };
        let mut played = Played::new(0, conditions);
        let expected: Vec<_> = (0..30).map(|index| 80 + 10 * index).collect();
        assert_eq!(played.times(30), expected);
        played.at(1000).push(b"x");
        played.pipe.end(played.now, &played.conditions);
        played.now += milliseconds(80) - Duration::from_nanos(1);
        assert_eq!((played.arrives(), played.tail()), (Vec::new(), None));
        played.now += Duration::from_nanos(1);
        assert_eq!(played.tail(), None, "the end is behind the byte");
        assert_eq!(played.arrives(), b"x");
        assert_eq!(played.tail(), Some(Tail::End));
    }

    #[test]
    fn jitter_keeps_the_order_and_follows_from_the_seed() {
        let conditions = Conditions {
            delay: milliseconds(20),
            jitter: milliseconds(100),
            ..Conditions::default()
        };
        let times = |seed| Played::new(seed, conditions).times(200);
        let some = times(1);
        assert_eq!(some, times(1));
        assert_ne!(some, times(2));
        for (index, time) in some.iter().enumerate() {
            let sent = 10 * index as u64;
            assert!((sent + 20..=sent + 121).contains(time), "{index}: {time}");
        }
        // Some wait for those in front of them, and arrive together.
        assert!(some.windows(2).any(|pair| pair[0] == pair[1]));
        // Bytes that are pushed together arrive together.
        let mut played = Played::new(1, conditions);
        for poll in 0..50 {
            played.at(poll * 1000).push(b"ab");
            played.push(b"c");
            played.pipe.end(played.now, &conditions);
            let arrives = (0..200).find_map(|millisecond| {
                played.at(poll * 1000 + millisecond);
                Some(played.arrives()).filter(|bytes| !bytes.is_empty())
            });
            assert_eq!(arrives.unwrap(), b"abc");
            assert_eq!(played.tail(), Some(Tail::End));
            played.pipe.tail = None;
        }
    }

    #[test]
    fn bandwidth_is_exact_over_a_long_time_and_small_polls() {
        let conditions = Conditions {
            bandwidth: 1000,
            delay: milliseconds(50),
            ..Conditions::default()
        };
        let mut played = Played::new(0, conditions);
        let mut total = 0;
        for millisecond in 0..=60_000 {
            played.at(millisecond);
            let room = played.pipe.room(&conditions).min(100);
            played.push(&vec![7; room]);
            total += played.arrives().len() as u64;
            assert_eq!(total, millisecond.saturating_sub(50), "at {millisecond}");
        }
    }

    #[test]
    fn bandwidth_is_the_same_in_few_polls() {
        let conditions = Conditions {
            bandwidth: 10_000,
            ..Conditions::default()
        };
        let mut played = Played::new(0, conditions);
        played.push(&[7; 60_000]);
        let mut total = 0;
        for frame in 1..=100 {
            total += played.at(frame * 17).arrives().len();
            assert_eq!(total as u64, frame * 170);
        }
    }

    #[test]
    fn a_slow_reader_saves_up_no_bandwidth() {
        let conditions = Conditions {
            bandwidth: 1000,
            ..Conditions::default()
        };
        let mut played = Played::new(0, conditions);
        played.push(&[7; 10_000]);
        assert_eq!(played.at(1000).taken(10).len(), 10);
        assert_eq!(played.at(3000).taken(0).len(), 0);
        assert_eq!(played.at(3001).arrives().len(), 1);
        assert_eq!(played.at(3101).arrives().len(), 100);
    }

    #[test]
    fn a_stall_holds_everything_and_loses_nothing() {
        let mut played = Played::new(0, Conditions::default());
        played.push(b"abc");
        played.pipe.end(played.now, &played.conditions);
        played.conditions.is_stalled = true;
        assert_eq!(played.at(10_000).arrives(), b"");
        assert_eq!(played.tail(), None);
        // The time of a stall is lost.
        played.conditions.bandwidth = 1000;
        assert_eq!(played.arrives(), b"");
        played.conditions.is_stalled = false;
        assert_eq!(played.at(10_002).arrives(), b"ab");
        assert_eq!(played.tail(), None);
        assert_eq!(played.at(10_003).arrives(), b"c");
        assert_eq!(played.tail(), Some(Tail::End));
    }

    #[test]
    fn conditions_may_change_midway() {
        let mut played = Played::new(0, Conditions::default());
        played.conditions.delay = SECOND;
        played.push(b"slow");
        played.conditions.delay = Duration::ZERO;
        played.at(10).push(b"fast");
        assert_eq!(played.at(999).arrives(), b"", "bytes do not overtake");
        assert_eq!(played.at(1000).arrives(), b"slowfast");
        played.push(&[7; 1000]);
        played.conditions.bandwidth = 100;
        assert_eq!(played.arrives().len(), 0);
        assert_eq!(played.at(2000).arrives().len(), 100);
        played.conditions.bandwidth = 200;
        assert_eq!(played.arrives().len(), 0);
        assert_eq!(played.at(3000).arrives().len(), 200);
        played.conditions.bandwidth = 0;
        assert_eq!(played.arrives().len(), 700);
    }

    #[test]
    fn a_huge_delay_is_limited() {
        let conditions = Conditions {
            delay: Duration::MAX,
            jitter: Duration::MAX,
            bandwidth: u64::MAX,
            ..Conditions::default()
        };
        let mut played = Played::new(0, conditions);
        played.push(b"x");
        assert_eq!(played.at(3_600_000).arrives(), b"");
        assert_eq!(played.at(86_400_000).arrives(), b"");
        assert_eq!(played.at(86_400_001).arrives(), b"x");
    }

    #[test]
    fn pieces_may_have_one_byte() {
        let mut played = Played::new(0, Conditions::default());
        played.conditions.max_piece = 1;
        played.push(b"abc");
        for byte in b"abc" {
            assert_eq!(played.arrives(), [*byte]);
        }
        assert_eq!(played.arrives(), b"");
    }

    #[test]
    fn the_seed_alone_determines_where_pieces_end() {
        let conditions = Conditions {
            max_piece: 10,
            ..Conditions::default()
        };
        let data: Vec<u8> = (0..200).collect();
        // The offsets at which polls with bytes have ended.
        let cuts = |seed, block: usize, taken: usize| {
            let mut played = Played::new(seed, conditions);
            let mut cuts = Vec::new();
            let mut received = Vec::new();
            let mut blocks = data.chunks(block);
            while received.len() < data.len() {
                if let Some(block) = blocks.next() {
                    played.push(block);
                }
                received.extend(played.taken(taken));
                cuts.push(received.len());
            }
            assert_eq!(received, data);
            cuts
        };
        let whole = cuts(1, 200, 200);
        assert_eq!(whole, cuts(1, 200, 200));
        assert_ne!(whole, cuts(2, 200, 200));
        assert!(whole.windows(2).all(|pair| pair[1] - pair[0] <= 10));
        assert!(whole.len() > 25, "{} pieces", whole.len());
        // Smaller sends and receives add offsets, and remove none.
        for other in [cuts(1, 3, 200), cuts(1, 200, 4)] {
            assert!(whole.iter().all(|cut| other.contains(cut)));
            assert!(other.len() > whole.len());
        }
        // A smaller maximum shortens the rest of a piece.
        let mut played = Played::new(1, conditions);
        played.push(&data);
        played.arrives();
        played.conditions.max_piece = 2;
        assert!((0..20).all(|_| (1..=2).contains(&played.arrives().len())));
    }

    #[test]
    fn the_bytes_in_transit_have_a_limit() {
        let conditions = Conditions {
            delay: milliseconds(500),
            bandwidth: 1_000_000,
            ..Conditions::default()
        };
        let mut played = Played::new(0, conditions);
        let (mut most, mut total) = (0, 0);
        for millisecond in 0..10_000 {
            played.at(millisecond);
            let room = played.pipe.room(&conditions);
            played.push(&vec![7; room]);
            assert_eq!(played.pipe.room(&conditions), 0);
            most = most.max(played.pipe.bytes.len());
            total += played.arrives().len();
        }
        assert_eq!(most, conditions.capacity());
        // The capacity keeps the pipe busy.
        assert_eq!(total, 9_499_000);
        played.conditions.bandwidth = 0;
        played.at(20_000).arrives();
        assert!(played.pipe.bytes.capacity() <= KEPT, "an empty pipe");
    }

    /// Random operations in any order: the same bytes arrive.
    #[test]
    fn nothing_is_lost_changed_or_reordered() {
        for seed in 0..300 {
            let mut chance = Random::new(seed);
            let mut played = Played::new(seed, Conditions::default());
            let mut time = 0;
            let (mut next_in, mut next_out) = (0_u8, 0_u8);
            for _ in 0..500 {
                time += chance.up_to(20) as u64;
                played.at(time);
                match chance.up_to(8) {
                    1 => {
                        let few = |chance: &mut Random, max| chance.up_to(max) as u64 - 1;
                        played.conditions = Conditions {
                            delay: milliseconds(few(&mut chance, 50)),
                            jitter: milliseconds(few(&mut chance, 50)),
                            bandwidth: [0, 1, 777, 1_000_000][chance.up_to(4) - 1],
                            max_piece: chance.up_to(5) - 1,
                            is_stalled: chance.up_to(4) == 1,
                            ..Conditions::default()
                        };
                    }
                    2..=4 => {
                        let count = chance.up_to(100);
                        let bytes: Vec<_> = (0..count)
                            .map(|index| next_in.wrapping_add(index as u8))
                            .collect();
                        next_in = next_in.wrapping_add(count as u8);
                        played.push(&bytes);
                    }
                    _ => {
                        let max = chance.up_to(100) - 1;
                        for byte in played.taken(max) {
                            assert_eq!(byte, next_out, "seed {seed}");
                            next_out = next_out.wrapping_add(1);
                        }
                    }
                }
                let known: usize = played.pipe.arrivals.iter().map(|some| some.count).sum();
                assert_eq!(known, played.pipe.bytes.len(), "seed {seed}");
            }
            played.conditions = Conditions::default();
            for byte in played.at(time + 1000).arrives() {
                assert_eq!(byte, next_out, "seed {seed}");
                next_out = next_out.wrapping_add(1);
            }
            assert_eq!(next_out, next_in, "seed {seed}");
        }
    }

    #[test]
    fn a_pipe_is_cut_after_a_number_of_bytes() {
        let mut played = Played::new(0, Conditions::default());
        played.conditions.close_after = Some(5);
        played.push(b"abcd");
        assert_eq!(played.arrives(), b"abcd");
        assert_eq!(played.pipe.cut(&played.conditions), None);
        played.push(b"efgh");
        assert_eq!(played.arrives(), b"e");
        assert_eq!(played.pipe.cut(&played.conditions), Some(CutKind::Close));
        // Fewer than have arrived.
        played.conditions.close_after = None;
        played.conditions.abort_after = Some(2);
        assert_eq!(played.arrives(), b"");
        assert_eq!(played.pipe.cut(&played.conditions), Some(CutKind::Abort));
        assert_eq!(played.pipe.take_count(), 5);
        assert_eq!(played.pipe.take_count(), 0);
    }

    #[test]
    fn a_reset_overtakes_only_bytes_that_are_not_taken() {
        let conditions = Conditions {
            delay: milliseconds(10),
            ..Conditions::default()
        };
        let mut played = Played::new(0, conditions);
        played.push(b"abc");
        played.pipe.end(played.now, &conditions);
        played.pipe.reset(played.now, &conditions);
        assert_eq!(played.tail(), None);
        played.at(10);
        assert_eq!(played.tail(), None, "bytes are in front");
        assert_eq!(played.taken(1), b"a");
        assert_eq!(played.tail(), None);
        let blocked = played.pipe.tail(played.now, &conditions, true);
        assert_eq!(blocked, Some(Tail::Reset));
        assert_eq!(played.arrives(), b"bc");
        assert_eq!(played.tail(), Some(Tail::Reset));
        // A reset after an end that was forwarded.
        let mut played = Played::new(0, Conditions::default());
        played.pipe.end(played.now, &played.conditions);
        assert_eq!(played.tail(), Some(Tail::End));
        played.pipe.note_end();
        assert_eq!(played.tail(), None);
        played.pipe.end(played.now, &played.conditions);
        assert_eq!(played.tail(), None, "one end is enough");
        played.pipe.reset(played.now, &played.conditions);
        assert_eq!(played.tail(), Some(Tail::Reset));
    }
}
