//! JSON (RFC 8259) from and for the remote side. The engine's own parser prints a line for each
//! large number and each null character, so a remote side could flood the log.

use std::fmt::Display;

use godot::builtin::{VarArray, VarDictionary, Variant};
use godot::classes::Json;
use godot::meta::ToGodot;
use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, ValueType};

use crate::text;

/// The largest depth of nested arrays and objects, as in the engine.
const MAX_DEPTH: u32 = 1024;

/// `value` as JSON on one line, as the engine writes it, but valid: the engine escapes a vertical
/// tab as `\\v`, which JSON does not allow, and writes other control characters as they are.
pub(crate) fn stringify(value: &Variant) -> String {
    valid_escapes(Json::stringify(value).to_string())
}

fn valid_escapes(json: String) -> String {
    let is_valid =
        |json: &str| !json.contains("\\v") && !json.contains(|c: char| c.is_ascii_control());
    if is_valid(&json) {
        return json;
    }
    let mut valid = String::with_capacity(json.len() + 8);
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('v') => valid.push_str("\\u000b"),
                escaped => valid.extend(['\\'].into_iter().chain(escaped)),
            },
            // The engine writes control characters only within strings.
            control if control < ' ' => {
                valid.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => valid.push(other),
        }
    }
    valid
}

/// An array or an object whose end has not been read.
enum OpenContainer {
    Array(VarArray),
    Object {
        entries: VarDictionary,
        name: Variant,
    },
}

/// The value of `json`. A comma may come before the end of an array or an object, as in the engine.
/// The error is the reason why it is not JSON.
pub(crate) fn parse(json: &[u8]) -> Result<Variant, impl Display> {
    let settings = ReaderSettings {
        allow_trailing_comma: true,
        track_path: false,
        max_nesting_depth: Some(MAX_DEPTH),
        restrict_number_values: false,
        ..ReaderSettings::default()
    };
    let mut reader = JsonStreamReader::new_custom(json, settings);
    let value = read(&mut reader)?;
    reader.consume_trailing_whitespace()?;
    Ok::<_, ReaderError>(value)
}

/// Reads a value. The arrays and objects around the current value are in a list, because the stack
/// of a thread may be too small for recursion.
fn read(reader: &mut JsonStreamReader<&[u8]>) -> Result<Variant, ReaderError> {
    let mut around: Vec<OpenContainer> = Vec::new();
    loop {
        let mut value = match reader.peek()? {
            ValueType::Array => {
                reader.begin_array()?;
                around.push(OpenContainer::Array(VarArray::new()));
                None
            }
            ValueType::Object => {
                reader.begin_object()?;
                around.push(OpenContainer::Object {
                    entries: VarDictionary::new(),
                    name: Variant::nil(),
                });
                None
            }
            ValueType::String => Some(text::decoded(reader.next_str()?.as_bytes()).to_variant()),
            ValueType::Number => Some(number(reader.next_number_as_str()?)),
            ValueType::Boolean => Some(reader.next_bool()?.to_variant()),
            ValueType::Null => {
                reader.next_null()?;
                Some(Variant::nil())
            }
        };
        // Adds the value to the array or object around it, and closes each one that has no more
        // values.
        loop {
            let Some(open) = around.last_mut() else {
                return Ok(value.unwrap_or_default());
            };
            if let Some(value) = value.take() {
                match open {
                    OpenContainer::Array(array) => array.push(&value),
                    OpenContainer::Object { entries, name } => entries.set(&*name, &value),
                }
            }
            if reader.has_next()? {
                if let OpenContainer::Object { name, .. } = open {
                    *name = text::decoded(reader.next_name()?.as_bytes()).to_variant();
                }
                break;
            }
            value = match around.pop() {
                Some(OpenContainer::Array(array)) => {
                    reader.end_array()?;
                    Some(array.to_variant())
                }
                Some(OpenContainer::Object { entries, .. }) => {
                    reader.end_object()?;
                    Some(entries.to_variant())
                }
                None => None,
            };
        }
    }
}

/// A number without a fraction or an exponent is an int if it fits, so that it keeps all its digits
/// and is encoded unchanged. Every other number is a float; one that is too large is infinite.
fn number(text: &str) -> Variant {
    // An int has no negative zero.
    match text.parse::<i64>() {
        Ok(number) if text != "-0" => number.to_variant(),
        _ => text.parse::<f64>().unwrap_or(f64::NAN).to_variant(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_valid_escapes() {
        let valid = |json: &str| valid_escapes(json.to_owned());
        assert_eq!(valid(r#"{"a\\v":"\v\n"}"#), r#"{"a\\v":"\u000b\n"}"#);
        assert_eq!(valid("\"\u{1}\u{1f} \u{7f}\""), "\"\\u0001\\u001f \u{7f}\"");
        assert_eq!(valid(r#""\\\v""#), r#""\\\u000b""#);
    }
}
