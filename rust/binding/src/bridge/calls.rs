//! The calls that go from Godot straight to the part of an object, without gdext's cell in between: those that are hot,
//! those that block, and those whose signals may free the object. The core does its own locking, so none holds up another.

use std::any::TypeId;
use std::ffi::c_void;
use std::marker::PhantomData;

use godot::builtin::StringName;
use godot::global::Error;
use godot::obj::{EngineEnum, InstanceId};
use godot::sys;

use super::emit::emit;
use super::guard::guarded;
use super::handle::{Handle, Head};
use super::interface::interface;
use super::object_methods::{has_connections, is_alive};
use super::packets::PacketMethods;
use super::receive;
use super::transfers::Transfers;
use super::virtuals::Virtuals;
use crate::parts::{Packets, Part, Polled, Stream};

/// What the bridge does itself for the objects of a family, and the type of the part it does it for.
pub(crate) struct Calls {
    pub(super) part: fn() -> TypeId,
    pub(super) make: unsafe fn(*const c_void, Head) -> sys::GDExtensionClassInstancePtr,
    pub(super) free:
        unsafe fn(sys::GDExtensionClassInstancePtr) -> sys::GDExtensionClassInstancePtr,
    poll: Option<Method>,
    get_status: Option<Method>,
    flush: Option<Method>,
    receive: Option<Method>,
    pub(super) virtuals: Option<Virtuals>,
}

/// The two callbacks of a method.
#[derive(Clone, Copy)]
pub(super) struct Method {
    pub(super) call: sys::GDExtensionClassMethodCall,
    pub(super) ptrcall: sys::GDExtensionClassMethodPtrCall,
}

impl Calls {
    /// The calls for objects that are polled.
    pub(crate) const fn of_polled<P: Polled>() -> Calls {
        Calls {
            poll: Some(int_method::<Poll<P>>()),
            ..Calls::of_part::<P>()
        }
    }

    pub(super) const fn of_part<P: Part>() -> Calls {
        Calls {
            part: TypeId::of::<P>,
            make: Handle::<P>::make,
            free: Handle::<P>::free,
            poll: None,
            get_status: None,
            flush: None,
            receive: None,
            virtuals: None,
        }
    }

    /// The calls for objects that move data too.
    pub(crate) const fn of_stream<P: Stream>() -> Calls {
        Calls {
            get_status: Some(int_method::<GetStatus<P>>()),
            flush: Some(int_method::<Flush<P>>()),
            receive: Some(receive::method::<P>()),
            virtuals: Some(Virtuals::of::<Transfers<P>>()),
            ..Calls::of_polled::<P>()
        }
    }

    /// The calls for objects that make packets of a stream. Their `poll` polls that too, which is an object of its own.
    pub(crate) const fn of_packets<P: Packets>() -> Calls {
        Calls {
            virtuals: Some(Virtuals::of::<PacketMethods<P>>()),
            ..Calls::of_part::<P>()
        }
    }

    /// The callbacks of `method`, if it is answered here.
    pub(super) fn method(&self, method: &str) -> Option<Method> {
        match method {
            "poll" => self.poll,
            "get_status" => self.get_status,
            "flush" => self.flush,
            _ => None,
        }
    }

    /// The callbacks of `method` that answer most calls, and have the trampoline answer the others.
    pub(super) fn short_way(&self, method: &str) -> Option<Method> {
        self.receive.filter(|_| method == "receive")
    }
}

/// A method that takes nothing and returns an int.
trait IntMethod {
    /// # Safety
    /// `instance` is what Godot passes to a callback of the class that has the method.
    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64;
}

struct Poll<P>(PhantomData<P>);

impl<P: Polled> IntMethod for Poll<P> {
    #[inline]
    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64 {
        let failed = (Error::FAILED, None);
        let (code, signals) = guarded(failed, || {
            // SAFETY: The caller's guarantee. No handler runs before the handle is used last.
            let handle = unsafe { Handle::<P>::from_instance(instance) };
            // SAFETY: The object is the one that Godot is calling, so it is alive.
            let is_heard =
                |signal: &StringName| unsafe { has_connections(handle.head.pointer, signal) };
            let (code, signals) = handle.part.poll(is_heard);
            // SAFETY: As above. Nobody can hold an object that is being freed, so nothing is emitted for it.
            let signals = signals.filter(|_| unsafe { is_alive(handle.head.pointer) });
            (code, signals.map(|signals| (handle.head.object, signals)))
        });
        // From here on, nothing is borrowed from the object, which a handler may free.
        if let Some((object, signals)) = signals {
            guarded((), || {
                if let Some(object) = InstanceId::try_from_i64(object as i64) {
                    emit(object, signals);
                }
            });
        }
        i64::from(code.ord())
    }
}

struct GetStatus<P>(PhantomData<P>);

impl<P: Stream> IntMethod for GetStatus<P> {
    #[inline]
    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64 {
        // SAFETY: The caller's guarantee.
        unsafe { Handle::<P>::from_instance(instance) }
            .part
            .status()
    }
}

struct Flush<P>(PhantomData<P>);

impl<P: Stream> IntMethod for Flush<P> {
    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64 {
        // It may block, and the object be freed meanwhile, so the part is kept.
        // SAFETY: The caller's guarantee.
        let part = unsafe { Handle::<P>::from_instance(instance) }.part.clone();
        let code = guarded(Error::FAILED, || part.flush());
        i64::from(code.ord())
    }
}

const fn int_method<M: IntMethod>() -> Method {
    Method {
        call: Some(int_call::<M>),
        ptrcall: Some(int_ptrcall::<M>),
    }
}

unsafe extern "C" fn int_call<M: IntMethod>(
    _method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstVariantPtr,
    count: sys::GDExtensionInt,
    ret: sys::GDExtensionVariantPtr,
    error: *mut sys::GDExtensionCallError,
) {
    // SAFETY: Godot passes an instance of the class, room for a variant, which it has set to null, and room for a call
    // error.
    unsafe {
        if count != 0 {
            (*error).error = sys::GDEXTENSION_CALL_ERROR_TOO_MANY_ARGUMENTS;
            (*error).expected = 0;
            return;
        }
        (*error).error = sys::GDEXTENSION_CALL_OK;
        let mut value: i64 = M::answer(instance);
        (interface().variant_from_int)(ret.cast(), (&raw mut value).cast());
    }
}

unsafe extern "C" fn int_ptrcall<M: IntMethod>(
    _method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot passes an instance of the class and room for an int.
    unsafe { *ret.cast::<i64>() = M::answer(instance) }
}
