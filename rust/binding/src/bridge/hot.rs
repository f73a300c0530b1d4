//! The calls that go from Godot straight to the core, without gdext's cell in between: those that are hot, those that
//! block, and those whose signals may free the object. The core does its own locking, so none holds up another.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::slice;
use std::sync::atomic::Ordering;

use godot::builtin::StringName;
use godot::global::Error;
use godot::obj::EngineEnum;
use godot::sys::{self, GodotFfi};

use super::family::{Family, PEERS};
use super::guarded;
use super::instance::{Handle, Part};
use super::interface::interface;
use crate::error::Code;
use crate::peer::Peer;

/// What the object of a peer consists of.
///
/// # Safety
/// As for [`Handle::from_instance`], the instance being a peer.
#[inline]
unsafe fn peer<'a>(instance: sys::GDExtensionClassInstancePtr) -> &'a Peer {
    // SAFETY: The caller's guarantee.
    match &unsafe { Handle::from_instance(instance) }.part {
        Part::Peer(peer) => peer,
        Part::Server(_) => unreachable!("the method of a peer, called on a server"),
    }
}

/// Polls, and emits the signals for what has happened. A handler may free the object, so nothing of it is used after.
///
/// # Safety
/// As for [`peer`].
unsafe fn poll_peer(instance: sys::GDExtensionClassInstancePtr) -> i64 {
    // SAFETY: The caller's guarantee.
    let (handle, peer) = unsafe { (Handle::from_instance(instance), peer(instance)) };
    guarded(i64::from(Error::FAILED.ord()), || {
        // SAFETY: The object is the one that Godot is calling.
        let is_heard = |signal: &StringName| unsafe { handle.has_connections(signal) };
        i64::from(peer.poll(handle.object, is_heard).ord())
    })
}

/// # Safety
/// As for [`peer`].
unsafe fn get_status(instance: sys::GDExtensionClassInstancePtr) -> i64 {
    // SAFETY: The caller's guarantee.
    unsafe { peer(instance) }.connection.status() as i64
}

/// Polls, and emits the server's signal if a connection waits. A handler may free the object, so nothing of it is used
/// after.
///
/// # Safety
/// As for [`Handle::from_instance`], the instance being a server.
unsafe fn poll_server(instance: sys::GDExtensionClassInstancePtr) -> i64 {
    // SAFETY: The caller's guarantee.
    let handle = unsafe { Handle::from_instance(instance) };
    let Part::Server(server) = &handle.part else {
        unreachable!("the method of a server, called on a peer")
    };
    guarded(i64::from(Error::FAILED.ord()), || {
        let code = server.poll(handle.object).err().unwrap_or(Error::OK);
        i64::from(code.ord())
    })
}

/// Replaces gdext's callbacks of the methods in `info` that are answered here; false if `method` is not one.
pub(super) fn replace(
    family: &Family,
    method: &str,
    info: &mut sys::GDExtensionClassMethodInfo,
) -> bool {
    (info.call_func, info.ptrcall_func) = match (std::ptr::eq(family, &PEERS), method) {
        (true, "poll") => (Some(poll_peer_call as _), Some(poll_peer_ptrcall as _)),
        (true, "get_status") => (Some(get_status_call as _), Some(get_status_ptrcall as _)),
        (false, "poll") => (Some(poll_server_call as _), Some(poll_server_ptrcall as _)),
        _ => return false,
    };
    true
}

/// The two callbacks of a method that takes nothing and returns an int.
macro_rules! int_method {
    ($body:ident, $call:ident, $ptrcall:ident) => {
        unsafe extern "C" fn $call(
            _method: *mut c_void,
            instance: sys::GDExtensionClassInstancePtr,
            _args: *const sys::GDExtensionConstVariantPtr,
            count: sys::GDExtensionInt,
            ret: sys::GDExtensionVariantPtr,
            error: *mut sys::GDExtensionCallError,
        ) {
            // SAFETY: Godot passes an instance of the class, room for a variant, which it has set to null, and room for a
            // call error.
            unsafe {
                if count != 0 {
                    (*error).error = sys::GDEXTENSION_CALL_ERROR_TOO_MANY_ARGUMENTS;
                    (*error).expected = 0;
                    return;
                }
                (*error).error = sys::GDEXTENSION_CALL_OK;
                let mut value: i64 = $body(instance);
                (interface().variant_from_int)(ret.cast(), (&raw mut value).cast());
            }
        }

        unsafe extern "C" fn $ptrcall(
            _method: *mut c_void,
            instance: sys::GDExtensionClassInstancePtr,
            _args: *const sys::GDExtensionConstTypePtr,
            ret: sys::GDExtensionTypePtr,
        ) {
            // SAFETY: Godot passes an instance of the class and room for an int.
            unsafe { *ret.cast::<i64>() = $body(instance) }
        }
    };
}

int_method!(poll_peer, poll_peer_call, poll_peer_ptrcall);
int_method!(poll_server, poll_server_call, poll_server_ptrcall);
int_method!(get_status, get_status_call, get_status_ptrcall);

