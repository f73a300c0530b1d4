//! One end of a connection that uses the library. Every result is compared with the model.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stream_socket::packets::{Framing, LengthField, PacketReader, Width};
use stream_socket::{Connection, DisconnectCause, Event, Group, Status, Visit};

use super::state_machine::StateMachine;
use super::stream::{Outcome, Stream};
use super::system::{Random, System};
use super::trace::{note, step};

/// How much longer than its timeout a call may take: other threads may run first.
const SLACK: Duration = Duration::from_millis(20);

/// A timeout that is long enough for everything in flight to arrive.
pub const PATIENT: Duration = Duration::from_secs(25);

/// The end. One thread at a time writes, one reads, and one makes the other calls.
pub struct LibraryEnd<S: System> {
    pub name: &'static str,
    pub connection: Arc<Connection>,
    pub incoming: Arc<Stream>,
    pub outgoing: Arc<Stream>,
    pub(super) machine: Mutex<StateMachine>,
    /// Cuts packets whose first byte is their length: any stream, from any offset, consists of
    /// these.
    pub(super) packets: Box<Mutex<PacketReader>>,
    pub(super) group: Option<(Group, usize)>,
    /// How many more bytes may be sent.
    pub(super) budget: AtomicUsize,
    /// Writes may block, because another thread plays the other end.
    pub may_block: bool,
    /// One thread plays both ends, so the results of different calls can be compared.
    pub is_alone: bool,
    pub(super) has_shut: AtomicBool,
    /// A search has reached the end of the stream, with unread bytes before it.
    pub(super) has_searched_in_vain: AtomicBool,
    pub(super) has_left: AtomicBool,
    _system: std::marker::PhantomData<S>,
}

impl<S: System> LibraryEnd<S> {
    pub fn new(
        name: &'static str,
        connection: Connection,
        incoming: Arc<Stream>,
        outgoing: Arc<Stream>,
        budget: usize,
    ) -> LibraryEnd<S> {
        LibraryEnd {
            name,
            machine: Mutex::new(StateMachine::of(&connection)),
            packets: Box::new(Mutex::new(PacketReader::new(
                Framing::Length(LengthField {
                    width: Width::Bytes(1),
                    big_endian: false,
                    includes_itself: false,
                }),
                usize::MAX,
            ))),
            connection: Arc::new(connection),
            incoming,
            outgoing,
            group: None,
            budget: AtomicUsize::new(budget),
            may_block: false,
            is_alone: true,
            has_shut: AtomicBool::new(false),
            has_searched_in_vain: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
            _system: std::marker::PhantomData,
        }
    }

    /// Adds the connection to a group.
    pub fn join_group(&mut self) {
        let group = Group::new();
        let key = group.add(&*self.connection);
        self.group = Some((group, key));
    }

    pub fn group(&self) -> Option<&(Group, usize)> {
        self.group.as_ref()
    }

    /// Chooses the settings of the connection.
    pub fn set_up(&self, random: &mut Random, is_patient: bool) {
        let connection = &self.connection;
        if !S::IS_SIMULATED {
            // Otherwise a real kernel delays small segments until an acknowledgement (tcp(7),
            // TCP_NODELAY).
            let outcome = connection.set_options(|options| options.no_delay = true);
            outcome.expect("the socket is open");
        }
        connection.set_allow_half_open(random.once_in(2));
        connection.set_coalesces(random.once_in(3));
        let limit = match random.below(3) {
            0 => 0,
            1 => S::buffer_size().min(4096) * 2,
            _ => 1 << 22,
        };
        connection.set_queue_limit(limit);
        connection.set_read_timeout(Some(S::patience(random)));
        if is_patient {
            connection.set_write_timeout(if self.may_block || random.once_in(2) {
                Some(PATIENT)
            } else {
                None
            });
        } else {
            connection.set_write_timeout(Some(S::patience(random)));
            self.outgoing
                .excuse("the write timeout ends the lingering close");
        }
        // A call of the library within `note` would be made only when the trace is on, and change
        // the run.
        let settings = (
            connection.allows_half_open(),
            connection.coalesces(),
            connection.read_timeout(),
            connection.write_timeout(),
        );
        note(|| {
            format!(
                "{}: half-open, coalesces, timeouts to read and write {settings:?}, queue {limit}",
                self.name
            )
        });
    }

    /// Performs one random call.
    pub fn act(&self, random: &mut Random) {
        match random.below(10) {
            0..=3 => self.write(random),
            4..=6 => {
                self.read(random);
            }
            _ => self.inspect(random),
        }
    }

    /// A call has reported that the connection has failed.
    pub(super) fn has_failed(&self) {
        self.outgoing.state().is_sender_notified = true;
        self.incoming.state().is_receiver_notified = true;
    }

    pub(super) fn is_in_time(&self, timeout: Option<Duration>, took: Duration) {
        if let (Some(timeout), true) = (timeout, S::IS_SIMULATED) {
            assert!(
                took <= timeout + SLACK,
                "{}: a call with a timeout of {timeout:?} took {took:?}",
                self.name
            );
        }
    }

