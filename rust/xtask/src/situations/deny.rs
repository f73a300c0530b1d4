//! Starting a program from which the kernel withholds system calls: `denied RULE... -- PROGRAM
//! [ARGUMENT...]`.
//!
//! A rule is `CALL=ERROR`, or `CALL:INDEX:VALUE=ERROR` for calls with this value as the argument of
//! this index, or `CALL:INDEX:VALUE/MASK=ERROR` if only the bits of the mask count.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

#[cfg(target_os = "linux")]
mod filter;

#[cfg(target_os = "linux")]
pub fn run(rules: &[String], program: &[OsString]) -> Result<ExitCode> {
    use anyhow::Context;

    for rule in rules {
        filter::install(rule).with_context(|| format!("cannot deny {rule:?}"))?;
    }
    let (program, args) = program
        .split_first()
        .context("there is no program to start")?;
    crate::process::replace(std::process::Command::new(program).args(args))
}

#[cfg(not(target_os = "linux"))]
pub fn run(_: &[String], _: &[OsString]) -> Result<ExitCode> {
    anyhow::bail!("only Linux has such filters")
}
