//! The modules of a crate, read from its source: what each declares, imports and names.

use std::mem;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, UseTree, Visibility};

/// The segments of a path such as `crate::net::Address`.
pub type Segments = Vec<String>;

/// One module. An inline module (`mod name { ... }`) has the file of its parent.
#[derive(Debug)]
pub struct Module {
    /// Where the module is in its crate; empty for the root.
    pub path: Segments,
    pub file: PathBuf,
    pub names: Vec<Name>,
}

/// A path in a module.
#[derive(Debug)]
pub struct Name {
    pub path: Segments,
    pub line: usize,
    /// The name that a `use` brings into scope; `*` for all.
    pub alias: Option<String>,
    /// Whether it is a `pub use`.
    pub is_public: bool,
}

/// Reads the crate whose root is `file`, and every module that it declares, except those for tests.
pub fn read(file: &Path, text_of: &dyn Fn(&Path) -> Option<String>) -> Result<Vec<Module>> {
    let mut reader = Reader {
        text_of,
        modules: Vec::new(),
        current: 0,
        errors: Vec::new(),
    };
    reader.file(file, Vec::new());
    ensure!(reader.errors.is_empty(), reader.errors.join("\n"));
    Ok(reader.modules)
}

struct Reader<'a> {
    text_of: &'a dyn Fn(&Path) -> Option<String>,
    modules: Vec<Module>,
    /// The module that is being read.
    current: usize,
    errors: Vec<String>,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, path: Segments) {
        let shown = file.display();
        match (self.text_of)(file).map(|text| syn::parse_file(&text)) {
            Some(Ok(parsed)) => self.module(file, path, |reader| reader.visit_file(&parsed)),
            Some(Err(error)) => {
                let line = error.span().start().line;
                self.errors.push(format!("{shown}:{line}: {error}"));
            }
            None => self.errors.push(format!("{shown}: cannot read the module")),
        }
    }

    fn module(&mut self, file: &Path, path: Segments, content: impl FnOnce(&mut Self)) {
        let outer = mem::replace(&mut self.current, self.modules.len());
        self.modules.push(Module {
            path,
            file: file.into(),
            names: Vec::new(),
        });
        content(self);
        self.current = outer;
    }

    fn use_tree(&mut self, tree: &UseTree, mut path: Segments, is_public: bool) {
        let alias = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.use_tree(&inner.tree, path, is_public);
            }
            UseTree::Group(group) => {
                let items = group.items.iter();
                return items.for_each(|item| self.use_tree(item, path.clone(), is_public));
            }
            UseTree::Glob(_) => "*".into(),
            UseTree::Name(name) if name.ident == "self" => path.last().cloned().unwrap_or_default(),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                name.ident.to_string()
            }
            UseTree::Rename(rename) => {
                path.push(rename.ident.to_string());
                rename.rename.to_string()
            }
        };
        self.add(path, tree.span().start().line, Some(alias), is_public);
    }

    /// The paths in the tokens of a macro, which only the macro can parse.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons, mut line) = (Vec::new(), 0, 0);
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) if colons == 2 => path.push(ident.to_string()),
                TokenTree::Ident(ident) => {
                    self.name(mem::replace(&mut path, vec![ident.to_string()]), line);
                    line = ident.span().start().line;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => self.name(mem::take(&mut path), line),
            }
            colons = 0;
        }
        self.name(path, line);
    }

    fn name(&mut self, path: Segments, line: usize) {
        // A single name was brought in by a `use`, or is the module's own.
        if path.len() > 1 {
            self.add(path, line, None, false);
        }
    }

    fn add(&mut self, path: Segments, line: usize, alias: Option<String>, is_public: bool) {
        let name = Name {
            path,
            line,
            alias,
            is_public,
        };
        self.modules[self.current].names.push(name);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_for_tests(&item.attrs) {
            return;
        }
        let parent = &self.modules[self.current];
        let (file, mut path) = (parent.file.clone(), parent.path.clone());
        let mut name = item.ident.to_string();
        if item.content.is_some() {
            path.push(name);
            return self.module(&file, path, |reader| visit::visit_item_mod(reader, item));
        }
        let folder = file.parent().unwrap_or(Path::new(""));
        let is_face = ["lib.rs", "main.rs", "mod.rs"]
            .iter()
            .any(|face| file.ends_with(face));
        let children = if is_face {
            folder.to_owned()
        } else {
            file.with_extension("")
        };
        let beside = children.join(format!("{name}.rs"));
        let file = match path_attribute(&item.attrs) {
            // The module is known by the name of its file, so that several may be declared under
            // one name.
            Some(relative) => {
                let alias = mem::replace(&mut name, module_name(Path::new(&relative)));
                self.add(
                    vec!["self".into(), name.clone()],
                    item.ident.span().start().line,
                    Some(alias),
                    true,
                );
                folder.join(relative)
            }
            None if (self.text_of)(&beside).is_some() => beside,
            None => children.join(&name).join("mod.rs"),
        };
        path.push(name);
        self.file(&file, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            let is_public = !matches!(item.vis, Visibility::Inherited);
            self.use_tree(&item.tree, Vec::new(), is_public);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.name(segments.collect(), path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    /// `pub(in crate::a)` imports nothing from `a`.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

/// Whether the item has `#[cfg(test)]` or `#[cfg(all(test, ...))]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_for_tests = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        _ => false,
    };
    attributes.iter().any(is_for_tests)
}

/// The name of the module in a file such as `a.rs` or `a/mod.rs`.
fn module_name(file: &Path) -> String {
    let named = if file.ends_with("mod.rs") {
        file.parent()
    } else {
        Some(file)
    };
    let name = named.and_then(Path::file_stem).unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The file that `#[path = "..."]` names.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &attribute.meta.require_name_value().ok()?.value
        else {
            return None;
        };
        attribute.path().is_ident("path").then(|| text.value())
    })
}
