//! Programs that connect: to addresses that refuse or do not answer, to names with several
//! addresses, and with lookups that hang or fail. The target decides the outcome of each connect.

use std::time::Duration;

use stream_socket::simulated::control::{self as world, Fault};
use stream_socket::{Address, ConnectEnd, ConnectError, Connection, PollError, Status};

use super::state_machine::StateMachine;
use super::system::Random;
use super::targets::{Case, Expected, KERNEL_TIMEOUT};
use super::trace::{note, step};

/// The time between two polls of a program that waits for the time limit of a connect.
const FRAME: Duration = Duration::from_millis(16);

/// Runs the program.
pub fn run(mut random: Random) {
    let connection = Connection::new();
    let mut machine = StateMachine::of(&connection);
    for _ in 0..random.size(6) {
        step();
        attempt(&connection, &mut machine, &mut random);
    }
    world::hang_lookups(false);
    world::clear_faults();
    connection.disconnect();
    take_events(&connection, &mut machine);
    machine.finish("it");
    // The lookups that hung need this time to end.
    world::sleep(world::latency() * 5);
}

/// Makes one connect, and waits for its end.
fn attempt(connection: &Connection, machine: &mut StateMachine, random: &mut Random) {
    world::hang_lookups(false);
    let mut case = Case::new(random);
    let has_faults = random.once_in(4);
    if has_faults {
        for fault in [Fault::NoDescriptor, Fault::NoMemory, Fault::NoThread] {
            // Without a thread of its own, a lookup that hangs would hang this thread.
            let may_hang = fault == Fault::NoThread && matches!(case.expected, Expected::TimesOut);
            let once_in = random.choose(&[0, 2, 20]);
            world::set_fault(fault, if may_hang { 0 } else { once_in });
        }
    }
    let limit = match &case.expected {
        Expected::TimesOut => Some(Duration::from_nanos(random.size(100_000_000_000) as u64)),
        _ if random.once_in(2) => None,
        _ => Some(Duration::from_secs(300)),
    };
    note(|| {
        format!(
            "connects to {:?}: {:?} in {limit:?}",
            case.target, case.expected
        )
    });
    let begun_at = world::now();
    let begun = connection.connect(case.target.clone(), limit, begun_at);
    if let Err(error) = &begun {
        note(|| format!("it fails at once: {error}"));
        assert!(
            has_faults || matches!(case.expected, Expected::FailsAtOnce),
            "{:?} fails at once: {error}",
            case.expected
        );
        assert_eq!(connection.status(), Status::None);
    }
    let gives_up = random.once_in(6);
    let patience = match case.expected {
        Expected::Connected(_) if !has_faults => {
            random.choose(&[1_000_000, 100_000_000, 1_000_000_000])
        }
        _ => random.choose(&[1_000_000_000, 10_000_000_000, 100_000_000_000]),
    };
    let mut failure = None;
    while connection.status() == Status::Connecting {
        step();
        if gives_up && random.once_in(8) {
            connection.disconnect();
            break;
        }
        set_options(connection, random, has_faults);
        if random.once_in(8)
            && let Some(raw) = case.waiting.pop()
        {
            drop(raw);
        }
        failure = failure.or(connection.poll(world::now).err());
        let time = Duration::from_nanos(random.size(patience) as u64);
        // A connect whose program did not poll for a while may take longer than its limit.
        let left = limit.map(|limit| (begun_at + limit).saturating_duration_since(world::now()));
        let left = left.map(|left| match left.is_zero() {
            true => FRAME,
            false => left + Duration::from_nanos(1),
        });
        world::sleep(left.map_or(time, |left| time.min(left)));
    }
    let took = world::now() - begun_at;
    take_events(connection, machine);
    world::clear_faults();
    note(|| format!("{:?} after {took:?}: {failure:?}", machine.last_end));
    if begun.is_ok()
        && !(gives_up && machine.last_end == Some(ConnectEnd::Cancelled))
        && !has_faults
    {
        case.check(connection, machine, took, limit, failure.as_ref());
    }
    connection.disconnect();
    take_events(connection, machine);
}

fn take_events(connection: &Connection, machine: &mut StateMachine) {
    while let Some(event) = connection.next_event() {
        note(|| format!("it: {event:?}"));
        machine.take("it", event);
    }
}

/// Sets options. They apply to the socket that becomes the connection, whichever attempt wins.
fn set_options(connection: &Connection, random: &mut Random, may_fail: bool) {
    if !random.once_in(8) {
        return;
    }
    let size = random.size(10_000);
    let outcome = connection.set_options(|options| {
        options.send_buffer_size = Some(size);
        options.no_delay = !options.no_delay;
    });
    assert!(outcome.is_ok() || may_fail, "{outcome:?}");
}

impl Case {
    /// Compares the outcome of the connect with the expected one.
    fn check(
        &self,
        connection: &Connection,
        machine: &StateMachine,
        took: Duration,
        limit: Option<Duration>,
        failure: Option<&PollError>,
    ) {
        let end = machine.last_end;
        match &self.expected {
            Expected::FailsAtOnce => panic!("the connect has started"),
            Expected::Connected(address) => {
                assert_eq!(end, Some(ConnectEnd::Connected), "{failure:?}");
                assert!(took >= self.earliest, "after {took:?}");
                let peer = connection.peer_address();
                if let (Some(expected), Some(Address::Inet(peer))) = (address, &peer) {
                    // Any address that accepts will do.
                    assert_eq!(peer.port(), expected.port());
                    assert!(peer.ip().is_loopback(), "{peer}");
                }
                if let Some(size) = connection.options().send_buffer_size {
                    assert_eq!(
                        connection.buffer_sizes().map(|sizes| sizes.send),
                        Some(size * 2)
                    );
                }
            }
            Expected::Ends(expected) => {
                assert_eq!(end, Some(*expected), "{failure:?}");
                assert_eq!(connection.status(), Status::Error);
                assert!(took >= self.earliest, "after {took:?}");
            }
            Expected::TimesOut => {
                // The kernel may time out first, and the backlog may have room again.
                let may_end_otherwise = took >= KERNEL_TIMEOUT || self.waiting.is_empty();
                match end {
                    Some(ConnectEnd::TimedOut) => {
                        let limit = limit.expect("it has one");
                        assert!(took > limit, "{took:?} of {limit:?}");
                        assert!(
                            matches!(
                                &failure,
                                Some(PollError::Connect(error))
                                    if matches!(**error, ConnectError::TimedOut { .. })
                            ),
                            "{failure:?}"
                        );
                    }
                    other => assert!(may_end_otherwise, "{other:?} after {took:?}: {failure:?}"),
                }
            }
        }
    }
}
