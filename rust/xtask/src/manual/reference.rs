//! The class reference as Markdown, from the XML that the editor's help is made of. The pages of
//! `docs/classes` are readable on GitHub, and are pages of the manual.
//!
//! The converters in wide use write reStructuredText (the engine's `make_rst.py`, godocs) or YAML
//! (gddoc2yml). GitHub shows neither as pages with working links.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};
use roxmltree::{Document, Node};

use super::links::{Index, Kind};
use super::text;

/// The last line of each page.
const MARK: &str = "\n<!-- Written by `cargo xtask manual`. -->\n";

/// The parts of a page: the element of a member, and the heading.
const SECTIONS: [(&str, &str); 3] = [
    ("member", "Properties"),
    ("method", "Methods"),
    ("signal", "Signals"),
];

/// The pages by their file names, from the XML texts of our classes and of the engine's.
pub fn pages(own: &[String], engine: &[String]) -> Result<BTreeMap<String, String>> {
    let engine = parse(engine)?;
    let engine = Vec::from_iter(engine.iter().map(Document::root_element));
    let documents = parse(own)?;
    let classes = documents.iter().map(Document::root_element);
    let classes = Vec::from_iter(classes.filter(|class| is_public(*class)));
    classes
        .iter()
        .try_for_each(|class| check_described(*class))?;
    let index = Index::new(&classes, &engine);
    let mut pages = BTreeMap::new();
    let mut rows = String::new();
    for class in &classes {
        let page = Page {
            class: *class,
            index: &index,
        };
        let name = index.title(attribute(*class, "name"));
        let text = page.text().with_context(|| name.clone())?;
        pages.insert(format!("{name}.md"), text);
        let base = index.class(attribute(*class, "inherits"))?;
        let brief = page.prose(child_text(*class, "brief_description"))?;
        writeln!(rows, "| [{name}]({name}.md) | {base} | {} |", brief.trim())?;
    }
    let overview = format!(
        "# Classes\n\nThese pages are the editor's help (F1) of the addon. The classes whose names end with `Rs` \
         exist as soon as the addon is in a project. The others are scripts to preload.\n\n| class | inherits | what it \
         does |\n| --- | --- | --- |\n{rows}{MARK}"
    );
    pages.insert("README.md".into(), overview);
    Ok(pages)
}

fn parse(texts: &[String]) -> Result<Vec<Document<'_>>> {
    let documents = texts.iter().map(|text| Document::parse(text));
    Ok(documents.collect::<Result<_, _>>()?)
}

struct Page<'a> {
    class: Node<'a, 'a>,
    index: &'a Index,
}

