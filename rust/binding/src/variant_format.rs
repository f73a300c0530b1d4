//! Checks the engine's binary format of a Variant before the engine decodes it. The engine prints
//! an error for each malformed packet, so a remote side could flood the log.
//!
//! The format is that of `var_to_bytes`: a header with the type and flags, then the value, padded
//! to four bytes (the engine's documentation, "Binary serialization API"). The check also refuses
//! some data that the engine would decode but never writes, such as a value without its padding.

/// The largest depth of nested arrays and dictionaries, as in the engine.
const MAX_DEPTH: usize = 100;

const TYPE_MASK: u32 = 0xFF;
/// Numbers have 64 bits, or an object is encoded as its id only.
const FLAG: u32 = 1 << 16;
/// The lowest bit of the kind of an array's element type, or of a dictionary's key type.
const FIRST_KIND_SHIFT: u32 = 16;
/// The lowest bit of the kind of a dictionary's value type.
const SECOND_KIND_SHIFT: u32 = 18;
const KIND_MASK: u32 = 0b11;

/// A bit in the count of an array or a dictionary, which the engine ignores.
const SHARED: u32 = 1 << 31;
/// A bit in the flags of a node path: another name follows.
const HAS_PROPERTY: u32 = 2;

const STRING: u32 = 4;
const STRING_NAME: u32 = 21;
const NODE_PATH: u32 = 22;
const OBJECT: u32 = 24;
const CALLABLE: u32 = 25;
const SIGNAL: u32 = 26;
const DICTIONARY: u32 = 27;
const ARRAY: u32 = 28;
const PACKED_STRING_ARRAY: u32 = 34;
const LAST_TYPE: u32 = 38;

/// Whether the engine decodes the start of `bytes` without an error. Objects are only allowed with
/// `allows_objects`; whether their classes exist is not checked.
pub(crate) fn is_valid(bytes: &[u8], allows_objects: bool) -> bool {
    let mut reader = Reader {
        rest: bytes,
        allows_objects,
    };
    reader.variant(0).is_some()
}

/// The bytes that were not checked yet. Its methods return `None` where the format is violated.
struct Reader<'a> {
    rest: &'a [u8],
    allows_objects: bool,
}

/// What the elements of a container must be.
#[derive(Clone, Copy)]
enum ElementType {
    Any,
    /// Of this built-in type.
    BuiltIn(u32),
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    /// A count of elements, of which each has at least `size` bytes. The bits in `unused` do not
    /// count.
    fn count(&mut self, size: usize, unused: u32) -> Option<usize> {
        let count = i32::try_from(self.number()? & !unused).ok()?;
        let count = usize::try_from(count).ok()?;
        (count.checked_mul(size)? <= self.rest.len()).then_some(count)
    }

    /// Text in UTF-8, with its length before it and padding after it.
    fn text(&mut self, has_terminator: bool) -> Option<()> {
        let length = usize::try_from(self.number()?).ok()?;
        let padded = length.checked_next_multiple_of(4)?;
        let text = &self.take(padded)?[..length];
        let text = match has_terminator {
            true => text.strip_suffix(&[0])?,
            false => text,
        };
        // The engine ends a text at a null character, and some versions report it.
        let is_text = !text.contains(&0) && std::str::from_utf8(text).is_ok();
        is_text.then_some(())
    }

