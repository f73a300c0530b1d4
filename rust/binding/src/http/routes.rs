//! Which handler a request gets.

use godot::builtin::Callable;
use stream_socket_web::http::RoutePattern;

use crate::bridge::CallableRef;

/// What handles the requests of a route.
pub(super) enum Route {
    /// A method of a script.
    Handler {
        /// The method of the requests; empty for all.
        method: String,
        pattern: RoutePattern,
        callable: CallableRef,
        /// What names it in an error.
        label: String,
    },
    /// A folder.
    Files {
        /// It begins and ends with a slash.
        prefix: String,
        folder: String,
    },
}

/// What a request gets.
pub(super) enum Found {
    Handler {
        callable: Callable,
        label: String,
        parameters: Vec<(String, String)>,
    },
    Files {
        folder: String,
        /// What follows the prefix, not decoded.
        rest: String,
    },
    /// There are handlers for the path, but for these methods only.
    OtherMethods(String),
    Nothing,
}

/// The first of `routes` that fits.
pub(super) fn find(routes: &[Route], method: &str, path: &str) -> Found {
    let mut others: Vec<&str> = Vec::new();
    for route in routes {
        match route {
            Route::Handler {
                method: own,
                pattern,
                callable,
                label,
            } => {
                let Some(parameters) = pattern.parameters(path) else {
                    continue;
                };
                if own.is_empty() || own == method || (own == "GET" && method == "HEAD") {
                    let owned = |(name, value): (&str, String)| (String::from(name), value);
                    return Found::Handler {
                        callable: callable.get(),
                        label: label.clone(),
                        parameters: parameters.into_iter().map(owned).collect(),
                    };
                }
                note(&mut others, own);
                if own == "GET" {
                    note(&mut others, "HEAD");
                }
            }
            Route::Files { prefix, folder } => {
                let Some(rest) = path.strip_prefix(&**prefix) else {
                    continue;
                };
                if method == "GET" || method == "HEAD" {
                    return Found::Files {
                        folder: folder.clone(),
                        rest: String::from(rest),
                    };
                }
                note(&mut others, "GET");
                note(&mut others, "HEAD");
            }
        }
    }
    match others.is_empty() {
        true => Found::Nothing,
        false => Found::OtherMethods(others.join(", ")),
    }
}

fn note<'a>(methods: &mut Vec<&'a str>, method: &'a str) {
    if !methods.contains(&method) {
        methods.push(method);
    }
}