impl Page<'_> {
    fn text(&self) -> Result<String> {
        let name = attribute(self.class, "name");
        let mut page = format!("# {}\n\n", self.index.title(name));
        let bases = self.index.bases(name);
        let bases = bases.iter().map(|base| self.index.class(base));
        let bases = bases.collect::<Result<Vec<_>>>()?;
        writeln!(page, "**Inherits:** {}", bases.join(" → "))?;
        let subclasses = self.index.subclasses(name);
        if !subclasses.is_empty() {
            let subclasses = subclasses.iter().map(|name| self.index.class(name));
            let subclasses = subclasses.collect::<Result<Vec<_>>>()?;
            writeln!(page, "\n**Inherited by:** {}", subclasses.join(", "))?;
        }
        for element in ["brief_description", "description"] {
            let description = self.prose(child_text(self.class, element))?;
            write!(page, "\n{description}")?;
        }
        for (element, heading) in SECTIONS {
            let members = self.members(element);
            if members.is_empty() {
                continue;
            }
            writeln!(page, "\n## {heading}\n")?;
            // Godot does not write the defaults of an abstract class.
            let has_default = members.iter().any(|member| member.has_attribute("default"));
            page += match element {
                "member" if has_default => "| type | property | default |\n| --- | --- | --- |\n",
                "member" => "| type | property |\n| --- | --- |\n",
                "method" => "| returns | method |\n| --- | --- |\n",
                _ => "| signal |\n| --- |\n",
            };
            for member in &members {
                writeln!(page, "{}", self.row(element, *member)?)?;
            }
            for member in members {
                page += &self.details(element, member)?;
            }
        }
        page += &self.constants()?;
        Ok(page + MARK)
    }

    /// The members of one kind that are for users.
    fn members(&self, element: &str) -> Vec<Node<'_, '_>> {
        let is_member = |node: &Node| node.has_tag_name(element) && is_public(*node);
        Vec::from_iter(self.class.descendants().filter(is_member))
    }

    /// The line of a member in the table of its section.
    fn row(&self, element: &str, member: Node) -> Result<String> {
        let name = attribute(member, "name");
        let link = format!("[{name}](#{})", name.to_lowercase());
        let default = |node: Node| {
            let value = node.attribute("default");
            value.map_or(String::new(), |value| format!("`{value}`"))
        };
        if element == "member" {
            let row = format!("| {} | {link} |", self.type_of(member)?);
            // A cell that is missing at the end of a row is an empty one.
            return Ok(match &*default(member) {
                "" => row,
                value => format!("{row} {value} |"),
            });
        }
        let mut parameters = Vec::new();
        for node in children(member, "param") {
            let (name, of_type) = (attribute(node, "name"), self.type_of(node)?);
            let default = match &*default(node) {
                "" => String::new(),
                value => format!(" = {value}"),
            };
            parameters.push(format!("{name}: {of_type}{default}"));
        }
        let qualifiers = match attribute(member, "qualifiers") {
            "" => String::new(),
            words => format!(" *{words}*"),
        };
        let call = format!("{link}({}){qualifiers}", parameters.join(", "));
        Ok(match children(member, "return").next() {
            Some(result) => format!("| {} | {call} |", self.type_of(result)?),
            None => format!("| {call} |"),
        })
    }

    /// The heading of a member, its declaration and its description.
    fn details(&self, element: &str, member: Node) -> Result<String> {
        let name = attribute(member, "name");
        let parameter = |node: Node| {
            let default = node.attribute("default").map(|value| format!(" = {value}"));
            let (name, default) = (attribute(node, "name"), default.unwrap_or_default());
            format!("{name}: {}{default}", plain_type(self.index, node))
        };
        let parameters = Vec::from_iter(children(member, "param").map(parameter)).join(", ");
        let declaration = match (element, children(member, "return").next()) {
            ("member", _) => {
                let default = member
                    .attribute("default")
                    .map(|value| format!(" = {value}"));
                let default = default.unwrap_or_default();
                format!("var {name}: {}{default}", plain_type(self.index, member))
            }
            (_, Some(result)) => {
                let is_static = attribute(member, "qualifiers").contains("static");
                let keyword = if is_static { "static " } else { "" };
                format!(
                    "{keyword}func {name}({parameters}) -> {}",
                    plain_type(self.index, result)
                )
            }
            _ => format!("signal {name}({parameters})"),
        };
        let text = self
            .prose(description(member))
            .with_context(|| name.to_owned())?;
        Ok(format!(
            "\n### {name}\n\n```gdscript\n{declaration}\n```\n\n{text}"
        ))
    }

    /// A table for each enumeration, and one for the constants that are in none.
    fn constants(&self) -> Result<String> {
        let mut groups: Vec<(&str, Vec<Node>)> = Vec::new();
        for constant in self.members("constant") {
            let group = constant.attribute("enum").unwrap_or_default();
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, constants)) => constants.push(constant),
                None => groups.push((group, vec![constant])),
            }
        }
        let mut text = String::new();
        for (group, constants) in groups {
            match group {
                "" => text += "\n## Constants\n",
                name => write!(text, "\n## enum {name}\n")?,
            }
            text += "\n| constant | value | meaning |\n| --- | --- | --- |\n";
            for constant in constants {
                let (name, value) = (attribute(constant, "name"), attribute(constant, "value"));
                let meaning = self.prose(description(constant))?;
                let meaning = meaning.trim().replace("\n\n", "<br>").replace('|', "\\|");
                writeln!(text, "| `{name}` | `{value}` | {meaning} |")?;
            }
        }
        Ok(text)
    }

    fn prose(&self, bbcode: &str) -> Result<String> {
        let class = attribute(self.class, "name");
        text::markdown(bbcode, &|kind, target| self.index.link(class, kind, target))
    }

    /// The type of a property, a parameter or a result, as a link.
    fn type_of(&self, node: Node) -> Result<String> {
        if let Some(name) = node.attribute("enum") {
            let class = attribute(self.class, "name");
            return self.index.link(class, Kind::Enum, name);
        }
        match attribute(node, "type") {
            "void" => Ok("void".into()),
            name => match name.strip_suffix("[]") {
                Some(element) => {
                    let (array, element) = (self.index.class("Array")?, self.index.class(element)?);
                    Ok(format!("{array}\\[{element}\\]"))
                }
                None => self.index.class(name),
            },
        }
    }
}

