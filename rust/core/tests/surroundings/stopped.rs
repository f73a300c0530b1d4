//! A process that is stopped for longer than its time limits: by a debugger, by a frozen container,
//! or by a machine that sleeps. The network is not to blame for time in which the process did not
//! run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stream_socket::{Address, Group, Visit};

use crate::support::*;

/// The time limit of the process. A busy machine has to stop the process before it is over.
const LIMIT: Duration = Duration::from_secs(8);

/// For how long the process is stopped.
const STOP: Duration = Duration::from_millis(8500);

/// The limit of a write that has to time out.
const SHORT_LIMIT: Duration = Duration::from_millis(400);

fn report(word: &str) {
    std::io::stderr()
        .write_all(format!("{word}\n").as_bytes())
        .unwrap();
}

/// The process that is stopped. It connects, reports that it waits, and then reports the outcome.
#[test]
fn child_that_is_stopped() {
    let Some(argument) = argument() else { return };
    let (what, port) = argument.rsplit_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    let connection = connected(&Address::Inet(([127, 0, 0, 1], port).into()));
    connection.set_read_timeout(Some(LIMIT));
    connection.set_write_timeout(Some(LIMIT));
    if what == "lingering_close" {
        connection.set_queue_limit(2 * MUCH);
        connection.write_fully(&pattern(MUCH)).unwrap();
        connection.disconnect();
    }
    // SAFETY: The call only reads a value.
    report(&format!("waits {}", unsafe { libc::gettid() }));
    match what {
        "group" => {
            let group = Group::new();
            group.add(&connection);
            let mut ready = 0;
            group.poll(Some(LIMIT), |_| match connection.poll(Instant::now) {
                Ok(true) => {
                    ready += 1;
                    Visit::Ready
                }
                _ => Visit::Idle,
            });
            report(&format!("{ready}"));
        }
        "read" => report(&format!("{}", read(&connection, MUCH).is_ok())),
        "short write" => {
            connection.set_write_timeout(Some(SHORT_LIMIT));
            report(&format!("{:?}", write(&connection, &pattern(MUCH))));
        }
        "write" => report(&format!("{:?}", write(&connection, &pattern(MUCH)))),
        "lingering_close" => {
            // Stays until the other side has ended.
            std::io::stdin().read_exact(&mut [0]).unwrap();
            report("over");
        }
        other => panic!("{other}"),
    }
}

/// A process of the test above, stopped while it waits.
struct Stopped {
    child: Child,
    errors: BufReader<ChildStderr>,
    peer: TcpStream,
}

impl Stopped {
    fn new(what: &str) -> Stopped {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut child = spawn_test("stopped::child_that_is_stopped", &format!("{what} {port}"));
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stopped = Stopped {
            child,
            errors,
            peer,
        };
        let line = stopped.line();
        let thread = line.strip_prefix("waits ").unwrap();
        stopped.until_state(&format!("task/{thread}/stat"), 'S');
        stopped.signal(libc::SIGSTOP);
        stopped.until_state("stat", 'T');
        stopped
    }

    fn until_state(&self, file: &str, expected: char) {
        let path = format!("/proc/{}/{file}", self.child.id());
        until("the state of the process", || {
            let stat = std::fs::read_to_string(&path).ok()?;
            let state = stat.rsplit(") ").next()?.chars().next()?;
            (state == expected).then_some(())
        });
    }

    fn signal(&self, signal: i32) {
        // SAFETY: The process is a child of this one, and was not waited for.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    fn resume(&self) {
        std::thread::sleep(STOP);
        self.signal(libc::SIGCONT);
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_wait_of_a_group_reports_data_from_the_stop() {
    if !can_start_itself("a_wait_of_a_group_reports_data_from_the_stop") {
        return;
    }
    let mut stopped = Stopped::new("group");
    stopped.peer.write_all(b"hello").unwrap();
    stopped.resume();
    assert_eq!(stopped.line(), "1");
}

/// What fits into the kernel's buffers arrives during the stop. The rest arrives as it is read.
#[test]
fn a_read_continues_after_a_stop() {
    if !can_start_itself("a_read_continues_after_a_stop") {
        return;
    }
    let mut stopped = Stopped::new("read");
    let mut peer = stopped.peer.try_clone().unwrap();
    let sender = std::thread::spawn(move || peer.write_all(&pattern(MUCH)));
    stopped.resume();
    assert_eq!(stopped.line(), "true");
    sender.join().unwrap().unwrap();
}

#[test]
fn a_write_continues_after_a_stop() {
    if !can_start_itself("a_write_continues_after_a_stop") {
        return;
    }
    let mut stopped = Stopped::new("write");
    let mut peer = stopped.peer.try_clone().unwrap();
    let receiver = std::thread::spawn(move || {
        let mut received = vec![0; MUCH];
        peer.read_exact(&mut received).map(|()| received)
    });
    stopped.resume();
    assert_eq!(stopped.line(), "Ok(())");
    assert!(receiver.join().unwrap().unwrap() == pattern(MUCH));
}

/// The reader needs longer than the minimum that is left after a stop, and less than the limit.
#[test]
fn a_stop_does_not_shorten_the_rest_of_a_write_timeout() {
    if !can_start_itself("a_stop_does_not_shorten_the_rest_of_a_write_timeout") {
        return;
    }
    const BLOCK: usize = 1 << 20;
    let mut stopped = Stopped::new("write");
    stopped.resume();
    let mut received = vec![0; MUCH];
    for block in received.chunks_mut(BLOCK) {
        stopped.peer.read_exact(block).unwrap();
        std::thread::sleep(LIMIT / 24);
    }
    assert_eq!(stopped.line(), "Ok(())");
    assert_eq!(same_bytes(&received, &pattern(MUCH)), MUCH);
}

/// It ends however often the process is stopped.
#[test]
fn a_write_to_a_peer_that_never_reads_ends() {
    if !can_start_itself("a_write_to_a_peer_that_never_reads_ends") {
        return;
    }
    let mut stopped = Stopped::new("short write");
    let is_over = AtomicBool::new(false);
    let id = stopped.child.id();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for (signal, time) in [(libc::SIGCONT, 30), (libc::SIGSTOP, 200)] {
                    // SAFETY: The process is a child of this one, and is waited for later.
                    unsafe { libc::kill(id as i32, signal) };
                    std::thread::sleep(Duration::from_millis(time));
                }
            }
            // SAFETY: The child was not waited for yet.
            unsafe { libc::kill(id as i32, libc::SIGCONT) };
        });
        let line = stopped.line();
        is_over.store(true, Ordering::Relaxed);
        assert!(line.contains("TimedOut"), "{line}");
    });
}

#[test]
fn a_lingering_close_continues_after_a_stop() {
    if !can_start_itself("a_lingering_close_continues_after_a_stop") {
        return;
    }
    let mut stopped = Stopped::new("lingering_close");
    stopped.resume();
    let mut received = Vec::new();
    stopped.peer.read_to_end(&mut received).unwrap();
    assert_eq!(same_bytes(&received, &pattern(MUCH)), MUCH);
}
