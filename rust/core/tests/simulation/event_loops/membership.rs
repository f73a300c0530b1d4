//! The reports about one member to the handler of an event loop, from its addition to its removal.

use stream_socket::EndCause;

use super::content::RemoteId;
use super::model::PeerRecord;

/// One report to a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    Connected,
    Data,
    Packet(RemoteId),
    Ended(EndCause),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A thread is adding the member.
    Adding,
    Member,
    /// A thread is removing the member.
    Leaving,
    Gone,
}

#[derive(Debug)]
pub struct Membership {
    pub state: State,
    pub is_accepted: bool,
    /// The index of the member's peer.
    pub peer: usize,
    /// How many entries the history of the peer had when the member was added.
    begin: usize,
    /// No event was pending when the member was added.
    is_begin_exact: bool,
    pub reports: Vec<Report>,
    /// Whether the member is connected, according to the reports. `None` if they do not show it.
    is_connected: Option<bool>,
    remote: Option<RemoteId>,
    /// The member has another peer than when it was added.
    pub is_replaced: bool,
    /// How many reports have come after the removal: another thread may have one in progress.
    late: u32,
}

impl Membership {
    pub fn new(peer: usize, begin: usize, is_accepted: bool) -> Membership {
        Membership {
            state: State::Adding,
            is_accepted,
            peer,
            begin,
            is_begin_exact: false,
            reports: Vec::new(),
            is_connected: is_accepted.then_some(false),
            remote: None,
            is_replaced: false,
            late: 0,
        }
    }

    /// The member was added without pending events, and was connected or not.
    pub fn begin_exactly(&mut self, is_connected: bool) {
        self.is_begin_exact = true;
        self.is_connected = Some(is_connected);
    }

    /// The member has another peer from now on.
    pub fn replace(&mut self) {
        self.is_replaced = true;
        self.is_connected = None;
        self.remote = None;
    }

    /// Checks the next report.
    pub fn take(&mut self, report: Report, is_threaded: bool) {
        if self.state == State::Gone {
            self.late += 1;
            let is_in_progress = is_threaded && self.late == 1;
            assert!(is_in_progress, "{report:?} after the removal: {self:?}");
            return;
        }
        match report {
            // Reports about the old peer may come among those about the new one.
            _ if self.is_replaced => {}
            Report::Connected => {
                assert_ne!(self.is_connected, Some(true), "it connects twice: {self:?}");
                self.is_connected = Some(true);
                self.remote = None;
            }
            Report::Data => {
                assert_ne!(
                    self.is_connected,
                    Some(false),
                    "data without a connection: {self:?}"
                );
                self.is_connected = Some(true);
            }
            Report::Packet(remote) => {
                assert_ne!(
                    self.is_connected,
                    Some(false),
                    "a packet without a connection: {self:?}"
                );
                self.is_connected = Some(true);
                let known = *self.remote.get_or_insert(remote);
                assert_eq!(known, remote, "packets of two connections in one: {self:?}");
            }
            Report::Ended(EndCause::Disconnect(cause)) => {
                assert_ne!(
                    self.is_connected,
                    Some(false),
                    "{cause:?}, unconnected: {self:?}"
                );
                self.is_connected = Some(false);
            }
            Report::Ended(EndCause::Connect(end)) => {
                assert_ne!(
                    self.is_connected,
                    Some(true),
                    "{end:?}, connected: {self:?}"
                );
                self.is_connected = Some(false);
            }
        }
        self.reports.push(report);
        if self.is_accepted && matches!(report, Report::Ended(_)) {
            self.state = State::Gone;
        }
    }

    /// Checks that the reports about connects and ends are a contiguous part of the peer's history.
    pub fn check_history(&self, what: &str, peer: &PeerRecord) {
        if self.is_replaced {
            return;
        }
        let is_history = |report: &&Report| matches!(report, Report::Connected | Report::Ended(_));
        let skipped = usize::from(self.is_accepted && !self.reports.is_empty());
        if self.is_accepted && !self.reports.is_empty() {
            assert_eq!(self.reports[0], Report::Connected, "{what}: {self:?}");
        }
        let reports: Vec<Report> = self
            .reports
            .iter()
            .filter(is_history)
            .copied()
            .skip(skipped)
            .collect();
        let history = &peer.history[self.begin.min(peer.history.len())..];
        let is_at = |start: usize| {
            let rest = &history[start..];
            let count = reports.len().min(rest.len());
            // The handler of a peer that was dropped may have missed its end.
            let is_known = reports.len() <= rest.len() || peer.is_dropped;
            let is_whole = self.state != State::Member || rest.len() <= reports.len();
            is_known && is_whole && reports[..count] == rest[..count]
        };
        let last = if self.is_begin_exact || self.is_accepted {
            0
        } else {
            history.len()
        };
        let is_part = (0..=last).any(is_at);
        assert!(
            is_part,
            "{what}: {reports:?} of {history:?}: {self:?} {peer:?}"
        );
    }
}
