//! The class bridge: inheritance between classes of this library in ClassDB, and cheap calls.
//!
//! gdext registers classes whose base is an engine class, gives each object a storage of its own,
//! and guards every call with a cell in it. The addon needs base classes of its own. It needs calls
//! that cost little more than the work they do, and that block no other thread. So the bridge
//! stands between gdext and Godot, at Godot's C interface: gdext gets a
//! [`get_proc_address`](entry::initialize) that returns functions of the bridge for a few names,
//! and Godot's functions for all others. The replaced functions do this:
//!
//! - [`registration`]: when gdext registers the base of a [`class_tree`], the base becomes
//!   abstract, and its subclasses are registered with it. When gdext registers a method, the bridge
//!   registers it for the class that it belongs to, as its [row](method_row) describes it. Each
//!   name in the tables is checked against what gdext has [`registered`].
//! - [`late_methods`]: gdext gets the methods of the engine that the library needs
//!   ([`engine_methods`]), and looks up any other method at its first call. So the library loads in
//!   an engine that lacks some of them.
//!
//! The bridge creates the objects itself ([`instance`]). Godot's instance pointer is a counted
//! reference to the part ([`part_kind`]); gdext has no storage for it. Direct methods go from
//! Godot straight to the part: [`int_methods`], [`receive`], [`object_setter`], and the virtual
//! methods in [`stream_virtuals`] and [`packet_virtuals`]. For gdext, all others are static
//! functions. They go through one [`trampoline`] to gdext's callback, and find the part in
//! [`this`]. The trampoline checks the [`arguments`] of every method that gdext answers. Rust finds
//! the part of an object with [`part_getter`], and the object of a part by its
//! [`Presence`](crate::parts::Presence).
//!
//! The bridge does not know the classes: each has its [`class_tree`] in its own module, and the
//! part of an object is any [`Part`](crate::parts::Part). Imports go one way: classes, bridge,
//! parts.

mod arguments;
mod callable_ref;
mod class_tree;
mod engine_methods;
mod entry;
mod guard;
mod instance;
mod int_methods;
mod interface;
mod late_methods;
mod method_row;
mod object_methods;
mod object_ref;
mod object_setter;
mod optional;
mod packet_virtuals;
mod part_getter;
mod part_kind;
mod presence;
mod property;
mod receive;
mod registered;
mod registration;
mod requirements;
mod stream_virtuals;
mod this;
mod trampoline;
mod virtuals;

pub(crate) use callable_ref::CallableRef;
pub(crate) use class_tree::{Class, ClassTree, Enumeration};
pub(crate) use entry::initialize;
pub(crate) use guard::guarded;
pub(crate) use instance::{Bridged, new_object};
pub(crate) use int_methods::{flush, get_status, poll, poll_part};
pub(crate) use late_methods::forget_late_methods;
pub(crate) use method_row::{MethodKind, MethodRow, Returned};
pub(crate) use object_methods::{forget_library, has_feature};
pub(crate) use object_ref::{ObjectRef, SignalName, object_of};
pub(crate) use object_setter::{class_of, set_object};
pub(crate) use optional::Optional;
pub(crate) use packet_virtuals::packet_virtuals;
pub(crate) use part_getter::part_of;
pub(crate) use part_kind::PartKind;
pub(crate) use property::{Property, PropertyKind};
pub(crate) use receive::receive;
pub(crate) use registration::check_tables;
pub(crate) use stream_virtuals::stream_virtuals;
