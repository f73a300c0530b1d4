//! The functions of Godot's C interface that the bridge uses, by their names in gdextension_interface.h.

use std::ffi::{CStr, c_char};
use std::sync::OnceLock;

use godot::sys;

/// The functions of Godot that the bridge stands in front of, as Godot gave them.
pub(super) struct Interface {
    pub(super) register_class: RegisterClass,
    pub(super) unregister_class: UnregisterClass,
    pub(super) register_method: RegisterMethod,
    pub(super) register_constant: RegisterConstant,
    pub(super) register_property: RegisterProperty,
    pub(super) set_instance: SetInstance,
    pub(super) object_id: ObjectId,
    pub(super) variant_from_int: VariantFromInt,
    pub(super) find_method: FindMethod,
    pub(super) call_method: CallMethod,
    pub(super) get_proc_address: GetProcAddress,
}

pub(super) type RegisterClass = unsafe extern "C" fn(
    sys::GDExtensionClassLibraryPtr,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionConstStringNamePtr,
    *const sys::GDExtensionClassCreationInfo4,
);
pub(super) type UnregisterClass =
    unsafe extern "C" fn(sys::GDExtensionClassLibraryPtr, sys::GDExtensionConstStringNamePtr);
pub(super) type RegisterMethod = unsafe extern "C" fn(
    sys::GDExtensionClassLibraryPtr,
    sys::GDExtensionConstStringNamePtr,
    *const sys::GDExtensionClassMethodInfo,
);
pub(super) type RegisterConstant = unsafe extern "C" fn(
    sys::GDExtensionClassLibraryPtr,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionInt,
    sys::GDExtensionBool,
);
pub(super) type RegisterProperty = unsafe extern "C" fn(
    sys::GDExtensionClassLibraryPtr,
    sys::GDExtensionConstStringNamePtr,
    *const sys::GDExtensionPropertyInfo,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionConstStringNamePtr,
);
type ObjectId = unsafe extern "C" fn(sys::GDExtensionConstObjectPtr) -> sys::GDObjectInstanceID;
pub(super) type SetInstance = unsafe extern "C" fn(
    sys::GDExtensionObjectPtr,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionClassInstancePtr,
);
pub(super) type VariantFromInt =
    unsafe extern "C" fn(sys::GDExtensionUninitializedVariantPtr, sys::GDExtensionTypePtr);
pub(super) type FindMethod = unsafe extern "C" fn(
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionInt,
) -> sys::GDExtensionMethodBindPtr;
pub(super) type CallMethod = unsafe extern "C" fn(
    sys::GDExtensionMethodBindPtr,
    sys::GDExtensionObjectPtr,
    *const sys::GDExtensionConstTypePtr,
    sys::GDExtensionTypePtr,
);
pub(super) type GetProcAddress =
    unsafe extern "C" fn(*const c_char) -> sys::GDExtensionInterfaceFunctionPtr;
pub(super) type Function = unsafe extern "C" fn();

static INTERFACE: OnceLock<Interface> = OnceLock::new();

/// Godot's functions. They are there from the library's entry on, so before any callback.
pub(super) fn interface() -> &'static Interface {
    INTERFACE
        .get()
        .expect("the library's entry has been called")
}

/// Looks the functions up; `None` if this Godot is older than 4.4 and does not have them all.
///
/// # Safety
/// `get_proc_address` is Godot's.
pub(super) unsafe fn load(get_proc_address: GetProcAddress) -> Option<()> {
    // SAFETY: Godot's function takes any zero-terminated name, and answers null to those it does not know.
    let find = |name: &CStr| unsafe { get_proc_address(name.as_ptr()) };
    use std::mem::transmute;
    // SAFETY: Each type is the one that gdextension_interface.h gives for the name.
    unsafe {
        type FromType = unsafe extern "C" fn(
            sys::GDExtensionVariantType,
        )
            -> sys::GDExtensionVariantFromTypeConstructorFunc;
        let from_type =
            transmute::<Function, FromType>(find(c"get_variant_from_type_constructor")?);
        let interface = Interface {
            register_class: transmute::<Function, RegisterClass>(find(
                c"classdb_register_extension_class4",
            )?),
            unregister_class: transmute::<Function, UnregisterClass>(find(
                c"classdb_unregister_extension_class",
            )?),
            register_method: transmute::<Function, RegisterMethod>(find(
                c"classdb_register_extension_class_method",
            )?),
            register_constant: transmute::<Function, RegisterConstant>(find(
                c"classdb_register_extension_class_integer_constant",
            )?),
            register_property: transmute::<Function, RegisterProperty>(find(
                c"classdb_register_extension_class_property",
            )?),
            object_id: transmute::<Function, ObjectId>(find(c"object_get_instance_id")?),
            set_instance: transmute::<Function, SetInstance>(find(c"object_set_instance")?),
            find_method: transmute::<Function, FindMethod>(find(c"classdb_get_method_bind")?),
            call_method: transmute::<Function, CallMethod>(find(c"object_method_bind_ptrcall")?),
            variant_from_int: from_type(sys::GDEXTENSION_VARIANT_TYPE_INT)?,
            get_proc_address,
        };
        INTERFACE.get_or_init(|| interface);
        Some(())
    }
}
