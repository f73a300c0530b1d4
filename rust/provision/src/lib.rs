//! Setting up programs for this user alone: in a folder of the user's cache, without touching the system.

pub mod apt;
mod apt_sources;
pub mod cache;
pub mod process;
mod programs;

pub use programs::Programs;

/// The processor architecture of this system, in Debian's words. The error names the program of Debian's that is missing.
pub fn debian_architecture() -> Result<String, String> {
    for program in ["apt-get", "apt-config", "dpkg", "dpkg-deb"] {
        if process::on_path(program).is_none() {
            return Err(format!(
                "this system has no {program}, as Debian and its kin have"
            ));
        }
    }
    let architecture =
        process::output(std::process::Command::new("dpkg").arg("--print-architecture"))?;
    Ok(architecture.trim().into())
}
