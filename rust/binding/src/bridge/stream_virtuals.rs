//! The virtual methods of `StreamPeerExtension`, which move the data of a stream. All of them are
//! direct: the bridge answers them without gdext.
//!
//! The C++ side of `StreamPeer` trusts them, so they never report a wrong count or leave memory of
//! the caller uninitialised.
//!
//! - A transfer always writes the number of moved bytes, which is never more than was asked for.
//! - It never returns data together with an error: first the data with `OK`, then the error or the
//!   end. Only `_get_data` returns a count with its error, since it promises all or an error.
//! - If `_get_data` fails, the rest of the buffer is filled with zeros, because the engine's typed
//!   getters use the buffer without a check.
//! - A null pointer with a size of 0 is accepted.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::slice;
use std::sync::Arc;

use godot::global::Error;
use godot::obj::EngineEnum;
use godot::sys;

use super::guard::guarded;
use super::part_kind::{counted, with_part};
use super::virtuals::{VirtualMethods, VirtualRow, Virtuals};
use crate::parts::Stream;

/// The virtual methods of objects whose part is a `P`.
pub(crate) const fn stream_virtuals<P: Stream>() -> Virtuals {
    Virtuals::of::<StreamVirtuals<P>>()
}

struct StreamVirtuals<P>(PhantomData<P>);

impl<P: Stream> VirtualMethods for StreamVirtuals<P> {
    type Part = P;

    const ROWS: &'static [VirtualRow] = &[
        VirtualRow {
            name: "_get_data",
            answer: get_data::<P>,
        },
        VirtualRow {
            name: "_get_partial_data",
            answer: get_partial_data::<P>,
        },
        VirtualRow {
            name: "_put_data",
            answer: put_data::<P>,
        },
        VirtualRow {
            name: "_put_partial_data",
            answer: put_partial_data::<P>,
        },
        VirtualRow {
            name: "_get_available_bytes",
            answer: get_available_bytes::<P>,
        },
    ];
}

/// The arguments of the four methods that move data: the data, its size, and where the count of
/// moved bytes goes.
struct Transfer {
    data: *mut u8,
    size: i64,
    count: *mut i32,
}

impl Transfer {
    /// # Safety
    /// `args` are the arguments of a transfer: pointers to a byte pointer, to an int, and to an
    /// `i32` pointer. (`GDExtensionPtr` passes pointers by pointer, and every int as 8 bytes.)
    #[inline]
    unsafe fn new(args: *const sys::GDExtensionConstTypePtr) -> Transfer {
        // SAFETY: The caller's guarantee.
        unsafe {
            Transfer {
                data: *(*args).cast::<*mut u8>(),
                size: *(*args.add(1)).cast::<i64>(),
                count: *(*args.add(2)).cast::<*mut i32>(),
            }
        }
    }

    /// The number of bytes to move. Some callers pass null with a size of 0.
    #[inline]
    fn length(&self) -> usize {
        if self.data.is_null() {
            return 0;
        }
        usize::try_from(self.size).unwrap_or(0)
    }

    /// # Safety
    /// The pointers are valid, and nobody else uses the data. Both hold during the call.
    #[inline]
    unsafe fn buffer<'a>(&self) -> &'a mut [MaybeUninit<u8>] {
        let length = self.length();
        if length == 0 {
            return &mut [];
        }
        // SAFETY: The caller's guarantee. The engine passes buffers that it has not initialised.
        unsafe { slice::from_raw_parts_mut(self.data.cast(), length) }
    }

    /// # Safety
    /// The pointers are valid, and the data is initialised and not written to during the call.
    #[inline]
    unsafe fn bytes<'a>(&self) -> &'a [u8] {
        let length = self.length();
        if length == 0 {
            return &[];
        }
        // SAFETY: The caller's guarantee.
        unsafe { slice::from_raw_parts(self.data, length) }
    }

