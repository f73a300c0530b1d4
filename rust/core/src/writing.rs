//! Writing to a connection: at once, gathered, or queued.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::Socket;

use crate::connection::Connection;
use crate::error::{PollError, WriteError, copy_of};
use crate::limit::Waits;
use crate::session::{Link, Session};
use crate::status::{Event, Status};
use crate::sweep;
use crate::sys::{self, Interest};
use crate::write_side::WriteSide;

/// So many gathered bytes are sent without being asked to.
const GATHERED: usize = 16 * 1024;

impl Connection {
    /// How long [`write_all`](Self::write_all) and [`flush`](Self::flush) may wait; `None`, the default, is for ever.
    pub fn set_write_limit(&self, limit: Option<Duration>) {
        self.settings.write_limit.set(limit);
    }

    /// See [`set_write_limit`](Self::set_write_limit).
    pub fn write_limit(&self) -> Option<Duration> {
        self.settings.write_limit.get()
    }

    /// How many bytes may wait to be sent. With 0, the default, writing waits instead. With more it never does: what
    /// the system does not take is queued, also while connecting, and [`poll`](Self::poll) sends it.
    pub fn set_queue_limit(&self, bytes: usize) {
        self.settings.queue_limit.store(bytes, Ordering::Relaxed);
    }

    /// See [`set_queue_limit`](Self::set_queue_limit).
    pub fn queue_limit(&self) -> usize {
        self.settings.queue_limit.load(Ordering::Relaxed)
    }

    /// Whether small writes are gathered, to be sent together by [`flush`](Self::flush), [`poll`](Self::poll), or when
    /// there are 16 KiB.
    pub fn set_coalesces(&self, enabled: bool) {
        self.settings.coalesces.store(enabled, Ordering::Relaxed);
    }

    /// See [`set_coalesces`](Self::set_coalesces).
    pub fn coalesces(&self) -> bool {
        self.settings.coalesces.load(Ordering::Relaxed)
    }

    /// The number of bytes that are gathered or queued. 0 while another thread is writing.
    pub fn pending_bytes(&self) -> usize {
        let session = self.session();
        self.try_enter(&self.write_side).map_or(0, |mut side| {
            side.enter(session.epoch());
            side.unsent().len()
        })
    }

    /// Writes all of `data`. Without a queue it waits for at most the write limit; with one it never waits, and takes
    /// all or nothing.
    pub fn write_all(&self, data: &[u8]) -> Result<(), WriteError> {
        let session = self.writing_session()?;
        let mut side = self.enter(&self.write_side);
        self.begin(session, &mut side)?;
        if self.queue_limit() > 0 {
            return self.write_queued(session, &mut side, data);
        }
        if self.coalesces() {
            side.push(data);
            self.note_queue();
            if side.unsent().len() < GATHERED {
                return Ok(());
            }
            return self.flush_waiting(session, &mut side);
        }
        if !side.unsent().is_empty() {
            self.flush_waiting(session, &mut side)?;
        }
        let socket = self.socket(session).ok_or(WriteError::Disconnected)?;
        let mut sent = 0;
        let mut waits = self.settings.write_limit.waits();
        loop {
            sent += self.send(session, &socket, &data[sent..])?;
            if sent == data.len() {
                return Ok(());
            }
            self.wait_writable(session, &socket, &mut waits, sent)?;
        }
    }

    /// Writes what can be written of `data` without waiting. The number of bytes taken, 0 if the peer is not reading
    /// fast enough.
    pub fn write_available(&self, data: &[u8]) -> Result<usize, WriteError> {
        let session = self.writing_session()?;
        // The thread in there is waiting for room.
        let Some(mut side) = self.try_enter(&self.write_side) else {
            return Ok(0);
        };
        self.begin(session, &mut side)?;
        let limit = match self.queue_limit() {
            0 if self.coalesces() => GATHERED,
            limit => limit,
        };
        if limit > 0 {
            if side.unsent().len() + data.len() > limit {
                self.flush_now(session, &mut side)?;
            }
            let count = data.len().min(limit.saturating_sub(side.unsent().len()));
            self.push(session, &mut side, &data[..count])?;
            return Ok(count);
        }
        self.flush_now(session, &mut side)?;
        if !side.unsent().is_empty() {
            return Ok(0);
        }
        let socket = self.socket(session).ok_or(WriteError::Disconnected)?;
        self.send(session, &socket, data)
    }