    /// A value with its header. Returns its type.
    fn variant(&mut self, depth: usize) -> Option<u32> {
        let header = self.number()?;
        let kind = header & TYPE_MASK;
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            STRING | STRING_NAME => self.text(false)?,
            NODE_PATH => self.node_path()?,
            OBJECT => self.object(header & FLAG != 0, depth)?,
            CALLABLE => {}
            SIGNAL => {
                self.text(false)?;
                self.take(8)?;
            }
            DICTIONARY => {
                let keys = self.element_type(header >> FIRST_KIND_SHIFT)?;
                let values = self.element_type(header >> SECOND_KIND_SHIFT)?;
                for _ in 0..self.count(8, SHARED)? {
                    self.element(keys, depth)?;
                    self.element(values, depth)?;
                }
            }
            ARRAY => {
                let elements = self.element_type(header >> FIRST_KIND_SHIFT)?;
                for _ in 0..self.count(4, SHARED)? {
                    self.element(elements, depth)?;
                }
            }
            PACKED_STRING_ARRAY => {
                for _ in 0..self.count(4, 0)? {
                    self.text(true)?;
                }
            }
            _ => {
                let (is_packed, size) = size(kind, header & FLAG != 0)?;
                let count = if is_packed { self.count(size, 0)? } else { 1 };
                let length = count.checked_mul(size)?.checked_next_multiple_of(4)?;
                self.take(length)?;
            }
        }
        Some(kind)
    }

    fn element_type(&mut self, kind: u32) -> Option<ElementType> {
        match kind & KIND_MASK {
            0 => Some(ElementType::Any),
            1 => {
                let kind = self.number()?;
                (kind <= LAST_TYPE).then_some(ElementType::BuiltIn(kind))
            }
            // A class or a script: the elements are objects.
            _ => {
                self.text(false)?;
                self.allows_objects.then_some(ElementType::BuiltIn(OBJECT))
            }
        }
    }

    fn element(&mut self, expected: ElementType, depth: usize) -> Option<()> {
        let found = self.variant(depth + 1)?;
        match expected {
            ElementType::Any => Some(()),
            ElementType::BuiltIn(kind) => (found == kind).then_some(()),
        }
    }

    fn node_path(&mut self) -> Option<()> {
        // Without the highest bit, it is the format of an engine that is no longer supported.
        let names = self.number()?;
        let count = (names & 0x7FFF_FFFF).checked_add(self.number()?)?;
        let has_property = self.number()? & HAS_PROPERTY != 0;
        for _ in 0..count.checked_add(u32::from(has_property))? {
            self.text(false)?;
        }
        (names >> 31 == 1).then_some(())
    }

    fn object(&mut self, is_id: bool, depth: usize) -> Option<()> {
        if is_id {
            return self.take(8).map(|_| ());
        }
        if !self.allows_objects {
            return None;
        }
        let is_null = self.rest.starts_with(&[0; 4]);
        self.text(false)?;
        if is_null {
            return Some(());
        }
        for _ in 0..self.count(8, 0)? {
            self.text(false)?;
            self.variant(depth + 1)?;
        }
        Some(())
    }
}

/// Whether values of the type `kind` are packed arrays, and the size of a value or of an element.
fn size(kind: u32, is_wide: bool) -> Option<(bool, usize)> {
    // The number of reals, which have four or eight bytes.
    let reals = |count: usize| Some((false, count * if is_wide { 8 } else { 4 }));
    let packed_reals = |count: usize| Some((true, count * if is_wide { 8 } else { 4 }));
    match kind {
        // Null, and a bool.
        0 => Some((false, 0)),
        1 => Some((false, 4)),
        // Int and float.
        2 | 3 => reals(1),
        // Vector2, Vector2i, Rect2, Rect2i.
        5 => reals(2),
        6 => Some((false, 8)),
        7 => reals(4),
        8 => Some((false, 16)),
        // Vector3, Vector3i, Transform2D, Vector4, Vector4i.
        9 => reals(3),
        10 => Some((false, 12)),
        11 => reals(6),
        12 => reals(4),
        13 => Some((false, 16)),
        // Plane, Quaternion, AABB, Basis, Transform3D, Projection.
        14 | 15 => reals(4),
        16 => reals(6),
        17 => reals(9),
        18 => reals(12),
        19 => reals(16),
        // Color, and an RID.
        20 => Some((false, 16)),
        23 => Some((false, 8)),
        // Packed arrays of bytes, of int32, int64, float32, float64, Vector2, Vector3, Color and
        // Vector4.
        29 => Some((true, 1)),
        30 | 32 => Some((true, 4)),
        31 | 33 => Some((true, 8)),
        35 => packed_reals(2),
        36 => packed_reals(3),
        37 => Some((true, 16)),
        38 => packed_reals(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| {
            let mut bytes = words(&[ARRAY, 1]).repeat(depth);
            bytes.extend(words(&[0]));
            bytes
        };
        assert!(is_valid(&nested(MAX_DEPTH), false));
        assert!(!is_valid(&nested(MAX_DEPTH + 1), false));
    }

    #[test]
    fn a_count_larger_than_the_packet_is_not_followed() {
        for kind in [ARRAY, DICTIONARY, PACKED_STRING_ARRAY, 29, 33, 38] {
            assert!(!is_valid(&words(&[kind, 0x7FFF_FFFF]), false), "{kind}");
            assert!(is_valid(&words(&[kind, 0]), false), "{kind}");
        }
    }

    #[test]
    fn objects_are_valid_only_if_allowed() {
        let mut object = words(&[OBJECT, 4]);
        object.extend(b"Node");
        object.extend(words(&[0]));
        assert!(!is_valid(&object, false));
        assert!(is_valid(&object, true));
        let id = words(&[OBJECT | FLAG, 1, 0]);
        assert!(is_valid(&id, false));
    }
}
