//! Reading from a connection.

use std::mem::MaybeUninit;
use std::time::Duration;

use crate::connection::Connection;
use crate::error::{PollError, ReadError, copy_of};
use crate::in_use::InUse;
use crate::read_side::{End, ReadSide, Received};
use crate::session::Session;
use crate::status::{Event, Status};
use crate::sys::{self, Interest};

/// A read of at most so many bytes takes all of them or none: numbers are not torn by a time limit.
const WHOLE: usize = 8;

impl Connection {
    /// How long [`read_exact`](Self::read_exact) may wait; `None`, the default, is for ever.
    pub fn set_read_limit(&self, limit: Option<Duration>) {
        self.settings.read_limit.set(limit);
    }

    /// See [`set_read_limit`](Self::set_read_limit).
    pub fn read_limit(&self) -> Option<Duration> {
        self.settings.read_limit.get()
    }

    /// The number of bytes that can be read without waiting, or `None` if there is no connection.
    #[inline]
    pub fn available(&self) -> Option<usize> {
        let session = self.session();
        match session.status() {
            Status::None | Status::Error => return None,
            Status::Connecting => return Some(0),
            Status::Connected => {}
        }
        let readiness = &self.readiness;
        if readiness.is_quiet(session.epoch(), &readiness.asked) {
            return Some(0);
        }
        let Some(mut read_side) = self.try_read_side(session) else {
            // Somebody is reading: there is nothing but what the kernel has.
            let socket = self.socket(session)?;
            return sys::unread_bytes(&socket).ok();
        };
        Some(read_side.available(|| self.socket(session), readiness))
    }

    /// Whether something has been received that has not been read, as far as the last look has shown.
    #[inline]
    pub fn has_unread(&self) -> bool {
        let session = self.session();
        session.status() == Status::Connected
            && self
                .try_read_side(session)
                .is_some_and(|read_side| !read_side.unread().is_empty())
    }

    /// Whether the peer has ended its direction of the stream: what is available now is the last there is.
    pub fn is_read_closed(&self) -> bool {
        let session = self.session();
        session.status() == Status::Connected && self.readiness.is_read_closed(session.epoch())
    }

    /// Fills `out`, waiting for at most the read limit. On an error the second value is the number of bytes at the start
    /// of `out` that were received before it; nothing else in `out` has been written. A read of at most 8 bytes that
    /// runs into the limit takes nothing.
    #[inline]
    pub fn read_exact(&self, out: &mut [MaybeUninit<u8>]) -> Result<(), (ReadError, usize)> {
        let session = self.reading_session().map_err(|error| (error, 0))?;
        let mut read_side = self.enter(&self.read_side);
        if self.session() != session {
            return Err((ReadError::Disconnected, 0));
        }
        read_side.enter(session.epoch());
        if read_side.unread().len() >= out.len() {
            read_side.take(out);
            return Ok(());
        }
        self.read_rest(session, read_side, out)
    }

    fn read_rest(
        &self,
        session: Session,
        mut read_side: InUse<'_, ReadSide>,
        out: &mut [MaybeUninit<u8>],
    ) -> Result<(), (ReadError, usize)> {
        let Some(socket) = self.socket(session) else {
            return Err((ReadError::Disconnected, 0));
        };
        let is_whole = out.len() <= WHOLE;
        let mut filled = if is_whole { 0 } else { read_side.take(out) };
        let mut waits = self.settings.read_limit.waits();
        loop {
            let received = match read_side.end() {
                Some(_) => Received::End,
                None if is_whole => read_side.fill(&socket, &self.readiness),
                None => read_side.receive(&socket, &self.readiness, &mut out[filled..]),
            };
            match received {
                Received::Bytes(_) if is_whole => {
                    if read_side.unread().len() >= out.len() {
                        read_side.take(out);
                        return Ok(());
                    }
                }
                Received::Bytes(count) => {
                    filled += count;
                    if filled == out.len() {
                        return Ok(());
                    }
                }
                Received::Nothing => {
                    match waits.wait(&socket, Interest::Readable) {
                        Ok(true) => {}
                        Ok(false) => {
                            let peer = self.peer();
                            return Err((ReadError::TimedOut { peer }, filled));
                        }
                        Err(source) => {
                            let peer = self.peer();
                            return Err((ReadError::Socket { peer, source }, filled));
                        }
                    }
                    if self.session() != session {
                        return Err((ReadError::Disconnected, filled));
                    }
                }
                Received::End if self.session() != session => {
                    return Err((ReadError::Disconnected, filled));
                }
                Received::End => {
                    filled += read_side.take(&mut out[filled..]);
                    return Err((self.end_reading(session, &mut read_side), filled));
                }
            }
        }
    }

