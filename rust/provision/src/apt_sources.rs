//! Finds the Debian archives among the system's apt sources, in both formats of sources.list(5).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use deb822_fast::Deb822;

/// A place that packages come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Archive {
    /// Where it is.
    pub uri: String,
    /// The keyring that its owner signs with, where the source names one.
    pub keyring: Option<PathBuf>,
    suites: Vec<String>,
    components: Vec<String>,
}

impl Archive {
    /// How likely this is the main Debian archive or a mirror of it: 0 is the most likely. A source
    /// does not state what it is, and third parties call their archives `debian` too.
    fn rank(&self) -> Option<u8> {
        if self.is_security() || !self.has_main() {
            return None;
        }
        let (_, location) = self.uri.split_once(':')?;
        let mut segments = location.trim_matches('/').split('/');
        let host = segments.next()?;
        let keyring = self.keyring.as_deref().and_then(Path::file_name);
        let is_debians =
            |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("debian-archive");
        if host == "debian.org" || host.ends_with(".debian.org") || keyring.is_some_and(is_debians)
        {
            Some(0)
        } else if matches!(segments.next_back(), Some("debian" | "debian.list")) {
            Some(1)
        } else {
            None
        }
    }

    fn is_security(&self) -> bool {
        let is_security = |text: &String| text.contains("security");
        is_security(&self.uri) || self.suites.iter().all(is_security)
    }

    fn has_main(&self) -> bool {
        self.components.iter().any(|component| component == "main")
    }
}

