//! How a connection's socket is closed.

use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use socket2::Socket;

use crate::background;
use crate::limit::Limit;
use crate::sweep;
use crate::sys::{self, Interest};

/// How long the rest of a queue may take when the user has set no limit.
pub(crate) const LINGER_LIMIT: Duration = Duration::from_secs(30);

/// How much unread input is read away at most, in blocks.
const DRAIN_BLOCKS: usize = 256;
const DRAIN_BLOCK: usize = 4096;

/// Closes gracefully: sends `rest`, in the background if the system does not take it now, and then the end of the
/// stream. Ends the waits of other threads.
pub(crate) fn close(socket: Arc<Socket>, mut rest: Vec<u8>, limit: Duration) {
    send(&socket, &mut rest);
    if rest.is_empty() {
        end(&socket);
        return;
    }
    let _ = socket.shutdown(Shutdown::Read);
    background::CLOSINGS.run(move || {
        let limit = Limit::new(limit);
        let mut waits = limit.waits();
        while !rest.is_empty() && waits.wait(&socket, Interest::Writable).unwrap_or(false) {
            send(&socket, &mut rest);
        }
        end(&socket);
    });
}

/// Closes with a reset (RFC 9293, section 3.10.5: "ABORT"). A Unix domain socket is closed just so.
pub(crate) fn reset(socket: Arc<Socket>) {
    // A time of zero is what asks for it (socket(7), SO_LINGER).
    let _ = socket.set_linger(Some(Duration::ZERO));
    if Arc::strong_count(&socket) > 1 {
        // Threads that wait for the socket have to be woken, although that ends the stream before it is reset.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

/// Sends of `rest` what the system takes now, and forgets it if the peer is gone.
fn send(socket: &Socket, rest: &mut Vec<u8>) {
    while !rest.is_empty() {
        let sent = sys::send(socket, rest);
        sweep::has_sent();
        match sent {
            Ok(count) => drop(rest.drain(..count)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            Err(_) => rest.clear(),
        }
    }
}

/// Ends the stream and reads away what has come in: a socket that is closed with unread input sends a reset instead of
/// an end (RFC 2525, section 2.17), and that can destroy at the peer what was sent before.
fn end(socket: &Socket) {
    // Wakes the threads that wait for the socket. Closing the descriptor would not, and it stays open until they have
    // let go of it.
    let _ = socket.shutdown(Shutdown::Both);
    sweep::has_sent();
    let mut scratch = [MaybeUninit::<u8>::uninit(); DRAIN_BLOCK];
    for _ in 0..DRAIN_BLOCKS {
        if !sys::receive(socket, &mut scratch).is_ok_and(|received| !received.is_empty()) {
            break;
        }
    }
}
