//! The calls of one stream socket.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::time::Duration;

use super::blocking::{call, pause, wait_until};
use super::faults::{Fault, os_error};
use super::interrupter::Interrupter;
use super::objects::{Id, Name, SocketAddress, State};
use super::world;
use crate::sys::descriptors::obtain;
use crate::sys::types::{AddressFamily, Connect, Credentials, Interests, TcpInfo};

pub(crate) const HAS_USER_TIMEOUT: bool = true;
pub(crate) const ENDS_COUNT: bool = false;

/// The size in bytes that a buffer can be set to at most (socket(7), rmem_max and wmem_max).
const MAX_BUFFER_SIZE: usize = 1 << 20;

/// A stream socket of the simulated kernel. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket(pub(super) Id);

/// Whether a call has failed with EWOULDBLOCK.
fn would_block<T>(outcome: &io::Result<T>) -> bool {
    matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// The size that a buffer gets when `bytes` are asked for: Linux doubles it (socket(7), SO_RCVBUF).
fn buffer_size(bytes: usize) -> usize {
    bytes.clamp(1, MAX_BUFFER_SIZE) * 2
}

impl Socket {
    pub(crate) fn new(family: AddressFamily) -> io::Result<Socket> {
        obtain(|| {
            call(|world| {
                world.check_can_open()?;
                Ok(Socket(world.open_socket(family)))
            })
        })
    }

    /// Two connected Unix domain sockets.
    pub(crate) fn pair() -> io::Result<(Socket, Socket)> {
        obtain(|| {
            call(|world| {
                world.check_can_open()?;
                let (one, other) = (
                    world.open_socket(AddressFamily::Unix),
                    world.open_socket(AddressFamily::Unix),
                );
                world.join(one, other, true);
                Ok((Socket(one), Socket(other)))
            })
        })
    }

    pub(crate) fn bind(&self, address: &SocketAddress) -> io::Result<()> {
        call(|world| world.bind(self.0, address))
    }

    pub(crate) fn listen(&self, backlog: i32) -> io::Result<()> {
        call(|world| world.listen(self.0, backlog))
    }

    /// Accepts the oldest connection in the queue. Returns the peer's internet address too, if it
    /// has one.
    pub(crate) fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        obtain(|| {
            call(|world| {
                let accepted = world.accept(self.0)?;
                Ok((Socket(accepted), world.peer_name(accepted)))
            })
        })
    }

    /// Starts to connect. After [`Connect::BacklogFull`] it tries again.
    pub(crate) fn connect(&self, address: &SocketAddress) -> io::Result<Connect> {
        call(|world| world.connect(self.0, address))
    }

    /// Whether the connect in progress has succeeded. Returns its error if it has failed.
    pub(crate) fn is_connected(&self, address: &SocketAddress) -> io::Result<bool> {
        Ok(self.connect(address)? == Connect::Done)
    }

    /// Receives into `buffer`. Returns the part of it that was filled.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [MaybeUninit<u8>],
    ) -> io::Result<&'a mut [u8]> {
        let received = call(|world| {
            let received = world.receive(self.0, buffer.len());
            world.calls.receives += 1;
            world.calls.empty_receives += u64::from(would_block(&received));
            received
        })?;
        Ok(buffer[..received.len()].write_copy_of_slice(&received))
    }

    /// Sends as much of `data` as the kernel accepts.
    pub(crate) fn send(&self, data: &[u8]) -> io::Result<usize> {
        call(|world| {
            let sent = world.send(self.0, data);
            world.calls.sends += 1;
            world.calls.refused_sends += u64::from(would_block(&sent));
            sent
        })
    }

    /// How many received bytes the kernel holds. Over TCP it counts up to the next mark.
    pub(crate) fn unread_bytes(&self) -> io::Result<usize> {
        call(|world| {
            world.calls.unread_queries += 1;
            world.unread_bytes(self.0)
        })
    }

    /// How many sent bytes the peer's host has not acknowledged.
    pub(crate) fn unacknowledged_bytes(&self) -> Option<usize> {
        Some(call(|world| {
            world.calls.unacknowledged_queries += 1;
            world.unacknowledged_bytes(self.0)
        }))
    }

    /// Ends the sending direction.
    pub(crate) fn shut_down_writing(&self) -> io::Result<()> {
        call(|world| {
            world.calls.shutdowns += 1;
            world.shut_down_writing(self.0)
        })
    }

    /// Takes the pending error of the socket.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let error = call(|world| {
            world.calls.error_queries += 1;
            world.take_error(self.0)
        });
        Ok(error.map(os_error))
    }

    /// Waits until the socket is ready for one of `interests` or has failed, until `interrupter` is
    /// set, or until `limit` is over. It may return early.
    pub(crate) fn wait(
        &self,
        interests: Interests,
        limit: Option<Duration>,
        interrupter: Option<&Interrupter>,
    ) -> io::Result<()> {
        call(|world| world.calls.waits += 1);
        let keys = [self.0, interrupter.map_or(0, |interrupter| interrupter.0)];
        let reason = match (interests.readable, interests.writable) {
            (true, false) => "a readable socket",
            (false, true) => "a writable socket",
            _ => "a socket",
        };
        wait_until(reason, &keys, limit, |world| {
            if world.fails(Fault::SpuriousWakeup) {
                return Some(());
            }
            let readiness = world.readiness(self.0);
            let is_ready = readiness.is_readable && interests.readable
                || readiness.is_writable && interests.writable;
            let is_interrupted = interrupter
                .is_some_and(|interrupter| world.interrupters.get(&interrupter.0) == Some(&true));
            (is_ready || is_interrupted || world.is_broken(self.0)).then_some(())
        });
        Ok(())
    }

    /// Whether a receive would not wait: there is data, or the end, or a failure. Never waits.
    pub(crate) fn is_readable(&self) -> bool {
        call(|world| world.readiness(self.0).is_readable || world.is_broken(self.0))
    }

    /// Does nothing: simulated files have no mode.
    pub(crate) fn set_mode_of_file(&self, _mode: u32) {}

    /// The local internet address, if the socket has one.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        call(|world| match world.network.socket(self.0).name {
            Some(Name::Inet(address)) => Some(address),
            _ => None,
        })
    }

    /// The process at the other end of a Unix domain socket.
    pub(crate) fn peer_credentials(&self) -> io::Result<Credentials> {
        call(|world| {
            let socket = world.network.socket(self.0);
            match (socket.family, &socket.state) {
                (AddressFamily::Unix, State::Connected { .. }) => Ok(Credentials {
                    pid: 1,
                    uid: 1000,
                    gid: 1000,
                }),
                _ => Err(os_error(libc::EINVAL)),
            }
        })
    }

    /// The measurements of a TCP connection. The round-trip time is the longest possible one. No
    /// segment is lost, so none is retransmitted.
    pub(crate) fn tcp_info(&self) -> TcpInfo {
        call(|world| {
            let longest = world.parameters.latency;
            let socket = world.network.socket(self.0);
            match (socket.family, &socket.state) {
                (AddressFamily::Ipv4 | AddressFamily::Ipv6, State::Connected { .. }) => TcpInfo {
                    round_trip_time: Some(Duration::from_nanos(2 * longest)),
                    retransmits: Some(0),
                    since_acknowledged: None,
                },
                _ => TcpInfo::default(),
            }
        })
    }

    // Options, in alphabetical order. Those that do nothing have no effect in a simulated kernel.

    pub(crate) fn allow_address_reuse(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn buffer_sizes(&self) -> io::Result<(usize, usize)> {
        call(|world| {
            let socket = world.network.socket(self.0);
            Ok((socket.send_buffer_size, socket.receive_buffer_size))
        })
    }

    pub(crate) fn is_only_v6(&self) -> io::Result<bool> {
        Ok(call(|world| world.network.socket(self.0).is_only_v6))
    }

    pub(crate) fn reset_when_closed(&self) -> io::Result<()> {
        call(|world| world.network.socket(self.0).resets_when_closed = true);
        Ok(())
    }

    pub(crate) fn set_keep_alive(
        &self,
        _keep_alive: Option<(Duration, Duration, u32)>,
    ) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn set_no_delay(&self, _enabled: bool) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        call(|world| world.network.socket(self.0).is_only_v6 = only_v6);
        Ok(())
    }

    pub(crate) fn set_receive_buffer_size(&self, bytes: usize) -> io::Result<()> {
        call(|world| world.network.socket(self.0).receive_buffer_size = buffer_size(bytes));
        Ok(())
    }

    pub(crate) fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        call(|world| world.network.socket(self.0).send_buffer_size = buffer_size(bytes));
        Ok(())
    }

    pub(crate) fn set_user_timeout(&self, _limit: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        pause();
        world::try_with(|world| world.close(self.0));
    }
}