    /// Sends what is gathered or queued. Without a queue it waits for at most the write limit; with one it sends what
    /// the system takes, and if that is not all the answer is [`WriteError::Busy`].
    pub fn flush(&self) -> Result<(), WriteError> {
        let session = self.writing_session()?;
        let mut side = self.enter(&self.write_side);
        side.enter(session.epoch());
        let limit = self.queue_limit();
        if limit == 0 {
            return self.flush_waiting(session, &mut side);
        }
        self.flush_now(session, &mut side)?;
        if side.unsent().is_empty() {
            return Ok(());
        }
        let peer = self.peer();
        Err(WriteError::Busy { peer, limit })
    }

    /// Ends the stream from this side, after what is gathered or queued: the peer reads everything, then the end. This
    /// side can go on reading. If the peer has ended its side before, the connection is over. Never waits.
    pub fn shut_down_writing(&self) -> Result<(), WriteError> {
        let session = self.session();
        if session.status() != Status::Connected {
            return Err(WriteError::NotConnected);
        }
        self.settings
            .shut_down_epoch
            .store(session.epoch() + 1, Ordering::Relaxed);
        // A thread that is writing shuts down when it is done.
        if let Some(mut side) = self.try_enter(&self.write_side) {
            side.enter(session.epoch());
            self.flush_now(session, &mut side)?;
            self.shut_down_if_sent(session, &side);
        }
        if self.is_read_closed() && self.available() == Some(0) {
            self.finish(session, Event::EndOfStream);
        }
        Ok(())
    }

    /// Whether [`shut_down_writing`](Self::shut_down_writing) has ended this side of `session`.
    #[inline]
    pub(crate) fn is_shut_down(&self, session: Session) -> bool {
        // Plus one, so that 0 is no session.
        self.settings.shut_down_epoch.load(Ordering::Relaxed) == session.epoch() + 1
    }

    /// Sends, without waiting, what is queued; part of a poll.
    pub(crate) fn send_queue(&self, session: Session) -> Result<(), PollError> {
        if session.status() != Status::Connected || !self.settings.has_queue.load(Ordering::Relaxed)
        {
            return Ok(());
        }
        let Some(mut side) = self.try_enter(&self.write_side) else {
            return Ok(());
        };
        side.enter(session.epoch());
        match self.flush_now(session, &mut side) {
            Err(WriteError::Socket { peer, source }) if self.session() != session => {
                Err(PollError::Send { peer, source })
            }
            // With something left to read the connection goes on until that is read.
            _ => Ok(()),
        }
    }

    #[inline]
    fn writing_session(&self) -> Result<Session, WriteError> {
        let session = self.session();
        match session.status() {
            Status::Connected => Ok(session),
            Status::Connecting if self.queue_limit() > 0 => Ok(session),
            _ => Err(WriteError::NotConnected),
        }
    }

    #[inline]
    fn begin(&self, session: Session, side: &mut WriteSide) -> Result<(), WriteError> {
        side.enter(session.epoch());
        if self.is_shut_down(session) {
            return Err(WriteError::ShutDown);
        }
        Ok(())
    }

    fn write_queued(
        &self,
        session: Session,
        side: &mut WriteSide,
        data: &[u8],
    ) -> Result<(), WriteError> {
        let limit = self.queue_limit();
        if side.unsent().len() + data.len() > limit {
            self.flush_now(session, side)?;
        }
        if side.unsent().len() + data.len() > limit {
            let peer = self.peer();
            return Err(WriteError::Busy { peer, limit });
        }
        self.push(session, side, data)
    }

    /// Takes note, for the next poll, that there is something to send. Called with the write side locked.
    fn note_queue(&self) {
        if !self.settings.has_queue.load(Ordering::Relaxed) {
            self.settings.has_queue.store(true, Ordering::Relaxed);
            self.groups().tell();
        }
    }

    /// Sends or queues `data`, for which there is room.
    fn push(&self, session: Session, side: &mut WriteSide, data: &[u8]) -> Result<(), WriteError> {
        let was_empty = side.unsent().is_empty();
        side.push(data);
        self.note_queue();
        let is_due = if self.coalesces() {
            side.unsent().len() >= GATHERED
        } else {
            // Behind a queue nothing can be sent that would not have been sent by now.
            was_empty
        };
        if is_due {
            self.flush_now(session, side)?;
        }
        Ok(())
    }

