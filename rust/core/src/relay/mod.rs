//! A relay: it forwards streams, and does to them what a bad network does.
//!
//! | file | what it is |
//! | --- | --- |
//! | `mod` | `Relay`: listening, its links, what is told of them |
//! | `conditions` | what the network does to one direction |
//! | `link` | a client's connection and the one to the target, with a lane each way |
//! | `lane` | the bytes that are under way in one direction, pure |
//! | `pacer`, `random` | a line's bandwidth; chance that follows from a seed; pure |

mod conditions;
mod lane;
mod link;
mod pacer;
mod random;

use std::time::{Duration, Instant};

pub use conditions::Conditions;
pub use link::LinkEnd;

use crate::address::{Address, BindAddress, Target};
use crate::connection::Connection;
use crate::error::{AcceptError, ListenError};
use crate::listener::{ListenOptions, Listener};
use crate::totals;
use link::Link;
use random::Random;

/// So many clients are taken in one poll: a flood of them does not hold up a frame.
const MOST_ACCEPTED: usize = 64;

/// So many clients may wait to be taken.
const BACKLOG: i32 = 128;

/// Listens, forwards each client to a target, and delays, slows, splits, stalls and cuts what goes either way.
///
/// It works in [`poll`](Self::poll) only, by the time it is given: there is no thread, and no clock is read. No byte is lost,
/// changed or reordered unless that is asked for. An end of the stream follows the bytes before it, as a half-close; so does
/// a reset, which ends both directions. Who does not read slows down who sends to him: no more is under way than
/// [`Conditions`] say.
///
/// What its connections do is not counted in [`totals`](crate::totals()): they are the network, not the program. A relay that
/// is dropped resets its links.
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Relay, Target};
///
/// let at = |port| Address::Inet(([127, 0, 0, 1], port).into());
/// let server = Listener::new();
/// server.listen(&BindAddress::Inet(([127, 0, 0, 1], 0).into()), ListenOptions::default())?;
///
/// let mut relay = Relay::new(1);
/// relay.set_target(Target::Address(at(server.local_port())), None);
/// relay.to_target.delay = Duration::from_millis(80);
/// relay.listen(&BindAddress::Inet(([127, 0, 0, 1], 0).into()))?;
///
/// let client = Connection::new();
/// client.connect(Target::Address(at(relay.local_port())), None, Instant::now())?;
/// client.set_queue_limit(1024);
/// client.write_fully(b"hello")?;
/// let mut accepted = None;
/// // The clock is the caller's: this one is ten times too fast.
/// let mut now = Instant::now();
/// let hello = loop {
///     now += Duration::from_millis(1);
///     std::thread::sleep(Duration::from_micros(100));
///     client.poll(Instant::now)?;
///     relay.poll(now, |_| ())?;
///     accepted = accepted.or(server.accept()?);
///     if let Some(accepted) = &accepted
///         && let Some(hello) = accepted.read_count(5, <[u8]>::to_vec)?
///     {
///         break hello;
///     }
/// };
/// assert_eq!(hello, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Relay {
    /// What happens to the bytes of clients. A change counts from the next poll on.
    pub to_target: Conditions,
    /// What happens to the bytes of the target. A change counts from the next poll on.
    pub to_client: Conditions,
    listener: Listener,
    target: Option<Target>,
    connect_limit: Option<Duration>,
    links: Vec<Link>,
    last_link: u64,
    random: Random,
    events: Vec<RelayEvent>,
    bytes_to_target: u64,
    bytes_to_client: u64,
}

/// Something that has happened to a link, which has a number: the first one is 1.
#[derive(Debug)]
pub enum RelayEvent {
    /// A client has come, and the connect to the target has begun.
    Opened {
        /// The number of the link.
        link: u64,
    },
    /// The link is over.
    Closed {
        /// The number of the link.
        link: u64,
        /// How it has ended.
        end: LinkEnd,
    },
}

impl Relay {
    /// A relay that does not listen, under perfect conditions. Chance follows from `seed`.
    pub fn new(seed: u64) -> Relay {
        Relay {
            to_target: Conditions::default(),
            to_client: Conditions::default(),
            listener: Listener::new(),
            target: None,
            connect_limit: None,
            links: Vec::new(),
            last_link: 0,
            random: Random::new(seed),
            events: Vec::new(),
            bytes_to_target: 0,
            bytes_to_client: 0,
        }
    }

    /// Has chance begin anew with `seed`, for the links to come: the next one is the first.
    pub fn set_seed(&mut self, seed: u64) {
        self.random = Random::new(seed);
    }

    /// Where clients to come are forwarded to, and how long a connect may take. Without a target they are reset, and so they
    /// are if it is the relay itself.
    pub fn set_target(&mut self, target: Target, connect_limit: Option<Duration>) {
        self.target = Some(target);
        self.connect_limit = connect_limit;
    }

