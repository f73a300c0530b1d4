//! Checks the events of one connection: each has to follow from those before it.

use stream_socket::{ConnectEnd, Connection, Event, Status};

/// What the events so far add up to.
#[derive(Debug)]
pub struct StateMachine {
    pub status: Status,
    /// How many connects have started, and how many have finished.
    connects: u32,
    finished: u32,
    /// How often the connection was established, and how often it has ended.
    established: u32,
    disconnected: u32,
    pub last_end: Option<ConnectEnd>,
}

impl StateMachine {
    /// The state of `connection`, whose events were not taken yet.
    pub fn of(connection: &Connection) -> StateMachine {
        // An accepted connection has no events; one that has connected begins with those of its
        // connect.
        let is_accepted = !connection.has_events();
        let status = connection.status();
        StateMachine {
            status: if is_accepted { status } else { Status::None },
            connects: 0,
            finished: 0,
            established: u32::from(is_accepted && status == Status::Connected),
            disconnected: 0,
            last_end: None,
        }
    }

    /// Takes the next event of the connection `name`.
    pub fn take(&mut self, name: &str, event: Event) {
        match event {
            Event::StatusChanged(status) => {
                let is_allowed = matches!(
                    (self.status, status),
                    (Status::None | Status::Error, Status::Connecting)
                        | (
                            Status::Connecting,
                            Status::Connected | Status::Error | Status::None
                        )
                        | (Status::Connected, Status::None | Status::Error)
                        | (Status::Error, Status::None)
                );
                assert!(
                    is_allowed,
                    "{name}: {:?} became {status:?}: {self:?}",
                    self.status
                );
                self.status = status;
                self.connects += u32::from(status == Status::Connecting);
            }
            Event::ConnectFinished(end) => {
                self.finished += 1;
                self.established += u32::from(end == ConnectEnd::Connected);
                self.last_end = Some(end);
                assert_eq!(
                    self.finished, self.connects,
                    "{name}: a connect has finished twice, or without a start"
                );
            }
            Event::Disconnected(_) => {
                self.disconnected += 1;
                assert_eq!(
                    self.disconnected, self.established,
                    "{name}: a connection has ended twice, or was not established"
                );
            }
            _ => {}
        }
    }

    /// Checks that the events add up once the connection has been disconnected for good.
    pub fn finish(&self, name: &str) {
        assert_eq!(self.status, Status::None, "{name}: {self:?}");
        assert_eq!(self.connects, self.finished, "{name}: {self:?}");
        assert_eq!(self.established, self.disconnected, "{name}: {self:?}");
    }
}