/// The archives that are, or may be, the main Debian archive, the likeliest first. `files` has the
/// name and the content of each file with sources.
pub fn debian_archives(files: &[(PathBuf, String)]) -> Vec<Archive> {
    let mut ranked: Vec<_> = all(files)
        .filter_map(|archive| Some((archive.rank()?, archive)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);

    let mut archives: Vec<Archive> = Vec::new();
    for (_, archive) in ranked {
        if archives.iter().all(|known| known.uri != archive.uri) {
            archives.push(archive);
        }
    }
    archives
}

/// The archives of security updates of Debian itself.
pub fn security_archives(files: &[(PathBuf, String)]) -> Vec<Archive> {
    all(files)
        .filter(|archive| archive.is_security() && archive.has_main())
        .filter(|archive| archive.uri.contains("debian-security"))
        .collect()
}

fn all(files: &[(PathBuf, String)]) -> impl Iterator<Item = Archive> {
    files
        .iter()
        .flat_map(|(name, content)| match name.extension() {
            Some(extension) if extension == "sources" => stanzas(content),
            _ => one_line_entries(content),
        })
}

/// The format of `*.list` files: `deb [option=value ...] uri suite component...`.
fn one_line_entries(content: &str) -> Vec<Archive> {
    content.lines().filter_map(one_line_entry).collect()
}

fn one_line_entry(line: &str) -> Option<Archive> {
    let line = line.split('#').next()?;
    let rest = line.trim().strip_prefix("deb")?;
    let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let keyring = options
        .split_whitespace()
        .find_map(|option| option.strip_prefix("signed-by="));
    let mut words = rest.split_whitespace().map(String::from);
    Some(Archive {
        uri: words.next()?,
        keyring: keyring.and_then(keyring_path),
        suites: vec![words.next()?],
        components: words.collect(),
    })
}

/// The format of `*.sources` files: paragraphs of fields, as in deb822(5).
fn stanzas(content: &str) -> Vec<Archive> {
    let paragraphs = Deb822::from_str(content).ok();
    let mut archives = Vec::new();
    for paragraph in paragraphs.iter().flat_map(Deb822::iter) {
        let field = |name: &str| paragraph.get(name).unwrap_or_default();
        let words = |name: &str| field(name).split_whitespace().map(String::from).collect();
        let enabled = field("Enabled").trim().to_lowercase();
        let types: Vec<_> = words("Types");
        if ["no", "false", "0"].contains(&&*enabled) || !types.iter().any(|kind| kind == "deb") {
            continue;
        }
        let uris: Vec<_> = words("URIs");
        archives.extend(uris.into_iter().map(|uri| Archive {
            uri,
            keyring: keyring_path(field("Signed-By")),
            suites: words("Suites"),
            components: words("Components"),
        }));
    }
    archives
}

/// Keys may be named by the path of a keyring; a fingerprint or the key itself is of no use here.
fn keyring_path(value: &str) -> Option<PathBuf> {
    let first = value.trim().split([',', ' ']).next()?;
    first.starts_with('/').then(|| first.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(name: &str, content: &str) -> Vec<String> {
        let archives = debian_archives(&[(name.into(), content.into())]);
        archives.into_iter().map(|archive| archive.uri).collect()
    }

    #[test]
    fn paragraphs_are_read() {
        let content = "\
Types: deb deb-src
# A comment may stand anywhere.
URIs: http://mirror.example/debian
 http://ftp.example.org/pub/debian/
suites: stable stable-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: stable-security
Components: main

Types: deb
Enabled: no
URIs: http://off.debian.org/debian
Suites: stable
Components: main
";
        let archives = debian_archives(&[("debian.sources".into(), content.into())]);
        assert_eq!(archives.len(), 2);
        let security = security_archives(&[("debian.sources".into(), content.into())]);
        assert_eq!(security.len(), 1);
        assert_eq!(security[0].uri, "http://mirror.example/debian-security");
        assert_eq!(archives[0].uri, "http://mirror.example/debian");
        assert_eq!(archives[1].uri, "http://ftp.example.org/pub/debian/");
        assert_eq!(archives[1].suites, ["stable", "stable-updates"]);
        let keyring = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
        assert_eq!(archives[0].keyring.as_deref(), Some(keyring));
    }

    #[test]
    fn a_key_inside_a_paragraph_is_not_a_path() {
        let content = "\
Types: deb
URIs: https://mirror.example.org/debian
Suites: stable
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
";
        let archives = debian_archives(&[("a.sources".into(), content.into())]);
        assert_eq!(archives.len(), 1);
        assert_eq!(archives[0].keyring, None);
    }

    #[test]
    fn one_line_entries_are_read() {
        let content = "\
# deb http://commented.debian.org/debian stable main
deb-src http://source.debian.org/debian stable main
deb [ arch=amd64 signed-by=/etc/apt/keyrings/own.gpg ] http://mirror.example.org/debian/ stable main contrib # ours
deb http://security.debian.org/debian-security stable-security main
";
        let archives = debian_archives(&[("sources.list".into(), content.into())]);
        assert_eq!(archives.len(), 1);
        assert_eq!(archives[0].uri, "http://mirror.example.org/debian/");
        assert_eq!(
            archives[0].keyring.as_deref(),
            Some(Path::new("/etc/apt/keyrings/own.gpg"))
        );
        assert_eq!(archives[0].components, ["main", "contrib"]);
    }

    #[test]
    fn the_real_archive_precedes_those_with_a_similar_name() {
        let content = "\
deb https://packages.example.com/builds/debian/ stable main
deb https://packages.example.com/linux/debian stable other
deb https://packages.example.com/apt stable main
deb mirror+file:///etc/apt/mirrors/debian.list stable main
deb http://ftp.de.debian.org/debian stable main
deb http://ftp.de.debian.org/debian stable-updates main
";
        assert_eq!(
            uris("sources.list", content),
            [
                "http://ftp.de.debian.org/debian",
                "https://packages.example.com/builds/debian/",
                "mirror+file:///etc/apt/mirrors/debian.list",
            ]
        );
    }

    #[test]
    fn a_derived_system_has_no_debian_archive() {
        let content = "deb http://archive.ubuntu.com/ubuntu noble main universe\n";
        assert!(uris("sources.list", content).is_empty());
        assert!(uris("debian.sources", "").is_empty());
    }
}
