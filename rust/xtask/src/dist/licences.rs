//! The licences of all that is linked into the libraries, from the crates' own files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, NodeDep, Package};
use fs_err as fs;

use crate::project::{ADDON, Project};

/// The parts of the libraries that are not from crates.
const RUNTIME: &str = "\
The libraries contain parts of Rust's standard library (by the Rust project's contributors, MIT or Apache-2.0, \
https://github.com/rust-lang/rust), and of the runtime libraries of LLVM (Apache-2.0 with LLVM exceptions, \
https://llvm.org). The one for Windows contains parts of mingw-w64 (public domain and Zope Public License, \
https://www.mingw-w64.org).
";

/// The text for all crates that the library needs on one of `triples`.
pub fn text(project: &Project, triples: &[&str]) -> Result<String> {
    let filters = triples
        .iter()
        .map(|triple| format!("--filter-platform={triple}"));
    let metadata = MetadataCommand::new()
        .current_dir(project.root())
        .other_options(Vec::from_iter(filters.chain(["--locked".into()])))
        .exec()
        .context("cannot read the crates' metadata")?;

    // Each text once, with all its crates.
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in linked(&metadata) {
        let licence = package.license.as_deref().unwrap_or("no licence named");
        let source = package.repository.as_deref().unwrap_or("https://crates.io");
        let title = format!("{} {} ({licence}, {source})", package.name, package.version);
        let folder = package.manifest_path.parent().unwrap_or(Utf8Path::new(""));
        for text in licence_files(folder, licence) {
            by_text.entry(text).or_default().push(title.clone());
        }
    }
    let mut groups = Vec::from_iter(by_text);
    groups.sort_by(|(_, one), (_, other)| one.cmp(other));
    let line = "-".repeat(80);
    let group =
        |(text, titles): (String, Vec<_>)| format!("{line}\n{}\n\n{text}\n", titles.join("\n"));
    let groups: String = groups.into_iter().map(group).collect();
    Ok(format!("{RUNTIME}\n{groups}"))
}

/// The packages from elsewhere that become part of the library.
fn linked(metadata: &Metadata) -> Vec<&Package> {
    let is_root = |package: &&Package| *package.name == ADDON;
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let nodes: BTreeMap<_, _> = nodes.map(|node| (&node.id, &node.deps)).collect();
    let is_linked = |need: &&NodeDep| {
        let mut kinds = need.dep_kinds.iter();
        kinds.any(|kind| kind.kind == DependencyKind::Normal)
    };
    let mut reached = BTreeSet::new();
    let root = metadata.packages.iter().find(is_root);
    let mut due = Vec::from_iter(root.map(|package| &package.id));
    while let Some(id) = due.pop() {
        if reached.insert(id) {
            let needs = nodes.get(id).into_iter().copied().flatten();
            due.extend(needs.filter(is_linked).map(|need| &need.pkg));
        }
    }
    let packages = metadata.packages.iter();
    let mut linked = Vec::from_iter(
        packages.filter(|package| package.source.is_some() && reached.contains(&package.id)),
    );
    linked.sort_by(|one, other| one.id.cmp(&other.id));
    linked
}

/// The texts of a package's licence: MIT's where there is a choice.
fn licence_files(folder: &Utf8Path, licence: &str) -> Vec<String> {
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
    let begins = [
        "LICENSE",
        "LICENCE",
        "COPYING",
        "COPYRIGHT",
        "NOTICE",
        "UNLICENSE",
    ];
    begins.iter().any(|begin| file.starts_with(begin)) && !(has_choice && is_other)
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
    fn build_dependencies_are_not_linked() {
        let package = |name, source: Option<&str>| {
            serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "manifest_path": "", "source": source,
                "dependencies": [], "targets": [], "features": {}, "edition": "2024",
            })
        };
        let needs = |name, kinds: &[Option<&str>]| {
            let kinds = kinds
                .iter()
                .map(|kind| serde_json::json!({"kind": kind, "target": null}));
            serde_json::json!({"name": name, "pkg": name, "dep_kinds": Vec::from_iter(kinds)})
        };
        let node = |name, deps: &[_]| serde_json::json!({"id": name, "deps": deps, "dependencies": [], "features": []});
        let registry = Some("registry+https://example.org");
        let metadata = serde_json::json!({
            "packages": [
                package(ADDON, None), package("b", registry), package("c", registry),
                package("d", registry),
            ],
            "resolve": {"root": null, "nodes": [
                node(ADDON, &[needs("b", &[None]), needs("c", &[Some("build")])]),
                node("b", &[needs("d", &[Some("dev"), None])]),
                node("c", &[]),
                node("d", &[]),
            ]},
            "workspace_members": [], "workspace_default_members": [], "workspace_root": "",
            "target_directory": "", "version": 1, "metadata": null,
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let linked = linked(&metadata).into_iter();
        assert_eq!(
            Vec::from_iter(linked.map(|package| &**package.name)),
            ["b", "d"]
        );
    }
}
