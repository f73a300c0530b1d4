//! The library's entry: puts the bridge between gdext and Godot.

use std::ffi::{CStr, c_char};
use std::sync::OnceLock;

use godot::sys;

use super::{instance, registration};

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
    get_proc_address: GetProcAddress,
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
type GetProcAddress = unsafe extern "C" fn(*const c_char) -> sys::GDExtensionInterfaceFunctionPtr;
type Function = unsafe extern "C" fn();
type GdextEntry = unsafe extern "C" fn(
    sys::GDExtensionInterfaceGetProcAddress,
    sys::GDExtensionClassLibraryPtr,
    *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool;

static INTERFACE: OnceLock<Interface> = OnceLock::new();

/// Godot's functions. They are there from the library's entry on, so before any callback.
pub(super) fn interface() -> &'static Interface {
    INTERFACE
        .get()
        .expect("the library's entry has been called")
}

/// Loads gdext through the bridge.
///
/// # Safety
/// The arguments are those that Godot calls the library's entry symbol with; `gdext_entry` is the entry that gdext
/// has generated.
pub(crate) unsafe fn initialize(
    gdext_entry: GdextEntry,
    get_proc_address: sys::GDExtensionInterfaceGetProcAddress,
    library: sys::GDExtensionClassLibraryPtr,
    init: *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool {
    let Some(godot_functions) = get_proc_address else {
        return 0;
    };
    // SAFETY: Godot's get_proc_address, as the caller guarantees.
    let Some(interface) = (unsafe { load(godot_functions) }) else {
        return 0;
    };
    INTERFACE.get_or_init(|| interface);
    // SAFETY: The caller's guarantee; the replaced function keeps the contract of Godot's own.
    unsafe { gdext_entry(Some(bridge_proc_address), library, init) }
}

/// Looks up the functions the bridge needs, or `None` if this Godot is older than 4.4.
///
/// # Safety
/// `get_proc_address` is Godot's.
unsafe fn load(get_proc_address: GetProcAddress) -> Option<Interface> {
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
        Some(Interface {
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
            variant_from_int: from_type(sys::GDEXTENSION_VARIANT_TYPE_INT)?,
            get_proc_address,
        })
    }
}

/// What gdext sees as Godot's get_proc_address.
unsafe extern "C" fn bridge_proc_address(
    name: *const c_char,
) -> sys::GDExtensionInterfaceFunctionPtr {
    use std::mem::transmute;
    // SAFETY: gdext passes a zero-terminated name.
    let requested = unsafe { CStr::from_ptr(name) };
    // SAFETY: Each replacement has the type of the function it replaces, so calling it through that type, as gdext
    // does, is sound.
    let replacement = unsafe {
        match requested.to_bytes() {
            b"classdb_register_extension_class4" => {
                transmute::<RegisterClass, Function>(registration::register_class)
            }
            b"classdb_unregister_extension_class" => {
                transmute::<UnregisterClass, Function>(registration::unregister_class)
            }
            b"classdb_register_extension_class_method" => {
                transmute::<RegisterMethod, Function>(registration::register_method)
            }
            b"classdb_register_extension_class_property" => {
                transmute::<RegisterProperty, Function>(registration::register_property)
            }
            b"object_set_instance" => {
                transmute::<SetInstance, Function>(instance::object_set_instance)
            }
            // SAFETY: Godot's own function, called as gdext would call it.
            _ => return (interface().get_proc_address)(name),
        }
    };
    Some(replacement)
}
