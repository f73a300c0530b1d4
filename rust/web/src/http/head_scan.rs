//! Finds the end of a head, and refuses bytes that may not occur in one as soon as they arrive.

use super::head_error::HeadError;

/// The state of a search. It reads each byte once, however the stream is cut.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadScan {
    /// How many bytes were read.
    seen: usize,
    /// How many bytes of empty lines precede the first line.
    blank: usize,
    /// How many lines have ended, not counting the empty ones before the first line.
    lines: usize,
    position: LinePosition,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LinePosition {
    /// At the start of a line.
    #[default]
    Start,
    /// In a line that has at least one character.
    Line,
    /// After the CR of an empty line.
    EmptyCr,
    /// After the CR of a line that is not empty.
    LineCr,
}

/// Where a complete head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The number of bytes before it, which are empty lines.
    pub(super) start: usize,
    /// The end of the empty line after it.
    pub(super) end: usize,
    /// The number of header lines.
    pub(super) fields: usize,
}

impl HeadScan {
    /// Whether the first line is complete.
    pub(super) fn has_first_line(&self) -> bool {
        self.lines > 0
    }

    /// Whether any byte was read.
    pub(super) fn has_begun(&self) -> bool {
        self.seen > 0
    }

    /// A scan of header lines alone, as in a trailer.
    pub(super) fn of_fields() -> HeadScan {
        HeadScan {
            lines: 1,
            ..HeadScan::default()
        }
    }

    /// Reads the bytes that it has not read yet. `bytes` begins at the same byte of the stream as
    /// in the previous call.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<Option<Bounds>, HeadError> {
        while let Some(&byte) = bytes.get(self.seen) {
            if self.position == LinePosition::Line {
                // The common case, several bytes at a time.
                let rest = &bytes[self.seen..];
                let text = rest.iter().take_while(|byte| is_text(**byte)).count();
                if text > 0 {
                    self.seen += text;
                    continue;
                }
            }
            self.seen += 1;
            self.position = match (self.position, byte) {
                (LinePosition::Start, b'\r') => LinePosition::EmptyCr,
                (LinePosition::Line, b'\r') => LinePosition::LineCr,
                (LinePosition::LineCr, b'\n') => {
                    self.lines += 1;
                    LinePosition::Start
                }
                (LinePosition::EmptyCr, b'\n') if self.lines > 0 => {
                    return Ok(Some(Bounds {
                        start: self.blank,
                        end: self.seen,
                        fields: self.lines - 1,
                    }));
                }
                // RFC 9112, section 2.2: a server ignores an empty line before a request.
                (LinePosition::EmptyCr, b'\n') => {
                    self.blank = self.seen;
                    LinePosition::Start
                }
                (LinePosition::LineCr | LinePosition::EmptyCr, _) => {
                    return Err(HeadError::BareCarriageReturn);
                }
                (_, b'\n') => return Err(HeadError::BareLineFeed),
                // RFC 9112, section 5.2.
                (LinePosition::Start, b' ' | b'\t') if self.lines > 0 => {
                    return Err(HeadError::Folded);
                }
                (LinePosition::Start, b' ' | b'\t') => return Err(HeadError::FirstLine),
                (_, byte) if is_text(byte) => LinePosition::Line,
                (_, byte) => return Err(HeadError::ControlCharacter { byte }),
            };
        }
        Ok(None)
    }
}

/// Whether a byte may occur in a line. The parser decides what may occur where.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
