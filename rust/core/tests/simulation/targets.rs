//! The targets of connects, and the outcome that each has to have.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use stream_socket::simulated::control::{self as world, RawSocket};
use stream_socket::{Address, ConnectEnd, Target};

use super::simulated::{connect_raw, listen_raw};
use super::system::Random;

/// When the simulated kernel gives up a connect.
pub const KERNEL_TIMEOUT: Duration = Duration::from_secs(130);

/// The delay before the library starts an attempt beside one that is under way (RFC 8305).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// What answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepts,
    Refuses,
    /// There is no route to it.
    Unreachable,
    /// No host answers.
    Silence,
}

/// The outcome that a connect has to have.
#[derive(Clone, Debug)]
pub enum Expected {
    Connected(Option<SocketAddr>),
    /// The call of `connect` fails.
    FailsAtOnce,
    Ends(ConnectEnd),
    /// Its time limit ends it.
    TimesOut,
}

/// A target, and the outcome of a connect to it.
pub struct Case {
    pub target: Target,
    pub expected: Expected,
    /// The least time that the connect takes.
    pub earliest: Duration,
    /// Keeps the listener open.
    pub _listener: Option<RawSocket>,
    /// The clients that fill the backlog.
    pub waiting: Vec<RawSocket>,
}

impl Case {
    pub fn new(random: &mut Random) -> Case {
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

    /// A single address.
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
            Answer::Unreachable => Expected::FailsAtOnce,
            Answer::Silence if random.once_in(2) => Expected::Ends(ConnectEnd::Refused),
            Answer::Silence => Expected::TimesOut,
        };
        let earliest = match &expected {
            Expected::Ends(_) if answer == Answer::Silence => KERNEL_TIMEOUT,
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
            return Case::of(Target::Address(address), Expected::FailsAtOnce);
        }
        let listener = listen_raw(&address, 5).expect("the name is free");
        Case {
            _listener: Some(listener),
            ..Case::of(Target::Address(address), Expected::Connected(None))
        }
    }

    /// A listener whose backlog is full.
    fn full(random: &mut Random) -> Case {
        let address = if random.once_in(2) {
            Address::Unix("@full".into())
        } else {
            Address::Inet((Ipv4Addr::LOCALHOST, 0).into())
        };
        let listener = listen_raw(&address, 0).expect("the address is free");
        let address = match listener.local_address() {
            Some(inet) => Address::Inet(inet),
            None => address,
        };
        let waiting = connect_raw(&address).expect("there is room for one");
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
                // A failure starts the next attempt at once, so the delays are certain only if no
                // attempt fails.
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
}

/// A listener that is used without the library, and its port.
fn listen(ip: IpAddr, backlog: i32) -> (RawSocket, u16) {
    let address = Address::Inet((ip, 0).into());
    let listener = listen_raw(&address, backlog).expect("the address is free");
    let port = listener.local_address().map_or(0, |address| address.port());
    (listener, port)
}

/// An address with this `answer`. The `number` distinguishes several of them.
fn ip_of(answer: Answer, number: u8) -> IpAddr {
    match answer {
        Answer::Accepts => Ipv4Addr::LOCALHOST.into(),
        Answer::Refuses => Ipv4Addr::new(127, 0, 0, 1 + number).into(),
        Answer::Unreachable => Ipv4Addr::new(198, 51, 100, number).into(),
        Answer::Silence => Ipv4Addr::new(192, 0, 2, number).into(),
    }
}
