//! Programs that connect: in vain, late, to names with several addresses, with lookups that hang or fail. What becomes of
//! each connect follows from what its target is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use stream_socket::simulated::control::{self as world, Fault, Raw};
use stream_socket::{Address, ConnectEnd, ConnectError, Connection, PollError, Status, Target};

use super::machine::Machine;
use super::system::Random;
use super::trace::{note, step};

/// How long the world's kernel waits for an answer.
const KERNEL: Duration = Duration::from_secs(130);

/// How long it takes until a connect is begun beside another one.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long a listener whose backlog is full leaves a connect unanswered.
const RETRY: Duration = Duration::from_secs(1);

/// What answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accepts,
    Refuses,
    /// There is no way to it.
    Unreachable,
    /// Nobody answers.
    Silence,
}

/// What a connect has to come to.
#[derive(Clone, Debug)]
enum Expected {
    Connected(Option<SocketAddr>),
    /// It fails when it begins.
    AtOnce,
    Ends(ConnectEnd),
    /// It takes longer than it may.
    TimesOut,
}

/// A connect and its target.
struct Case {
    target: Target,
    expected: Expected,
    /// It does not come to its end before.
    earliest: Duration,
    /// What listens is open for so long.
    _listener: Option<Raw>,
    /// Those that have filled the backlog.
    waiting: Vec<Raw>,
}

/// Plays the program.
pub fn run(mut random: Random) {
    let connection = Connection::new();
    let mut machine = Machine::of(&connection);
    for _ in 0..random.size(6) {
        step();
        attempt(&connection, &mut machine, &mut random);
    }
    world::hang_lookups(false);
    world::clear_faults();
    connection.disconnect();
    take_events(&connection, &mut machine);
    machine.finish("it");
    // Lookups that had hung come to their end.
    world::sleep(world::latency() * 5);
}

