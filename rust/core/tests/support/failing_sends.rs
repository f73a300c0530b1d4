//! Sends that fail while the socket stays intact, as for lack of memory or by a packet filter.

use std::thread;

/// Makes the sends of this thread that are shorter than `least` bytes fail with `error`
/// (seccomp(2)). The sockets do not change: another thread could send.
pub fn fail_sends_of_this_thread(least: usize, error: i32) {
    let [load, jump, at_least, give] = [
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K,
        libc::BPF_RET | libc::BPF_K,
    ]
    .map(|code| code as u16);
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        // The number of the system call is the first word of the data that a filter reads.
        step(load, 0, 0, 0),
        step(jump, 4, 0, libc::SYS_sendmsg as u32),
        step(jump, 3, 0, libc::SYS_writev as u32),
        step(jump, 0, 3, libc::SYS_sendto as u32),
        // The third argument is the length.
        step(load, 0, 0, 32),
        step(at_least, 1, 0, least as u32),
        step(give, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        step(give, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: The filter is complete, and the kernel copies it. It applies to this thread and to
    // the threads that it starts.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &filter), 0);
    }
}

/// Whether sends can be made to fail here. An emulator of another processor accepts no filter; a
/// line then reports that `test` is skipped.
pub fn can_fail_sends(test: &str) -> bool {
    // SAFETY: Without a filter nothing changes: the call fails with EFAULT, or with EINVAL where
    // there are no filters.
    let outcome = unsafe {
        let none = std::ptr::null::<libc::sock_fprog>();
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, none)
    };
    let why = std::io::Error::last_os_error();
    assert_eq!(outcome, -1);
    let can = why.raw_os_error() == Some(libc::EFAULT);
    if !can {
        super::skipped(test, "this system accepts no filter of system calls");
    }
    can
}

/// Longer than any send.
pub const ANY_LENGTH: usize = u32::MAX as usize;

/// Runs `body` on a thread whose sends of less than `least` bytes fail with `error`.
pub fn with_failing_sends<T: Send>(least: usize, error: i32, body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let body = move || {
            fail_sends_of_this_thread(least, error);
            body()
        };
        scope.spawn(body).join().unwrap()
    })
}
