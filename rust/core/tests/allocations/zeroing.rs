//! Zeroed memory reads as zeros, and pages that were never touched stay untouched.

use std::mem::MaybeUninit;

/// The resident memory of this process in bytes (proc_pid_status(5)).
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let size = lines.find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: usize = size.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1024
}

#[test]
fn every_byte_of_every_range_is_zero() {
    const SIZE: usize = 5 << 20;
    for (start, end) in [
        (0, SIZE),
        (1, SIZE),
        (4095, SIZE - 4095),
        (3, 100),
        (17, (1 << 20) + 17),
        (4096, 8192),
        (9, 9),
    ] {
        let mut memory = vec![MaybeUninit::new(7_u8); SIZE];
        // SAFETY: The memory comes from the allocator.
        unsafe { stream_socket::memory::zero(&mut memory[start..end]) };
        for (index, byte) in memory.iter().enumerate() {
            let expected = if (start..end).contains(&index) { 0 } else { 7 };
            // SAFETY: Every byte was initialised, and a part was zeroed afterwards.
            let byte = unsafe { byte.assume_init() };
            assert_eq!(byte, expected, "{start}..{end} at {index}");
        }
    }
}

#[test]
fn untouched_pages_use_no_memory() {
    const SIZE: usize = 1 << 30;
    let mut memory: Vec<MaybeUninit<u8>> = Vec::with_capacity(SIZE);
    let memory = memory.spare_capacity_mut();
    // SAFETY: A slice of `MaybeUninit<MaybeUninit<u8>>` is one of `MaybeUninit<u8>`.
    let memory: &mut [MaybeUninit<u8>] =
        unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), SIZE) };
    memory[..100].fill(MaybeUninit::new(7));
    let before = resident();
    // SAFETY: The memory comes from the allocator.
    unsafe { stream_socket::memory::zero(&mut memory[100..]) };
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more are resident");
}