    /// Reads what is there, at most what fits `out`, without waiting. The number of bytes at the start of `out` that
    /// were received, 0 if there are none for now.
    pub fn read_available(&self, out: &mut [MaybeUninit<u8>]) -> Result<usize, ReadError> {
        let session = self.reading_session()?;
        if out.is_empty() {
            return Ok(0);
        }
        // A thread that waits for data gets it.
        let Some(mut read_side) = self.try_read_side(session) else {
            return Ok(0);
        };
        let mut filled = read_side.take(out);
        let is_complete = filled == out.len() || filled > 0 && read_side.is_drained();
        if !is_complete && read_side.end().is_none() {
            let socket = self.socket(session).ok_or(ReadError::Disconnected)?;
            if let Received::Bytes(count) =
                read_side.receive(&socket, &self.readiness, &mut out[filled..])
            {
                filled += count;
            }
        }
        if filled == 0 && read_side.end().is_some() {
            return Err(self.end_reading(session, &mut read_side));
        }
        Ok(filled)
    }

    /// Looks, without waiting, for something in what has been received and not been read, at most the first `limit`
    /// bytes of it. `find` says how many bytes at the start belong to it; these are then read, and given to `take`.
    /// Otherwise nothing is, and the answer is `None`; or an error if it cannot come any more, because the stream has
    /// ended or the limit is reached.
    pub fn read_found<R>(
        &self,
        limit: usize,
        find: impl Fn(&[u8]) -> Option<usize>,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        let session = self.reading_session()?;
        let Some(mut read_side) = self.try_read_side(session) else {
            return Ok(None);
        };
        let socket = self.socket(session).ok_or(ReadError::Disconnected)?;
        loop {
            let unread = read_side.unread();
            let window = &unread[..unread.len().min(limit)];
            if let Some(count) = find(window) {
                let found = take(&window[..count]);
                if count > 0 {
                    read_side.skip(count);
                }
                return Ok(Some(found));
            }
            if window.len() == limit {
                let peer = self.peer();
                return Err(ReadError::TooLong { peer, limit });
            }
            match read_side.fill(&socket, &self.readiness) {
                Received::Bytes(_) => {}
                Received::End if read_side.unread().is_empty() => {
                    return Err(self.end_reading(session, &mut read_side));
                }
                // What is there without what was looked for stays, to be read in another way.
                Received::End => return Err(self.what_ended(&read_side)),
                Received::Nothing => return Ok(None),
            }
        }
    }

