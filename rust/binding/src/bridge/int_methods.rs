//! The direct methods that take nothing and return an int: `poll`, `get_status` and `flush`.
//!
//! Direct methods go from Godot straight to the part of the object, without gdext, because they are
//! called often.

use std::any::TypeId;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::Arc;

use godot::global::Error;
use godot::obj::EngineEnum;
use godot::sys;

use super::guard::guarded;
use super::interface::interface;
use super::method_row::MethodCallbacks;
use super::part_kind::{counted, with_part};
use crate::parts::{Part, Polled, Stream};

/// `poll`, of objects that are polled.
pub(crate) const fn poll<P: Polled>() -> MethodCallbacks {
    int_method::<Poll<P>>()
}

/// `get_status`, of objects that move data.
pub(crate) const fn get_status<P: Stream>() -> MethodCallbacks {
    int_method::<GetStatus<P>>()
}

/// `flush`, of objects that move data.
pub(crate) const fn flush<P: Stream>() -> MethodCallbacks {
    int_method::<Flush<P>>()
}

/// A method that takes nothing and returns an int.
trait IntMethod {
    /// The part of the objects that have it.
    type Part: Part;

    /// # Safety
    /// `instance` is what Godot passes to a callback of the class that has the method.
    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64;
}

struct Poll<P>(PhantomData<P>);

impl<P: Polled> IntMethod for Poll<P> {
    type Part = P;

    #[inline]
    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64 {
        // SAFETY: The caller's guarantee.
        let part = unsafe { counted::<P>(instance) };
        i64::from(poll_part(&part).ord())
    }
}

/// Polls `part`, and emits the signals of its object.
#[inline]
pub(crate) fn poll_part<P: Polled>(part: &Arc<P>) -> Error {
    let poll = || {
        let (code, signals) = part.poll(|signal| part.presence().listens(signal));
        // An object that is being freed emits nothing.
        let emission = signals.and_then(|signals| Some((part.presence().hold()?, signals)));
        (code, emission)
    };
    let (code, emission) = guarded((Error::FAILED, None), poll);
    // The object lives until all handlers have run, whatever they do.
    if let Some((object, signals)) = emission {
        guarded((), || signals.for_each(|signal| object.emit(&signal)));
    }
    code
}

struct GetStatus<P>(PhantomData<P>);

impl<P: Stream> IntMethod for GetStatus<P> {
    type Part = P;

    #[inline]
    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64 {
        // SAFETY: The caller's guarantee.
        unsafe { with_part(instance, |part: &Arc<P>| part.status()) }
    }
}

struct Flush<P>(PhantomData<P>);

impl<P: Stream> IntMethod for Flush<P> {
    type Part = P;

    unsafe fn answer(instance: sys::GDExtensionClassInstancePtr) -> i64 {
        // The call may block, and another thread may free the object meanwhile.
        // SAFETY: The caller's guarantee.
        let part = unsafe { counted::<P>(instance) };
        let code = guarded(Error::FAILED, || part.flush());
        i64::from(code.ord())
    }
}

const fn int_method<M: IntMethod>() -> MethodCallbacks {
    MethodCallbacks {
        part: TypeId::of::<M::Part>,
        call: int_call::<M>,
        ptrcall: int_ptrcall::<M>,
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
    // SAFETY: Godot passes an instance of the class, room for a Variant, which is nil, and room for
    // a call error.
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