/// A type in the words of GDScript.
fn plain_type(index: &Index, node: Node) -> String {
    let name = node.attribute("enum").unwrap_or(attribute(node, "type"));
    match name.strip_suffix("[]") {
        Some(element) => format!("Array[{}]", index.title(element)),
        None => index.title(name),
    }
}

fn children<'a, 'b>(node: Node<'a, 'b>, name: &str) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children()
        .filter(move |child| child.has_tag_name(name))
}

fn attribute<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    node.attribute(name).unwrap_or_default()
}

fn child_text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    children(node, name)
        .next()
        .and_then(|child| child.text())
        .unwrap_or_default()
}

/// Whether a class or a member is for users. In scripts, the names of others begin with an
/// underscore.
fn is_public(node: Node) -> bool {
    let name = attribute(node, "name").rsplit('.').next();
    name.is_some_and(|name| !name.starts_with('_'))
}

/// Checks that a class and each of its members have a description.
fn check_described(class: Node) -> Result<()> {
    let of = attribute(class, "name");
    // A short comment of a script is the brief description alone.
    let is_script = of.contains(".gd");
    for (element, is_needed) in [("brief_description", true), ("description", !is_script)] {
        let is_empty = child_text(class, element).trim().is_empty();
        ensure!(!(is_needed && is_empty), "{of} has no {element}");
    }
    for (element, _) in SECTIONS.into_iter().chain([("constant", "")]) {
        let mut members = class
            .descendants()
            .filter(|node| node.has_tag_name(element));
        let lacking = members.find(|member| is_public(*member) && description(*member).is_empty());
        if let Some(member) = lacking {
            bail!("{} of {of} has no description", attribute(member, "name"));
        }
    }
    Ok(())
}

/// The text about a member: that of its element `description`, or its own.
fn description<'a>(member: Node<'a, '_>) -> &'a str {
    match member.tag_name().name() {
        "method" | "signal" => child_text(member, "description").trim(),
        _ => member.text().unwrap_or_default().trim(),
    }
}

