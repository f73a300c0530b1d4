//! The functions of Godot's C interface that the bridge calls, by their names in
//! gdextension_interface.h.
//!
//! The bridge looks them up when the library is loaded, before gdext is. A function that gdext asks
//! for and that the bridge replaces is listed in [`entry`](super::entry).

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::OnceLock;

use godot::builtin::{GString, StringName};
use godot::sys::{self, GodotFfi};

use super::requirements::Version;

/// The versions of `classdb_register_extension_class` that the bridge knows: 4 is from Godot 4.4, 5
/// from 4.5, and 6 from 4.7. Their creation infos have the same fields in the same places, and
/// callbacks with the same arguments. Which one gdext uses depends on the Godot that gdext is built
/// for.
const FIRST_VERSION: usize = 4;
const VERSIONS: usize = 3;

/// The function that creates an object. That of Godot 4.7 returns an object with its first
/// reference, as gdext and Godot expect from a library that is built for 4.7.
const CONSTRUCT_OBJECT: &CStr = if cfg!(feature = "api-4-7") {
    c"classdb_construct_object3"
} else {
    c"classdb_construct_object2"
};

/// Godot's own functions.
pub(super) struct Interface {
    /// By version. The first is always set. The others are set once gdext has asked for them:
    /// looking up a function that Godot does not have prints an error.
    register_class: [OnceLock<RegisterClass>; VERSIONS],
    pub(super) unregister_class: UnregisterClass,
    pub(super) register_method: RegisterMethod,
    pub(super) register_constant: RegisterConstant,
    pub(super) register_property: RegisterProperty,
    pub(super) construct_object: ConstructObject,
    pub(super) set_instance: SetInstance,
    pub(super) object_id: ObjectId,
    pub(super) object_of_id: ObjectOfId,
    pub(super) destroy_object: DestroyObject,
    pub(super) has_script_method: HasScriptMethod,
    pub(super) variant_from_int: VariantFromType,
    pub(super) variant_from_bytes: VariantFromType,
    pub(super) variant_from_object: VariantFromType,
    pub(super) int_from_variant: IntFromVariant,
    pub(super) variant_type: VariantType,
    pub(super) can_convert: CanConvert,
    pub(super) class_tag: ClassTag,
    pub(super) find_method: FindMethod,
    pub(super) call_method: CallMethod,
    pub(super) call_method_with_variants: CallMethodWithVariants,
    pub(super) singleton: Singleton,
    pub(super) variant_new_nil: VariantNewNil,
    print_error: PrintError,
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
type ConstructObject =
    unsafe extern "C" fn(sys::GDExtensionConstStringNamePtr) -> sys::GDExtensionObjectPtr;
type DestroyObject = unsafe extern "C" fn(sys::GDExtensionObjectPtr);
type ObjectOfId = unsafe extern "C" fn(sys::GDObjectInstanceID) -> sys::GDExtensionObjectPtr;
type ObjectId = unsafe extern "C" fn(sys::GDExtensionConstObjectPtr) -> sys::GDObjectInstanceID;
type SetInstance = unsafe extern "C" fn(
    sys::GDExtensionObjectPtr,
    sys::GDExtensionConstStringNamePtr,
    sys::GDExtensionClassInstancePtr,
);
type HasScriptMethod = unsafe extern "C" fn(
    sys::GDExtensionConstObjectPtr,
    sys::GDExtensionConstStringNamePtr,
) -> sys::GDExtensionBool;
pub(super) type VariantFromType =
    unsafe extern "C" fn(sys::GDExtensionUninitializedVariantPtr, sys::GDExtensionTypePtr);
pub(super) type IntFromVariant =
    unsafe extern "C" fn(sys::GDExtensionUninitializedTypePtr, sys::GDExtensionVariantPtr);
pub(super) type VariantType =
    unsafe extern "C" fn(sys::GDExtensionConstVariantPtr) -> sys::GDExtensionVariantType;
pub(super) type VariantNewNil = unsafe extern "C" fn(sys::GDExtensionUninitializedVariantPtr);
pub(super) type CanConvert = unsafe extern "C" fn(
    sys::GDExtensionVariantType,
    sys::GDExtensionVariantType,
) -> sys::GDExtensionBool;
type ClassTag = unsafe extern "C" fn(sys::GDExtensionConstStringNamePtr) -> *mut c_void;
type Singleton =
    unsafe extern "C" fn(sys::GDExtensionConstStringNamePtr) -> sys::GDExtensionObjectPtr;
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
pub(super) type CallMethodWithVariants = unsafe extern "C" fn(
    sys::GDExtensionMethodBindPtr,
    sys::GDExtensionObjectPtr,
    *const sys::GDExtensionConstVariantPtr,
    sys::GDExtensionInt,
    sys::GDExtensionUninitializedVariantPtr,
    *mut sys::GDExtensionCallError,
);
type GetVersion = unsafe extern "C" fn(*mut sys::GDExtensionGodotVersion);
type PrintError =
    unsafe extern "C" fn(*const c_char, *const c_char, *const c_char, i32, sys::GDExtensionBool);
pub(super) type GetProcAddress =
    unsafe extern "C" fn(*const c_char) -> sys::GDExtensionInterfaceFunctionPtr;
pub(super) type Function = unsafe extern "C" fn();

static INTERFACE: OnceLock<Interface> = OnceLock::new();

/// Godot's functions. They are loaded at the library's entry, before any callback can run.
pub(super) fn interface() -> &'static Interface {
    INTERFACE
        .get()
        .expect("the library's entry has been called")
}

