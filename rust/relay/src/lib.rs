//! A relay between stream sockets that behaves like a bad network: it delays, throttles, splits,
//! stalls and cuts the streams that it forwards. The same seed gives the same behaviour.
//!
//! | file | what it is |
//! | --- | --- |
//! | `lib` | [`Relay`]: listens, owns the links, reports their events |
//! | `link` | one client: its connection, the connection to the target, a pipe each way |
//! | `pipe` | the bytes in transit in one direction; no socket, no clock |
//! | `conditions` | what the network does to one direction |
//! | `pacer` | the bandwidth of a pipe |
//! | `random` | pseudo-random numbers from a seed |
//!
//! A poll reads from each end what its pipe has room for, and delivers what is due at the time that
//! it is given. Each link has its own random numbers, which follow from the seed of the relay, so
//! links do not affect each other.

mod conditions;
mod link;
mod pacer;
mod pipe;
mod random;

use std::time::{Duration, Instant};

use stream_socket::process::uncounted;
use stream_socket::{
    AcceptError, Address, BindAddress, Connection, ListenError, ListenOptions, Listener, Target,
};

pub use conditions::Conditions;
pub use link::LinkEnd;

use link::Link;
use random::Random;

/// The maximum number of clients that one poll accepts, so that a flood of them does not stall a
/// frame.
const MAX_ACCEPTS: usize = 64;

/// How many clients the system keeps until they are accepted.
const BACKLOG: i32 = 128;

/// Listens, connects each client to a target, and forwards the bytes between them under
/// [`Conditions`].
///
/// All work happens in [`poll`](Self::poll), at the time that the caller passes: there is no
/// thread, and no clock is read. Call it at least once per frame. No method blocks. Bytes are never
/// lost, changed or reordered, except that a link may be cut. The end of a stream follows the bytes
/// before it and becomes a half-close. A reset follows them too, and ends both directions. A slow
/// reader exerts backpressure: [`Conditions`] limit the bytes in transit.
///
/// [`totals`](stream_socket::process::totals) does not count the relay's connections: they are the
/// network, not the program. Dropping a relay resets its links.
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Target};
/// use stream_socket_relay::Relay;
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
    /// The conditions from clients to the target. A change takes effect at the next poll.
    pub to_target: Conditions,
    /// The conditions from the target to clients. A change takes effect at the next poll.
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

/// An event of a link. Links are numbered from 1. Exhaustive: a program that translates events
/// stops compiling when one is added, instead of losing it.
#[derive(Debug)]
pub enum RelayEvent {
    /// A client was accepted. If there is no target, or the connect to it fails at once, `Closed`
    /// follows in the same poll.
    Opened {
        /// The number of the link.
        link: u64,
    },
    /// The link has ended.
    Closed {
        /// The number of the link.
        link: u64,
        /// Why it has ended.
        end: LinkEnd,
    },
}

impl Relay {
    /// Creates a relay that does not listen yet, with the conditions of a perfect network. `seed`
    /// determines its pseudo-random numbers.
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

    /// Restarts the pseudo-random numbers with `seed`. It affects new links.
    pub fn set_seed(&mut self, seed: u64) {
        self.random = Random::new(seed);
    }

    /// Sets the target of new clients, and the time limit of the connect to it; `None` is
    /// unlimited. Links that are open keep their target. A client is reset if there is no target,
    /// or if the target is the relay itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use stream_socket::{ListenOptions, Listener, Target};
    /// use stream_socket_relay::Relay;
    ///
    /// # let server = Listener::new();
    /// # server.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// # let mut relay = Relay::new(1);
    /// # relay.listen(&"127.0.0.1:0".parse()?)?;
    /// let target = server.local_address().map(Target::from).expect("it listens");
    /// relay.set_target(target, Some(Duration::from_secs(5)));
    ///
    /// let client = std::net::TcpStream::connect(("127.0.0.1", relay.local_port()))?;
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while !server.is_connection_available()? {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     relay.poll(Instant::now(), |_| ())?;
    /// }
    /// assert_eq!(relay.link_count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_target(&mut self, target: Target, connect_limit: Option<Duration>) {
        self.target = Some(target);
        self.connect_limit = connect_limit;
    }

