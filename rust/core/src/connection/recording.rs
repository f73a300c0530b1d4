//! Recording the traffic and the events of a connection.

use std::time::Instant;

use crate::connection::Connection;
use crate::connection::inner::Inner;
use crate::connection::recorder::Recording;

impl Connection {
    /// Starts or stops recording this connection and those that follow on the same object. Discards
    /// an earlier recording. For debugging: while enabled, each byte is copied with the connection
    /// locked.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::Connection;
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.record(true);
    /// one.write_fully(b"ping")?;
    /// let recording = one.recording(Instant::now()).expect("recording is enabled");
    /// assert_eq!(recording.sent, b"ping");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record(&self, enabled: bool) {
        self.lock().rare.set_recorder(enabled.then(Box::default));
    }

    /// Returns a copy of the recording, with the ages that the events have at `now`. `None` unless
    /// recording is enabled; see the example of [`record`](Self::record).
    pub fn recording(&self, now: Instant) -> Option<Recording> {
        let inner = self.lock();
        let recorder = inner.rare.recorded()?;
        Some(recorder.recording(now))
    }
}

/// Runs `body`, and records the bytes that it adds to the receive buffer.
pub(super) fn record_received<R>(inner: &mut Inner, body: impl FnOnce(&mut Inner) -> R) -> R {
    let before = inner.recv.buffer.len();
    let outcome = body(inner);
    debug_assert!(inner.recv.buffer.len() >= before, "`body` receives only");
    if let Some(recorder) = inner.rare.recorder() {
        recorder.add_received(&inner.recv.buffer.unread()[before..]);
    }
    outcome
}
