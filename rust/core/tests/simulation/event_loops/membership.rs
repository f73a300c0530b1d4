//! What the listener of an event loop is notified of about one member, from when it is added until it is removed.

use stream_socket::EndCause;

use super::content::Number;
use super::model::Handle;

/// What a listener was notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Connected,
    Data,
    Packet(Number),
    Over(EndCause),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being added, on some thread.
    Adding,
    Member,
    /// It is being removed, on some thread.
    Leaving,
    Gone,
}

#[derive(Debug)]
pub struct Membership {
    pub state: State,
    pub is_accepted: bool,
    /// The peer of the member.
    pub handle: usize,
    /// So many ends of connects and connections had been reported to the peer's own listener before.
    begin: usize,
    /// There were no others then.
    is_begin_exact: bool,
    pub told: Vec<Told>,
    /// Whether it is connected, as far as the listener knows.
    is_connected: Option<bool>,
    session: Option<Number>,
    /// Its stream is not the one that it was added with.
    pub is_replaced: bool,
    /// So many events were under way on another thread when it was removed.
    late: u32,
}

impl Membership {
    pub fn new(handle: usize, begin: usize, is_accepted: bool) -> Membership {
        Membership {
            state: State::Adding,
            is_accepted,
            handle,
            begin,
            is_begin_exact: false,
            told: Vec::new(),
            is_connected: is_accepted.then_some(false),
            session: None,
            is_replaced: false,
            late: 0,
        }
    }

    /// It is known what it was like when it was added.
    pub fn begin_exactly(&mut self, is_connected: bool) {
        self.is_begin_exact = true;
        self.is_connected = Some(is_connected);
    }

    /// It has another stream from now on.
    pub fn replace(&mut self) {
        self.is_replaced = true;
        self.is_connected = None;
        self.session = None;
    }

    /// The next event.
    pub fn take(&mut self, told: Told, is_threaded: bool) {
        if self.state == State::Gone {
            self.late += 1;
            let is_under_way = is_threaded && self.late == 1;
            assert!(is_under_way, "{told:?} after the removal: {self:?}");
            return;
        }
        match told {
            // What has happened to the stream before it is reported among that of the new one.
            _ if self.is_replaced => {}
            Told::Connected => {
                assert_ne!(self.is_connected, Some(true), "it connects twice: {self:?}");
                self.is_connected = Some(true);
                self.session = None;
            }
            Told::Data => {
                assert_ne!(
                    self.is_connected,
                    Some(false),
                    "data without a connection: {self:?}"
                );
                self.is_connected = Some(true);
            }
            Told::Packet(session) => {
                assert_ne!(
                    self.is_connected,
                    Some(false),
                    "a packet without a connection: {self:?}"
                );
                self.is_connected = Some(true);
                let known = *self.session.get_or_insert(session);
                assert_eq!(
                    known, session,
                    "packets of two connections in one: {self:?}"
                );
            }
            Told::Over(EndCause::Disconnect(cause)) => {
                assert_ne!(
                    self.is_connected,
                    Some(false),
                    "{cause:?}, unconnected: {self:?}"
                );
                self.is_connected = Some(false);
            }
            Told::Over(EndCause::Connect(end)) => {
                assert_ne!(
                    self.is_connected,
                    Some(true),
                    "{end:?}, connected: {self:?}"
                );
                self.is_connected = Some(false);
            }
        }
        self.told.push(told);
        if self.is_accepted && matches!(told, Told::Over(_)) {
            self.state = State::Gone;
        }
    }

    /// The events of the loop's listener are those of the peer's own, without a gap.
    pub fn check_life(&self, what: &str, handle: &Handle) {
        if self.is_replaced {
            return;
        }
        let lives = |told: &&Told| matches!(told, Told::Connected | Told::Over(_));
        let skipped = usize::from(self.is_accepted && !self.told.is_empty());
        if self.is_accepted && !self.told.is_empty() {
            assert_eq!(self.told[0], Told::Connected, "{what}: {self:?}");
        }
        let told: Vec<Told> = self
            .told
            .iter()
            .filter(lives)
            .copied()
            .skip(skipped)
            .collect();
        let life = &handle.life[self.begin.min(handle.life.len())..];
        let is_at = |start: usize| {
            let rest = &life[start..];
            let count = told.len().min(rest.len());
            // The listener of a peer that was dropped may have missed its end.
            let is_known = told.len() <= rest.len() || handle.is_dropped;
            let is_whole = self.state != State::Member || rest.len() <= told.len();
            is_known && is_whole && told[..count] == rest[..count]
        };
        let last = if self.is_begin_exact || self.is_accepted {
            0
        } else {
            life.len()
        };
        let is_run = (0..=last).any(is_at);
        assert!(is_run, "{what}: {told:?} of {life:?}: {self:?} {handle:?}");
    }
}
