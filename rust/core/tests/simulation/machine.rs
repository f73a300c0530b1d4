//! What the events of a connection tell: each follows from those before.

use stream_socket::{ConnectEnd, Connection, Event, Status};

/// What they have told so far.
#[derive(Debug)]
pub struct Machine {
    pub status: Status,
    /// How often it has begun to connect, and how often that has come to an end.
    connects: u32,
    finished: u32,
    /// How often it was connected, and how often that has come to an end.
    established: u32,
    disconnected: u32,
    pub last_end: Option<ConnectEnd>,
}

impl Machine {
    /// That of a connection of which nobody has taken an event.
    pub fn of(connection: &Connection) -> Machine {
        // An accepted connection has nothing to tell; one that has connected begins with that.
        let is_accepted = !connection.has_events();
        let status = connection.status();
        Machine {
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
                    "{name}: a connect ends twice, or not"
                );
            }
            Event::Disconnected(_) => {
                self.disconnected += 1;
                assert_eq!(
                    self.disconnected, self.established,
                    "{name}: a connection ends twice, or not"
                );
            }
            _ => {}
        }
    }

    /// Whether the events add up, of a connection that was disconnected for good.
    pub fn finish(&self, name: &str) {
        assert_eq!(self.status, Status::None, "{name}: {self:?}");
        assert_eq!(self.connects, self.finished, "{name}: {self:?}");
        assert_eq!(self.established, self.disconnected, "{name}: {self:?}");
    }
}
