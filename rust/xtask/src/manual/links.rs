//! Where references of the class documentation lead: to a page of ours, or to the engine's manual.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
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
    fn word(self) -> &'static str {
        match self {
            Self::Class | Self::Enum => "",
            Self::Method => "method",
            Self::Member => "property",
            Self::Signal => "signal",
            Self::Constant => "constant",
        }
    }
}

/// The classes of the addon, and where in its page each member is described.
pub struct Index(BTreeMap<String, Class>);

struct Class {
    inherits: String,
    anchors: BTreeMap<(Kind, String), String>,
}

impl Index {
    pub fn new(classes: &[Node]) -> Self {
        let of = |node: &Node, name: &str| node.attribute(name).unwrap_or_default().to_owned();
        let class = |node: &Node| {
            let mut anchors = BTreeMap::new();
            for member in node.descendants() {
                let name = of(&member, "name");
                let kind = match member.tag_name().name() {
                    "method" => Kind::Method,
                    "member" => Kind::Member,
                    "signal" => Kind::Signal,
                    "constant" => {
                        let group = of(&member, "enum");
                        let anchor = match &*group {
                            "" => "constants".to_owned(),
                            group => format!("enum-{}", group.to_lowercase()),
                        };
                        anchors.insert((Kind::Enum, group), anchor.clone());
                        anchors.insert((Kind::Constant, name), anchor);
                        continue;
                    }
                    _ => continue,
                };
                anchors.insert((kind, name.clone()), name.to_lowercase());
            }
            let inherits = of(node, "inherits");
            (of(node, "name"), Class { inherits, anchors })
        };
        Self(classes.iter().map(class).collect())
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
    pub fn class(&self, name: &str) -> String {
        let title = self.title(name);
        match self.0.contains_key(name) {
            true => format!("[{title}]({title}.md)"),
            false => format!("[{title}]({ENGINE}/class_{}.html)", title.to_lowercase()),
        }
    }

    /// The bases of a class, the nearest first, up to the first one of the engine.
    pub fn bases(&self, class: &str) -> Vec<&str> {
        let mut bases = Vec::new();
        let mut next = self.0.get(class);
        while let Some(class) = next {
            bases.push(&*class.inherits);
            next = self.0.get(&class.inherits);
        }
        bases
    }

    /// The classes that inherit a class directly.
    pub fn heirs(&self, class: &str) -> Vec<&str> {
        let heirs = self.0.iter().filter(|(_, heir)| heir.inherits == class);
        heirs.map(|(name, _)| &**name).collect()
    }

    /// The link for a reference in the page of `class`. A target without a class is in that class,
    /// in a base of it, or global.
    pub fn link(&self, class: &str, kind: Kind, target: &str) -> Result<String> {
        if kind == Kind::Class {
            return Ok(self.class(target));
        }
        let split = target
            .rsplit_once('.')
            .filter(|(owner, _)| !owner.is_empty());
        let (owner, name) = split.unwrap_or((class, target));
        // A script names its own classes without its path.
        let inner = format!(".{owner}");
        let is_inner = |known: &&String| known.ends_with(&inner);
        let owner = self.0.keys().find(is_inner).map_or(owner, String::as_str);
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
            let Some(found) = self.0.get(owner) else {
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
        if split.is_some() && self.0.contains_key(owner) {
            bail!("{owner} has no {target}");
        }
        let owner = match split {
            Some(_) => owner,
            None if matches!(kind, Kind::Constant | Kind::Enum) => "@GlobalScope",
            None => bail!("neither this class nor its bases have {target}"),
        };
        let page = owner.to_lowercase();
        let short = page.trim_start_matches('@');
        let name = name.to_lowercase().replace(['_', '/', '.'], "-");
        let anchor = match kind {
            Kind::Enum => format!("enum-{short}-{name}"),
            _ => format!("class-{short}-{}-{name}", kind.word()),
        };
        Ok(format!("[{text}]({ENGINE}/class_{page}.html#{anchor})"))
    }
}
