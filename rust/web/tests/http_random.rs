//! Random streams of requests, which must mean the same wherever they are cut.

mod cut_streams;
mod cut_uploads;
mod random;

use random::Random;

/// What heads and bodies consist of, with what does not belong there.
const WORDS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b HTTP/1.1\r\n",
    "PUT * HTTP/1.0\r\n",
    "Host: x\r\n",
    "Host: x\r\n\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n\r\n",
    "A: b\r\n",
    "\r\n",
    "\r\n\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n\r\n",
    "abc",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\nC: d\r\n\r\n",
    "1;x=y\r\nz\r\n",
    "\r",
    "\n",
    " ",
    ":",
    "\0",
    "GET /b HTTP/1.1\r\nHost: y\r\n\r\n",
    "\u{e4}",
    "Connection: close\r\n",
    "HTTP/1.1 200 OK\r\n",
    "POST /c HTTP/1.1\r\nHost: z\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /d HTTP/1.1\r\nHost: z\r\nContent-Length: 3\r\n\r\n",
];

/// Calls `check` with many streams, which are the same in each run, and how they are cut.
fn for_each_stream(mut check: impl FnMut(&[u8], &[u8])) {
    let mut random = Random(0);
    for _ in 0..20_000 {
        let mut bytes = Vec::new();
        for _ in 0..random.below(12) {
            bytes.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
        }
        if !bytes.is_empty() && random.below(4) == 0 {
            let place = random.below(bytes.len());
            bytes[place] = random.below(256) as u8;
        }
        let pieces = [0; 3].map(|_| random.below(20) as u8);
        check(&bytes, &pieces);
    }
}

#[test]
fn streams_mean_the_same_wherever_they_are_cut() {
    let (mut accepted, mut refused) = (0, 0);
    for_each_stream(|bytes, pieces| {
        let found = cut_streams::check(bytes, pieces);
        accepted += found.requests.len();
        refused += usize::from(found.refusal.is_some());
    });
    // Both happen often, or the streams would test little.
    assert!(
        accepted > 2_000 && refused > 2_000,
        "{accepted} and {refused}"
    );
}

#[test]
fn connections_answer_the_same_whether_bodies_are_whole_or_taken_as_they_arrive() {
    let (mut bodies, mut refused) = (0, 0);
    for_each_stream(|bytes, pieces| {
        let outcome = cut_uploads::check(bytes, pieces);
        let with_body = outcome.requests.iter().filter(|(_, body)| !body.is_empty());
        bodies += with_body.count();
        refused += usize::from(outcome.answers.contains("HTTP/1.1 4"));
    });
    assert!(bodies > 500 && refused > 2_000, "{bodies} and {refused}");
}
