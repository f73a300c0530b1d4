//! The licences of all that is linked into the libraries, from the crates' own files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::project::{ADDON, Project};
use crate::result::Result;

/// What is linked in besides the crates.
const RUNTIME: &str = "\
The libraries contain parts of Rust's standard library (by the Rust project's contributors, MIT or Apache-2.0, \
https://github.com/rust-lang/rust), and of the runtime libraries of LLVM (Apache-2.0 with LLVM exceptions, \
https://llvm.org). The one for Windows contains parts of mingw-w64 (public domain and Zope Public License, \
https://www.mingw-w64.org).
";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: String,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// The text for all crates that the library needs on one of `triples`.
pub fn text(project: &Project, triples: &[&str]) -> Result<String> {
    let mut cargo = project.cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    for triple in triples {
        cargo.args(["--filter-platform", triple]);
    }
    let output = provision::process::output(&mut cargo)?;
    let metadata: Metadata = serde_json::from_str(&output)
        .map_err(|error| format!("cannot read what cargo tells of the crates: {error}"))?;

    // Each text once, with all the crates that it is for.
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in linked(&metadata) {
        let licence = package.license.as_deref().unwrap_or("no licence named");
        let source = package.repository.as_deref().unwrap_or("https://crates.io");
        let title = format!("{} {} ({licence}, {source})", package.name, package.version);
        let folder = Path::new(&package.manifest_path)
            .parent()
            .unwrap_or(Path::new(""));
        for text in licence_files(folder, licence) {
            by_text.entry(text).or_default().push(title.clone());
        }
    }
    let mut groups: Vec<_> = by_text.into_iter().collect();
    groups.sort_by(|(_, one), (_, other)| one.cmp(other));
    let groups = groups
        .into_iter()
        .map(|(text, titles)| format!("{}\n{}\n\n{text}\n", "-".repeat(80), titles.join("\n")));
    Ok(format!("{RUNTIME}\n{}", groups.collect::<String>()))
}

/// The packages from elsewhere that become part of the library.
fn linked(metadata: &Metadata) -> Vec<&Package> {
    let package = |id: &str| metadata.packages.iter().find(|package| package.id == id);
    let root = metadata
        .packages
        .iter()
        .find(|package| package.name == ADDON);
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<_> = root
        .map(|package| package.id.as_str())
        .into_iter()
        .collect();
    while let Some(id) = ahead.pop() {
        if !reached.insert(id) {
            continue;
        }
        let node = metadata.resolve.nodes.iter().find(|node| node.id == id);
        let needs = node.map_or(&[] as &[_], |node| &node.deps).iter();
        let is_linked = |need: &&Dependency| need.dep_kinds.iter().any(|kind| kind.kind.is_none());
        ahead.extend(needs.filter(is_linked).map(|need| need.pkg.as_str()));
    }
    let reached = reached.into_iter().filter_map(package);
    reached.filter(|package| package.source.is_some()).collect()
}

/// The texts of the licence that a package is used under, where there is a choice: MIT.
fn licence_files(folder: &Path, licence: &str) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|name| is_licence(name, licence));
    names.sort();
    let texts = names
        .iter()
        .filter_map(|name| fs::read_to_string(folder.join(name)).ok());
    let texts: Vec<_> = texts
        .map(|text| text.replace('\r', "").trim().to_owned())
        .collect();
    if texts.is_empty() {
        let text =
            "The package has no file with its licence. The text is at https://spdx.org/licenses/.";
        return vec![text.into()];
    }
    texts
}

fn is_licence(file: &str, licence: &str) -> bool {
    let file = file.to_uppercase();
    let has_choice = licence.contains("MIT") && (licence.contains(" OR ") || licence.contains('/'));
    let is_other = ["APACHE", "UNLICENSE", "ZLIB", "BSD", "LLVM"]
        .iter()
        .any(|other| file.contains(other));
    [
        "LICENSE",
        "LICENCE",
        "COPYING",
        "COPYRIGHT",
        "NOTICE",
        "UNLICENSE",
    ]
    .iter()
    .any(|begin| file.starts_with(begin))
        && !(has_choice && is_other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_a_choice_it_is_mit() {
        assert!(is_licence("LICENSE-MIT", "MIT OR Apache-2.0"));
        assert!(!is_licence("LICENSE-APACHE", "MIT OR Apache-2.0"));
        assert!(is_licence("LICENSE-APACHE", "Apache-2.0"));
        assert!(is_licence("license.txt", "MPL-2.0"));
        assert!(!is_licence("lib.rs", "MIT"));
    }

    #[test]
    fn what_is_only_needed_to_build_is_not_linked() {
        let metadata: Metadata = serde_json::from_str(
            r#"{"packages": [
                {"id": "a", "name": "stream_peer_socket_rs", "version": "1", "manifest_path": "", "source": null},
                {"id": "b", "name": "b", "version": "1", "manifest_path": "", "source": "registry"},
                {"id": "c", "name": "c", "version": "1", "manifest_path": "", "source": "registry"},
                {"id": "d", "name": "d", "version": "1", "manifest_path": "", "source": "registry"}
            ], "resolve": {"nodes": [
                {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}, {"pkg": "c", "dep_kinds": [{"kind": "build"}]}]},
                {"id": "b", "deps": [{"pkg": "d", "dep_kinds": [{"kind": "dev"}, {"kind": null}]}]},
                {"id": "c", "deps": []}, {"id": "d", "deps": []}
            ]}}"#,
        )
        .unwrap();
        let names: Vec<_> = linked(&metadata)
            .iter()
            .map(|package| &package.name)
            .collect();
        assert_eq!(names, ["b", "d"]);
    }
}
