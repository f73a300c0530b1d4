//! Links for the references of the class documentation: to a page of ours, or to the engine's
//! manual.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use roxmltree::Node;

/// The pages of the engine's classes.
const ENGINE: &str = "https://docs.godotengine.org/en/stable/classes";

/// What a reference names.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    Class,
    Method,
    Member,
    Signal,
    Constant,
    Enum,
}

impl Kind {
    /// The word for it in the anchors of the engine's manual.
    fn anchor_word(self) -> &'static str {
        match self {
            Self::Class | Self::Enum => "",
            Self::Method => "method",
            Self::Member => "property",
            Self::Signal => "signal",
            Self::Constant => "constant",
        }
    }
}

/// The classes that a reference can name.
pub struct Index {
    /// The addon's classes.
    own: BTreeMap<String, Class>,
    /// The engine's classes, and what is in them.
    engine: BTreeSet<(String, Kind, String)>,
}

/// Where in the page of a class each member is described.
struct Class {
    inherits: String,
    anchors: BTreeMap<(Kind, String), String>,
}

impl Index {
    pub fn new(own: &[Node], engine: &[Node]) -> Self {
        let class = |node: &Node| {
            let mut anchors = BTreeMap::new();
            for (kind, name, group) in members(*node) {
                let anchor = match (kind, &*group) {
                    (Kind::Constant, "") => "constants".to_owned(),
                    (Kind::Constant | Kind::Enum, group) => {
                        format!("enum-{}", group.to_lowercase())
                    }
                    _ => name.to_lowercase(),
                };
                anchors.insert((kind, name), anchor);
            }
            let inherits = attribute(*node, "inherits");
            (attribute(*node, "name"), Class { inherits, anchors })
        };
        let in_engine = |node: &Node| {
            let class = attribute(*node, "name");
            let mut names = vec![(class.clone(), Kind::Class, String::new())];
            names.extend(members(*node).map(|(kind, name, _)| (class.clone(), kind, name)));
            names
        };
        Self {
            own: own.iter().map(class).collect(),
            engine: engine.iter().flat_map(in_engine).collect(),
        }
    }

    /// The name of a class in a heading. Godot names a script by its path, in quotation marks, and
    /// a class inside a script by both.
    pub fn title(&self, class: &str) -> String {
        let Some((path, rest)) = class.trim_start_matches('"').split_once(".gd\"") else {
            return class.to_owned();
        };
        let stem = path.rsplit('/').next().unwrap_or(path);
        let words = stem.split('_').map(|word| {
            let (first, rest) = word.split_at(1.min(word.len()));
            first.to_uppercase() + rest
        });
        String::from_iter(words) + rest
    }

    /// A link to the page of a class.
    pub fn class(&self, name: &str) -> Result<String> {
        let title = self.title(name);
        if self.own.contains_key(name) {
            return Ok(format!("[{title}]({title}.md)"));
        }
        self.find(name, Kind::Class, "")?;
        let page = title.to_lowercase();
        Ok(format!("[{title}]({ENGINE}/class_{page}.html)"))
    }

    /// Fails if the engine does not have this.
    fn find(&self, class: &str, kind: Kind, name: &str) -> Result<()> {
        let key = (class.to_owned(), kind, name.to_owned());
        ensure!(
            self.engine.contains(&key),
            "the engine has no {class} {name}"
        );
        Ok(())
    }

    /// The bases of a class, the nearest first, up to the first one of the engine.
    pub fn bases(&self, class: &str) -> Vec<&str> {
        let mut bases = Vec::new();
        let mut next = self.own.get(class);
        while let Some(class) = next {
            bases.push(&*class.inherits);
            next = self.own.get(&class.inherits);
        }
        bases
    }

    /// The classes that inherit a class directly.
    pub fn subclasses(&self, class: &str) -> Vec<&str> {
        let subclasses = self
            .own
            .iter()
            .filter(|(_, subclass)| subclass.inherits == class);
        subclasses.map(|(name, _)| &**name).collect()
    }

    /// The link for a reference in the page of `class`. A target without a class is in that class,
    /// in a base of it, or global.
    pub fn link(&self, class: &str, kind: Kind, target: &str) -> Result<String> {
        if kind == Kind::Class {
            return self.class(target);
        }
        let split = target
            .rsplit_once('.')
            .filter(|(owner, _)| !owner.is_empty());
        let (owner, name) = split.unwrap_or((class, target));
        // A script names its own classes without its path.
        let inner = format!(".{owner}");
        let is_inner = |known: &&String| known.ends_with(&inner);
        let owner = self.own.keys().find(is_inner).map_or(owner, String::as_str);
        let text = match (kind, split) {
            (Kind::Method, Some(_)) => format!("`{}.{name}()`", self.title(owner)),
            (Kind::Method, None) => format!("`{name}()`"),
            // A project setting has its own kind of name.
            (Kind::Member, Some(("ProjectSettings", _))) => format!("`{name}`"),
            (Kind::Enum, _) | (_, None) => format!("`{name}`"),
            (_, Some(_)) => format!("`{}.{name}`", self.title(owner)),
        };
        let key = (kind, name.to_owned());
        for owner in [vec![owner], self.bases(owner)].concat() {
            let Some(found) = self.own.get(owner) else {
                break;
            };
            if let Some(anchor) = found.anchors.get(&key) {
                let page = match owner == class {
                    true => String::new(),
                    false => format!("{}.md", self.title(owner)),
                };
                return Ok(format!("[{text}]({page}#{anchor})"));
            }
        }
        if split.is_some() && self.own.contains_key(owner) {
            bail!("{owner} has no {target}");
        }
        let owner = match split {
            Some(_) => owner,
            None if matches!(kind, Kind::Constant | Kind::Enum) => "@GlobalScope",
            None => bail!("neither this class nor its bases have {target}"),
        };
        self.find(owner, kind, name)?;
        let page = owner.to_lowercase();
        let short = page.trim_start_matches('@');
        let name = name.to_lowercase().replace(['_', '/', '.'], "-");
        let anchor = match kind {
            Kind::Enum => format!("enum-{short}-{name}"),
            _ => format!("class-{short}-{}-{name}", kind.anchor_word()),
        };
        Ok(format!("[{text}]({ENGINE}/class_{page}.html#{anchor})"))
    }
}

/// The members of a class: the kind, the name, and the enumeration of a constant. An enumeration is
/// listed with each of its constants.
fn members<'a>(class: Node<'a, 'a>) -> impl Iterator<Item = (Kind, String, String)> + 'a {
    class.descendants().flat_map(|member| {
        let (name, group) = (attribute(member, "name"), attribute(member, "enum"));
        let kind = match member.tag_name().name() {
            "method" => Kind::Method,
            "member" => Kind::Member,
            "signal" => Kind::Signal,
            "constant" => Kind::Constant,
            _ => return Vec::new(),
        };
        let mut members = vec![(kind, name, group.clone())];
        if kind == Kind::Constant && !group.is_empty() {
            members.push((Kind::Enum, group.clone(), group));
        }
        members
    })
}

fn attribute(node: Node, name: &str) -> String {
    node.attribute(name).unwrap_or_default().to_owned()
}
