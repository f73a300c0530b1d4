//! The state machine of a connection: one pure function, no socket and no clock in it.

use std::time::Instant;

/// Where a connection is in its life. The numbers are those of the engine's `StreamPeerSocket.Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Not connected: new, disconnected, or ended by the peer.
    None = 0,
    /// A connect is under way; [`Connection::poll`](crate::Connection::poll) advances it.
    Connecting = 1,
    /// Data can be exchanged.
    Connected = 2,
    /// The connect failed, or [`Connection::poll`](crate::Connection::poll) met a socket error.
    Error = 3,
}

impl Status {
    /// Every status, in the order of its number.
    pub(crate) const ALL: [Status; 4] = [
        Status::None,
        Status::Connecting,
        Status::Connected,
        Status::Error,
    ];
}

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The user asked to connect.
    Connect,
    /// The connection was handed over by a listener.
    Accepted,
    /// The connect under way succeeded.
    Established,
    /// The connect under way is still undecided.
    Undecided {
        /// When that was seen.
        now: Instant,
        /// Until when the connect may take.
        deadline: Instant,
    },
    /// The connect under way failed.
    ConnectFailed,
    /// Everything the peer sent has been read, and nothing more will come.
    EndOfStream,
    /// A read or a write met a socket error.
    TransferFailed,
    /// `poll` met a socket error.
    PollFailed,
    /// The user asked to disconnect.
    Disconnect,
}

/// The status after `event`, or `None` where the event means nothing in `status`: it came too late, or the
/// user may not do that now. Nothing changes then.
///
/// A connect is allowed in [`Status::Error`]: a failed attempt leaves nothing behind that would have to be
/// disconnected first.
pub(crate) fn transition(status: Status, event: Event) -> Option<Status> {
    match (status, event) {
        (_, Event::Disconnect) => Some(Status::None),
        (Status::None | Status::Error, Event::Connect) => Some(Status::Connecting),
        (Status::None, Event::Accepted) => Some(Status::Connected),
        (Status::Connecting, Event::Established) => Some(Status::Connected),
        (Status::Connecting, Event::Undecided { now, deadline }) if now > deadline => {
            Some(Status::Error)
        }
        (Status::Connecting, Event::Undecided { .. }) => Some(Status::Connecting),
        (Status::Connecting, Event::ConnectFailed) => Some(Status::Error),
        (Status::Connected, Event::EndOfStream | Event::TransferFailed) => Some(Status::None),
        (Status::Connected, Event::PollFailed) => Some(Status::Error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Every status with every event, against a table written down by hand: `-` is "means nothing here".
    #[test]
    fn every_status_with_every_event() {
        let start = Instant::now();
        let deadline = start + Duration::from_secs(1);
        let undecided = |now| Event::Undecided { now, deadline };
        #[rustfmt::skip]
        let table: [(Event, &str); 11] = [
            //                                       None, Connecting, Connected, Error
            (Event::Connect,                                      "C--C"),
            (Event::Accepted,                                     "E---"),
            (Event::Established,                                  "-E--"),
            (undecided(start),                                    "-C--"),
            (undecided(deadline),                                 "-C--"),
            (undecided(deadline + Duration::from_nanos(1)),       "-X--"),
            (Event::ConnectFailed,                                "-X--"),
            (Event::EndOfStream,                                  "--N-"),
            (Event::TransferFailed,                               "--N-"),
            (Event::PollFailed,                                   "--X-"),
            (Event::Disconnect,                                   "NNNN"),
        ];
        for (event, row) in table {
            for (status, expected) in Status::ALL.into_iter().zip(row.chars()) {
                let expected = match expected {
                    '-' => None,
                    'N' => Some(Status::None),
                    'C' => Some(Status::Connecting),
                    'E' => Some(Status::Connected),
                    'X' => Some(Status::Error),
                    other => unreachable!("{other}"),
                };
                assert_eq!(transition(status, event), expected, "{status:?} {event:?}");
            }
        }
    }

    #[test]
    fn numbers_are_the_engines() {
        for (number, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, number);
        }
    }
}