    /// Sends of the queue what the system takes now.
    fn flush_now(&self, session: Session, side: &mut WriteSide) -> Result<(), WriteError> {
        if side.unsent().is_empty() {
            self.settings.has_queue.store(false, Ordering::Relaxed);
            return Ok(());
        }
        if self.session().status() == Status::Connecting {
            side.has_waited = true;
            return Ok(());
        }
        let Some(socket) = self.socket_of_epoch(session) else {
            return Err(WriteError::Disconnected);
        };
        // The connect may have succeeded since the session was looked at.
        let session = self.session();
        let outcome = self.send(session, &socket, side.unsent());
        self.sent(session, side, outcome.as_ref().copied().unwrap_or(0));
        if let Err(error) = outcome {
            // It can never be sent.
            side.take_queue(session.epoch());
            return Err(error);
        }
        Ok(())
    }

    /// Sends all of the queue, waiting for at most the write limit.
    fn flush_waiting(&self, session: Session, side: &mut WriteSide) -> Result<(), WriteError> {
        let mut waits = self.settings.write_limit.waits();
        loop {
            self.flush_now(session, side)?;
            if side.unsent().is_empty() {
                return Ok(());
            }
            let socket = self.socket(session).ok_or(WriteError::Disconnected)?;
            self.wait_writable(session, &socket, &mut waits, 0)?;
        }
    }

    /// Takes `count` queued bytes for sent.
    fn sent(&self, session: Session, side: &mut WriteSide, count: usize) {
        side.skip(count);
        if !side.unsent().is_empty() {
            side.has_waited = true;
            self.settings.has_queue.store(true, Ordering::Relaxed);
            return;
        }
        self.settings.has_queue.store(false, Ordering::Relaxed);
        if std::mem::take(&mut side.has_waited) {
            self.notice_drained();
        }
        self.shut_down_if_sent(session, side);
    }

    fn shut_down_if_sent(&self, session: Session, side: &WriteSide) {
        if self.is_shut_down(session)
            && side.unsent().is_empty()
            && let Some(socket) = self.socket(session)
        {
            // If it fails there is nobody left to tell.
            let _ = socket.shutdown(Shutdown::Write);
            sweep::has_sent();
        }
    }

    /// Sends until the system takes no more. The number of bytes it has taken.
    fn send(&self, session: Session, socket: &Socket, data: &[u8]) -> Result<usize, WriteError> {
        let mut sent = 0;
        while sent < data.len() {
            let outcome = sys::send(socket, &data[sent..]);
            sweep::has_sent();
            match outcome {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) if self.is_over(session) => return Err(WriteError::Disconnected),
                Err(error) => return Err(self.fail_writing(session, error)),
            }
        }
        Ok(sent)
    }

    fn wait_writable(
        &self,
        session: Session,
        socket: &Socket,
        waits: &mut Waits<'_>,
        sent: usize,
    ) -> Result<(), WriteError> {
        match waits.wait(socket, Interest::Writable) {
            Ok(true) => {}
            Ok(false) => {
                let peer = self.peer();
                return Err(WriteError::TimedOut { peer, sent });
            }
            Err(source) => {
                let peer = self.peer();
                return Err(WriteError::Socket { peer, source });
            }
        }
        if self.is_over(session) {
            return Err(WriteError::Disconnected);
        }
        Ok(())
    }

    /// Whether the connection that `session` belongs to has ended. A connect that has succeeded meanwhile has not.
    fn is_over(&self, session: Session) -> bool {
        self.session().epoch() != session.epoch()
    }

    fn socket_of_epoch(&self, session: Session) -> Option<std::sync::Arc<Socket>> {
        let current = self.session();
        (current.epoch() == session.epoch())
            .then(|| self.socket(current))
            .flatten()
    }

    /// Ends `session` because a write has failed, unless there is something left to read: then the reader ends it,
    /// after that.
    fn fail_writing(&self, session: Session, source: io::Error) -> WriteError {
        let peer = self.peer();
        if let Some(mut read_side) = self.try_read_side(session) {
            read_side.poll(|| self.socket(session), &self.readiness);
            if read_side.unread().is_empty() {
                self.finish(session, Event::TransferFailed);
                return WriteError::Socket { peer, source };
            }
        }
        let mut state = self.state();
        if self.session() == session && matches!(state.link, Link::Connected { .. }) {
            state.write_failure = Some(copy_of(&source));
        }
        WriteError::Socket { peer, source }
    }
}
