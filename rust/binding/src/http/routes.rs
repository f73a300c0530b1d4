//! Which handler a request gets.

use godot::builtin::Callable;
use stream_socket_web::http::RoutePattern;

use crate::bridge::CallableRef;

/// What answers the requests of a route.
pub(super) enum Route {
    /// A method of a script.
    Handler {
        /// The method of the requests; empty for all.
        method: String,
        pattern: RoutePattern,
        callable: CallableRef,
        /// What names it in an error.
        label: String,
        /// The maximum number of bytes of a body that the callable takes as it arrives. `None` if
        /// it gets whole bodies.
        upload_limit: Option<u64>,
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
        /// That of its route.
        upload_limit: Option<u64>,
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

/// The first of `routes` that matches.
pub(super) fn find(routes: &[Route], method: &str, path: &str) -> Found {
    let mut others: Vec<&str> = Vec::new();
    for route in routes {
        match route {
            Route::Handler {
                method: own,
                pattern,
                callable,
                label,
                upload_limit,
            } => {
                let Some(parameters) = pattern.parameters(path) else {
                    continue;
                };
                if takes(own, method) {
                    let owned = |(name, value): (&str, String)| (String::from(name), value);
                    return Found::Handler {
                        callable: callable.get(),
                        label: label.clone(),
                        parameters: parameters.into_iter().map(owned).collect(),
                        upload_limit: *upload_limit,
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
                if takes("GET", method) {
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

/// How many bytes a body may have that is taken as it arrives. `None` if the first of `routes` that
/// fits takes whole bodies.
pub(super) fn upload_limit(routes: &[Route], method: &str, path: &str) -> Option<u64> {
    let fitting = |route: &Route| match route {
        Route::Handler {
            method: own,
            pattern,
            upload_limit,
            ..
        } => (takes(own, method) && pattern.parameters(path).is_some()).then_some(*upload_limit),
        Route::Files { prefix, .. } => {
            (takes("GET", method) && path.starts_with(&**prefix)).then_some(None)
        }
    };
    // A server without uploads does not search its routes for each head.
    let takes_uploads = |route: &Route| {
        let Route::Handler { upload_limit, .. } = route else {
            return false;
        };
        upload_limit.is_some()
    };
    let last = routes.iter().rposition(takes_uploads)?;
    routes[..=last].iter().find_map(fitting).flatten()
}

/// Whether a route of the method `own` takes requests with `method`.
fn takes(own: &str, method: &str) -> bool {
    own.is_empty() || own == method || (own == "GET" && method == "HEAD")
}

fn note<'a>(methods: &mut Vec<&'a str>, method: &'a str) {
    if !methods.contains(&method) {
        methods.push(method);
    }
}
