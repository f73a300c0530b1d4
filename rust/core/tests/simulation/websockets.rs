//! WebSockets over connections: every message arrives once, in order and whole, and both ends agree
//! about the close, whatever the pieces are in which the system moves the bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stream_socket::simulated::control as world;
use stream_socket::{Connection, Status};
use stream_socket_web::websocket::compression::{Side as Compression, Wanted};
use stream_socket_web::websocket::session::{Limits, Session, Settings, State, TimeLimits};
use stream_socket_web::websocket::{Message, Role};

use super::exchange::{Side, connect};
use super::simulated::Simulated;
use super::system::Random;
use super::trace::{self, note};

/// About the longest message.
const MAX_MESSAGE: usize = 1 << 16;

/// What a payload consists of. The last one is worth compressing.
const WORDS: [&str; 4] = ["a", "é", "😀", "again and again "];

/// Runs the program.
pub fn run(mut random: Random) {
    let is_unix = random.once_in(2);
    let (client, server) = connect::<Simulated>(is_unix, false, &mut random);
    let (Side::Library(client), Side::Library(server)) = (client, server) else {
        unreachable!("both sides use the library");
    };
    let mut leavings = [Leaving::new(&mut random), Leaving::new(&mut random)];
    if leavings == [Leaving::Wait; 2] {
        leavings[random.index(2)] = Leaving::Close;
    }
    // By the role of the sender.
    let ways = [(); 2].map(|()| Arc::new(Mutex::new(Way::default())));
    let mut ends = [(Role::Client, client), (Role::Server, server)].map(|(role, connection)| {
        let own = role as usize;
        let [to_peer, from_peer] = [own, 1 - own].map(|way| ways[way].clone());
        let leaving = leavings[own];
        End::new(role, connection, [to_peer, from_peer], leaving, &mut random)
    });
    note(|| format!("{leavings:?}"));
    if random.once_in(2) {
        while !ends.iter().all(|end| end.is_over) {
            ends[random.index(2)].act();
        }
    } else {
        let threads = ends.map(|mut end| {
            world::spawn(move || {
                while !end.is_over {
                    end.act();
                }
                end
            })
        });
        ends = threads.map(|thread| thread.join().expect("no thread panics"));
    }
    check(&ends, leavings);
}

/// How an end leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// It waits for the other end to leave.
    Wait,
    /// It closes the WebSocket.
    Close,
    /// It closes the connection, without a close frame.
    Disconnect,
    /// It cuts the connection.
    Abort,
}

impl Leaving {
    fn new(random: &mut Random) -> Leaving {
        use Leaving::{Abort, Close, Disconnect, Wait};
        random.choose(&[Wait, Wait, Close, Close, Disconnect, Abort])
    }
}

/// What one end has sent, and the other one has not taken yet.
#[derive(Debug, Default)]
struct Way {
    messages: VecDeque<Message>,
    pings: u64,
    /// The code and the reason with which the sender has closed.
    close: Option<(u16, String)>,
}

/// One end, with what it does until it leaves.
struct End {
    role: Role,
    connection: Connection,
    session: Session,
    to_peer: Arc<Mutex<Way>>,
    from_peer: Arc<Mutex<Way>>,
    /// The clock of the session, which stands still: how long a peer may be silent has other tests.
    clock: Instant,
    random: Random,
    /// How many random steps it makes before it leaves.
    steps: usize,
    leaving: Leaving,
    is_over: bool,
}

