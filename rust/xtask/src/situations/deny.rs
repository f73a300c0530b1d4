//! Starting a program from which the kernel withholds system calls: `denied RULE... -- PROGRAM
//! [ARGUMENT...]`.
//!
//! A rule is `CALL=ERROR`, or `CALL:INDEX:VALUE=ERROR` for calls with this value as the argument of
//! this index, or `CALL:INDEX:VALUE/MASK=ERROR` if only the bits of the mask count.

use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(target_os = "linux")]
use anyhow::Context;
use anyhow::Result;

#[cfg(target_os = "linux")]
pub fn run(rules: &[String], program: &[OsString]) -> Result<ExitCode> {
    use std::process::Command;

    for rule in rules {
        deny(rule).with_context(|| format!("cannot deny {rule:?}"))?;
    }
    let (program, args) = program
        .split_first()
        .context("there is no program to start")?;
    crate::process::replace(Command::new(program).args(args))
}

#[cfg(not(target_os = "linux"))]
pub fn run(_: &[String], _: &[OsString]) -> Result<ExitCode> {
    anyhow::bail!("only Linux has such filters")
}

/// Installs a filter, which stays in force in the program that is started: seccomp(2).
#[cfg(target_os = "linux")]
fn deny(rule: &str) -> Result<()> {
    use std::env::consts::ARCH;

    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    let (call, error) = rule.split_once('=').context("no error is named")?;
    let mut parts = call.split(':');
    let number = find(CALLS, parts.next().unwrap_or_default())?;
    let conditions = match (parts.next(), parts.next()) {
        (Some(index), Some(value)) => vec![condition(index, value)?],
        _ => Vec::new(),
    };
    let filter = SeccompFilter::new(
        [(number, conditions)].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(find(ERRORS, error)?.try_into()?),
        ARCH.try_into()?,
    )?;
    Ok(apply_filter(&BpfProgram::try_from(filter)?)?)
}

#[cfg(target_os = "linux")]
fn condition(index: &str, value: &str) -> Result<seccompiler::SeccompRule> {
    use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

    let (value, operator) = match value.split_once('/') {
        Some((value, mask)) => (value, SeccompCmpOp::MaskedEq(mask.parse()?)),
        None => (value, SeccompCmpOp::Eq),
    };
    let length = SeccompCmpArgLen::Dword;
    let condition = SeccompCondition::new(index.parse()?, length, operator, value.parse()?)?;
    Ok(SeccompRule::new(vec![condition])?)
}

#[cfg(target_os = "linux")]
fn find<T: Copy>(names: &[(&str, T)], name: &str) -> Result<T> {
    let found = names.iter().find(|(of, _)| *of == name);
    let (_, value) = found.with_context(|| format!("{name:?} is not known"))?;
    Ok(*value)
}

/// The same on all processors.
#[cfg(target_os = "linux")]
const FCHMODAT2: libc::c_long = 452;

#[cfg(target_os = "linux")]
const CALLS: &[(&str, libc::c_long)] = &[
    ("accept4", libc::SYS_accept4),
    ("dup", libc::SYS_dup),
    ("epoll_create1", libc::SYS_epoll_create1),
    ("epoll_ctl", libc::SYS_epoll_ctl),
    ("epoll_pwait", libc::SYS_epoll_pwait),
    ("eventfd2", libc::SYS_eventfd2),
    ("fchmod", libc::SYS_fchmod),
    ("fchmodat", libc::SYS_fchmodat),
    ("fchmodat2", FCHMODAT2),
    ("fcntl", libc::SYS_fcntl),
    ("flock", libc::SYS_flock),
    ("getpeername", libc::SYS_getpeername),
    ("getrandom", libc::SYS_getrandom),
    ("getsockname", libc::SYS_getsockname),
    ("getsockopt", libc::SYS_getsockopt),
    ("ioctl", libc::SYS_ioctl),
    ("ppoll", libc::SYS_ppoll),
    ("prlimit64", libc::SYS_prlimit64),
    ("recvfrom", libc::SYS_recvfrom),
    ("setsockopt", libc::SYS_setsockopt),
    ("shutdown", libc::SYS_shutdown),
    ("socket", libc::SYS_socket),
    ("statx", libc::SYS_statx),
    // Calls that arm64 does not have.
    #[cfg(target_arch = "x86_64")]
    ("epoll_wait", libc::SYS_epoll_wait),
    #[cfg(target_arch = "x86_64")]
    ("poll", libc::SYS_poll),
];

#[cfg(target_os = "linux")]
const ERRORS: &[(&str, libc::c_int)] = &[
    ("EAFNOSUPPORT", libc::EAFNOSUPPORT),
    ("EINVAL", libc::EINVAL),
    ("ENOSYS", libc::ENOSYS),
    ("EPERM", libc::EPERM),
];