    /// Makes one of the calls that neither read nor write.
    pub fn inspect(&self, random: &mut Random) {
        step();
        let connection = &self.connection;
        match random.below(9) {
            0 => {
                let time = S::patience(random);
                note(|| format!("{} sleeps for {time:?}", self.name));
                S::sleep(time);
            }
            1 => {
                let available = connection.available();
                note(|| format!("{}: available {available:?}", self.name));
                if self.is_alone
                    && let Some(available) = available
                {
                    let left = self.incoming.left();
                    assert!(
                        available as u64 <= left,
                        "{}: {available} available, {left} are to come",
                        self.name
                    );
                }
            }
            2 => {
                let pending = connection.pending_bytes() as u64;
                note(|| format!("{}: pending {pending}", self.name));
                if self.is_alone {
                    let accepted = self.outgoing.state().accepted;
                    assert!(
                        pending <= accepted,
                        "{}: {pending} pending of {accepted}",
                        self.name
                    );
                }
            }
            3 => {
                let half_open = random.once_in(2);
                if random.once_in(4) {
                    connection.set_allow_half_open(half_open);
                    note(|| format!("{}: half-open {half_open}", self.name));
                }
                connection.is_read_closed();
            }
            4 if self.group.is_some() => self.poll_group(Some(S::patience(random))),
            5 if random.once_in(8) => self.shut_down(),
            6 => self.count(),
            _ => {
                self.poll();
            }
        }
        self.take_events();
    }

    /// Checks that the statistics count each byte once.
    fn count(&self) {
        let counted = self.connection.statistics(S::now());
        note(|| format!("{}: {counted:?}", self.name));
        if !self.is_alone || self.connection.status() != Status::Connected {
            return;
        }
        let read = self.incoming.state().received;
        assert_eq!(
            counted.received - counted.unread as u64,
            read,
            "{}: what was received and read",
            self.name
        );
        let outgoing = self.outgoing.state();
        let taken = counted.sent + counted.queued as u64;
        // A failed send drops what is queued.
        assert!(
            taken == outgoing.accepted
                || taken < outgoing.accepted
                    && (outgoing.may_fail.is_some() || outgoing.does_kernel_fail),
            "{}: {taken} bytes sent and queued of {}",
            self.name,
            outgoing.accepted
        );
    }

    pub fn poll(&self) -> bool {
        let polled = self.connection.poll(S::now);
        note(|| format!("{} polls: {polled:?}", self.name));
        match polled {
            Ok(has_data) => {
                if has_data && self.is_alone {
                    assert!(
                        self.connection.has_unread(),
                        "{}: a poll has reported data that is not there",
                        self.name
                    );
                }
                has_data
            }
            Err(_) => {
                self.has_failed();
                self.incoming.end(Outcome::Failure);
                if self.is_alone {
                    assert_eq!(self.connection.status(), Status::Error, "{}", self.name);
                }
                false
            }
        }
    }

    /// Polls the group.
    pub fn poll_group(&self, limit: Option<Duration>) {
        let Some((group, key)) = &self.group else {
            return;
        };
        note(|| format!("{} polls its group for {limit:?}", self.name));
        let before = S::now();
        let mut visits = 0;
        group.poll(limit, |visited| {
            assert_eq!(visited, *key);
            let has_data = self.poll();
            let is_over = self.connection.status() != Status::Connected
                || limit.is_none() && self.connection.is_read_closed();
            if has_data || is_over || self.connection.has_events() {
                return Visit::Ready;
            }
            visits += 1;
            assert!(
                visits < 5000,
                "{}: its group visits it without end, though it is idle",
                self.name
            );
            Visit::Idle
        });
        self.is_in_time(limit, S::now().duration_since(before));
    }

    /// Ends the sending direction.
    pub fn shut_down(&self) {
        self.has_shut.store(true, Ordering::Relaxed);
        let outcome = self.connection.shut_down_writing();
        note(|| format!("{} shuts down: {outcome:?}", self.name));
        if let Err(error) = outcome {
            self.write_failed(&error);
        }
    }

    /// Takes and checks the pending events.
    pub fn take_events(&self) {
        while let Some(event) = self.connection.next_event() {
            note(|| format!("{}: {event:?}", self.name));
            // No other thread runs while this std mutex is locked.
            self.machine.lock().unwrap().take(self.name, event);
            if let Event::Disconnected(cause) = event {
                match cause {
                    DisconnectCause::EndOfStream => self.incoming.end(Outcome::End),
                    DisconnectCause::Failure => {
                        self.has_failed();
                        self.incoming.end(Outcome::Failure);
                    }
                    DisconnectCause::Local => {}
                    DisconnectCause::InvalidData => {
                        panic!("{}: no packet is malformed", self.name)
                    }
                    other => panic!("no model of {other:?}"),
                }
            }
        }
    }
}
