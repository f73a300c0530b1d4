//! What holds for a connection whenever its lock is free, checked in builds with debug assertions.
//!
//! Each part checks itself (`RecvState::check`, `SendState::check`, ...). This file checks what
//! ties the parts together. Every acquisition of the lock checks, so the next call finds the broken
//! state that a call has left. The end of a connection also checks the state that it leaves.

use crate::connection::Connection;
use crate::connection::inner::{Attempts, Inner};
use crate::connection::recv::state::is_known_quiet;
use crate::connection::send::state::SendPhase;
use crate::connection::state_word::StateWord;
use crate::connection::traffic::Lifetime;
use crate::connection::transport::Transport;
use crate::event::Status;
use crate::sync::atomic::Ordering;

impl Connection {
    /// Checks the state behind the lock, and that the words that are read without the lock agree
    /// with it.
    pub(super) fn check(&self, inner: &Inner) {
        let state = self.state();
        inner.check(state);
        debug_assert_eq!(
            self.has_events.load(Ordering::Relaxed),
            !inner.events.is_empty(),
            "`has_events` disagrees with the events"
        );
        // A thread that has taken the direction reports the work when it is done.
        if !inner.owners.own_send() && !inner.recv.is_inherited() {
            debug_assert_eq!(
                self.has_work.load(Ordering::Relaxed),
                inner.send.has_work(),
                "`has_work` disagrees with the queue and the phase"
            );
        }
        // A poll of a quiet connection does not take the lock.
        if state.status() == Status::Connected
            && is_known_quiet(&self.watching.readiness, state.generation())
        {
            debug_assert!(
                inner.recv.buffer.is_empty() && inner.recv.end.is_none(),
                "a quiet connection has something to read"
            );
        }
    }
}

impl Inner {
    fn check(&self, state: StateWord) {
        self.recv.check();
        self.send.check();
        self.owners.check();
        let is_connected = state.status() == Status::Connected;
        let is_connecting = state.status() == Status::Connecting;
        debug_assert_eq!(
            is_connected,
            matches!(self.transport, Transport::Connected { .. }),
            "connected if and only if there is a connected socket"
        );
        debug_assert_eq!(
            is_connecting,
            matches!(self.transport, Transport::Connecting(_)),
            "connecting if and only if there is a connect under way"
        );
        debug_assert_eq!(
            is_connected,
            matches!(self.lifetime, Lifetime::Since { .. }),
            "the lifetime of a connection lasts as long as the connection"
        );
        debug_assert!(
            !is_connected || self.peer_address().is_some(),
            "connected to a peer"
        );
        debug_assert!(
            !is_connecting || matches!(self.attempts, Attempts::Log(_)),
            "a connect has a log of its attempts"
        );
        if is_connected || is_connecting {
            debug_assert!(
                self.recv.belongs_to(state.generation()),
                "the receiving state belongs to an earlier connection"
            );
            debug_assert!(
                self.rare.ended().is_none(),
                "the end of a connection that has not ended"
            );
        } else {
            debug_assert!(
                self.send.queue.is_empty()
                    && matches!(self.send.phase, SendPhase::Open | SendPhase::Over { .. }),
                "the sending state outlives its connection"
            );
        }
        if !is_connected {
            debug_assert!(
                self.recv.buffer.is_empty() && self.recv.end.is_none(),
                "received data outlives its connection"
            );
            debug_assert!(
                !self.owners.own_recv() && !self.owners.own_send(),
                "a direction has an owner, and no connection"
            );
        }
        if is_connected && !self.recv.is_inherited() {
            // An owner does all of this before it releases the direction. A forked child inherits
            // the state in between.
            if !self.owners.own_send() {
                debug_assert_eq!(self.send.unaccepted, 0, "no call is writing these bytes");
                debug_assert!(
                    !matches!(self.send.phase, SendPhase::Draining) || !self.send.queue.is_empty(),
                    "an end of the stream was requested and is not sent"
                );
            }
            if !self.owners.own_recv() {
                debug_assert!(
                    !self.recv.has_unreported,
                    "received data was not reported to the groups"
                );
            }
        }
    }
}
