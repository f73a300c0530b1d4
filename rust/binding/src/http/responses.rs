//! Responses as scripts give them: bodies and headers.

use std::time::{SystemTime, UNIX_EPOCH};

use godot::builtin::{
    PackedByteArray, PackedStringArray, VarArray, VarDictionary, Variant, VariantType,
};
use stream_socket_web::http::Headers;

/// The type of a body that is text.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// The type of a body that is bytes.
const BYTES: &str = "application/octet-stream";

/// The bytes of a body, and the type that it has if a script states none. `None` if it is neither
/// text nor bytes.
pub(super) fn body(value: &Variant) -> Option<(Vec<u8>, Option<&'static str>)> {
    match value.get_type() {
        VariantType::NIL => Some((Vec::new(), None)),
        VariantType::STRING | VariantType::STRING_NAME => {
            Some((value.stringify().to_string().into_bytes(), Some(TEXT)))
        }
        VariantType::PACKED_BYTE_ARRAY => {
            Some((value.to::<PackedByteArray>().to_vec(), Some(BYTES)))
        }
        _ => None,
    }
}

/// The headers in a dictionary. An array is a header for each of its elements.
pub(super) fn headers(dictionary: &VarDictionary) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in dictionary.iter_shared() {
        let name = name.stringify().to_string();
        let mut push = |value: &Variant| headers.push(&name, &value.stringify().to_string());
        match value.get_type() {
            VariantType::ARRAY => value
                .to::<VarArray>()
                .iter_shared()
                .for_each(|value| push(&value)),
            VariantType::PACKED_STRING_ARRAY => {
                for value in value.to::<PackedStringArray>().as_slice() {
                    headers.push(&name, &value.to_string());
                }
            }
            _ => push(&value),
        }
    }
    headers
}

/// Adds what a script has not stated: the time (RFC 9110, section 6.6.1), and the type of the body.
pub(super) fn complete(headers: &mut Headers, content_type: Option<&str>) {
    if !headers.contains("Date") {
        // A clock that was never set may be before 1970.
        let now = SystemTime::now().max(UNIX_EPOCH);
        headers.push("Date", &httpdate::fmt_http_date(now));
    }
    if let Some(content_type) = content_type
        && !headers.contains("Content-Type")
    {
        headers.push("Content-Type", content_type);
    }
}
