//! The virtual methods of `StreamPeerExtension`.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::slice;

use godot::global::Error;
use godot::obj::EngineEnum;
use godot::sys;

use super::guard::guarded;
use super::handle::Handle;
use super::virtuals::{Virtual, VirtualMethods};
use crate::parts::Stream;

/// Those of a `P`.
pub(super) struct Transfers<P>(PhantomData<P>);

impl<P: Stream> VirtualMethods for Transfers<P> {
    fn find(name: &str) -> Option<Virtual> {
        match name {
            "_get_data" => Some(get_data::<P>),
            "_get_partial_data" => Some(get_partial_data::<P>),
            "_put_data" => Some(put_data::<P>),
            "_put_partial_data" => Some(put_partial_data::<P>),
            "_get_available_bytes" => Some(get_available_bytes::<P>),
            _ => None,
        }
    }
}

/// The arguments of the four transfers: the data, its size, and where the count of moved bytes goes.
struct Transfer {
    data: *mut u8,
    size: i64,
    count: *mut i32,
}

impl Transfer {
    /// # Safety
    /// `args` are those of a transfer: pointers to a byte pointer, to an int, and to an `i32` pointer
    /// (`GDExtensionPtr` passes pointers by pointer, and every int as 8 bytes).
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

    /// The number of bytes that may be moved. Some callers pass no data with a size of 0.
    #[inline]
    fn length(&self) -> usize {
        if self.data.is_null() {
            return 0;
        }
        usize::try_from(self.size).unwrap_or(0)
    }

    /// # Safety
    /// The pointers are still valid, and nobody else uses the data: both hold during the call.
    #[inline]
    unsafe fn buffer<'a>(&self) -> &'a mut [MaybeUninit<u8>] {
        let length = self.length();
        if length == 0 {
            return &mut [];
        }
        // SAFETY: The caller's guarantee. Engine code passes buffers that it has not initialised.
        unsafe { slice::from_raw_parts_mut(self.data.cast(), length) }
    }

    /// # Safety
    /// The pointers are still valid, and the data is initialised and not written to during the call.
    #[inline]
    unsafe fn bytes<'a>(&self) -> &'a [u8] {
        let length = self.length();
        if length == 0 {
            return &[];
        }
        // SAFETY: The caller's guarantee.
        unsafe { slice::from_raw_parts(self.data, length) }
    }

    /// Tells Godot how it went. The count is never more than was asked for, which fits: Godot asks with an `i32`.
    ///
    /// # Safety
    /// The count's pointer is null or valid, and `ret` has room for an int.
    #[inline]
    unsafe fn finish(&self, count: usize, code: Error, ret: sys::GDExtensionTypePtr) {
        // SAFETY: The caller's guarantee.
        unsafe {
            if !self.count.is_null() {
                *self.count = i32::try_from(count.min(self.length())).unwrap_or(i32::MAX);
            }
            *ret.cast::<i64>() = i64::from(code.ord());
        }
    }
}

/// Does the transfer `call`: runs `body` with the part and the arguments, and tells Godot its code and its count of moved
/// bytes. A size that is negative is refused. The part is kept meanwhile: another thread may free the object while this one
/// waits in a call, since a Callable of Godot's keeps no object.
///
/// # Safety
/// The arguments are those that Godot calls a transfer of an object with a `P` with.
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
        let part = Handle::<P>::from_instance(instance).part.clone();
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
    // SAFETY: Godot calls it for a transfer of a `P`, and leaves the buffer to it until it returns.
    unsafe {
        // What costs least, since it is there already, does without keeping the part: it waits for nothing.
        let arguments = Transfer::new(args);
        let is_there = guarded(false, || {
            let part = &*Handle::<P>::from_instance(instance).part;
            part.get_buffered(arguments.buffer())
        });
        if is_there {
            arguments.finish(arguments.length(), Error::OK, ret);
            return;
        }
        transfer::<P>("get_data", instance, args, ret, |part, transfer| {
            let buffer = transfer.buffer();
            let (code, filled) = part.get_data(buffer);
            // Callers use the buffer whatever is returned, as the typed getters of StreamPeer do: nothing that was not
            // initialised may be seen there.
            if code != Error::OK {
                // SAFETY: What Godot passes is a few bytes of a stack, or an array that its allocator has made.
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
    // SAFETY: Godot calls it for a transfer of a `P`, with bytes that stay as they are until it returns.
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
        let part = &*Handle::<P>::from_instance(instance).part;
        *ret.cast::<i64>() = guarded(-1, || part.available_bytes());
    }
}
