//! The filters of the kernel that withhold system calls: seccomp(2).

use std::env::consts::ARCH;

use anyhow::{Context, Result, bail};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// Installs the filter of a rule, which stays in force in the program that is started.
pub fn install(rule: &str) -> Result<()> {
    Ok(apply_filter(&BpfProgram::try_from(filter(rule)?)?)?)
}

fn filter(rule: &str) -> Result<SeccompFilter> {
    let (call, error) = rule.split_once('=').context("no error is named")?;
    let parts = Vec::from_iter(call.split(':'));
    let (name, conditions) = match parts[..] {
        [name] => (name, Vec::new()),
        [name, index, value] => (name, vec![condition(index, value)?]),
        [_, _] => bail!("an index needs a value"),
        _ => bail!("there is one index, with one value"),
    };
    Ok(SeccompFilter::new(
        [(find(CALLS, name)?, conditions)].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(find(ERRORS, error)?.try_into()?),
        ARCH.try_into()?,
    )?)
}

fn condition(index: &str, value: &str) -> Result<SeccompRule> {
    let (value, operator) = match value.split_once('/') {
        Some((value, mask)) => (value, SeccompCmpOp::MaskedEq(mask.parse()?)),
        None => (value, SeccompCmpOp::Eq),
    };
    let length = SeccompCmpArgLen::Dword;
    let condition = SeccompCondition::new(index.parse()?, length, operator, value.parse()?)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn find<T: Copy>(names: &[(&str, T)], name: &str) -> Result<T> {
    let found = names.iter().find(|(of, _)| *of == name);
    let (_, value) = found.with_context(|| format!("{name:?} is not known"))?;
    Ok(*value)
}

/// The number of fchmodat2, the same on every architecture. libc does not define it everywhere.
const FCHMODAT2: libc::c_long = 452;

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

const ERRORS: &[(&str, libc::c_int)] = &[
    ("EAFNOSUPPORT", libc::EAFNOSUPPORT),
    ("EINVAL", libc::EINVAL),
    ("ENOSYS", libc::ENOSYS),
    ("EPERM", libc::EPERM),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_or_unknown_rule_is_refused() {
        for right in [
            "flock=ENOSYS",
            "socket:0:10=EAFNOSUPPORT",
            "socket:1:1/15=EINVAL",
        ] {
            filter(right).unwrap();
        }
        for (wrong, reason) in [
            ("flock", "no error is named"),
            ("socket:0=EINVAL", "an index needs a value"),
            ("socket:0:1:2=EINVAL", "there is one index, with one value"),
            ("sockets=EINVAL", "\"sockets\" is not known"),
            ("socket=ENONE", "\"ENONE\" is not known"),
        ] {
            assert_eq!(filter(wrong).err().unwrap().to_string(), reason, "{wrong}");
        }
    }
}
