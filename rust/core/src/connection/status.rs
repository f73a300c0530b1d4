//! The state machine of a connection: one pure function, without a socket and without a clock.

use std::time::Instant;

use crate::event::Status;

/// An input of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The user requested a connect.
    Connect,
    /// A listener accepted the connection.
    Accepted,
    /// The connect in progress succeeded.
    Established,
    /// The connect in progress has neither succeeded nor failed.
    Undecided {
        /// The time of this observation.
        now: Instant,
        /// The time limit of the connect.
        deadline: Instant,
    },
    /// The connect in progress failed.
    ConnectFailed,
    /// The peer ended the stream, and everything that it sent has been read.
    EndOfStream,
    /// A read or a write met a socket error.
    TransferFailed,
    /// `poll` met a socket error.
    PollFailed,
    /// The user requested a disconnect.
    Disconnect,
}

/// Returns the status after `input`, or `None` if `status` does not allow the input: it came too
/// late, or the user may not do this now.
///
/// [`Status::Error`] allows a connect, because a failed connection has nothing left to disconnect.
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

    /// `-` means that the status does not allow the input.
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
