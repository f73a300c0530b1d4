//! The process and its memory.

use std::ffi::CString;
use std::mem::MaybeUninit;

use windows_sys::Win32::NetworkManagement::IpHelper::{
    ConvertInterfaceAliasToLuid, ConvertInterfaceLuidToIndex, if_nametoindex,
};
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};

use super::wide;

/// The number of the network interface `name`: a number, the name that Windows shows ("Ethernet 2"), or the one of its
/// interface functions ("ethernet_32769").
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = name.parse() {
        return Some(index);
    }
    let narrow = CString::new(name).ok()?;
    let wide = wide(name.as_ref());
    let mut index = 0;
    // SAFETY: Both names are zero-terminated, and each function writes the number that it is given room for.
    unsafe {
        let mut luid = std::mem::zeroed();
        if ConvertInterfaceAliasToLuid(wide.as_ptr(), &mut luid) != 0
            || ConvertInterfaceLuidToIndex(&luid, &mut index) != 0
        {
            index = if_nametoindex(narrow.as_ptr().cast());
        }
    }
    (index != 0).then_some(index)
}

/// Keeps this library mapped until the process ends (GetModuleHandleEx, GET_MODULE_HANDLE_EX_FLAG_PIN).
pub(crate) fn keep_library_mapped() {
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    let here = keep_library_mapped as *const ();
    let mut module = std::ptr::null_mut();
    // SAFETY: With these flags the name is any address in the module; that of a function of this library is one.
    unsafe { GetModuleHandleExW(flags, here.cast(), &mut module) };
}

/// Windows does not fork.
pub(crate) fn process() -> u64 {
    0
}

/// Zeroes `memory`, to be handed to somebody who would use it uninitialised.
///
/// # Safety
/// As on other systems, which may ask for more than this one: the memory comes from an allocator, or is smaller than a
/// mebibyte.
pub unsafe fn zero(memory: &mut [MaybeUninit<u8>]) {
    memory.fill(MaybeUninit::new(0));
}
