//! A session is the same wherever its bytes are cut, from the handshake to its end.

use std::time::Instant;

use stream_socket_web::websocket::compression::Wanted;
use stream_socket_web::websocket::session::{
    Counts, Ended, Limits, Session, Settings, State, TimeLimits,
};
use stream_socket_web::websocket::{Message, Role};

/// What a session receives.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub role: Role,
    /// Whether a valid handshake comes before the bytes.
    pub is_opened: bool,
    pub is_compressing: bool,
    /// The maximum length of a message.
    pub limit: usize,
    pub bytes: &'a [u8],
}

/// Compares a session that gets its bytes at once with one that gets them in pieces of these
/// lengths.
pub fn check(input: Input<'_>, pieces: &[u8]) {
    let lengths = pieces.iter().map(|&length| usize::from(length).max(1));
    let at_once = outcome(input, &mut std::iter::repeat(usize::MAX));
    assert_eq!(outcome(input, &mut lengths.cycle()), at_once, "{input:x?}");
    let (_, messages, ..) = at_once;
    assert!(messages.iter().all(|it| it.payload.len() <= input.limit));
}

/// The state, the messages, the counts, the end, and the length of the output. The output of a
/// client is masked with random keys.
type Outcome = (State, Vec<Message>, Counts, Option<Ended>, usize);

fn outcome(input: Input<'_>, lengths: &mut dyn Iterator<Item = usize>) -> Outcome {
    let settings = Settings {
        compression: input.is_compressing.then(Wanted::default),
        ..Settings::default()
    };
    let limits = Limits {
        message_bytes: input.limit,
        queued_bytes: usize::MAX,
        queued_messages: usize::MAX,
    };
    let mut client = Session::client("localhost", "/", &settings, limits).unwrap();
    let mut server = Session::server(settings, limits).unwrap();
    if input.is_opened {
        server.receive(&std::mem::take(client.output()), 0);
    }
    let (mut session, mut received) = match input.role {
        Role::Client => (client, std::mem::take(server.output())),
        Role::Server => (server, Vec::new()),
    };
    received.extend_from_slice(input.bytes);
    let mut rest = &*received;
    while !rest.is_empty() {
        let length = lengths.next().unwrap_or(usize::MAX).min(rest.len());
        let (piece, behind) = rest.split_at(length);
        session.receive(piece, 0);
        rest = behind;
    }
    session.end_of_stream("the end");
    session.begin_poll();
    session.keep_alive(Instant::now(), TimeLimits::default(), 0);
    let messages = std::iter::from_fn(|| session.take_message()).collect();
    let output = session.output().len();
    let (counts, ended) = (session.counts(), session.ended().cloned());
    (session.state(), messages, counts, ended, output)
}
