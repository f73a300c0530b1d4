//! The events of a connection, and the threads that deliver them.

use crate::connection::Connection;
use crate::connection::inner::Inner;
use crate::event::{Delivery, Event};
use crate::sync::atomic::Ordering;

impl Connection {
    /// Removes the oldest event and returns it. Never blocks. For a program in which one thread
    /// polls the connection; with several threads, see [`EventQueue`](crate::dispatch::EventQueue).
    ///
    /// # Examples
    /// ```
    /// use stream_socket::{Connection, DisconnectCause, Event, Status};
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.disconnect();
    /// assert_eq!(one.next_event(), Some(Event::StatusChanged(Status::None)));
    /// assert_eq!(one.next_event(), Some(Event::Disconnected(DisconnectCause::Local)));
    /// assert_eq!(one.next_event(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_event(&self) -> Option<Event> {
        if !self.has_events() {
            return None;
        }
        let mut inner = self.lock();
        let event = inner.events.pop();
        self.update_has_events(&inner);
        event
    }

    /// Whether [`next_event`](Self::next_event) would return an event. Takes no lock.
    #[inline]
    pub fn has_events(&self) -> bool {
        self.has_events.load(Ordering::Relaxed)
    }

    /// Begins to deliver events on this thread. See [`EventQueue`](crate::dispatch::EventQueue).
    pub(crate) fn begin_delivery(&self) -> Delivery {
        self.lock().events.begin()
    }

    /// Returns the next event for a thread that delivers. If there is none, ends a delivery that
    /// began here.
    pub(crate) fn next_delivery(&self, delivery: Delivery) -> Option<Event> {
        let mut inner = self.lock();
        let event = inner.events.next_or_end(delivery);
        self.update_has_events(&inner);
        event
    }

    /// Ends a delivery before all events are delivered.
    pub(crate) fn end_delivery(&self, delivery: Delivery) {
        self.lock().events.end(delivery);
    }

    /// Queues an event, records it, and makes the groups visit the connection.
    pub(super) fn emit(&self, inner: &mut Inner, event: Event) {
        inner.events.push(event);
        if let Some(recorder) = inner.rare.recorder() {
            recorder.add_event(event);
        }
        self.has_events.store(true, Ordering::Relaxed);
        self.subscriptions.report_event(event);
    }

    fn update_has_events(&self, inner: &Inner) {
        self.has_events
            .store(!inner.events.is_empty(), Ordering::Relaxed);
    }
}