    /// Starts to listen on `address`. TCP port 0 lets the system choose: see
    /// [`local_port`](Self::local_port).
    ///
    /// # Errors
    ///
    /// [`ListenError`]: it is listening already, or the address cannot be bound.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket_relay::Relay;
    ///
    /// let mut relay = Relay::new(1);
    /// relay.listen(&"127.0.0.1:0".parse()?)?;
    /// assert!(relay.is_listening());
    /// assert_ne!(relay.local_port(), 0);
    ///
    /// relay.stop();
    /// assert_eq!(relay.local_address(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen(&mut self, address: &BindAddress) -> Result<(), ListenError> {
        self.listener.listen(address, ListenOptions::new(BACKLOG))
    }

    /// Whether it is listening. See the example of [`listen`](Self::listen).
    pub fn is_listening(&self) -> bool {
        self.listener.is_listening()
    }

    /// The TCP port that the relay listens on; 0 if there is none.
    pub fn local_port(&self) -> u16 {
        self.listener.local_port()
    }

    /// The address that the relay listens on. `None` if it does not listen.
    pub fn local_address(&self) -> Option<Address> {
        self.listener.local_address()
    }

    /// Stops listening. Clients that were not accepted yet are reset; links stay open.
    pub fn stop(&mut self) {
        self.listener.stop();
    }

    /// The number of open links.
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// The number of bytes forwarded to the target, over all links.
    pub fn bytes_to_target(&self) -> u64 {
        self.bytes_to_target
    }

    /// The number of bytes forwarded to clients, over all links.
    pub fn bytes_to_client(&self) -> u64 {
        self.bytes_to_client
    }

    /// The number of bytes received from one end and not forwarded yet, over all links and both
    /// directions.
    pub fn bytes_in_transit(&self) -> usize {
        let pipes = self.links.iter().map(|link| {
            let there = link.to_target.in_transit();
            there + link.to_client.in_transit()
        });
        pipes.sum()
    }

    /// Accepts clients and forwards the bytes that are due at `now`, which must not be earlier than
    /// in the last call. Calls `notify` with the events since the last call.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]: a client is waiting and could not be accepted. Links are forwarded
    /// nevertheless, and the next poll tries again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    /// use std::time::{Duration, Instant};
    ///
    /// # use stream_socket::{ListenOptions, Listener, Target};
    /// # use stream_socket_relay::Relay;
    /// # let server = Listener::new();
    /// # server.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// # let mut relay = Relay::new(1);
    /// # relay.listen(&"127.0.0.1:0".parse()?)?;
    /// # relay.set_target(server.local_address().map(Target::from).expect("it listens"), None);
    /// # let mut client = std::net::TcpStream::connect(("127.0.0.1", relay.local_port()))?;
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// relay.to_target.delay = Duration::from_secs(3600);
    /// client.write_all(b"hello")?;
    /// let mut now = Instant::now();
    /// while relay.bytes_in_transit() < 5 {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     relay.poll(now, |_| ())?;
    /// }
    /// assert_eq!(relay.bytes_to_target(), 0);
    /// // An hour later, for the relay.
    /// now += relay.to_target.delay;
    /// while relay.bytes_to_target() < 5 {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     relay.poll(now, |_| ())?;
    /// }
    /// assert_eq!(relay.bytes_in_transit(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(
        &mut self,
        now: Instant,
        mut notify: impl FnMut(RelayEvent),
    ) -> Result<(), AcceptError> {
        let accepted = uncounted(|| {
            let accepted = self.accept(now);
            self.forward(now);
            accepted
        });
        self.events.drain(..).for_each(&mut notify);
        accepted
    }

    /// Resets both ends of every link and drops the bytes in transit. The next poll reports it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use stream_socket::{ListenOptions, Listener};
    /// use stream_socket_relay::{Relay, RelayEvent};
    ///
    /// let server = Listener::new();
    /// server.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// let mut relay = Relay::new(1);
    /// relay.set_target(server.local_address().expect("it listens").into(), None);
    /// relay.listen(&"127.0.0.1:0".parse()?)?;
    ///
    /// let client = std::net::TcpStream::connect(("127.0.0.1", relay.local_port()))?;
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while relay.link_count() == 0 {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     relay.poll(Instant::now(), |_| ())?;
    /// }
    /// relay.abort_all();
    /// let mut ends = 0;
    /// relay.poll(Instant::now(), |event| {
    ///     ends += usize::from(matches!(event, RelayEvent::Closed { .. }));
    /// })?;
    /// assert_eq!(ends, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn abort_all(&mut self) {
        self.cut_all(Link::abort);
    }

    /// Closes both ends of every link and drops the bytes in transit. The next poll reports it. See
    /// the example of [`abort_all`](Self::abort_all).
    pub fn close_all(&mut self) {
        self.cut_all(Link::close);
    }

    fn cut_all(&mut self, cut: impl Fn(&Link)) {
        uncounted(|| {
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
        for _ in 0..MAX_ACCEPTS {
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
            let pipes = Random::new(self.random.number());
            let target = self.target.clone().filter(|target| !self.is_at(target));
            match Link::open(link, client, target, self.connect_limit, now, pipes) {
                Ok(link) => self.links.push(link),
                Err(end) => self.events.push(RelayEvent::Closed { link, end }),
            }
        }
        Ok(())
    }

    /// Finds the link whose connection to the target is `client`. Such a connection would open
    /// another link, and that one the next, until the process has no descriptors left.
    fn link_of(&self, client: &Connection) -> Option<usize> {
        let port = match &self.target {
            Some(Target::Address(Address::Inet(address))) => address.port(),
            Some(Target::Name { port, .. }) => *port,
            _ => return None,
        };
        let Some(Address::Inet(peer)) = client.peer_address() else {
            return None;
        };
        // Most targets have another port; then no link needs to be searched.
        if port != self.local_port() {
            return None;
        }
        let mut links = self.links.iter();
        links.position(|link| link.target_sees() == Some(peer))
    }

    /// Whether `target` is the path that the relay listens on. A client of a path has no address by
    /// which it could be recognised.
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