    /// Starts to listen at `address`.
    pub fn listen(&mut self, address: &BindAddress) -> Result<(), ListenError> {
        self.listener.listen(address, ListenOptions::new(BACKLOG))
    }

    /// Whether it is listening.
    pub fn is_listening(&self) -> bool {
        self.listener.is_listening()
    }

    /// The TCP port listened on, 0 if there is none.
    pub fn local_port(&self) -> u16 {
        self.listener.local_port()
    }

    /// The address listened at, if it is listening.
    pub fn local_address(&self) -> Option<Address> {
        self.listener.local_address()
    }

    /// Stops listening: clients that wait are reset. Links live on.
    pub fn stop(&mut self) {
        self.listener.stop();
    }

    /// How many links there are.
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// The bytes that all links together have handed to the target.
    pub fn bytes_to_target(&self) -> u64 {
        self.bytes_to_target
    }

    /// The bytes that all links together have handed to clients.
    pub fn bytes_to_client(&self) -> u64 {
        self.bytes_to_client
    }

    /// The bytes that were taken from one end and not handed to the other, of all links and both directions.
    pub fn bytes_under_way(&self) -> usize {
        let lanes = self.links.iter().map(|link| {
            let there = link.to_target.under_way();
            there + link.to_client.under_way()
        });
        lanes.sum()
    }

    /// Takes clients, and moves what can be moved at `now`, which is not before that of the last call. Never waits. `tell` is
    /// told what has happened since the last call. An error says why no client could be taken; the links go on.
    pub fn poll(
        &mut self,
        now: Instant,
        mut tell: impl FnMut(RelayEvent),
    ) -> Result<(), AcceptError> {
        let accepted = totals::aside(|| {
            let accepted = self.accept(now);
            self.forward(now);
            accepted
        });
        self.events.drain(..).for_each(&mut tell);
        accepted
    }

    /// Breaks every link: both ends see a reset, and what is under way is gone. The next poll tells.
    pub fn abort_all(&mut self) {
        self.cut_all(Link::abort);
    }

    /// Ends every link: both ends see an end, and what is under way is gone. The next poll tells.
    pub fn close_all(&mut self) {
        self.cut_all(Link::close);
    }

    fn cut_all(&mut self, cut: impl Fn(&Link)) {
        totals::aside(|| {
            for link in self.links.drain(..) {
                cut(&link);
                self.events.push(RelayEvent::Closed {
                    link: link.number,
                    end: LinkEnd::Cut,
                });
            }
        });
    }

    fn accept(&mut self, now: Instant) -> Result<(), AcceptError> {
        for _ in 0..MOST_ACCEPTED {
            let Some(client) = self.listener.accept()? else {
                break;
            };
            if let Some(index) = self.link_of(&client) {
                client.abort();
                let link = self.links.remove(index);
                link.abort();
                self.events.push(RelayEvent::Closed {
                    link: link.number,
                    end: LinkEnd::NoTarget,
                });
                continue;
            }
            self.last_link += 1;
            let link = self.last_link;
            self.events.push(RelayEvent::Opened { link });
            let lanes = Random::new(self.random.number());
            let target = self.target.clone().filter(|target| !self.is_at(target));
            match Link::open(link, client, target, self.connect_limit, now, lanes) {
                Ok(link) => self.links.push(link),
                Err(end) => self.events.push(RelayEvent::Closed { link, end }),
            }
        }
        Ok(())
    }

    /// The link whose connection to the target has come back here as `client`. It would bring another link, and that one the
    /// next, until there are no descriptors left.
    fn link_of(&self, client: &Connection) -> Option<usize> {
        let port = match &self.target {
            Some(Target::Address(Address::Inet(address))) => address.port(),
            Some(Target::Name { port, .. }) => *port,
            _ => return None,
        };
        let Some(Address::Inet(peer)) = client.peer_address() else {
            return None;
        };
        // Most targets are not at this port, and then no link need be asked.
        if port != self.local_port() {
            return None;
        }
        let mut links = self.links.iter();
        links.position(|link| link.target_sees() == Some(peer))
    }

    /// Whether `target` is the path listened at. Who comes by a path does not tell from where.
    fn is_at(&self, target: &Target) -> bool {
        matches!(target, Target::Address(Address::Unix(_)))
            && self.local_address().map(Target::Address).as_ref() == Some(target)
    }

    fn forward(&mut self, now: Instant) {
        self.links.retain_mut(|link| {
            let end = link.poll(now, &self.to_target, &self.to_client);
            self.bytes_to_target += link.to_target.take_count();
            self.bytes_to_client += link.to_client.take_count();
            let is_over = end.is_some();
            if let Some(end) = end {
                let link = link.number;
                self.events.push(RelayEvent::Closed { link, end });
            }
            !is_over
        });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.abort_all();
    }
}
