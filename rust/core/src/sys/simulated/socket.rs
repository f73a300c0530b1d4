//! One stream socket of the world.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::time::Duration;

use super::address::SocketAddress;
use super::faults::{Fault, os_error};
use super::id::Id;
use super::interrupter::Interrupter;
use super::network::{Name, State};
use super::waiting;
use super::world::{self, World};
use crate::sys::descriptors::obtain;
use crate::sys::{AddressFamily, Connect, Credentials, Interests, TcpInfo};

pub(crate) const HAS_USER_TIMEOUT: bool = true;

/// A stream socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket(pub(super) Id);

/// A system call: another thread may go on before it.
fn call<R>(body: impl FnOnce(&mut World) -> R) -> R {
    waiting::pause();
    world::with(body)
}

/// Whether a call has found nothing to do.
fn is_vain<T>(outcome: &io::Result<T>) -> bool {
    matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Socket {
    pub(crate) fn new(family: AddressFamily) -> io::Result<Socket> {
        obtain(|| {
            call(|world| {
                world.may_open()?;
                Ok(Socket(world.open_socket(family)))
            })
        })
    }

    /// Two connected Unix domain sockets.
    pub(crate) fn pair() -> io::Result<(Socket, Socket)> {
        obtain(|| {
            call(|world| {
                world.may_open()?;
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

    /// A connection that waits, and its internet address, if it has one.
    pub(crate) fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        let accept = |world: &mut World| {
            let State::Listening { queue, .. } = &world.socket(self.0).state else {
                return Err(os_error(libc::EINVAL));
            };
            let first = *queue.front().ok_or(io::ErrorKind::WouldBlock)?;
            world.may_open()?;
            let is_aborted = world.fails(Fault::Aborted);
            if let State::Listening { queue, .. } = &mut world.socket(self.0).state {
                queue.pop_front();
            }
            let embryo = world.socket(first);
            if is_aborted {
                embryo.resets_when_closed = true;
                world.close(first);
                return Err(os_error(libc::ECONNABORTED));
            }
            embryo.is_embryo = false;
            Ok((Socket(first), world.peer_name(first)))
        };
        obtain(|| call(accept))
    }

    /// Begins to connect, or asks again a listener whose backlog was full.
    pub(crate) fn connect(&self, address: &SocketAddress) -> io::Result<Connect> {
        call(|world| world.connect(self.0, address))
    }

    /// Whether the connect that is in progress has succeeded by now.
    pub(crate) fn is_connected(&self, address: &SocketAddress) -> io::Result<bool> {
        Ok(self.connect(address)? == Connect::Done)
    }

    /// Receives into `buffer`; what has been received is the slice returned.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [MaybeUninit<u8>],
    ) -> io::Result<&'a mut [u8]> {
        let received = call(|world| {
            let received = world.receive(self.0, buffer.len());
            world.calls.receives += 1;
            world.calls.vain_receives += u64::from(is_vain(&received));
            received
        })?;
        Ok(buffer[..received.len()].write_copy_of_slice(&received))
    }

    /// Sends of `data` what the kernel takes now.
    pub(crate) fn send(&self, data: &[u8]) -> io::Result<usize> {
        call(|world| {
            let sent = world.send(self.0, data);
            world.calls.sends += 1;
            world.calls.vain_sends += u64::from(is_vain(&sent));
            sent
        })
    }

    /// How many received bytes the kernel holds, up to the next mark.
    pub(crate) fn unread_bytes(&self) -> io::Result<usize> {
        call(|world| {
            world.calls.counts += 1;
            world.unread(self.0)
        })
    }

    /// How many sent bytes have not arrived yet.
    pub(crate) fn unacknowledged_bytes(&self) -> usize {
        call(|world| world.unacknowledged(self.0))
    }

    /// Ends the stream from this side.
    pub(crate) fn shut_down_writing(&self) -> io::Result<()> {
        call(|world| {
            world.calls.shutdowns += 1;
            world.shut_down(self.0)
        })
    }

    /// The failure of the socket that no call has told yet.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let error = call(|world| {
            world.calls.questions += 1;
            world.take_error(self.0)
        });
        Ok(error.map(os_error))
    }

    /// Waits until `interests` are met, the socket has failed, `wake` is called, or `limit` is over, and sometimes for less.
    pub(crate) fn wait(
        &self,
        interests: Interests,
        limit: Option<Duration>,
        wake: Option<&Interrupter>,
    ) -> io::Result<()> {
        call(|world| world.calls.waits += 1);
        let keys = [self.0, wake.map_or(0, |wake| wake.0)];
        let what = match (interests.readable, interests.writable) {
            (true, false) => "a readable socket",
            (false, true) => "a writable socket",
            _ => "a socket",
        };
        waiting::wait_until(what, &keys, limit, |world| {
            if world.fails(Fault::EarlyReturn) {
                return Some(());
            }
            let (is_readable, is_writable) = world.readiness(self.0);
            let is_called = wake.is_some_and(|wake| world.wakes.get(&wake.0) == Some(&true));
            let is_met = is_readable && interests.readable || is_writable && interests.writable;
            (is_met || is_called || world.is_broken(self.0)).then_some(())
        });
        Ok(())
    }

    /// The number of its descriptor, which is none here.
    pub(crate) fn number(&self) -> Option<usize> {
        None
    }

    /// Files have no mode here.
    pub(crate) fn set_mode_of_file(&self, _mode: u32) {}

    /// The local internet address, if it has one.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        call(|world| match world.socket(self.0).name {
            Some(Name::Inet(address)) => Some(address),
            _ => None,
        })
    }

    /// Who is at the other end of a Unix domain socket.
    pub(crate) fn peer_credentials(&self) -> io::Result<Credentials> {
        call(|world| {
            let socket = world.socket(self.0);
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

    /// What is measured of a TCP connection: the time is that which its bytes need at most. None is lost, so none is sent
    /// again.
    pub(crate) fn tcp_info(&self) -> TcpInfo {
        call(|world| {
            let longest = world.regime.latency;
            let socket = world.socket(self.0);
            match (socket.family, &socket.state) {
                (AddressFamily::Ipv4 | AddressFamily::Ipv6, State::Connected { .. }) => TcpInfo {
                    round_trip_time: Some(Duration::from_nanos(2 * longest)),
                    retransmits: Some(0),
                },
                _ => TcpInfo::default(),
            }
        })
    }

    // Options, in alphabetical order. The kernel has no use for those that change nothing here.

    pub(crate) fn allow_address_reuse(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn buffer_sizes(&self) -> io::Result<(usize, usize)> {
        call(|world| {
            let socket = world.socket(self.0);
            Ok((socket.send_room, socket.receive_room))
        })
    }

    pub(crate) fn is_only_v6(&self) -> io::Result<bool> {
        Ok(call(|world| world.socket(self.0).is_only_v6))
    }

    pub(crate) fn reset_when_closed(&self) -> io::Result<()> {
        call(|world| world.socket(self.0).resets_when_closed = true);
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
        call(|world| world.socket(self.0).is_only_v6 = only_v6);
        Ok(())
    }

    pub(crate) fn set_receive_buffer_size(&self, bytes: usize) -> io::Result<()> {
        call(|world| world.socket(self.0).receive_room = bytes.clamp(1, 1 << 20) * 2);
        Ok(())
    }

    pub(crate) fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        call(|world| world.socket(self.0).send_room = bytes.clamp(1, 1 << 20) * 2);
        Ok(())
    }

    pub(crate) fn set_user_timeout(&self, _limit: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        waiting::pause();
        world::try_with(|world| world.close(self.0));
    }
}
