//! The levels in which Godot initialises an extension.

use std::sync::OnceLock;

use crate::Pointer;

type AtLevel = unsafe extern "C" fn(Pointer, u32);

/// `GDExtensionInitialization` of gdextension_interface.h.
#[repr(C)]
pub(crate) struct Initialization {
    minimum: u32,
    userdata: Pointer,
    initialize: AtLevel,
    deinitialize: AtLevel,
}

/// `GDEXTENSION_INITIALIZATION_EDITOR`: of a Godot that was built with its editor, whether that runs or not.
const EDITOR: u32 = 3;

/// What the extension wants to be called.
static REAL: OnceLock<(AtLevel, AtLevel)> = OnceLock::new();

/// Has the extension not called for the editor's level, as in a Godot that was built without an editor.
///
/// # Safety
/// `extension` is what the entry of the extension has filled in.
pub(crate) unsafe fn leave_out_the_editor(extension: *mut Initialization) {
    // SAFETY: The caller's guarantee.
    let extension = unsafe { &mut *extension };
    REAL.get_or_init(|| (extension.initialize, extension.deinitialize));
    extension.initialize = initialize;
    extension.deinitialize = deinitialize;
}

unsafe extern "C" fn initialize(userdata: Pointer, level: u32) {
    if let (Some((initialize, _)), true) = (REAL.get(), level != EDITOR) {
        // SAFETY: Passed on as it came.
        unsafe { initialize(userdata, level) };
    }
}

unsafe extern "C" fn deinitialize(userdata: Pointer, level: u32) {
    if let (Some((_, deinitialize)), true) = (REAL.get(), level != EDITOR) {
        // SAFETY: Passed on as it came.
        unsafe { deinitialize(userdata, level) };
    }
}
