//! The process: its network interfaces, library, memory and descriptors.

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::ffi::OsStrExt;

use windows_sys::Win32::Foundation::ERROR_TOO_MANY_OPEN_FILES;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    ConvertInterfaceAliasToLuid, ConvertInterfaceGuidToLuid, ConvertInterfaceLuidToIndex,
    if_nametoindex,
};
use windows_sys::Win32::NetworkManagement::Ndis::NET_LUID_LH;
use windows_sys::Win32::Networking::WinSock::WSAEMFILE;
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};
use windows_sys::core::GUID;

/// The index of the network interface `name`. The name is an index, the name that Windows shows
/// ("Ethernet 2"), the id of the adapter ("{1B2C...}", which Godot's `IP.get_local_interfaces`
/// returns), or the name in Windows' interface functions ("ethernet_32769").
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = name.parse() {
        return Some(index);
    }
    let narrow = CString::new(name).ok()?;
    let wide = wide(name.as_ref());
    let mut luid = NET_LUID_LH { Value: 0 };
    let mut index = 0;
    // SAFETY: Both names are zero-terminated. Each function writes one number, to the variable that
    // it is given.
    unsafe {
        let is_known = ConvertInterfaceAliasToLuid(wide.as_ptr(), &mut luid) == 0
            || guid(name).is_some_and(|guid| ConvertInterfaceGuidToLuid(&guid, &mut luid) == 0);
        if !is_known || ConvertInterfaceLuidToIndex(&luid, &mut index) != 0 {
            index = if_nametoindex(narrow.as_ptr().cast());
        }
    }
    (index != 0).then_some(index)
}

/// Parses a GUID of the form "{00112233-4455-6677-8899-AABBCCDDEEFF}".
fn guid(text: &str) -> Option<GUID> {
    let text = text.strip_prefix('{')?.strip_suffix('}')?;
    let is_one = text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(&text.replace('-', ""), 16).ok()?;
    is_one.then(|| GUID::from_u128(number))
}

/// The number of processors of the machine (GetSystemInfo), in the processor group of the process.
pub(crate) fn count_processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Keeps this library mapped until the process ends (GetModuleHandleEx,
/// GET_MODULE_HANDLE_EX_FLAG_PIN).
pub(crate) fn keep_library_mapped() {
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    let here = keep_library_mapped as *const ();
    let mut module = std::ptr::null_mut();
    // SAFETY: With these flags the name is any address in the module, such as that of this
    // function. The call writes one handle, to `module`.
    unsafe { GetModuleHandleExW(flags, here.cast(), &mut module) };
}

/// Always 0: Windows does not fork.
pub(crate) fn process() -> u64 {
    0
}

/// Zeroes `memory`.
///
/// # Safety
/// As on the other platforms: the memory comes from an allocator, or is smaller than a mebibyte.
/// This platform does not depend on it.
pub unsafe fn zero(memory: &mut [MaybeUninit<u8>]) {
    memory.fill(MaybeUninit::new(0));
}

/// `None`: Windows has no limit for the sockets and handles of a process.
pub(crate) fn descriptor_limit() -> Option<usize> {
    None
}

/// See [`descriptor_limit`].
pub(crate) fn count_free_descriptors(_enough: usize) -> Option<usize> {
    None
}

/// Whether `error` means that no more sockets or handles can be created.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    const NO_HANDLES: i32 = ERROR_TOO_MANY_OPEN_FILES as i32;
    matches!(error.raw_os_error(), Some(WSAEMFILE | NO_HANDLES))
}

/// `text` in UTF-16, zero-terminated.
fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use windows_sys::Win32::NetworkManagement::IpHelper::{
        ConvertInterfaceIndexToLuid, ConvertInterfaceLuidToGuid,
    };

    #[test]
    fn an_interface_is_found_by_its_number_and_by_its_adapter() {
        let mut luid = NET_LUID_LH { Value: 0 };
        let mut guid = GUID::from_u128(0);
        // SAFETY: Each function writes one value, to the variable that it is given.
        let index = (1..100).find(|index| unsafe {
            ConvertInterfaceIndexToLuid(*index, &mut luid) == 0
                && ConvertInterfaceLuidToGuid(&luid, &mut guid) == 0
        });
        let last = guid.data4.map(|byte| format!("{byte:02X}")).concat();
        let (first, last) = last.split_at(4);
        let (data1, data2, data3) = (guid.data1, guid.data2, guid.data3);
        let name = format!("{{{data1:08X}-{data2:04X}-{data3:04X}-{first}-{last}}}");
        assert!(index.is_some());
        assert_eq!(interface_index(&name), index);
        assert_eq!(interface_index(&name.to_lowercase()), index);
        assert_eq!(interface_index(&index.unwrap().to_string()), index);
    }

    #[test]
    fn unknown_interfaces_are_not_found() {
        for name in [
            "",
            "nosuchinterface",
            "{}",
            "{00000000-0000-0000-0000-00000000000}",
            "{+0000000-0000-0000-0000-000000000001}",
            "{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}",
        ] {
            assert_eq!(interface_index(name), None, "{name}");
        }
    }
}
