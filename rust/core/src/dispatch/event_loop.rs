//! An event loop: its members, and polling them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::dispatch::broadcast::{self, Refused};
use crate::dispatch::loop_state::LoopState;
use crate::dispatch::member::LoopMember;
use crate::dispatch::nesting::Nesting;
use crate::dispatch::roster::AddError;
use crate::dispatch::subject::{LoopHandler, Subject};
use crate::dispatch::visit::MemberVisitor;
use crate::poll::group::Visit;

/// The event loop of a server: endpoints, packet channels and servers that are polled together.
///
/// A [`poll`](Self::poll) visits the members that are due, and notifies a handler of their
/// [events](crate::dispatch::LoopEvent): an endpoint was accepted or has connected, it has data, a
/// packet has arrived, or its connection has ended. An end is reported once, with its cause. After
/// [`remove`](Self::remove) nothing more is reported about a member.
///
/// Every method may be called from any thread and from any handler.
///
/// # Examples
///
/// A server that sends each message back to all clients:
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use stream_socket::dispatch::{
///     Endpoint, EndpointEvent, EventLoop, LoopEvent, LoopHandler, OwnEvent, Source, Subject,
/// };
/// use stream_socket::{Connection, ListenOptions, Listener};
///
/// /// A client. It has no handlers of its own.
/// #[derive(Clone)]
/// struct Client(Arc<Connection>);
///
/// impl Endpoint for Client {
///     fn connection(&self) -> &Connection {
///         &self.0
///     }
///     fn wants_data(&self) -> bool {
///         false
///     }
///     fn notify(&self, _event: EndpointEvent) {}
/// }
///
/// enum Member {
///     Client(Client),
///     Server(Listener),
/// }
///
/// impl Subject for Member {
///     type Endpoint = Client;
///     type Packet = Vec<u8>;
///     type Message<'a> = ();
///
///     fn id(&self) -> u64 {
///         match self {
///             Member::Client(client) => Arc::as_ptr(&client.0).addr() as u64,
///             Member::Server(_) => 0,
///         }
///     }
///     fn source(&self) -> Source<'_, Self> {
///         match self {
///             Member::Client(client) => Source::Endpoint(client),
///             Member::Server(listener) => Source::Server(listener),
///         }
///     }
///     fn packet(bytes: &[u8], _: bool) -> Vec<u8> {
///         bytes.to_vec()
///     }
///     fn wants_packets(&self) -> bool {
///         false
///     }
///     fn notify(&self, _event: OwnEvent<'_, Vec<u8>>) {}
/// }
///
/// struct Echo<'a>(&'a EventLoop<Member>);
///
/// impl LoopHandler<Member> for Echo<'_> {
///     fn wants_packets(&mut self) -> bool {
///         false
///     }
///     fn notify(&mut self, member: &Member, event: LoopEvent<'_, Vec<u8>>) {
///         if let (Member::Client(client), LoopEvent::DataAvailable) = (member, event) {
///             if let Ok(data) = client.0.try_read_with(1024, <[u8]>::to_vec) {
///                 self.0.broadcast(&data, &mut (), |_| false);
///             }
///         }
///     }
/// }
///
/// let listener = Listener::new();
/// listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
/// let address = listener.local_address().unwrap();
///
/// let event_loop = EventLoop::new(|| false);
/// event_loop.accept_from(Member::Server(listener), |connection| {
///     Member::Client(Client(Arc::new(connection)))
/// })?;
///
/// let client = std::net::TcpStream::connect(address.to_string())?;
/// std::io::Write::write_all(&mut &client, b"hello")?;
/// client.set_nonblocking(true)?;
/// let mut echo = [0; 5];
/// while std::io::Read::read(&mut &client, &mut echo).is_err() {
///     event_loop.poll(Some(Duration::from_millis(10)), &mut Echo(&event_loop));
/// }
/// assert_eq!(&echo, b"hello");
///
/// assert_eq!(event_loop.len(), 2);
/// event_loop.remove(0);
/// assert_eq!(event_loop.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventLoop<S: Subject>(Arc<LoopState<S>>);

impl<S: Subject + Send + Sync + 'static> EventLoop<S> {
    /// Creates an event loop without members. `wants_packets` returns whether the loop has
    /// handlers for packets. It is called without a lock, by any thread that polls a packet
    /// channel of the loop.
    pub fn new(wants_packets: impl Fn() -> bool + Send + Sync + 'static) -> EventLoop<S> {
        EventLoop(Arc::new(LoopState::new(Box::new(wants_packets))))
    }

    /// Adds `subject`, in any status. It stays a member through later connects and disconnects,
    /// until it is removed. Never blocks.
    ///
    /// # Errors
    ///
    /// [`AddError::AlreadyMember`]: a member has the same id. [`AddError::NoEndpoint`]: `subject`
    /// is a packet channel without an endpoint. Either error drops `subject`.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`].
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// let (one, _other) = Connection::pair()?;
    /// let client = Client(Arc::new(one));
    ///
    /// let event_loop = EventLoop::new(|| false);
    /// event_loop.add(Member::Client(client.clone()))?;
    /// assert_eq!(event_loop.len(), 1);
    /// let again = event_loop.add(Member::Client(client));
    /// assert_eq!(again, Err(AddError::AlreadyMember));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add(&self, subject: S) -> Result<(), AddError> {
        self.0.add(subject, false).map(drop)
    }

    /// Accepts the connections of `server` from now on, and adds `server` if it is not a member.
    /// Polls call `accept` for each connection, and add the subject that it returns. The loop
    /// removes that member when its connection or its session ends. A subject that cannot be added
    /// is dropped.
    ///
    /// # Errors
    ///
    /// Like [`add`](Self::add), for `server`.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`]. `Log` is a handler that
    /// keeps the events as texts.
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// # let listener = Listener::new();
    /// # listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// let port = listener.local_port();
    /// let event_loop = EventLoop::new(|| false);
    /// event_loop.accept_from(Member::Server(listener), |connection| {
    ///     Member::Client(Client(Arc::new(connection)))
    /// })?;
    ///
    /// let client = std::net::TcpStream::connect(("127.0.0.1", port))?;
    /// let mut log = Log::default();
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while log.0.is_empty() {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     event_loop.poll(Some(Duration::from_secs(1)), &mut log);
    /// }
    /// assert_eq!(log.0, ["Connected"]);
    /// assert_eq!(event_loop.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_from(
        &self,
        server: S,
        accept: impl Fn(Connection) -> S + Send + Sync + 'static,
    ) -> Result<(), AddError> {
        self.0.accept_from(server, Arc::new(accept))
    }

    /// Removes the member with the id `id`, and returns it. Nothing more is reported about it. Its
    /// connection is not affected.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`].
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// let (one, _other) = Connection::pair()?;
    /// let connection = Arc::new(one);
    /// let client = Member::Client(Client(connection.clone()));
    /// let id = client.id();
    ///
    /// let event_loop = EventLoop::new(|| false);
    /// event_loop.add(client)?;
    /// assert!(event_loop.remove(id).is_some());
    /// assert!(event_loop.is_empty());
    /// assert_eq!(connection.status(), Status::Connected);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self, id: u64) -> Option<Arc<LoopMember<S>>> {
        self.0.remove(id)
    }

    /// Returns the number of members, including servers. See the example of [`add`](Self::add).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members. See the example of [`remove`](Self::remove).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the members, in the order in which they were added. See the example of
    /// [`broadcast_to`](Self::broadcast_to).
    pub fn members(&self) -> Vec<Arc<LoopMember<S>>> {
        self.0.members().to_vec()
    }

    /// Sets the maximum number of endpoints, packet channels and sessions. Further connections are
    /// reset instead of accepted. 0, the default, is unlimited. Servers do not count, and
    /// [`add`](Self::add) is not limited.
    ///
    /// # Examples
    ///
    /// `Log` is a handler that keeps the events as texts.
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// # let listener = Listener::new();
    /// # listener.listen(&"127.0.0.1:0".parse()?, ListenOptions::default())?;
    /// # let port = listener.local_port();
    /// # let event_loop = EventLoop::new(|| false);
    /// # event_loop.accept_from(Member::Server(listener), |connection| {
    /// #     Member::Client(Client(Arc::new(connection)))
    /// # })?;
    /// event_loop.set_max_members(1);
    /// let _first = std::net::TcpStream::connect(("127.0.0.1", port))?;
    /// let mut second = std::net::TcpStream::connect(("127.0.0.1", port))?;
    /// second.set_nonblocking(true)?;
    /// // The loop resets the second client.
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while second.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     event_loop.poll(Some(Duration::from_millis(10)), &mut Log::default());
    /// }
    /// // The server and the first client.
    /// assert_eq!(event_loop.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_max_members(&self, count: usize) {
        self.0.set_max_members(count);
    }

    /// Returns the [maximum number of endpoints](Self::set_max_members); 0 is unlimited.
    pub fn max_members(&self) -> usize {
        self.0.max_members()
    }

    /// Sets the maximum number of packets of each packet channel or session that one
    /// [`poll`](Self::poll) delivers: 64 by default. The next poll continues, so a peer that sends
    /// many packets takes only its share of a frame. Its further packets stay in the buffers, and
    /// slow down the sender. With 0, the maximum is 65,536.
    ///
    /// A poll by a handler has a limit of its own. Its packets count towards the outer poll too.
    ///
    /// # Examples
    ///
    /// `Member` is that of the example of [`EventLoop`], with packet channels. `Log` is a handler
    /// that keeps the events as texts.
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// # let (one, other) = Connection::pair()?;
    /// # let framing = Framing::Delimiter(b"\n".to_vec());
    /// # let channel = PacketChannel::new(Arc::new(Format { framing, limit: 100 }));
    /// # drop(channel.set_endpoint(Some(Client(Arc::new(one)))));
    /// let event_loop = EventLoop::new(|| true);
    /// event_loop.set_max_packets_per_poll(2);
    /// event_loop.add(Member::Packets(channel))?;
    ///
    /// other.write_fully(b"one\ntwo\nthree\n")?;
    /// let mut log = Log::default();
    /// event_loop.poll(Some(Duration::from_secs(60)), &mut log);
    /// assert_eq!(log.0.len(), 2);
    /// event_loop.poll(Some(Duration::ZERO), &mut log);
    /// assert_eq!(log.0.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_max_packets_per_poll(&self, count: usize) {
        self.0.set_max_packets(count);
    }

    /// Returns the [maximum number of packets of a member](Self::set_max_packets_per_poll).
    pub fn max_packets_per_poll(&self) -> usize {
        self.0.max_packets()
    }

    /// Sets for how long the queue of a member may make no progress while the loop is polled. After
    /// that, its connection is aborted, with
    /// [`DisconnectCause::Stalled`](crate::DisconnectCause::Stalled). `None`, the default, is
    /// unlimited.
    ///
    /// Progress is whatever the kernel accepts, and what the peer reads, if the system reports
    /// that. Time without a poll beyond 0.1 seconds does not count. The members with a queue are
    /// checked four times per second at most, others never.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`]. `Log` is a handler that
    /// keeps the events as texts.
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// # let event_loop = EventLoop::new(|| false);
    /// # let mut log = Log::default();
    /// event_loop.set_max_stalled(Some(Duration::from_millis(50)));
    /// let (one, _other) = Connection::pair()?;
    /// one.set_queue_limit(16 << 20);
    /// // The other side reads none of this.
    /// one.write_fully(&vec![0; 16 << 20])?;
    /// event_loop.add(Member::Client(Client(Arc::new(one))))?;
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while log.0.is_empty() {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     event_loop.poll(Some(Duration::from_millis(10)), &mut log);
    /// }
    /// assert_eq!(log.0, ["Disconnected(Disconnect(Stalled))"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_max_stalled(&self, limit: Option<Duration>) {
        self.0.set_max_stalled(limit);
    }

    /// See [`set_max_stalled`](Self::set_max_stalled).
    pub fn max_stalled(&self) -> Option<Duration> {
        self.0.stalls.limit()
    }

    /// Sets for how long a connected member may send nothing while the loop is polled. After that,
    /// its connection is ended, with
    /// [`DisconnectCause::Silent`](crate::DisconnectCause::Silent). What was written to it is still
    /// sent. `None`, the default, is unlimited.
    ///
    /// Any byte counts, that of an incomplete packet too, when it is received and when it is read.
    /// A member is not silent while the kernel holds data from it, nor after the end of its stream.
    /// Time without a poll beyond 0.1 seconds does not count. The members are checked four times
    /// per second at most.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`]. `Log` is a handler that
    /// keeps the events as texts.
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// # let event_loop = EventLoop::new(|| false);
    /// # let mut log = Log::default();
    /// event_loop.set_max_silent(Some(Duration::from_millis(50)));
    /// let (one, _other) = Connection::pair()?;
    /// event_loop.add(Member::Client(Client(Arc::new(one))))?;
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while log.0.is_empty() {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     event_loop.poll(Some(Duration::from_millis(10)), &mut log);
    /// }
    /// assert_eq!(log.0, ["Disconnected(Disconnect(Silent))"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_max_silent(&self, limit: Option<Duration>) {
        self.0.set_max_silent(limit);
    }

    /// See [`set_max_silent`](Self::set_max_silent).
    pub fn max_silent(&self) -> Option<Duration> {
        self.0.silences.limit()
    }

    /// Ends the wait of the thread that is polling. If no thread waits, the next poll does not.
    ///
    /// # Examples
    ///
    /// `Member` is that of the example of [`EventLoop`]. `Log` is a handler that keeps the events
    /// as texts.
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// let event_loop = EventLoop::<Member>::new(|| false);
    /// let start = Instant::now();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| event_loop.wake());
    ///     // Waits for the other thread only.
    ///     let ready = event_loop.poll(Some(Duration::from_secs(60)), &mut Log::default());
    ///     assert!(ready.is_empty());
    /// });
    /// assert!(start.elapsed() < Duration::from_secs(60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wake(&self) {
        self.0.group.wake();
    }

    /// Visits the members that are due, and notifies `handler`. Returns the members that are
    /// ready: they have unread data, or a packet without a handler, or their status changed. If
    /// none is ready, waits until one is, for at most `limit`; `None` is unlimited.
    ///
    /// The work is bounded. Each visit to a packet channel or a session delivers at most
    /// [`max_packets_per_poll`](Self::max_packets_per_poll) packets. If more are left, the member
    /// is ready, and the next poll continues. Each visit to a server accepts at most 64
    /// connections.
    ///
    /// One thread at a time polls; another one waits, for at most `limit`. A handler may poll the
    /// loop. Such a nested poll continues the outer poll, and does not report again what the outer
    /// poll has reported. Beyond 16 levels, a poll returns at once.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`]. `Log` is a handler that
    /// keeps the events as texts.
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// let (one, other) = Connection::pair()?;
    /// let event_loop = EventLoop::new(|| false);
    /// event_loop.add(Member::Client(Client(Arc::new(one))))?;
    ///
    /// other.write_fully(b"ping")?;
    /// let mut log = Log::default();
    /// let ready = event_loop.poll(Some(Duration::from_secs(60)), &mut log);
    /// assert_eq!(log.0, ["DataAvailable"]);
    /// assert_eq!(ready.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(
        &self,
        limit: Option<Duration>,
        handler: &mut impl LoopHandler<S>,
    ) -> Vec<Arc<LoopMember<S>>> {
        let Some(_nesting) = Nesting::enter() else {
            return Vec::new();
        };
        let shared = &self.0;
        let _guard = shared.begin_poll();
        shared.report_deliveries();
        shared.begin_times();
        let mut ready = Vec::new();
        let mut visitor = MemberVisitor::new(shared, handler);
        shared.group.poll_due(
            limit,
            |due| {
                let Some(member) = shared.member(due.key) else {
                    return Visit::Idle;
                };
                let visit = visitor.visit(&member, due);
                if visit == Visit::Ready {
                    ready.push(member);
                }
                visit
            },
            || shared.end_round(),
        );
        ready
    }

    /// Queues `data` for each connected endpoint except those that `is_excluded` selects; for a
    /// packet channel as a packet. Sessions get `message`, the same in their form. Does not wait.
    /// Returns the members that could not accept it, and why.
    ///
    /// An endpoint without a write buffer limit queues at most 1 MiB. Within a poll, the queues are
    /// sent at its end: one system call for each endpoint, however many messages there are.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`].
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// let ((one, other), (two, another)) = (Connection::pair()?, Connection::pair()?);
    /// let event_loop = EventLoop::new(|| false);
    /// for connection in [one, two] {
    ///     event_loop.add(Member::Client(Client(Arc::new(connection))))?;
    /// }
    ///
    /// let refused = event_loop.broadcast(b"round 1\n", &mut (), |_| false);
    /// assert!(refused.is_empty());
    /// assert_eq!(other.try_read_with(100, <[u8]>::to_vec)?, b"round 1\n");
    /// assert_eq!(another.try_read_with(100, <[u8]>::to_vec)?, b"round 1\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn broadcast(
        &self,
        data: &[u8],
        message: &mut S::Message<'_>,
        is_excluded: impl Fn(&S) -> bool,
    ) -> Vec<Refused<S>> {
        let members = self.0.members();
        let included = members
            .iter()
            .filter(|member| !is_excluded(member.subject()));
        broadcast::broadcast(&self.0, data, message, included)
    }

    /// Like [`broadcast`](Self::broadcast), but only to the members with these `ids`. The cost is
    /// proportional to the number of ids, not of members. Unknown and repeated ids are ignored.
    ///
    /// # Examples
    ///
    /// `Client` and `Member` are those of the example of [`EventLoop`].
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// let ((one, other), (two, another)) = (Connection::pair()?, Connection::pair()?);
    /// let event_loop = EventLoop::new(|| false);
    /// for connection in [one, two] {
    ///     event_loop.add(Member::Client(Client(Arc::new(connection))))?;
    /// }
    ///
    /// let first = event_loop.members()[0].subject().id();
    /// event_loop.broadcast_to(b"your turn\n", &mut (), &[first]);
    /// assert_eq!(other.try_read_with(100, <[u8]>::to_vec)?, b"your turn\n");
    /// assert_eq!(another.try_read_with(100, <[u8]>::to_vec)?, b"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn broadcast_to(
        &self,
        data: &[u8],
        message: &mut S::Message<'_>,
        ids: &[u64],
    ) -> Vec<Refused<S>> {
        broadcast::broadcast(&self.0, data, message, self.0.members_of(ids).iter())
    }
}

impl<S: Subject> fmt::Debug for EventLoop<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").finish_non_exhaustive()
    }
}
