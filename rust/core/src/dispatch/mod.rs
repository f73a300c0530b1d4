//! Events: which listener is notified of what, and when.
//!
//! | file | what it is |
//! | --- | --- |
//! | `subject` | the traits: what the layer knows of objects and of those who listen |
//! | `peer_events` | the events of one connection, for its own listeners |
//! | `packet_channel` | the packets of a stream, for its own listeners and for event loops |
//! | `event_loop`, `member` | the members of an event loop, in which an accepted peer is one until it is over |
//! | `visit` | what a poll of the loop does for one member |
//! | `broadcast` | one message for all members |
//! | `nesting` | how deep handlers may poll |
//!
//! A listener may do anything while it is notified: read, write, connect, disconnect, poll, add and remove members, drop the
//! last reference to whatever there is. So no lock is held meanwhile, and everything is looked at anew afterwards.

mod broadcast;
mod event_loop;
mod member;
mod nesting;
mod packet_channel;
mod peer_events;
mod subject;
mod visit;

pub use crate::event::{Delivery, EventQueue};

pub use broadcast::Refused;
pub use event_loop::{AddError, EventLoop};
pub use member::Member as LoopMember;
pub use nesting::Nesting;
pub use packet_channel::{Format, PacketChannel};
pub use peer_events::{PeerEvent, PeerEvents};
pub use subject::{LoopEvent, LoopListener, OwnEvent, Peer, Source, Subject};