/// Godot asks once for each virtual method of each object.
pub(super) unsafe extern "C" fn get_virtual(
    _class: *mut c_void,
    name: sys::GDExtensionConstStringNamePtr,
    _hash: u32,
) -> sys::GDExtensionClassCallVirtual {
    // SAFETY: Godot passes a valid name, which is copied.
    let name = unsafe { StringName::new_from_sys(name.cast()) };
    match name.to_string().as_str() {
        "_get_data" => Some(get_data),
        "_get_partial_data" => Some(get_partial_data),
        "_put_data" => Some(put_data),
        "_put_partial_data" => Some(put_partial_data),
        "_get_available_bytes" => Some(get_available_bytes),
        _ => None,
    }
}

/// The arguments of the four transfers: the data, its length, and where the count of moved bytes goes.
struct Transfer {
    data: *mut u8,
    length: usize,
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
                length: usize::try_from(*(*args.add(1)).cast::<i64>()).unwrap_or(0),
                count: *(*args.add(2)).cast::<*mut i32>(),
            }
        }
    }

    /// # Safety
    /// The pointers are still valid, and nobody else uses the data: both hold during the call.
    #[inline]
    unsafe fn buffer<'a>(&self) -> &'a mut [MaybeUninit<u8>] {
        if self.data.is_null() || self.length == 0 {
            return &mut [];
        }
        // SAFETY: The caller's guarantee. Engine code passes buffers that it has not initialised.
        unsafe { slice::from_raw_parts_mut(self.data.cast(), self.length) }
    }

    /// # Safety
    /// The pointers are still valid, and the data is initialised and not written to during the call.
    #[inline]
    unsafe fn bytes<'a>(&self) -> &'a [u8] {
        if self.data.is_null() || self.length == 0 {
            return &[];
        }
        // SAFETY: The caller's guarantee.
        unsafe { slice::from_raw_parts(self.data, self.length) }
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
                *self.count = i32::try_from(count.min(self.length)).unwrap_or(i32::MAX);
            }
            *ret.cast::<i64>() = i64::from(code.ord());
        }
    }
}

/// Does a transfer: runs `body` with the peer and the arguments, and tells Godot its code and its count of moved bytes.
///
/// # Safety
/// The arguments are those that Godot calls a transfer of a peer with.
#[inline]
unsafe fn transfer(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
    body: impl FnOnce(&Peer, &Transfer) -> (Error, usize),
) {
    // SAFETY: The caller's guarantee.
    unsafe {
        let peer = peer(instance);
        let transfer = Transfer::new(args);
        let (code, count) = guarded((Error::FAILED, 0), || body(peer, &transfer));
        transfer.finish(count, code, ret);
    }
}

/// The code and the count of a transfer. One that has gone well makes an error before it history.
#[inline]
fn outcome(peer: &Peer, result: Result<usize, (impl Code, usize)>) -> (Error, usize) {
    match result {
        Ok(count) => {
            peer.last_error.clear();
            (Error::OK, count)
        }
        Err((error, count)) => (peer.last_error.record(&error), count),
    }
}

unsafe extern "C" fn get_data(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot calls it for a transfer of a peer, and leaves the buffer to it until it returns.
    unsafe {
        transfer(instance, args, ret, |peer, transfer| {
            let buffer = transfer.buffer();
            let read = peer.connection.read_exact(buffer).map(|()| buffer.len());
            let (code, filled) = outcome(peer, read);
            // Callers use the buffer whatever is returned: the typed getters of StreamPeer do.
            if code != Error::OK {
                buffer[filled..].fill(MaybeUninit::new(0));
            }
            peer.last_read.store(filled as i64, Ordering::Relaxed);
            (code, filled)
        });
    }
}

unsafe extern "C" fn get_partial_data(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot calls it for a transfer of a peer, and leaves the buffer to it until it returns.
    unsafe {
        transfer(instance, args, ret, |peer, transfer| {
            let read = peer.connection.read_available(transfer.buffer());
            outcome(peer, read.map_err(|error| (error, 0)))
        });
    }
}

unsafe extern "C" fn put_data(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot calls it for a transfer of a peer, with bytes that stay as they are until it returns.
    unsafe {
        transfer(instance, args, ret, |peer, transfer| {
            let bytes = transfer.bytes();
            let written = peer.connection.write_all(bytes).map(|()| bytes.len());
            outcome(peer, written.map_err(|error| (error, 0)))
        });
    }
}

unsafe extern "C" fn put_partial_data(
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot calls it for a transfer of a peer, with bytes that stay as they are until it returns.
    unsafe {
        transfer(instance, args, ret, |peer, transfer| {
            let written = peer.connection.write_available(transfer.bytes());
            outcome(peer, written.map_err(|error| (error, 0)))
        });
    }
}

unsafe extern "C" fn get_available_bytes(
    instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot passes a peer's instance and room for an int.
    unsafe {
        let peer = peer(instance);
        let available = guarded(None, || peer.connection.available());
        // -1 without a connection, as the engine's classes answer.
        *ret.cast::<i64>() = available.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX));
    }
}