fn locked(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

impl End {
    fn new(
        role: Role,
        connection: Connection,
        [to_peer, from_peer]: [Arc<Mutex<Way>>; 2],
        leaving: Leaving,
        random: &mut Random,
    ) -> End {
        let mut random = Random::new(random.number());
        let side = |random: &mut Random| Compression {
            no_context_takeover: random.once_in(2),
            max_window_bits: 9 + random.below(7) as u8,
        };
        let wanted = Wanted {
            client: side(&mut random),
            server: side(&mut random),
        };
        let settings = Settings {
            compression: (!random.once_in(3)).then_some(wanted),
            ..Settings::default()
        };
        let limits = Limits {
            message_bytes: 2 * MAX_MESSAGE,
            queued_bytes: random.size(MAX_MESSAGE),
            queued_messages: random.size(20),
        };
        note(|| format!("{role:?}: {settings:?} {limits:?}"));
        let session = match role {
            Role::Client => Session::client("localhost", "/", &settings, limits),
            Role::Server => Session::server(settings, limits),
        };
        connection.set_coalesces(random.once_in(4));
        End {
            role,
            connection,
            session: session.expect("the settings are valid"),
            to_peer,
            from_peer,
            clock: world::now(),
            steps: random.size(200),
            random,
            leaving,
            is_over: false,
        }
    }

    /// Does something.
    fn act(&mut self) {
        trace::step();
        if self.steps > 0 {
            self.steps -= 1;
            self.act_at_random();
            if self.steps == 0 {
                self.leave();
            }
        } else {
            self.poll();
            self.take(usize::MAX);
            self.is_over = self.session.state() == State::Closed
                && self.session.queued() == 0
                && self.connection.status() != Status::Connected;
        }
        let pause = self.random.choose(&[1, 1, 20, 1000]);
        world::sleep(Duration::from_micros(pause));
    }

    fn act_at_random(&mut self) {
        match self.random.below(10) {
            0..=3 => self.poll(),
            4..=6 => self.send(),
            7 => self.ping(),
            8 => {
                let max = self.random.size(10);
                self.take(max);
            }
            _ => {
                // Both may change between any two messages.
                let longest = world::buffer_size();
                self.session.set_max_frame(self.random.size(longest));
                self.session
                    .set_compression_threshold(self.random.size(200));
            }
        }
    }

    /// Advances the connection and the session.
    fn poll(&mut self) {
        // A failure shows in the status.
        let _ = self.connection.poll(world::now);
        let backlog = self.connection.pending_bytes();
        self.session.begin_poll();
        self.session
            .keep_alive(self.clock, TimeLimits::default(), backlog);
        self.receive(backlog);
        self.flush();
        if self.session.state() == State::Closed {
            self.connection.disconnect();
        }
    }

    fn receive(&mut self, backlog: usize) {
        let Self {
            connection,
            session,
            random,
            ..
        } = self;
        session.receive(&[], backlog);
        while session.wants_input() && connection.status() == Status::Connected {
            let received = connection.try_read_with(random.size(MAX_MESSAGE), |bytes| {
                session.receive(bytes, backlog);
                bytes.len()
            });
            if !received.is_ok_and(|count| count > 0) {
                break;
            }
        }
        if connection.status() != Status::Connected {
            session.end_of_stream("the connection is over");
        }
    }

    /// Hands the output to the connection: what the system accepts now, and the rest to its queue.
    fn flush(&mut self) {
        let output = self.session.output();
        if self.connection.status() != Status::Connected {
            return output.clear();
        }
        let written = match self.random.once_in(2) {
            true => self.connection.try_write(output).unwrap_or(0),
            false => 0,
        };
        // A failure shows in the status.
        let _ = self.connection.enqueue(&output[written..], usize::MAX);
        output.clear();
    }

    fn send(&mut self) {
        let length = self.random.size(world::buffer_size() * 4).min(MAX_MESSAGE) - 1;
        let is_text = self.random.once_in(2);
        let mut payload = Vec::new();
        while payload.len() < length {
            match is_text {
                true => payload.extend_from_slice(self.random.choose(&WORDS).as_bytes()),
                false => payload.push(self.random.below(256) as u8),
            }
        }
        let sent = self.session.send(is_text, &payload);
        note(|| format!("{:?} sends {length} bytes: {sent:?}", self.role));
        if sent.is_ok() {
            let message = Message { is_text, payload };
            locked(&self.to_peer).messages.push_back(message);
        }
    }

    fn ping(&mut self) {
        if self.session.state() == State::Open && self.session.wants_input() {
            locked(&self.to_peer).pings += 1;
            let backlog = self.connection.pending_bytes();
            let mut beat = |heartbeat| {
                let limits = TimeLimits {
                    heartbeat,
                    ..TimeLimits::default()
                };
                self.session.keep_alive(self.clock, limits, backlog);
            };
            // A ping is due at once, and its answer never.
            beat(Some(Duration::ZERO));
            beat(None);
        }
    }

    /// Takes messages, and compares them with what the peer has sent.
    fn take(&mut self, max: usize) {
        for _ in 0..max {
            let Some(message) = self.session.take_message() else {
                return;
            };
            let sent = locked(&self.from_peer).messages.pop_front();
            assert!(
                sent.as_ref() == Some(&message),
                "{:?} takes a message of {} bytes, and not the one that was sent: {:?} bytes",
                self.role,
                message.payload.len(),
                sent.map(|sent| sent.payload.len())
            );
        }
    }

    fn leave(&mut self) {
        note(|| {
            let state = self.session.state();
            format!("{:?}: {:?} while {state:?}", self.role, self.leaving)
        });
        match self.leaving {
            Leaving::Wait => {}
            Leaving::Close => {
                let code = self.random.choose(&[1000, 1001, 3000, 4999]);
                let reason = "é".repeat(self.random.size(60));
                if self.session.state() == State::Open {
                    locked(&self.to_peer).close = Some((code, reason.clone()));
                }
                self.session.close(code, &reason);
            }
            Leaving::Disconnect => {
                self.flush();
                self.connection.disconnect();
            }
            Leaving::Abort => self.connection.abort(),
        }
    }
}

/// Checks how both ends have ended.
fn check(ends: &[End; 2], leavings: [Leaving; 2]) {
    for (own, end) in ends.iter().enumerate() {
        let (leaving, peer_leaving) = (leavings[own], leavings[1 - own]);
        let (sent, received) = (locked(&end.to_peer), locked(&end.from_peer));
        let ended = end.session.ended().expect("it is closed");
        note(|| format!("{:?}: {ended:?}", end.role));
        // What was sent before the sender has left has arrived, unless this end left by itself.
        let gets_all = matches!(peer_leaving, Leaving::Close | Leaving::Disconnect)
            && leaving == Leaving::Wait;
        let left = received.messages.len();
        assert!(!gets_all || left == 0, "{left} messages were lost");
        let counts = end.session.counts();
        assert!(counts.pings_received <= received.pings, "{counts:?}");
        assert!(counts.pongs_received <= sent.pings, "{counts:?}");
        if gets_all {
            assert_eq!(counts.pings_received, received.pings, "pings were lost");
        }
        let is_closed_by_frames = |leaving| matches!(leaving, Leaving::Wait | Leaving::Close);
        // Who closes before the handshake is complete gives up.
        let are_open = ends.iter().all(|end| end.session.was_open());
        if !are_open || !leavings.into_iter().all(is_closed_by_frames) {
            continue;
        }
        // Each end has the code and the reason of the other, and an answer repeats the code.
        let expected = match (&received.close, &sent.close) {
            (Some((code, reason)), _) => (Some(*code), reason.as_str()),
            (None, Some((code, _))) => (Some(*code), ""),
            (None, None) => panic!("no end has closed: {ended:?}"),
        };
        let actual = (ended.code, ended.reason.as_str());
        assert_eq!(actual, expected, "{:?}: {ended:?}", end.role);
        assert_eq!(ended.error, None, "{:?}", end.role);
    }
}