impl Interface {
    /// The function that registers classes, in this version: `None` if the bridge does not know the
    /// version, or gdext has not asked for it.
    pub(super) fn register_class(&self, version: usize) -> Option<RegisterClass> {
        self.slot(version)?.get().copied()
    }

    /// Keeps Godot's function that registers classes in this version, if the bridge knows the
    /// version.
    ///
    /// # Safety
    /// `function` is what Godot has returned for the name with this version.
    pub(super) unsafe fn set_register_class(&self, version: usize, function: Function) {
        if let Some(slot) = self.slot(version) {
            // SAFETY: The caller's guarantee; the types of the known versions differ only in the
            // names of their infos.
            slot.get_or_init(|| unsafe {
                std::mem::transmute::<Function, RegisterClass>(function)
            });
        }
    }

    fn slot(&self, version: usize) -> Option<&OnceLock<RegisterClass>> {
        self.register_class.get(version.checked_sub(FIRST_VERSION)?)
    }
}

/// The version that the name of a function for registering classes ends with, 1 for none.
pub(super) fn register_class_version(function: &[u8]) -> Option<usize> {
    let version = function.strip_prefix(b"classdb_register_extension_class")?;
    if version.is_empty() {
        return Some(1);
    }
    std::str::from_utf8(version).ok()?.parse().ok()
}

/// The text behind a pointer to a name.
///
/// # Safety
/// `name` points to a StringName of Godot's.
pub(super) unsafe fn text(name: sys::GDExtensionConstStringNamePtr) -> String {
    // SAFETY: The caller's guarantee.
    unsafe { copied(name) }.to_string()
}

/// A copy of the name behind a pointer.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn copied(name: sys::GDExtensionConstStringNamePtr) -> StringName {
    // SAFETY: The caller's guarantee.
    unsafe { StringName::new_from_sys(name.cast()) }
}

/// Prints an error of the loaded library, without gdext.
pub(super) fn print_error(message: &str) {
    // SAFETY: Godot's own function.
    unsafe {
        print_error_by(
            interface().print_error,
            &format!("stream_peer_socket_rs: {message}"),
        )
    }
}

/// Prints why the library cannot be loaded, without gdext, which may not be loaded yet.
///
/// # Safety
/// `get_proc_address` is Godot's.
pub(super) unsafe fn print_load_error(get_proc_address: GetProcAddress, reason: &str) {
    // SAFETY: The caller's guarantee. The type is the one that gdextension_interface.h gives for
    // the name.
    unsafe {
        if let Some(print) = get_proc_address(c"print_error".as_ptr()) {
            let print = std::mem::transmute::<Function, PrintError>(print);
            print_error_by(
                print,
                &format!("stream_peer_socket_rs cannot be loaded: {reason}"),
            );
        }
    }
}

/// # Safety
/// `print` is Godot's.
unsafe fn print_error_by(print: PrintError, message: &str) {
    let Ok(message) = CString::new(message) else {
        return;
    };
    let (function, file) = (c"bridge", c"stream_peer_socket_rs");
    // SAFETY: The caller's guarantee; Godot only reads the texts.
    unsafe { print(message.as_ptr(), function.as_ptr(), file.as_ptr(), 0, 0) };
}

/// Whether this is what Godot 4.0 passes: not a function, but the address of a table that begins
/// with the version.
///
/// # Safety
/// `get_proc_address` is what Godot passes to the entry of a library.
pub(super) unsafe fn is_of_godot_4_0(get_proc_address: GetProcAddress) -> bool {
    let table = get_proc_address as *const [u32; 2];
    // SAFETY: It is that table, or the code of a function. Code is longer than eight bytes, and the
    // systems that the library is built for let a program read it. gdext checks in the same way.
    unsafe { table.read_unaligned() == [4, 0] }
}

/// The version of Godot, or `None` if Godot has no function for it.
///
/// # Safety
/// `get_proc_address` is Godot's.
pub(super) unsafe fn version(get_proc_address: GetProcAddress) -> Option<Version> {
    // SAFETY: The caller's guarantee. The type is the one that gdextension_interface.h gives for
    // the name, and Godot fills in the whole struct.
    unsafe {
        let get_version = get_proc_address(c"get_godot_version".as_ptr())?;
        let get_version = std::mem::transmute::<Function, GetVersion>(get_version);
        let mut version = std::mem::zeroed::<sys::GDExtensionGodotVersion>();
        get_version(&mut version);
        Some(Version(version.major, version.minor, version.patch))
    }
}

