//! Event dispatch: which handler is notified of what, and when.
//!
//! A poll turns what happened to a connection into calls of its handlers. An object can be polled
//! alone ([`EndpointEvents`], [`PacketChannel::poll`]) or as a member of an [`EventLoop`], which
//! visits only the members that are due. The crate has no handlers of its own: a program attaches
//! its handlers with the traits [`Endpoint`], [`Subject`] and [`LoopHandler`].
//!
//! | file | content |
//! | --- | --- |
//! | `event_loop` | the public face of an event loop, and its poll |
//! | `visit` | what a poll does for one member: probe it, deliver, decide when to visit it again |
//! | `broadcast` | one message for all members |
//! | `loop_state` | the state of an event loop that visits, broadcasts and members share |
//! | `roster` | the members by key, by id, and in order |
//! | `member` | one member, and what the loop has reported of it |
//! | `inactivity` | for how long members make no progress in sending or receiving |
//! | `timers` | when members have to be visited, apart from events |
//! | `packet_delivery` | delivering packets to the handlers of their source and to event loops |
//! | `subject` | the traits of members, of sessions and of loop handlers |
//! | `packet_channel` | the packets of a stream that can be replaced |
//! | `outlet` | the event loops that a source of packets is in |
//! | `endpoint` | the trait of a connection with its own handlers |
//! | `endpoint_events` | the events of one connection, for its own handlers |
//! | `nesting` | how deep handlers may poll |
//!
//! Each file uses only those below it in the table.
//!
//! # Members and keys
//!
//! A member has an *id*, which the program chooses ([`Subject::id`]), a *key*, which the loop's
//! [`Group`](crate::Group) assigns, and an *order*, which increases with each member added. A round
//! visits due members in that order.
//!
//! # Queued events
//!
//! What happens to a member once (a connect finishes, a connection ends, another poll takes a
//! packet) is queued in the ready list of the group, so that a loop polled later still reports it,
//! in order and exactly once. Data is different: it is probed at each visit, because only the
//! newest state matters.
//!
//! # Delivery
//!
//! The events of one object are delivered by one thread at a time. A thread that finds another one
//! delivering leaves the events to it ([`Delivery::Elsewhere`]).
//!
//! # Nesting
//!
//! A handler may do anything while it is notified: read, write, connect, disconnect, poll, add and
//! remove members, or drop the last reference to any object. So no lock is held during a
//! notification, and every state is read again afterwards. A poll within a handler continues the
//! round of the outer poll; [`Nesting`] bounds the depth.
//!
//! # Bounded work
//!
//! A visit delivers a limited number of packets of a member, which a program can set. A member with
//! more is due again, so the next poll continues, and a wait ends. Packets that polls of handlers
//! deliver count towards the outer polls: a handler that polls for each packet delivers at most one
//! more for each level.

mod broadcast;
mod endpoint;
mod endpoint_events;
mod event_loop;
mod inactivity;
mod loop_state;
mod member;
mod nesting;
mod outlet;
mod packet_channel;
mod packet_delivery;
mod roster;
mod subject;
mod timers;
mod visit;

pub use crate::event::{Delivery, EventQueue};

pub use broadcast::Refused;
pub use endpoint::Endpoint;
pub use endpoint_events::{EndpointEvent, EndpointEvents};
pub use event_loop::EventLoop;
pub use member::LoopMember;
pub use nesting::Nesting;
pub use outlet::Outlet;
pub use packet_channel::{Format, PacketChannel};
pub use packet_delivery::poll_session;
pub use roster::AddError;
pub use subject::{
    LoopEvent, LoopHandler, NextPoll, OwnEvent, PacketSession, Refusal, SharedEvent, Source,
    Subject, Taken,
};
