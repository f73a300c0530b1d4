//! The place of each document in the manual. The links in a document are for the repository, so
//! that they work on GitHub; they are changed here to links of the site.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::folder;

/// Documents outside of `docs`, and their pages.
const DOCUMENTS: [(&str, &str); 7] = [
    ("README.md", "overview.md"),
    ("addons/stream_peer_socket_rs/README.md", "install.md"),
    ("ARCHITECTURE.md", "architecture.md"),
    ("CHANGELOG.md", "changelog.md"),
    ("CONTRIBUTING.md", "contributing.md"),
    ("LICENSE", "license.md"),
    ("SECURITY.md", "security.md"),
];

/// Other files that the site needs.
const ASSETS: [(&str, &str); 3] = [
    ("assets/style.css", include_str!("style.css")),
    ("assets/iframe-worker.js", include_str!("iframe-worker.js")),
    ("assets/query.js", include_str!("query.js")),
];

/// The pages that a search lists first, and those that it lists last.
const FIRST: [&str; 7] = [
    "install.md",
    "migrating.md",
    "overview.md",
    "troubleshooting.md",
    "recipes.md",
    "recipes-servers.md",
    "recipes-web.md",
];
const LAST: [&str; 7] = [
    "architecture.md",
    "benchmarks.md",
    "changelog.md",
    "contributing.md",
    "publishing.md",
    "reliability.md",
    "web.md",
];

/// The folder of scripts, each of which is a page.
const SCRIPTS: &str = "scripts/";

/// All files of the site's sources by their paths.
pub fn files(root: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut sources = Vec::from_iter(DOCUMENTS.map(|(path, _)| path.to_owned()));
    for file in folder::files(&root.join("docs"))? {
        sources.push(format!(
            "docs/{}",
            file.to_string_lossy().replace('\\', "/")
        ));
    }
    let mut files = BTreeMap::from(ASSETS.map(|(path, text)| (path.into(), text.into())));
    while let Some(source) = sources.pop() {
        let place = place(&source).with_context(|| format!("{source} has no place"))?;
        let bytes = fs::read(root.join(&source))?;
        let bytes = match source.rsplit_once('.') {
            Some((_, "md")) => {
                let (text, scripts) = relinked(&source, &String::from_utf8(bytes)?)?;
                sources.extend(scripts);
                (rank(&place) + &text).into_bytes()
            }
            Some((_, "gd")) => {
                let text = script_page(&source, &String::from_utf8(bytes)?);
                (rank(&place) + &text).into_bytes()
            }
            _ => bytes,
        };
        files.insert(place, bytes);
    }
    Ok(files)
}

/// The front matter that sets a page's search boost.
fn rank(page: &str) -> String {
    let boost = match page {
        _ if FIRST.contains(&page) => 2.0,
        _ if LAST.contains(&page) => 0.3,
        _ if page.starts_with(SCRIPTS) => 0.5,
        _ => 1.0,
    };
    format!("---\nsearch:\n  boost: {boost}\n---\n\n")
}

/// The path in the site for a path in the repository.
fn place(source: &str) -> Option<String> {
    let document = DOCUMENTS.iter().find(|(path, _)| *path == source);
    if let Some((_, page)) = document {
        return Some((*page).to_owned());
    }
    if let Some(script) = source.strip_suffix(".gd") {
        let name = script.rsplit('/').next()?;
        return Some(format!("{SCRIPTS}{name}.md"));
    }
    if source == "godot-project/examples" {
        return Some("examples.md".into());
    }
    let place = source.strip_prefix("docs/")?;
    Some(match place.strip_suffix("README.md") {
        Some(folder) => format!("{folder}index.md"),
        None => place.to_owned(),
    })
}

/// A page with a script, and nothing else.
fn script_page(source: &str, text: &str) -> String {
    let name = source.rsplit('/').next().unwrap_or(source);
    format!("# {name}\n\nThe file is `{source}`.\n\n```gdscript\n{text}```\n")
}

/// The text of a document with the links of the site, and the scripts that it links to.
fn relinked(document: &str, text: &str) -> Result<(String, Vec<String>)> {
    let own = place(document).with_context(|| format!("{document} has no place"))?;
    let (mut result, mut scripts) = (String::new(), Vec::new());
    // Every second part is a block of code.
    for (number, part) in text.split("```").enumerate() {
        if number % 2 == 1 {
            result += &format!("```{part}```");
            continue;
        }
        let mut pieces = part.split("](");
        result += pieces.next().unwrap_or_default();
        for piece in pieces {
            let (link, rest) = piece.split_once(')').unwrap_or((piece, ""));
            let (path, anchor) = link.split_at(link.find('#').unwrap_or(link.len()));
            let link = match path.is_empty() || path.contains("://") {
                true => link.to_owned(),
                false => {
                    let target = joined(document, path);
                    let place = place(&target);
                    let place = place
                        .with_context(|| format!("{document}: {link} is not in the manual"))?;
                    if target.ends_with(".gd") {
                        scripts.push(target);
                    }
                    relative(&own, &place) + anchor
                }
            };
            result += &format!("]({link}){rest}");
        }
    }
    Ok((result, scripts))
}

/// Resolves a link in `document` to a path from the repository root.
fn joined(document: &str, link: &str) -> String {
    let mut folders = Vec::from_iter(document.split('/'));
    folders.pop();
    for name in link.split('/') {
        match name {
            ".." => drop(folders.pop()),
            "." | "" => {}
            name => folders.push(name),
        }
    }
    folders.join("/")
}

/// The link from one page to another.
fn relative(from: &str, to: &str) -> String {
    let folder = from.rfind('/').map_or("", |end| &from[..=end]);
    match to.strip_prefix(folder) {
        Some(below) => below.to_owned(),
        None => "../".repeat(folder.matches('/').count()) + to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_pages_of_the_site() {
        let text = "[a](../README.md#x) ![b](images/c.png) [d](classes/A.md) [e](#f) [g](https://h.org)\n\
                    ```gdscript\n[i](nowhere)\n```\n[j](../godot-project/examples/k.gd)\n";
        let (text, scripts) = relinked("docs/recipes.md", text).unwrap();
        assert_eq!(
            text,
            "[a](overview.md#x) ![b](images/c.png) [d](classes/A.md) [e](#f) [g](https://h.org)\n\
             ```gdscript\n[i](nowhere)\n```\n[j](scripts/k.md)\n"
        );
        assert_eq!(scripts, ["godot-project/examples/k.gd"]);
        let (text, _) = relinked("docs/classes/A.md", "[a](../recipes.md) [b](README.md)").unwrap();
        assert_eq!(text, "[a](../recipes.md) [b](index.md)");
    }

    #[test]
    fn a_link_to_what_is_no_page_is_an_error() {
        let error = relinked("README.md", "[a](rust/core/src/lib.rs)").unwrap_err();
        assert!(error.to_string().contains("rust/core/src/lib.rs"));
    }
}