/// Checks that the files on disk are the generated pages.
pub fn compare(pages: &BTreeMap<String, String>, files: &BTreeMap<String, String>) -> Result<()> {
    let names = pages.keys().chain(files.keys());
    let old = BTreeSet::from_iter(names.filter(|name| pages.get(*name) != files.get(*name)));
    ensure!(
        old.is_empty(),
        "docs/classes is out of date: {old:?}; `cargo xtask manual` writes it"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"<class name="BaseRs" inherits="StreamPeer">
        <brief_description>A base.</brief_description>
        <description>See [method poll], [constant ON] and [StreamPeerTCP].</description>
        <methods><method name="poll" qualifiers="const">
            <return type="int" enum="Error" />
            <param index="0" name="seconds" type="float" default="0.0" />
            <description>Polls for [param seconds], see [method StreamPeer.put_data].</description>
        </method></methods>
        <constants><constant name="ON" value="1" enum="State">It is on.</constant></constants>
        </class>"#;

    const SUBCLASS: &str = r#"<class name="DerivedRs" inherits="BaseRs">
        <brief_description>A subclass.</brief_description>
        <description>Like [BaseRs], with [method poll].</description>
        <members><member name="size" type="int" setter="" getter="" default="-1">A size.</member></members>
        <signals><signal name="done"><param index="0" name="error" type="int" enum="Error" />
        <description>Emitted by [method BaseRs.poll].</description></signal></signals>
        </class>"#;

    const ENGINE: [&str; 6] = [
        r#"<class name="StreamPeer"><methods><method name="put_data" /></methods></class>"#,
        r#"<class name="StreamPeerTCP" />"#,
        r#"<class name="@GlobalScope"><constant name="OK" enum="Error" /></class>"#,
        r#"<class name="int" />"#,
        r#"<class name="float" />"#,
        r#"<class name="Object" />"#,
    ];

    fn of(own: &[&str]) -> Result<BTreeMap<String, String>> {
        let texts = |texts: &[&str]| Vec::from_iter(texts.iter().map(|text| text.to_string()));
        pages(&texts(own), &texts(&ENGINE))
    }

    fn made() -> BTreeMap<String, String> {
        of(&[BASE, SUBCLASS]).unwrap()
    }

    #[test]
    fn each_class_has_a_page_and_a_line() {
        let pages = made();
        let names = Vec::from_iter(pages.keys().map(String::as_str));
        assert_eq!(names, ["BaseRs.md", "DerivedRs.md", "README.md"]);
        assert!(
            pages["README.md"]
                .contains("| [DerivedRs](DerivedRs.md) | [BaseRs](BaseRs.md) | A subclass. |")
        );
    }

    #[test]
    fn members_are_in_tables_and_described_below() {
        let pages = made();
        let subclass = &pages["DerivedRs.md"];
        assert!(subclass.contains("| [size](#size) | `-1` |"));
        assert!(subclass.contains("\n### done\n\n```gdscript\nsignal done(error: Error)\n```\n"));
        let base = &pages["BaseRs.md"];
        assert!(base.contains("func poll(seconds: float = 0.0) -> Error"));
        assert!(base.contains("## enum State\n"));
        assert!(base.contains("| `ON` | `1` | It is on. |"));
        assert!(base.contains("**Inherited by:** [DerivedRs](DerivedRs.md)"));
    }

    #[test]
    fn references_lead_to_our_pages_or_to_the_engines() {
        let pages = made();
        let subclass = &pages["DerivedRs.md"];
        // An inherited method is found without the name of its class.
        assert_eq!(subclass.matches("(BaseRs.md#poll)").count(), 2);
        let base = &pages["BaseRs.md"];
        assert!(base.contains("(#enum-state)"));
        assert!(base.contains("/class_streampeer.html#class-streampeer-method-put-data"));
        assert!(base.contains("/class_@globalscope.html#enum-globalscope-error"));
    }

    #[test]
    fn a_reference_to_a_missing_member_is_an_error() {
        for (right, wrong) in [
            ("[constant ON]", "[signal gone]"),
            ("[StreamPeerTCP]", "[StreamPeerGone]"),
            ("StreamPeer.put_data", "StreamPeer.put_gone"),
        ] {
            let error = of(&[&BASE.replace(right, wrong)]).unwrap_err();
            let error = format!("{error:#}").to_lowercase();
            assert!(error.contains("gone"), "{error}");
        }
    }

    #[test]
    fn only_private_names_need_no_description() {
        for (text, lacking) in [
            ("It is on.", "ON of BaseRs has no description"),
            ("A base.", "BaseRs has no brief_description"),
            (
                "See [method poll], [constant ON] and [StreamPeerTCP].",
                "BaseRs has no description",
            ),
        ] {
            let error = of(&[&BASE.replace(text, "")]).unwrap_err().to_string();
            assert_eq!(error, lacking);
        }
        let private = BASE.replace("It is on.", "").replace("\"ON\"", "\"_ON\"");
        let private = private.replace("[constant ON]", "it");
        assert!(!of(&[&private]).unwrap()["BaseRs.md"].contains("_ON"));
    }

    #[test]
    fn each_page_that_differs_is_named_once() {
        let (pages, mut files) = (made(), made());
        compare(&pages, &files).unwrap();
        files.insert("DerivedRs.md".into(), "old".into());
        files.insert("BaseRs.md".into(), "old".into());
        let error = compare(&pages, &files).unwrap_err().to_string();
        for (name, count) in [("DerivedRs.md", 1), ("BaseRs.md", 1), ("README.md", 0)] {
            assert_eq!(error.matches(name).count(), count, "{error}");
        }
    }
}