    /// Returns the code and the count to Godot. The count fits, because it is at most the size,
    /// which Godot passes as an `i32`.
    ///
    /// # Safety
    /// The count's pointer is null or valid, and `ret` has room for an int.
    #[inline]
    unsafe fn finish(&self, count: usize, code: Error, ret: sys::GDExtensionTypePtr) {
        debug_assert!(count <= self.length(), "at most the size is moved");
        // SAFETY: The caller's guarantee.
        unsafe {
            if !self.count.is_null() {
                *self.count = i32::try_from(count.min(self.length())).unwrap_or(i32::MAX);
            }
            *ret.cast::<i64>() = i64::from(code.ord());
        }
    }
}

/// Does the transfer `call`: runs `body` with the part and the arguments, and returns its code and
/// its count of moved bytes to Godot. A negative size is refused. The part is kept meanwhile:
/// another thread may free the object while this one waits, because a Callable keeps no object.
///
/// # Safety
/// The arguments are those that Godot passes to a transfer of an object whose part is a `P`.
#[inline]
unsafe fn transfer<P: Stream>(
    call: &str,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
    body: impl FnOnce(&P, &Transfer) -> (Error, usize),
) {
    // SAFETY: The caller's guarantee. No handler of a signal runs in a transfer.
    unsafe {
        let part = counted::<P>(instance);
        let transfer = Transfer::new(args);
        let (code, count) = guarded((Error::FAILED, 0), || {
            if transfer.size < 0 {
                return (part.refuse_size(call), 0);
            }
            body(&part, &transfer)
        });
        transfer.finish(count, code, ret);
    }
}

unsafe extern "C" fn get_data<P: Stream>(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot calls it for a transfer of a `P`, and does not touch the buffer until it
    // returns.
    unsafe {
        // A read of buffered data does not wait, so this path does not count the part.
        let arguments = Transfer::new(args);
        let is_there = guarded(false, || {
            with_part(instance, |part: &Arc<P>| {
                part.get_buffered(arguments.buffer())
            })
        });
        if is_there {
            arguments.finish(arguments.length(), Error::OK, ret);
            return;
        }
        transfer::<P>("get_data", instance, args, ret, |part, transfer| {
            let buffer = transfer.buffer();
            let (code, filled) = part.get_data(buffer);
            // Some callers, such as the typed getters of StreamPeer, use the buffer even after an
            // error. So the rest of it must not be uninitialised memory.
            if code != Error::OK {
                // SAFETY: Godot passes a few bytes of a stack, or an array that its allocator has
                // made.
                stream_socket::memory::zero(&mut buffer[filled..]);
            }
            (code, filled)
        });
    }
}

unsafe extern "C" fn get_partial_data<P: Stream>(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: As for `get_data`.
    unsafe {
        transfer::<P>("get_partial_data", instance, args, ret, |part, transfer| {
            part.get_partial_data(transfer.buffer())
        });
    }
}

unsafe extern "C" fn put_data<P: Stream>(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot calls it for a transfer of a `P`, and does not change the bytes until it
    // returns.
    unsafe {
        transfer::<P>("put_data", instance, args, ret, |part, transfer| {
            part.put_data(transfer.bytes())
        });
    }
}

unsafe extern "C" fn put_partial_data<P: Stream>(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: As for `put_data`.
    unsafe {
        transfer::<P>("put_partial_data", instance, args, ret, |part, transfer| {
            part.put_partial_data(transfer.bytes())
        });
    }
}

unsafe extern "C" fn get_available_bytes<P: Stream>(
    instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot passes the instance of a `P` and room for an int.
    unsafe {
        // A known count takes no system call, so this path does not count the part.
        let known = guarded(None, || {
            with_part(instance, |part: &Arc<P>| part.known_available_bytes())
        });
        *ret.cast::<i64>() = match known {
            Some(count) => count,
            None => guarded(-1, || counted::<P>(instance).available_bytes()),
        };
    }
}
