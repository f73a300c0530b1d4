//! Checks the documents against the sources: the files, tests and crates that they name, and the
//! invariants of ARCHITECTURE.md that the sources show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};
use fs_err as fs;
use proc_macro2::{TokenStream, TokenTree};

use crate::layers::source;
use crate::process;
use crate::project::{ADDON, Project};
use crate::tally::Tally;

/// The folders that the paths in documents are relative to, beside the top folder.
const BASES: &str = "rust/core/ rust/core/src/ rust/core/tests/ rust/binding/src/ rust/relay/ \
    rust/relay/tests/ godot-project/tests/ godot-project/tests/own/ addons/stream_peer_socket_rs/";

/// Where the paths of generated files begin, those of project settings, and media types.
const NO_SOURCES: &str = "bin/ target/ fields.md godot-project/addons/ network/limits/ \
    debug/settings/ application/ text/";

/// The folders that are not part of the sources.
const SKIPPED: &str = ".git/ target/ godot-project/addons/ godot-project/.godot/ rust/fuzz/target/";

/// Where `unsafe` may be in what ships.
const UNSAFE: &str = "rust/binding/src/bridge/ rust/binding/src/help.rs rust/binding/src/lib.rs \
    rust/core/src/sys/";

/// The crates for calls of the system. In what ships, only the platform layer may use them.
const SYSTEM: [&str; 6] = ["libc", "mio", "polling", "rustix", "socket2", "windows_sys"];

/// Where clocks may be read in what ships. Other files get times as arguments.
const CLOCKS: &str = "rust/binding/ rust/core/src/connection/closer.rs \
    rust/core/src/connection/direction.rs \
    rust/core/src/connection/ending.rs rust/core/src/connection/mod.rs \
    rust/core/src/connection/recorder.rs rust/core/src/connection/send/state.rs \
    rust/core/src/connection/traffic.rs rust/core/src/deadline.rs \
    rust/core/src/dispatch/event_loop.rs rust/core/src/dispatch/loop_state.rs \
    rust/core/src/dispatch/visit.rs \
    rust/core/src/poll/group.rs rust/core/src/poll/ready_list.rs \
    rust/core/src/poll/shared_poller.rs rust/core/src/sys/";

/// Checks the documents, and what ships.
pub fn run(project: &Project, tally: &mut Tally) {
    let name = "invariants, and names in documents";
    process::announce(name);
    tally.check(name, check(project.root()));
}

fn check(root: &Path) -> Result<()> {
    let mut sources = Sources::default();
    sources.read(root, "")?;
    let mut faults = sources.wrong_tests();
    // The automation has templates of pages.
    let is_document = |path: &str| path.ends_with(".md") && !path.starts_with("rust/xtask/");
    for document in sources.0.keys().filter(|path| is_document(path)) {
        faults.extend(sources.wrong_paths(document));
    }
    faults.extend(sources.wrong_crates()?);
    for name in ["rust/binding", "rust/core", "rust/relay", "rust/web"] {
        faults.extend(sources.wrong_code(name)?);
    }
    let manifest = format!("{ADDON}.gdextension");
    if !sources.text(&manifest).contains("\nreloadable = false\n") {
        faults.push(format!("{manifest}: no `reloadable = false`"));
    }
    ensure!(faults.is_empty(), faults.join("\n"));
    Ok(())
}

/// The texts of all files by their paths from the top folder. That of a picture is empty.
#[derive(Default)]
struct Sources(BTreeMap<String, String>);

impl Sources {
    fn read(&mut self, root: &Path, folder: &str) -> Result<()> {
        for entry in fs::read_dir(root.join(folder))? {
            let path = format!("{folder}{}", entry?.file_name().display());
            let below = format!("{path}/");
            if !root.join(&path).is_dir() {
                let text = fs::read_to_string(root.join(&path)).unwrap_or_default();
                self.0.insert(path, text);
            } else if !begins(&below, SKIPPED) {
                self.read(root, &below)?;
            }
        }
        Ok(())
    }

    fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }

    /// Whether a file or a folder has this path. The extension of a file may be left out.
    fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let mut rests = self.0.keys().filter_map(|file| file.strip_prefix(path));
        rests.any(|rest| ["", ".rs", ".gd"].contains(&rest) || rest.starts_with('/'))
    }

    /// Whether a document may call a file or a folder by `name`.
    fn has_below_base(&self, name: &str) -> bool {
        let mut bases = BASES.split(' ').chain([""]);
        bases.any(|base| self.has(&format!("{base}{name}")))
    }

    /// The dead paths and links of a document.
    fn wrong_paths(&self, document: &str) -> Vec<String> {
        // Every second part is a block of code.
        let text = String::from_iter(self.text(document).split("```").step_by(2));
        let names = quoted(&text).filter(|name| is_path(name) && !self.has_below_base(name));
        let mut faults = Vec::from_iter(names.map(|name| format!("{document}: no {name}")));
        let links = text.split("](").skip(1);
        for link in links.filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let mut folders = Path::new(document).ancestors().skip(1);
            let folder = folders.nth(path.matches("../").count());
            let below = path.replace("../", "");
            let target = match path {
                "" => document.into(),
                _ => folder.unwrap_or(Path::new("")).join(below),
            };
            let target = target.to_string_lossy().replace('\\', "/");
            let mut anchors = self.text(&target).lines().filter_map(anchor_of);
            let leads = self.has(&target) && (anchor.is_empty() || anchors.any(|a| a == anchor));
            if !leads && !link.contains("://") {
                faults.push(format!("{document}: {link} leads nowhere"));
            }
        }
        faults
    }

    /// The tests and functions that are named in tables and do not exist.
    fn wrong_tests(&self) -> Vec<String> {
        let (mut faults, page) = (Vec::new(), "docs/differences.md");
        for (folder, heading) in [("better", "What they do"), ("own", "What the engine")] {
            for row in self.table(page, heading, &mut faults) {
                let mut script = "";
                let words = row[row.len() - 1].split([' ', ',']);
                for word in words.filter(|word| !word.is_empty()) {
                    let name = word.trim_matches('`');
                    if name.starts_with("test_") {
                        script = self.text(&format!("godot-project/tests/{folder}/{name}.gd"));
                    }
                    // A long name is cut off.
                    let function = match name.strip_suffix('…') {
                        Some(begin) => format!("func test_{begin}"),
                        None => format!("func test_{name}("),
                    };
                    let is_name = word.starts_with('`');
                    let is_there = is_name && (name.contains('/') || !script.is_empty());
                    if !is_there && !script.contains(&function) {
                        faults.push(format!("{page}: there is no {name}"));
                    }
                }
            }
        }
        let page = "docs/reliability.md";
        for row in self.table(page, "Code and tests", &mut faults) {
            // A function precedes the file or the folder that it is in.
            let mut place = "";
            for name in Vec::from_iter(quoted(row[1])).into_iter().rev() {
                let function = format!("fn {name}(");
                let mut files = self.0.iter().filter(|(path, _)| path.contains(place));
                if is_path(name) {
                    place = name;
                } else if !files.any(|(_, text)| text.contains(&function)) {
                    faults.push(format!("{page}: there is no {name} in {place}"));
                }
            }
            let tests = quoted(row[2]).filter(|name| !self.has_below_base(name));
            faults.extend(tests.map(|name| format!("{page}: there is no test {name}")));
        }
        faults
    }

    /// The rows of the tables below a heading. A page without any is a fault: it would pass every
    /// check.
    fn table(&self, page: &str, heading: &str, faults: &mut Vec<String>) -> Vec<Vec<&str>> {
        let rows = Vec::from_iter(rows(self.text(page), heading));
        if rows.is_empty() {
            faults.push(format!("{page}: there is no table below {heading:?}"));
        }
        rows
    }

    /// The crates without a row in ARCHITECTURE.md, and the rows without a crate.
    fn wrong_crates(&self) -> Result<Vec<String>> {
        let (mut used, mut own) = (BTreeSet::new(), BTreeSet::new());
        for path in self.0.keys().filter(|path| path.ends_with("Cargo.toml")) {
            let manifest: toml::Table = self.text(path).parse()?;
            let name = manifest.get("package").map(|package| &package["name"]);
            own.extend(name.and_then(toml::Value::as_str).map(String::from));
            add_dependencies(&manifest, &mut used);
        }
        let used = BTreeSet::from_iter(used.difference(&own).cloned());
        let rows = rows(self.text("ARCHITECTURE.md"), "Dependencies");
        let listed = rows.flat_map(|row| quoted(row[0])).map(String::from);
        let listed = BTreeSet::from_iter(listed);
        let differing = used.symmetric_difference(&listed);
        let fault = |name| format!("ARCHITECTURE.md: a row without the crate, or no row: {name}");
        Ok(differing.map(fault).collect())
    }

    /// `unsafe`, system calls and clocks where a crate must not use them.
    fn wrong_code(&self, name: &str) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let text_of = |path: &Path| self.0.get(path.to_str()?).cloned();
        for module in source::read(&Path::new(name).join("src/lib.rs"), &text_of)? {
            let file = module.file.to_string_lossy();
            for source::Name { path, line, .. } in &module.names {
                let path = Vec::from_iter(path.iter().map(String::as_str));
                let is_clock = matches!(path[..], [.., "Instant" | "SystemTime" | "sys", "now"])
                    || path.ends_with(&["sys", "ticks"]);
                if is_clock && !begins(&file, CLOCKS) {
                    faults.push(format!("{file}:{line}: reads a clock"));
                }
                if SYSTEM.contains(&path[0]) && !file.starts_with("rust/core/src/sys/") {
                    faults.push(format!("{file}:{line}: uses {}", path[0]));
                }
            }
        }
        let folder = format!("{name}/src/");
        let is_checked = |path: &str| path.starts_with(&folder) && !begins(path, UNSAFE);
        for (file, text) in self.0.iter().filter(|(path, _)| is_checked(path)) {
            // A file that does not parse was an error above.
            let tokens = text.parse().unwrap_or_default();
            let lines = unsafe_lines(tokens).into_iter();
            faults.extend(lines.map(|line| format!("{file}:{line}: unsafe code")));
        }
        Ok(faults)
    }
}

