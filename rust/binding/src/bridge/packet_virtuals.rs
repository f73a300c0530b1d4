//! The virtual methods of `PacketPeerExtension`, which move packets. All of them are direct: the
//! bridge answers them without gdext.

use std::marker::PhantomData;
use std::ptr;
use std::slice;

use godot::global::Error;
use godot::obj::EngineEnum;
use godot::sys;

use super::guard::guarded;
use super::part_kind::counted;
use super::virtuals::{VirtualMethods, VirtualRow, Virtuals};
use crate::parts::Packets;

/// The virtual methods of objects whose part is a `P`.
pub(crate) const fn packet_virtuals<P: Packets>() -> Virtuals {
    Virtuals::of::<PacketVirtuals<P>>()
}

struct PacketVirtuals<P>(PhantomData<P>);

impl<P: Packets> VirtualMethods for PacketVirtuals<P> {
    type Part = P;

    const ROWS: &'static [VirtualRow] = &[
        VirtualRow {
            name: "_get_packet",
            answer: get_packet::<P>,
        },
        VirtualRow {
            name: "_put_packet",
            answer: put_packet::<P>,
        },
        VirtualRow {
            name: "_get_available_packet_count",
            answer: get_available_packet_count::<P>,
        },
        VirtualRow {
            name: "_get_max_packet_size",
            answer: get_max_packet_size::<P>,
        },
    ];
}

/// Its arguments are two pointers, for the packet's address and for its size, an `i32`.
unsafe extern "C" fn get_packet<P: Packets>(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot calls it for a `P`, with room for an int to return. (`GDExtensionPtr` passes
    // pointers by pointer.) It copies the packet before this thread calls the object again.
    unsafe {
        let part = counted::<P>(instance);
        let address = *(*args).cast::<*mut *const u8>();
        let size = *(*args.add(1)).cast::<*mut i32>();
        let (code, packet) = match guarded(Err(Error::FAILED), || part.get_packet()) {
            Ok(packet) => (Error::OK, packet),
            Err(code) => (code, (ptr::null(), 0)),
        };
        *address = packet.0;
        *size = i32::try_from(packet.1).unwrap_or(i32::MAX);
        *ret.cast::<i64>() = i64::from(code.ord());
    }
}

/// Its arguments are a pointer to the packet, and its size, an int of 8 bytes.
unsafe extern "C" fn put_packet<P: Packets>(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: As for `get_packet`. Godot does not change the packet until this returns. An empty
    // packet may have no address.
    unsafe {
        // The call may block, and another thread may free the object meanwhile.
        let part = counted::<P>(instance);
        let address = *(*args).cast::<*const u8>();
        let size = usize::try_from(*(*args.add(1)).cast::<i64>()).unwrap_or(0);
        let packet = match address.is_null() {
            true => &[],
            false => slice::from_raw_parts(address, size),
        };
        let code = guarded(Error::FAILED, || part.put_packet(packet));
        *ret.cast::<i64>() = i64::from(code.ord());
    }
}

unsafe extern "C" fn get_available_packet_count<P: Packets>(
    instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot passes the instance of a `P` and room for an int.
    unsafe {
        *ret.cast::<i64>() = guarded(0, || counted::<P>(instance).packet_count());
    }
}

unsafe extern "C" fn get_max_packet_size<P: Packets>(
    instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: As for `get_available_packet_count`.
    unsafe {
        *ret.cast::<i64>() = guarded(0, || counted::<P>(instance).max_packet_bytes());
    }
}
