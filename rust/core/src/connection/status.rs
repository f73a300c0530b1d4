//! The state machine of a connection: one pure function, no socket and no clock in it.

use std::time::Instant;

use crate::event::Status;

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
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

/// The status after `input`, or `None` where the input means nothing in `status`: it came too late, or the
/// user may not do that now. Nothing changes then.
///
/// A connect is allowed in [`Status::Error`]: a failed attempt leaves nothing behind that would have to be
/// disconnected first.
pub(crate) fn transition(status: Status, input: Input) -> Option<Status> {
    match (status, input) {
        (_, Input::Disconnect) => Some(Status::None),
        (Status::None | Status::Error, Input::Connect) => Some(Status::Connecting),
        (Status::None, Input::Accepted) => Some(Status::Connected),
        (Status::Connecting, Input::Established) => Some(Status::Connected),
        (Status::Connecting, Input::Undecided { now, deadline }) if now > deadline => {
            Some(Status::Error)
        }
        (Status::Connecting, Input::Undecided { .. }) => Some(Status::Connecting),
        (Status::Connecting, Input::ConnectFailed) => Some(Status::Error),
        (Status::Connected, Input::EndOfStream | Input::TransferFailed) => Some(Status::None),
        (Status::Connected, Input::PollFailed) => Some(Status::Error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Every status with every input, against a table written down by hand: `-` is "means nothing here".
    #[test]
    fn every_status_with_every_input() {
        let start = Instant::now();
        let deadline = start + Duration::from_secs(1);
        let undecided = |now| Input::Undecided { now, deadline };
        #[rustfmt::skip]
        let table: [(Input, &str); 11] = [
            //                                       None, Connecting, Connected, Error
            (Input::Connect,                                      "C--C"),
            (Input::Accepted,                                     "E---"),
            (Input::Established,                                  "-E--"),
            (undecided(start),                                    "-C--"),
            (undecided(deadline),                                 "-C--"),
            (undecided(deadline + Duration::from_nanos(1)),       "-X--"),
            (Input::ConnectFailed,                                "-X--"),
            (Input::EndOfStream,                                  "--N-"),
            (Input::TransferFailed,                               "--N-"),
            (Input::PollFailed,                                   "--X-"),
            (Input::Disconnect,                                   "NNNN"),
        ];
        for (input, row) in table {
            for (status, expected) in Status::ALL.into_iter().zip(row.chars()) {
                let expected = match expected {
                    '-' => None,
                    'N' => Some(Status::None),
                    'C' => Some(Status::Connecting),
                    'E' => Some(Status::Connected),
                    'X' => Some(Status::Error),
                    other => unreachable!("{other}"),
                };
                assert_eq!(transition(status, input), expected, "{status:?} {input:?}");
            }
        }
    }
}
