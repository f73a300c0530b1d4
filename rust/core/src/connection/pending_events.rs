//! The events of a connection that were not delivered yet.

use crate::event::{Delivery, Event, EventQueue};

/// The events of a connection, in a queue that is allocated while there are any.
#[derive(Debug, Default)]
pub(super) struct PendingEvents(Option<Box<EventQueue<Event>>>);

impl PendingEvents {
    pub(super) fn push(&mut self, event: Event) {
        self.0.get_or_insert_default().push_merged(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.0.as_mut()?.pop();
        self.release_if_unused();
        event
    }

    pub(super) fn begin(&mut self) -> Delivery {
        self.0.get_or_insert_default().begin()
    }

    pub(super) fn next_or_end(&mut self, delivery: Delivery) -> Option<Event> {
        let event = self.0.as_mut()?.next_or_end(delivery);
        self.release_if_unused();
        event
    }

    pub(super) fn end(&mut self, delivery: Delivery) {
        if let Some(queue) = &mut self.0 {
            queue.end(delivery);
        }
        self.release_if_unused();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|queue| queue.is_empty())
    }

    fn release_if_unused(&mut self) {
        if self.0.as_ref().is_some_and(|queue| queue.is_unused()) {
            self.0 = None;
        }
    }
}
