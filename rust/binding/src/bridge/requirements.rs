//! The requirements for the Godot that loads the library, and the reasons that are printed when
//! they are not met.
//!
//! The functions here decide and word the reasons. [`entry`](super::entry) queries Godot.
//!
//! The library does not load, and prints why, in a Godot that is older than the one it was built
//! for, lacks a class or method that the library needs, was built with `deprecated=no` or double
//! precision, or has loaded the addon already.

use std::fmt;

/// A version of Godot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32, pub(super) u32);

impl fmt::Display for Version {
    /// Without a patch level of 0, as Godot writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version(major, minor, patch) = self;
        write!(f, "{major}.{minor}")?;
        if *patch != 0 {
            write!(f, ".{patch}")?;
        }
        Ok(())
    }
}

/// Why the library does not load in a Godot of this `version`, if `oldest` is the oldest one that
/// it loads in. The function that returns the version is deprecated since Godot 4.5. So a Godot
/// without that function was built without deprecated functions.
pub(super) fn refuse_version(version: Option<Version>, oldest: Version) -> Option<String> {
    match version {
        None => Some(without_deprecated()),
        Some(version) if version < oldest => Some(format!(
            "it needs Godot {oldest} or later, and this is {version}"
        )),
        Some(_) => None,
    }
}

/// Why the library does not load in a Godot without `function` in its C interface.
pub(super) fn refuse_function(function: &str) -> String {
    // The oldest function that registers classes. It is never called, but gdext requires it.
    if function == "classdb_register_extension_class" {
        return without_deprecated();
    }
    format!("this Godot has no {function} in its C interface")
}

fn without_deprecated() -> String {
    "this Godot was built with deprecated=no, which leaves out functions that the library is loaded with"
        .into()
}

/// Why the library does not load, if this Godot has double precision or lacks a class or a method.
/// `None` if it loads.
pub(super) fn refuse_build(
    is_double: bool,
    missing_class: Option<&str>,
    missing_method: Option<&dyn fmt::Display>,
) -> Option<String> {
    if let Some(class) = missing_class {
        return Some(format!("this Godot has no class {class}"));
    }
    if let Some(method) = missing_method {
        return Some(format!("this Godot has no method {method}"));
    }
    is_double.then(|| {
        "this Godot was built with precision=double, and this is the library for precision=single"
            .into()
    })
}

/// Why the library does not load beside a copy that is already loaded, from `path`. The path is
/// empty if it is not known.
pub(super) fn refuse_second_copy(path: &str) -> String {
    let from = if path.is_empty() { "" } else { " from " };
    format!(
        "it is already loaded{from}{path}, so the project has the addon twice; remove one of the two folders"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDEST: Version = Version(4, 4, 0);

    #[test]
    fn an_older_godot_is_refused() {
        let refusal = refuse_version(Some(Version(4, 3, 2)), OLDEST).unwrap();
        assert_eq!(refusal, "it needs Godot 4.4 or later, and this is 4.3.2");
        let refusal = refuse_version(Some(Version(4, 4, 0)), Version(4, 4, 1)).unwrap();
        assert_eq!(refusal, "it needs Godot 4.4.1 or later, and this is 4.4");
        assert!(refuse_version(Some(Version(3, 6, 1)), OLDEST).is_some());
    }

    #[test]
    fn the_oldest_godot_and_later_ones_are_not_refused() {
        for accepted in [
            OLDEST,
            Version(4, 4, 1),
            Version(4, 10, 0),
            Version(5, 0, 0),
        ] {
            assert_eq!(refuse_version(Some(accepted), OLDEST), None, "{accepted}");
        }
    }

    #[test]
    fn the_reason_names_a_build_without_deprecated_functions() {
        let refusal = refuse_version(None, OLDEST).unwrap();
        assert!(refusal.contains("deprecated=no"), "{refusal}");
        assert_eq!(refuse_function("classdb_register_extension_class"), refusal);
        let refusal = refuse_function("print_error");
        assert_eq!(refusal, "this Godot has no print_error in its C interface");
    }

    #[test]
    fn a_second_copy_is_refused_in_one_sentence() {
        let refusal = refuse_second_copy("res://a/library.so");
        assert!(refusal.starts_with("it is already loaded from res://a/library.so, so"));
        assert!(refuse_second_copy("").starts_with("it is already loaded, so"));
    }

    #[test]
    fn a_godot_that_lacks_what_is_needed_is_refused() {
        assert_eq!(refuse_build(false, None, None), None);
        assert!(
            refuse_build(true, None, None)
                .unwrap()
                .contains("precision=double")
        );
        let refusal = refuse_build(false, Some("StreamPeerExtension"), None).unwrap();
        assert_eq!(refusal, "this Godot has no class StreamPeerExtension");
        let refusal = refuse_build(false, None, Some(&"Object.has_connections")).unwrap();
        assert_eq!(refusal, "this Godot has no method Object.has_connections");
    }
}
