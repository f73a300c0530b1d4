//! The class bridge: real ClassDB inheritance between classes of this library, and a short way for the hot calls.
//!
//! gdext registers classes whose base is an engine class, gives each its own storage type, and guards every call
//! with a cell. The addon needs base classes of its own, and calls that cost little more than the work they do
//! and that block no other thread. So the bridge stands between gdext and Godot, at Godot's C interface: gdext is
//! handed a [`get_proc_address`](entry::initialize) that answers a few names with functions of the bridge, and
//! passes all others through. What these do:
//!
//! - [`registration`]: when gdext registers the base of a [`family`], it is made abstract, and its subclasses are
//!   registered with it; when gdext registers a method, it goes to the class it belongs to.
//! - [`instance`]: an object of a subclass is told its class, and gets a [`Handle`](handle::Handle) as its instance:
//!   what the hot calls need, and what gdext made.
//! - [`late_methods`]: gdext gets those methods of the engine that are needed ([`engine_methods`]), and every other one
//!   when it calls it, so that the library loads where an engine lacks some.
//! - [`calls`]: the calls that matter go from Godot straight to the part of the object. All others go through one
//!   [`trampoline`] to gdext's own callback.
//!
//! All classes of a family are one Rust struct, which is what makes a base's methods sound on any of them. Which families
//! there are, and what the parts of their objects are, the bridge is told: a part is whatever is a
//! [`Part`](crate::parts::Part).

mod class_tree;
mod emit;
mod engine_methods;
mod entry;
mod guard;
mod handle;
mod instance;
mod int_methods;
mod interface;
mod late_methods;
mod method_row;
mod object_methods;
mod object_ref;
mod optional;
mod packet_virtuals;
mod presence;
mod property;
mod receive;
mod registered;
mod registration;
mod requirements;
mod stream_virtuals;
mod trampoline;
mod virtuals;

pub(crate) use class_tree::{Class, ClassTree, Enumeration};
pub(crate) use entry::initialize;
pub(crate) use handle::HandleKind;
pub(crate) use instance::{announce, new_object};
pub(crate) use int_methods::{flush, get_status, poll};
pub(crate) use late_methods::forget_late_methods;
pub(crate) use method_row::{Constness, MethodRow, Returned, answers, declare_past_gdext};
pub(crate) use object_methods::{forget_library, has_feature};
pub(crate) use object_ref::{ObjectRef, SignalName};
pub(crate) use optional::Optional;
pub(crate) use packet_virtuals::packet_virtuals;
pub(crate) use presence::Presence;
pub(crate) use property::{Property, PropertyKind};
pub(crate) use receive::receive;
pub(crate) use registration::{Tables, check_tables};
pub(crate) use stream_virtuals::stream_virtuals;