/// The path that Godot has loaded `library` from, or an empty text if Godot has no function for it.
///
/// # Safety
/// `get_proc_address` is Godot's, `library` is what Godot passes to the entry, and gdext is loaded.
pub(super) unsafe fn library_path(
    get_proc_address: GetProcAddress,
    library: sys::GDExtensionClassLibraryPtr,
) -> String {
    type GetPath = unsafe extern "C" fn(
        sys::GDExtensionClassLibraryPtr,
        sys::GDExtensionUninitializedStringPtr,
    );
    // SAFETY: The caller's guarantee. The type is the one that gdextension_interface.h gives for
    // the name. Godot initialises the string.
    unsafe {
        let Some(get_path) = get_proc_address(c"get_library_path".as_ptr()) else {
            return String::new();
        };
        let get_path = std::mem::transmute::<Function, GetPath>(get_path);
        GString::new_with_uninit(|path| get_path(library, path.cast())).to_string()
    }
}

/// Looks up the functions. The error is the name of one that this Godot does not have.
///
/// # Safety
/// `get_proc_address` is Godot's.
pub(super) unsafe fn load(get_proc_address: GetProcAddress) -> Result<(), &'static CStr> {
    // SAFETY: Godot's function takes any zero-terminated name, and returns null for a name that it
    // does not know.
    let find = |name: &'static CStr| unsafe { get_proc_address(name.as_ptr()) }.ok_or(name);
    // gdext requires it, although it is never called.
    find(c"classdb_register_extension_class")?;
    use std::mem::transmute;
    // SAFETY: Each type is the one that gdextension_interface.h gives for the name.
    unsafe {
        type FromType = unsafe extern "C" fn(
            sys::GDExtensionVariantType,
        )
            -> sys::GDExtensionVariantFromTypeConstructorFunc;
        let from_type_name = c"get_variant_from_type_constructor";
        let from_type = transmute::<Function, FromType>(find(from_type_name)?);
        type ToType = unsafe extern "C" fn(
            sys::GDExtensionVariantType,
        )
            -> sys::GDExtensionTypeFromVariantConstructorFunc;
        let to_type_name = c"get_variant_to_type_constructor";
        let to_type = transmute::<Function, ToType>(find(to_type_name)?);
        let interface = Interface {
            register_class: [
                OnceLock::from(transmute::<Function, RegisterClass>(find(
                    c"classdb_register_extension_class4",
                )?)),
                OnceLock::new(),
                OnceLock::new(),
            ],
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
            object_of_id: transmute::<Function, ObjectOfId>(find(c"object_get_instance_from_id")?),
            destroy_object: transmute::<Function, DestroyObject>(find(c"object_destroy")?),
            object_id: transmute::<Function, ObjectId>(find(c"object_get_instance_id")?),
            construct_object: transmute::<Function, ConstructObject>(find(CONSTRUCT_OBJECT)?),
            set_instance: transmute::<Function, SetInstance>(find(c"object_set_instance")?),
            class_tag: transmute::<Function, ClassTag>(find(c"classdb_get_class_tag")?),
            find_method: transmute::<Function, FindMethod>(find(c"classdb_get_method_bind")?),
            call_method: transmute::<Function, CallMethod>(find(c"object_method_bind_ptrcall")?),
            call_method_with_variants: transmute::<Function, CallMethodWithVariants>(find(
                c"object_method_bind_call",
            )?),
            singleton: transmute::<Function, Singleton>(find(c"global_get_singleton")?),
            has_script_method: transmute::<Function, HasScriptMethod>(find(
                c"object_has_script_method",
            )?),
            variant_from_int: from_type(sys::GDEXTENSION_VARIANT_TYPE_INT).ok_or(from_type_name)?,
            variant_from_bytes: from_type(sys::GDEXTENSION_VARIANT_TYPE_PACKED_BYTE_ARRAY)
                .ok_or(from_type_name)?,
            variant_from_object: from_type(sys::GDEXTENSION_VARIANT_TYPE_OBJECT)
                .ok_or(from_type_name)?,
            int_from_variant: to_type(sys::GDEXTENSION_VARIANT_TYPE_INT).ok_or(to_type_name)?,
            variant_type: transmute::<Function, VariantType>(find(c"variant_get_type")?),
            can_convert: transmute::<Function, CanConvert>(find(c"variant_can_convert_strict")?),
            variant_new_nil: transmute::<Function, VariantNewNil>(find(c"variant_new_nil")?),
            print_error: transmute::<Function, PrintError>(find(c"print_error")?),
            get_proc_address,
        };
        INTERFACE.get_or_init(|| interface);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_register_classes_are_identified_by_version() {
        let version = |name: &str| register_class_version(name.as_bytes());
        assert_eq!(version("classdb_register_extension_class"), Some(1));
        assert_eq!(version("classdb_register_extension_class4"), Some(4));
        assert_eq!(version("classdb_register_extension_class12"), Some(12));
        assert_eq!(version("classdb_register_extension_class_method"), None);
        assert_eq!(version("classdb_unregister_extension_class"), None);
    }
}