/// Whether `path` begins with one of `places`.
fn begins(path: &str, places: &str) -> bool {
    places.split(' ').any(|place| path.starts_with(place))
}

/// Whether a quotation is the path of a source, and no setting, address or command.
fn is_path(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let has_ending = ["gd", "md", "rs", "sh", "toml", "txt", "yml"].contains(&ending);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
    (has_ending || name.contains('/'))
        && !name.starts_with('/')
        && name.chars().all(is_plain)
        && !begins(name, NO_SOURCES)
}

/// What is quoted in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines();
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The anchor of a heading.
fn anchor_of(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_matches(['#', ' ']);
    let is_kept = |letter: &char| letter.is_alphanumeric() || "-_".contains(*letter);
    let anchor = title.to_lowercase().replace(' ', "-");
    Some(anchor.chars().filter(is_kept).collect())
}

/// The cells of the tables below the heading that begins with `heading`, without the first header.
fn rows<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let begin = text.find(&format!("## {heading}")).unwrap_or(text.len());
    let section = text[begin..].split("\n## ").next().unwrap_or_default();
    let mut lines = section.lines();
    lines.find(|line| line.starts_with("| ---"));
    let rows = lines.filter(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

/// Adds the names of all dependencies in a manifest, of every kind and for every platform.
fn add_dependencies(manifest: &toml::Table, used: &mut BTreeSet<String>) {
    for (name, value) in manifest {
        match value.as_table() {
            Some(table) if name.ends_with("dependencies") => used.extend(table.keys().cloned()),
            Some(table) => add_dependencies(table, used),
            None => {}
        }
    }
}

fn unsafe_lines(tokens: TokenStream) -> Vec<usize> {
    let lines = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Ident(word) if word == "unsafe" => vec![word.span().start().line],
        TokenTree::Group(group) => unsafe_lines(group.stream()),
        _ => Vec::new(),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files as `path: text`, one in each line; `\` stands for the end of a line in a text.
    fn sources(files: &str) -> Sources {
        let files = files.lines().map(|line| line.trim().split_once(": "));
        let file = |(path, text): (&str, &str)| (path.into(), text.replace('\\', "\n"));
        Sources(files.flatten().map(file).collect())
    }

    #[test]
    fn paths_and_links_lead_somewhere() {
        let sources = sources(
            "rust/core/src/a/b.rs: .
            README.md: # A heading, isn't it?
            docs/a.md: ## On a page\\`a/b.rs` `a/` `a/b` `/proc` `user://x` `network/limits/x` `a / b`
            docs/b.md: [](../README.md#a-heading-isnt-it) [](a.md#on-a-page) [](https://example.com)
            docs/c.md: ```sh\\cat `no/file` [](no)\\```\\[](#d) `a/c.rs` `b.toml` [](a.md#no) [](b)",
        );
        let counts =
            ["docs/a.md", "docs/b.md", "docs/c.md"].map(|page| sources.wrong_paths(page).len());
        assert_eq!(counts, [0, 0, 5]);
    }

    #[test]
    fn tests_that_tables_name_exist() {
        let faults = sources(
            "docs/differences.md: ## What they do better\\| --- |\\| `test_a` one, tw… |\\| `test_a` three, `test_b` |
            docs/reliability.md: ## Code and tests of each promise\\| --- |\\| | `f` in `x.rs` | `one/two`, `t` |\\| | `g` in `x.rs` | `s` |
            godot-project/tests/better/test_a.gd: func test_one():\\func test_two():
            rust/core/src/x.rs: fn f() {}
            rust/core/tests/one/two.rs: .
            rust/relay/tests/t.rs: .",
        )
        .wrong_tests();
        let names = Vec::from_iter(faults.iter().filter_map(|fault| fault.split(" no ").last()));
        let no_table = "table below \"What the engine\"";
        assert_eq!(names, ["three", "test_b", no_table, "g in x.rs", "test s"]);
    }

    #[test]
    fn every_crate_has_a_row_and_every_row_a_crate() {
        let faults = sources(
            "ARCHITECTURE.md: ## Dependencies\\| --- |\\| `a`, `b` | why |\\## Tests\\| `c` | |
            rust/x/Cargo.toml: package.name = 'x'\\[dependencies]\\a = '1'\\y.path = ''
            rust/y/Cargo.toml: package.name = 'y'\\[target.unix.dev-dependencies]\\d = '1'",
        )
        .wrong_crates()
        .unwrap();
        let names = faults.iter().map(|fault| fault.rsplit(' ').next().unwrap());
        assert_eq!(Vec::from_iter(names), ["b", "d"]);
    }

    #[test]
    fn unsafe_code_system_calls_and_clocks_have_their_places() {
        let faults = sources(
            "rust/core/src/lib.rs: mod sys; mod wrong; mod right;
            rust/core/src/sys/mod.rs: use socket2::Socket; fn f() { g(Instant::now); unsafe {} }
            rust/core/src/wrong.rs: use socket2::Socket;\\fn f() { sys::now();\\unsafe {} }
            rust/core/src/right.rs: /// unsafe\\fn f() {} #[cfg(test)] mod t { fn f() { sys::now(); } }",
        )
        .wrong_code("rust/core")
        .unwrap();
        let lines = faults.iter().map(|fault| fault.split(':').nth(1).unwrap());
        assert_eq!(Vec::from_iter(lines), ["1", "2", "3"], "{faults:?}");
    }
}
