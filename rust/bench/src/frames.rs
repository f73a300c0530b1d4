//! The time in which a frame receives and answers one message on each of many connections.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Frames that are not timed, as in Godot.
const FIRST: usize = 4;

/// Returns the median time of a frame in microseconds. In each of `frames` frames, one message of
/// `size` bytes is received from each of `count` connections and answered, with one call each. The
/// other ends are on another thread.
pub fn measure(count: usize, size: usize, frames: usize) -> io::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let peer = TcpStream::connect(address)?;
        peer.set_nodelay(true)?;
        near.push(peer);
        let (peer, _) = listener.accept()?;
        peer.set_nodelay(true)?;
        far.push(peer);
    }
    let (order, orders) = mpsc::channel();
    let (report, reports) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut message = vec![0; size];
            for frame in orders {
                let send = |mut peer: &TcpStream| {
                    if frame > 0 {
                        peer.read_exact(&mut message)?;
                    }
                    peer.write_all(&message)
                };
                if report.send(far.iter().try_for_each(send)).is_err() {
                    return;
                }
            }
        });
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut times = Vec::new();
        for frame in 0..FIRST + frames {
            order.send(frame).map_err(|_| broken())?;
            reports.recv().map_err(|_| broken())??;
            let begin = Instant::now();
            for peer in &mut near {
                let mut message = vec![0; size];
                peer.read_exact(&mut message)?;
                peer.write_all(&message)?;
            }
            if frame >= FIRST {
                times.push(begin.elapsed().as_secs_f64() * 1e6);
            }
        }
        // Ends the other thread.
        drop(order);
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().ok_or_else(broken)
    })
}
