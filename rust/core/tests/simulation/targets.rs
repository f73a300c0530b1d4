//! What a connect can be to, and what it then comes to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use stream_socket::simulated::control::{self as world, Raw};
use stream_socket::{Address, ConnectEnd, Target};

use super::simulated::{connect_raw, listen_raw};
use super::system::Random;

/// How long the world's kernel waits for an answer.
pub const KERNEL: Duration = Duration::from_secs(130);

/// How long it takes until a connect is begun beside another one.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// What answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepts,
    Refuses,
    /// There is no way to it.
    Unreachable,
    /// Nobody answers.
    Silence,
}

/// What a connect has to come to.
#[derive(Clone, Debug)]
pub enum Expected {
    Connected(Option<SocketAddr>),
    /// It fails when it begins.
    AtOnce,
    Ends(ConnectEnd),
    /// It takes longer than it may.
    TimesOut,
}

/// A connect and its target.
pub struct Case {
    pub target: Target,
    pub expected: Expected,
    /// It does not come to its end before.
    pub earliest: Duration,
    /// What listens is open for so long.
    pub _listener: Option<Raw>,
    /// Those that have filled the backlog.
    pub waiting: Vec<Raw>,
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
        let listener = listen_raw(&address, 5).expect("the name is free");
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
}

/// A listener of somebody who does not use the library, and its port.
fn listen(ip: IpAddr, backlog: i32) -> (Raw, u16) {
    let address = Address::Inet((ip, 0).into());
    let listener = listen_raw(&address, backlog).expect("the address is free");
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