    /// Reads everything that is there, at most `limit` bytes, without waiting, and gives it to `take`.
    pub fn read_all_available<R>(
        &self,
        limit: usize,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, ReadError> {
        let session = self.reading_session()?;
        let Some(mut read_side) = self.try_read_side(session) else {
            return Ok(take(&[]));
        };
        let socket = self.socket(session).ok_or(ReadError::Disconnected)?;
        while read_side.unread().len() < limit
            && matches!(read_side.fill(&socket, &self.readiness), Received::Bytes(_))
        {}
        if read_side.unread().is_empty() && read_side.end().is_some() && limit > 0 {
            return Err(self.end_reading(session, &mut read_side));
        }
        let count = read_side.unread().len().min(limit);
        let taken = take(&read_side.unread()[..count]);
        if count > 0 {
            read_side.skip(count);
        }
        Ok(taken)
    }

    #[inline]
    pub(crate) fn poll_reading(&self, session: Session) -> Result<bool, PollError> {
        let readiness = &self.readiness;
        if readiness.is_quiet(session.epoch(), &readiness.polled) {
            return Ok(false);
        }
        self.look(session)
    }

    /// Looks what has come in; an end or a failure without something to read before it ends the session.
    fn look(&self, session: Session) -> Result<bool, PollError> {
        // Whoever holds the read side is reading, and sees what this poll would see.
        let Some(mut read_side) = self.try_read_side(session) else {
            return Ok(false);
        };
        read_side.poll(|| self.socket(session), &self.readiness);
        let has_unread = !read_side.unread().is_empty();
        if has_unread || read_side.end().is_none() {
            return Ok(has_unread);
        }
        if self.is_half_open(session, &read_side) {
            // Reads have nothing more to tell, so the socket's failure has to be asked for.
            let failure = self
                .socket(session)
                .and_then(|socket| socket.take_error().ok()?);
            let Some(source) = failure else {
                return Ok(false);
            };
            let peer = self.peer();
            self.finish(session, Event::PollFailed);
            return Err(PollError::Receive { peer, source });
        }
        match read_side.take_end() {
            None => Ok(false),
            Some(End::Stream) => {
                self.finish(session, Event::EndOfStream);
                Ok(false)
            }
            Some(End::Failure(source)) => {
                let peer = self.peer();
                self.finish(session, Event::PollFailed);
                Err(PollError::Receive { peer, source })
            }
        }
    }

    /// The session to read from.
    #[inline]
    fn reading_session(&self) -> Result<Session, ReadError> {
        let session = self.session();
        match session.status() {
            Status::Connected => Ok(session),
            _ => Err(ReadError::NotConnected),
        }
    }

    /// Why nothing more comes behind what is unread.
    fn what_ended(&self, read_side: &ReadSide) -> ReadError {
        match read_side.end() {
            Some(End::Failure(error)) => ReadError::Socket {
                peer: self.peer(),
                source: copy_of(error),
            },
            _ => ReadError::EndOfStream,
        }
    }

    /// The read side, if nobody is using it and `session` is still the current one.
    pub(crate) fn try_read_side(&self, session: Session) -> Option<InUse<'_, ReadSide>> {
        let mut read_side = self.try_enter(&self.read_side)?;
        if self.session() != session {
            return None;
        }
        read_side.enter(session.epoch());
        Some(read_side)
    }

    /// Whether the peer's end of the stream, which has been reached, leaves the other direction open.
    fn is_half_open(&self, session: Session, read_side: &ReadSide) -> bool {
        self.allows_half_open()
            && matches!(read_side.end(), Some(End::Stream))
            && !self.is_shut_down(session)
            && self.state().write_failure.is_none()
    }

    /// Ends `session` because a reader has come to the end of the stream, unless it may be half-open. A write that has
    /// failed before is the reason then.
    fn end_reading(&self, session: Session, read_side: &mut ReadSide) -> ReadError {
        if self.is_half_open(session, read_side) {
            return ReadError::EndOfStream;
        }
        let (peer, write_failure) = {
            let mut state = self.state();
            (state.peer.clone(), state.write_failure.take())
        };
        match (read_side.take_end(), write_failure) {
            (None | Some(End::Stream), None) => {
                self.finish(session, Event::EndOfStream);
                ReadError::EndOfStream
            }
            (None | Some(End::Stream), Some(source)) | (Some(End::Failure(source)), _) => {
                self.finish(session, Event::TransferFailed);
                let peer = peer.unwrap_or_else(|| self.peer());
                ReadError::Socket { peer, source }
            }
        }
    }
}