/// Makes one connect, to its end.
fn attempt(connection: &Connection, machine: &mut Machine, random: &mut Random) {
    world::hang_lookups(false);
    let mut case = Case::new(random);
    let has_faults = random.once_in(4);
    if has_faults {
        for fault in [Fault::NoDescriptor, Fault::NoMemory, Fault::NoThread] {
            world::set_fault(fault, random.choose(&[0, 2, 20]));
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
            has_faults || matches!(case.expected, Expected::AtOnce),
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
        let left = limit.map(|limit| (begun_at + limit).saturating_duration_since(world::now()));
        world::sleep(left.map_or(time, |left| time.min(left + Duration::from_nanos(1))));
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

fn take_events(connection: &Connection, machine: &mut Machine) {
    while let Some(event) = connection.next_event() {
        note(|| format!("it: {event:?}"));
        machine.take("it", event);
    }
}

/// Sets options, which hold for whatever socket becomes the connection's.
fn set_options(connection: &Connection, random: &mut Random, may_fail: bool) {
    if !random.once_in(8) {
        return;
    }
    let size = random.size(10_000);
    let outcome = connection.set_options("test", |options| {
        options.send_buffer_size = Some(size);
        options.no_delay = !options.no_delay;
    });
    assert!(outcome.is_ok() || may_fail, "{outcome:?}");
}

impl Case {
    fn new(random: &mut Random) -> Case {
        match random.below(6) {
            0 => Case::unix(random),
            1 => Case::full(random),
            2 | 3 => Case::name(random),
            4 => Case::unresolved(random),
            _ => Case::address(random),
        }
    }

    fn of(target: Target, expected: Expected) -> Case {
        Case {
            target,
            expected,
            earliest: Duration::ZERO,
            _listener: None,
            waiting: Vec::new(),
        }
    }

    /// One address.
    fn address(random: &mut Random) -> Case {
        let (listener, port) = listen(Ipv4Addr::LOCALHOST.into(), 5);
        let answer = random.choose(&[
            Answer::Accepts,
            Answer::Refuses,
            Answer::Unreachable,
            Answer::Silence,
        ]);
        let (ip, port) = match answer {
            Answer::Refuses => (ip_of(Answer::Accepts, 1), port ^ 1),
            answer => (ip_of(answer, 1), port),
        };
        let address = SocketAddr::new(ip, port);
        let expected = match answer {
            Answer::Accepts => Expected::Connected(Some(address)),
            Answer::Refuses => Expected::Ends(ConnectEnd::Refused),
            Answer::Unreachable => Expected::AtOnce,
            Answer::Silence if random.once_in(2) => Expected::Ends(ConnectEnd::Refused),
            Answer::Silence => Expected::TimesOut,
        };
        let earliest = match &expected {
            Expected::Ends(_) if answer == Answer::Silence => KERNEL,
            _ => Duration::ZERO,
        };
        Case {
            earliest,
            _listener: Some(listener),
            ..Case::of(Target::Address(Address::Inet(address)), expected)
        }
    }

    fn unix(random: &mut Random) -> Case {
        let path = PathBuf::from("@connecting");
        let address = Address::Unix(path);
        if random.once_in(2) {
            return Case::of(Target::Address(address), Expected::AtOnce);
        }
        let listener = Raw::listen(&address, 5).expect("the name is free");
        Case {
            _listener: Some(listener),
            ..Case::of(Target::Address(address), Expected::Connected(None))
        }
    }

    /// A listener that has no room left.
    fn full(random: &mut Random) -> Case {
        let address = if random.once_in(2) {
            Address::Unix("@full".into())
        } else {
            Address::Inet((Ipv4Addr::LOCALHOST, 0).into())
        };
        let listener = Raw::listen(&address, 0).expect("the address is free");
        let address = match listener.local_address() {
            Some(inet) => Address::Inet(inet),
            None => address,
        };
        let waiting = Raw::connect(&address).expect("there is room for one");
        Case {
            _listener: Some(listener),
            waiting: vec![waiting],
            ..Case::of(Target::Address(address), Expected::TimesOut)
        }
    }

    /// A name with several addresses.
    fn name(random: &mut Random) -> Case {
        let (listener, port) = listen(Ipv4Addr::LOCALHOST.into(), 5);
        let all = [
            Answer::Accepts,
            Answer::Refuses,
            Answer::Unreachable,
            Answer::Silence,
        ];
        let answers: Vec<Answer> = (0..random.size(5)).map(|_| random.choose(&all)).collect();
        let addresses: Vec<IpAddr> = answers
            .iter()
            .enumerate()
            .map(|(index, answer)| ip_of(*answer, index as u8 + 1))
            .collect();
        world::add_host("several", &addresses);
        let silent = |answers: &[Answer]| answers.contains(&Answer::Silence);
        let first = answers.iter().position(|answer| *answer == Answer::Accepts);
        let (expected, earliest) = match first {
            Some(first) => {
                let before = answers[..first].iter();
                let silent = before.filter(|answer| **answer == Answer::Silence).count();
                // A failure begins the next attempt at once, so only the first of those that wait is sure to be waited for.
                let delay = match answers[..first]
                    .iter()
                    .any(|answer| *answer != Answer::Silence)
                {
                    true => Duration::ZERO,
                    false => ATTEMPT_DELAY * silent as u32,
                };
                (
                    Expected::Connected(Some(SocketAddr::new(addresses[first], port))),
                    delay,
                )
            }
            None if silent(&answers) => (Expected::TimesOut, Duration::ZERO),
            None => (Expected::Ends(ConnectEnd::Refused), Duration::ZERO),
        };
        Case {
            earliest,
            _listener: Some(listener),
            ..Case::of(
                Target::Name {
                    host: "several".into(),
                    port,
                },
                expected,
            )
        }
    }

    /// A lookup that fails, or hangs.
    fn unresolved(random: &mut Random) -> Case {
        let hangs = random.once_in(2);
        world::hang_lookups(hangs);
        let expected = if hangs {
            Expected::TimesOut
        } else {
            Expected::Ends(ConnectEnd::Unresolved)
        };
        let target = Target::Name {
            host: "nobody".into(),
            port: 1,
        };
        Case::of(target, expected)
    }

    /// Holds what has become of the connect against what had to.
    fn check(
        &self,
        connection: &Connection,
        machine: &Machine,
        took: Duration,
        limit: Option<Duration>,
        failure: Option<&PollError>,
    ) {
        let end = machine.last_end;
        match &self.expected {
            Expected::AtOnce => panic!("it has begun"),
            Expected::Connected(address) => {
                assert_eq!(end, Some(ConnectEnd::Connected), "{failure:?}");
                assert!(took >= self.earliest, "after {took:?}");
                let peer = connection.peer_address();
                if let (Some(expected), Some(Address::Inet(peer))) = (address, &peer) {
                    // Any address of the name that accepts is right.
                    assert_eq!(peer.port(), expected.port());
                    assert!(peer.ip().is_loopback(), "{peer}");
                }
                if let Some(size) = connection.options().send_buffer_size {
                    assert_eq!(
                        connection.buffer_sizes().map(|sizes| sizes.0),
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
                // The kernel may lose its patience before, and a listener that was full may not be any more.
                let is_late = took >= KERNEL || self.waiting.is_empty() && took + RETRY >= RETRY;
                match end {
                    Some(ConnectEnd::TimedOut) => {
                        let limit = limit.expect("it has one");
                        assert!(took > limit, "{took:?} of {limit:?}");
                        assert!(
                            matches!(
                                failure,
                                Some(PollError::Connect(ConnectError::TimedOut { .. }))
                            ),
                            "{failure:?}"
                        );
                    }
                    other => assert!(is_late, "{other:?} after {took:?}: {failure:?}"),
                }
            }
        }
    }
}

/// A listener of somebody who does not use the library, and its port.
fn listen(ip: IpAddr, backlog: i32) -> (Raw, u16) {
    let address = Address::Inet((ip, 0).into());
    let listener = Raw::listen(&address, backlog).expect("the address is free");
    let port = listener.local_address().map_or(0, |address| address.port());
    (listener, port)
}

/// An address of which `answer` is what answers.
fn ip_of(answer: Answer, number: u8) -> IpAddr {
    match answer {
        Answer::Accepts => Ipv4Addr::LOCALHOST.into(),
        Answer::Refuses => Ipv4Addr::new(127, 0, 0, 1 + number).into(),
        Answer::Unreachable => Ipv4Addr::new(198, 51, 100, number).into(),
        Answer::Silence => Ipv4Addr::new(192, 0, 2, number).into(),
    }
}
