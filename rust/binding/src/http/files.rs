//! Answers with files, read through Godot: from the project, from an export, or from a folder.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use godot::builtin::GString;
use godot::classes::file_access::ModeFlags;
use godot::classes::{DirAccess, FileAccess};
use godot::obj::Gd;
use stream_socket_web::http::{
    ByteRange, EntityTags, Headers, RequestHead, RespondError, allows_body, byte_range,
    content_type, file_path, has_current,
};

use super::client::Client;
use super::file_source::FileSource;
use super::responses;

/// The file that is sent for a folder.
const INDEX: &str = "index.html";

/// Answers a request for the file at `rest`, which is not decoded, below `folder`.
pub(super) fn respond(client: &Client, id: u64, head: &RequestHead, folder: &str, rest: &str) {
    let Some(mut path) = file_path(rest) else {
        return respond_with_status(client, id, 404, Headers::new());
    };
    let full = |path: &str| match folder.ends_with('/') {
        true => format!("{folder}{path}"),
        false => format!("{folder}/{path}"),
    };
    if path.is_empty() || path.ends_with('/') {
        path.push_str(INDEX);
    } else if DirAccess::dir_exists_absolute(&GString::from(&full(&path))) {
        // Relative links in the index need the slash. The path was not decoded, and does not begin
        // with two slashes, so it cannot lead to another host.
        let mut headers = Headers::new();
        headers.push("Location", &format!("{}/", head.path()));
        return respond_with_status(client, id, 308, headers);
    }
    let path = full(&path);
    match open(&path) {
        Ok(file) => {
            // The request has ended if this fails.
            let _ = send(client, id, head, &file, &path, 200, Headers::new());
        }
        Err(_) => respond_with_status(client, id, 404, Headers::new()),
    }
}

/// Opens a file. The error is the reason for the message to the script. A missing file prints no
/// error of the engine.
pub(super) fn open(path: &str) -> Result<Gd<FileAccess>, &'static str> {
    match FileAccess::file_exists(path) {
        true => FileAccess::open(path, ModeFlags::READ).ok_or("file cannot be read"),
        false => Err("file not found"),
    }
}

/// Answers with `file`, or a part of it, or with 304 if the client has it. Ranges and entity tags
/// are for the status 200 only.
pub(super) fn send(
    client: &Client,
    id: u64,
    head: &RequestHead,
    file: &Gd<FileAccess>,
    path: &str,
    status: u16,
    mut headers: Headers,
) -> Result<(), RespondError> {
    if !allows_body(status) {
        return Err(RespondError::NoBody(status));
    }
    responses::complete(&mut headers, Some(content_type(path)));
    let length = file.get_length();
    let is_plain = status == 200;
    let mut part = ByteRange::Whole;
    if is_plain {
        let etag = match headers.get("ETag") {
            Some(etag) => Some(String::from(etag)),
            None => etag(client.entity_tags(), path, length),
        };
        if let Some(etag) = &etag
            && !headers.contains("ETag")
        {
            headers.push("ETag", etag);
        }
        if has_current(&head.headers, etag.as_deref()) {
            return client.respond(id, |protocol, now| {
                protocol.respond(id, 304, &headers, &[], now)
            });
        }
        headers.push("Accept-Ranges", "bytes");
        if head.method == "GET" {
            part = byte_range(&head.headers, length, etag.as_deref());
        }
    }
    let (status, first, count) = match part {
        ByteRange::Whole => (status, 0, length),
        ByteRange::Part { first, last } => {
            headers.push("Content-Range", &format!("bytes {first}-{last}/{length}"));
            (206, first, last - first + 1)
        }
        _ => {
            headers.push("Content-Range", &format!("bytes */{length}"));
            return client.respond(id, |protocol, now| {
                protocol.respond(id, 416, &headers, &[], now)
            });
        }
    };
    headers.push("Content-Length", &count.to_string());
    file.clone().seek(first);
    // The head of a file is not its bytes.
    let count = if head.method == "HEAD" { 0 } else { count };
    let source = FileSource::new(id, file, count);
    client.respond_with_file(id, source, |protocol| protocol.start(id, status, &headers))
}

/// The entity tag of a file, which changes with the file.
fn etag(known: &EntityTags, path: &str, length: u64) -> Option<String> {
    let modified = FileAccess::get_modified_time(path);
    // Files in an exported game have no time.
    let modified = (modified > 0).then_some(modified);
    let today = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = (Instant::now(), today.map_or(0, |today| today.as_secs()));
    let digest = || FileAccess::get_md5(path).to_string();
    known.get(path, length, modified, now, digest)
}

/// Answers with a status and its name. The request may have ended.
pub(super) fn respond_with_status(client: &Client, id: u64, status: u16, mut headers: Headers) {
    let body = stream_socket_web::http::status_text(status);
    responses::complete(&mut headers, Some(responses::TEXT));
    let _ = client.respond(id, |protocol, now| {
        protocol.respond(id, status, &headers, body.as_bytes(), now)
    });
}
