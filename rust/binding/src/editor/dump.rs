//! Bytes as hexadecimal numbers and as text, side by side. Pure: does not use the editor.

use std::fmt::Write;

/// The number of bytes on a line.
const WIDTH: usize = 16;

/// A line for each 16 bytes: the offset of the first byte, the bytes, and their characters where
/// they are ASCII.
pub(super) fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, bytes) in bytes.chunks(WIDTH).enumerate() {
        // Writing to a String never fails.
        let _ = write!(text, "{:04x} ", line * WIDTH);
        for place in 0..WIDTH {
            let _ = match bytes.get(place) {
                Some(byte) => write!(text, " {byte:02x}"),
                None => write!(text, "   "),
            };
        }
        text += "  ";
        text.extend(bytes.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        }));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_lines() {
        assert_eq!(dump(b""), "");
        assert_eq!(
            dump(b"0123456789abcdefg\n\xff"),
            "\
0000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef
0010  67 0a ff                                         g..
"
        );
    }
}
