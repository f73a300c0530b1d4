//! Reads from a built library what it is, and checks that against what a release promises.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use object::macho::LC_CODE_SIGNATURE;
use object::read::macho::{FatArch, LoadCommandVariant, MachOFatFile32, MachOFile64};
use object::{Architecture, Endianness, File, Object, ObjectSection};

use crate::platforms::{Format, GLIBC, MACOS, Platform};

/// The function that Godot calls first.
const ENTRY: &str = "stream_peer_socket_rs_init";

/// The libraries that every system of a format has. A library may need no others.
#[rustfmt::skip]
fn system_libraries(format: Format) -> &'static [&'static str] {
    match format {
        Format::Elf => &[
            "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1", "ld-linux-x86-64.so.2",
            "ld-linux-aarch64.so.1",
        ],
        Format::MachO => &[
            "/usr/lib/libSystem.B.dylib", "/usr/lib/libiconv.2.dylib", "/usr/lib/libcharset.1.dylib",
        ],
        Format::Pe => &[
            "kernel32.dll", "ntdll.dll", "ws2_32.dll", "advapi32.dll", "bcrypt.dll", "bcryptprimitives.dll",
            "userenv.dll", "iphlpapi.dll", "msvcrt.dll", "synchronization.dll",
        ],
    }
}

/// One architecture of a library.
#[derive(Debug, PartialEq)]
pub struct Slice {
    pub architecture: &'static str,
    /// The libraries that it needs from the system.
    pub needs: Vec<String>,
    has_entry: bool,
    /// The oldest glibc or macOS that it runs on. Windows libraries do not have this.
    pub oldest: Option<(u32, u32)>,
    /// Whether a Mach-O library has a signature. Without one, Apple silicon does not load it.
    pub is_signed: bool,
}

/// Reads a library, and checks each of its slices.
pub fn library(path: &Path, platform: &Platform) -> Result<Vec<Slice>> {
    let shown = path.display();
    let data = fs::read(path)?;
    let slices = slices(&data).with_context(|| format!("{shown} is not a library"))?;
    check(&slices, platform).with_context(|| shown.to_string())?;
    Ok(slices)
}

fn slices(data: &[u8]) -> object::Result<Vec<Slice>> {
    match MachOFatFile32::parse(data) {
        Ok(fat) => fat
            .arches()
            .iter()
            .map(|arch| slice(arch.data(data)?))
            .collect(),
        Err(_) => Ok(vec![slice(data)?]),
    }
}

fn slice(data: &[u8]) -> object::Result<Slice> {
    let file = File::parse(data)?;
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let needs = file
        .import_libraries()?
        .map(|library| Ok(text(library?.name())))
        .collect::<object::Result<_>>()?;
    let mut has_entry = false;
    for export in file.exports()? {
        // Mach-O puts an underscore before the names of C.
        let export = export?;
        let name = export.name().name().map(text).unwrap_or_default();
        has_entry |= name.strip_prefix('_').unwrap_or(&name) == ENTRY;
    }
    let (oldest, is_signed) = match &file {
        File::MachO64(file) => macos(file)?,
        File::Elf64(_) => (glibc(&file), false),
        _ => (None, false),
    };
    Ok(Slice {
        architecture: match file.architecture() {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
            _ => "another",
        },
        needs,
        has_entry,
        oldest,
        is_signed,
    })
}

/// The oldest macOS, and whether there is a signature.
fn macos(file: &MachOFile64<'_, Endianness>) -> object::Result<(Option<(u32, u32)>, bool)> {
    let (mut oldest, mut is_signed) = (None, false);
    let endian = file.endian();
    let mut commands = file.macho_load_commands()?;
    while let Some(command) = commands.next()? {
        is_signed |= command.cmd() == LC_CODE_SIGNATURE;
        let version = match command.variant()? {
            LoadCommandVariant::BuildVersion(build, _) => Some(build.minos.get(endian)),
            LoadCommandVariant::VersionMin(version) => Some(version.version.get(endian)),
            _ => None,
        };
        oldest = version
            .map(|version| (version.0 >> 16, version.0 >> 8 & 0xff))
            .or(oldest);
    }
    Ok((oldest, is_signed))
}

/// The newest version of glibc among the needed symbols' versions, whose names are dynamic strings.
fn glibc(file: &File<'_>) -> Option<(u32, u32)> {
    let strings = file.section_by_name(".dynstr")?.data().ok()?;
    strings
        .split(|byte| *byte == 0)
        .filter_map(|name| glibc_version(str::from_utf8(name).ok()?))
        .max()
}

fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn check(slices: &[Slice], platform: &Platform) -> Result<()> {
    let mut architectures: Vec<_> = slices.iter().map(|slice| slice.architecture).collect();
    let triples = platform.triples.iter();
    let mut expected: Vec<_> = triples
        .filter_map(|triple| triple.split('-').next())
        .collect();
    architectures.sort_unstable();
    expected.sort_unstable();
    ensure!(
        architectures == expected,
        "it is for {architectures:?} instead of {expected:?}"
    );
    slices.iter().try_for_each(|slice| {
        let name = slice.architecture;
        check_slice(slice, platform.format).with_context(|| format!("its {name} slice"))
    })
}

fn check_slice(slice: &Slice, format: Format) -> Result<()> {
    ensure!(slice.has_entry, "does not export {ENTRY}");
    let is_allowed = |needed: &&String| match format {
        Format::Elf | Format::MachO => system_libraries(format).contains(&needed.as_str()),
        Format::Pe => {
            let lower = needed.to_lowercase();
            // Windows' loader resolves sets of functions itself.
            system_libraries(format).contains(&lower.as_str()) || lower.starts_with("api-ms-win-")
        }
    };
    if let Some(needed) = slice.needs.iter().find(|needed| !is_allowed(needed)) {
        bail!("needs {needed}, which not every system has");
    }
    let limit = match format {
        Format::Elf => Some(("glibc", GLIBC)),
        Format::MachO => Some(("macOS", MACOS)),
        Format::Pe => None,
    };
    match (slice.oldest, limit) {
        (None, Some(_)) => bail!("does not state the oldest system that it runs on"),
        (Some(oldest), Some((system, limit))) if oldest > limit => {
            let ((a, b), (c, d)) = (oldest, limit);
            bail!("needs {system} {a}.{b}, but the release promises {c}.{d}")
        }
        _ => {}
    }
    ensure!(
        format != Format::MachO || slice.is_signed,
        "is not signed, not even ad hoc"
    );
    Ok(())
}

impl fmt::Display for Slice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.architecture)?;
        if let Some((major, minor)) = self.oldest {
            write!(out, ", from version {major}.{minor} of the system on")?;
        }
        if self.is_signed {
            write!(out, ", signed")?;
        }
        write!(out, ", needs {}", self.needs.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(needs: &str, oldest: Option<(u32, u32)>) -> Slice {
        Slice {
            architecture: "x86_64",
            needs: vec![needs.into()],
            has_entry: true,
            oldest,
            is_signed: false,
        }
    }

    fn refusal(slice: &Slice, format: Format) -> Option<String> {
        Some(check_slice(slice, format).err()?.to_string())
    }

    #[test]
    fn a_library_needs_nothing_newer_than_promised() {
        let refusal = |oldest| refusal(&slice("libc.so.6", oldest), Format::Elf);
        assert_eq!(refusal(Some((2, 31))), None);
        let newer = "needs glibc 2.34, but the release promises 2.31";
        assert_eq!(refusal(Some((2, 34))).as_deref(), Some(newer));
        assert!(refusal(None).is_some());
    }

    #[test]
    fn a_library_needs_only_what_every_system_has() {
        let windows = |needs| refusal(&slice(needs, None), Format::Pe);
        assert_eq!(windows("KERNEL32.dll"), None);
        assert_eq!(windows("api-ms-win-core-synch-l1-2-0.dll"), None);
        assert!(windows("libgcc_s_seh-1.dll").unwrap().contains("libgcc"));
    }

    #[test]
    fn a_library_for_macos_is_signed() {
        let mut slice = slice("/usr/lib/libSystem.B.dylib", Some((11, 0)));
        assert!(refusal(&slice, Format::MachO).unwrap().contains("signed"));
        slice.is_signed = true;
        assert_eq!(refusal(&slice, Format::MachO), None);
    }

    #[test]
    fn a_library_without_the_entry_or_for_another_processor_is_refused() {
        let linux = &crate::platforms::PLATFORMS[0];
        let refusal = |slice| Some(format!("{:#}", check(&[slice], linux).err()?));
        let good = || slice("libc.so.6", Some((2, 17)));
        assert_eq!(refusal(good()), None);
        let without = Slice {
            has_entry: false,
            ..good()
        };
        assert!(refusal(without).unwrap().contains(ENTRY));
        let other = Slice {
            architecture: "aarch64",
            ..good()
        };
        assert!(refusal(other).unwrap().contains("aarch64"));
    }

    #[test]
    fn versions_of_glibc_compare_by_number() {
        assert!(glibc_version("GLIBC_2.4") < glibc_version("GLIBC_2.31"));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
    }
}
