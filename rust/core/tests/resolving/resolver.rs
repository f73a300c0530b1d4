//! A resolver that answers as a test wants: it defines `getaddrinfo`, which takes the place of the
//! C library's function in this program.

use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use stream_socket::{Connection, Target};

use crate::support::*;

/// How many lookups of `.hangs` names wait for their answer, and whether they get it now.
static HANGING: Mutex<(usize, bool)> = Mutex::new((0, false));
static RELEASED: Condvar = Condvar::new();

/// Names that look odd and that systems resolve: of hosts files, containers, search domains, mDNS.
pub const ODD_NAMES: [&str; 10] = [
    "3dprinter",
    "4b2c557fd0ad",
    "123456789012",
    "web.1",
    "1and1",
    "2-cool",
    "my_host",
    "_x._tcp.example.",
    "1.2.3.4.5",
    "dr\u{fc}cker.local",
];

type GetAddrInfo = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
) -> c_int;

/// Answers the names of the tests, and passes all others to the C library. A name that ends in
/// `.hangs` gets no answer until [`release`] is called, and then 127.0.0.1.
///
/// # Safety
/// As for getaddrinfo(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: The real function is looked up by its name and has this type. The arguments are the
    // caller's, or zero-terminated texts. Each list that it returns is a chain, which
    // `freeaddrinfo` frees link by link.
    unsafe {
        let real = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        let real = std::mem::transmute::<*mut libc::c_void, GetAddrInfo>(real);
        let name = CStr::from_ptr(node).to_str().unwrap();
        let addresses: &[&str] = match name {
            "four.test" => &["127.0.0.1"],
            "both.test" => &["::1", "127.0.0.1"],
            "two.test" => &["127.0.0.2", "127.0.0.1"],
            "mixed.test" => &["127.0.0.2", "127.0.0.3", "::1"],
            "none.test" => return libc::EAI_NONAME,
            name if ODD_NAMES.contains(&name) => &["127.0.0.1"],
            name if name.ends_with(".hangs") => {
                hang();
                &["127.0.0.1"]
            }
            _ => return real(node, service, hints, found),
        };
        *found = std::ptr::null_mut();
        for address in addresses.iter().rev() {
            let address = CString::new(*address).unwrap();
            let mut link = std::ptr::null_mut();
            let code = real(address.as_ptr(), service, hints, &mut link);
            assert_eq!(code, 0);
            let mut last = link;
            while !(*last).ai_next.is_null() {
                last = (*last).ai_next;
            }
            (*last).ai_next = *found;
            *found = link;
        }
        0
    }
}

/// Returns once the lookups that hang are released.
fn hang() {
    let mut hanging = HANGING.lock().unwrap();
    hanging.0 += 1;
    while !hanging.1 {
        hanging = RELEASED.wait(hanging).unwrap();
    }
    hanging.0 -= 1;
}

/// How many lookups hang.
pub fn hanging() -> usize {
    HANGING.lock().unwrap().0
}

/// Makes lookups of `.hangs` names hang, from now on.
pub fn hold_back() {
    HANGING.lock().unwrap().1 = false;
}

/// Answers the lookups that hang, and later ones at once, until the next [`hold_back`].
pub fn release() {
    HANGING.lock().unwrap().1 = true;
    RELEASED.notify_all();
}

pub fn until_none_hangs() {
    until("all lookups are answered", || {
        (hanging() == 0).then_some(())
    });
}

/// While it lives no other test of this program runs. At first no lookup hangs, even if the test
/// before has failed, and `.hangs` names are held back.
pub fn only_lookups() -> MutexGuard<'static, ()> {
    let only = only_test();
    release();
    until_none_hangs();
    hold_back();
    only
}

/// Starts to connect to `host`, without a time limit.
pub fn connect_to_name(host: &str, port: u16) -> Connection {
    let client = Connection::new();
    let host = host.to_owned();
    let target = Target::Name { host, port };
    client.connect(target, None, Instant::now()).unwrap();
    client
}
