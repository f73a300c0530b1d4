//! Signing a library for macOS ad hoc: with hashes of its pages and no certificate. Apple silicon
//! loads no library without them.
//!
//! The layout is that of Apple's `cs_blobs.h` (XNU) and `loader.h`: a super blob with one code
//! directory, at the end of the file. A load command holds its offset and size.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

const MAGIC_64: u32 = 0xfeed_facf;
const HEADER: usize = 32;
const LC_SEGMENT_64: u32 = 0x19;
const LC_CODE_SIGNATURE: u32 = 0x1d;
const LINK_COMMAND: usize = 16;
const PAGE: usize = 4096;
/// The unit in which segments are mapped on Apple silicon.
const SEGMENT_PAGE: u64 = 0x4000;

const SUPER_BLOB: u32 = 0xfade_0cc0;
const SUPER_BLOB_SIZE: usize = 20;
const CODE_DIRECTORY: u32 = 0xfade_0c02;
const CODE_DIRECTORY_SIZE: usize = 88;
const VERSION_WITH_SEGMENT: u32 = 0x2_0400;
const AD_HOC: u32 = 2;
const SHA_256: u8 = 2;
const HASH: usize = 32;

/// Signs a library for one architecture, in place of an existing signature. The system shows the
/// `identifier` as its name.
pub fn ad_hoc(library: &[u8], identifier: &str) -> Result<Vec<u8>> {
    let mut file = File(library.to_vec());
    let layout = file.layout()?;
    let begin = match layout.signature {
        Some(command) => file.u32(command + 8) as usize,
        None => library.len(),
    };
    let begin = begin.next_multiple_of(16);
    file.0.resize(begin, 0);
    let pages = begin.div_ceil(PAGE);
    let directory = CODE_DIRECTORY_SIZE + identifier.len() + 1 + pages * HASH;
    let size = (SUPER_BLOB_SIZE + directory).next_multiple_of(16);

    let command = match layout.signature {
        Some(command) => command,
        None => file.add_command(&layout)?,
    };
    file.put_u32(command + 8, number(begin)?);
    file.put_u32(command + 12, number(size)?);
    let end_of_segment = (begin + size) as u64 - file.u64(layout.link_edit + 40);
    file.put_u64(layout.link_edit + 48, end_of_segment);
    file.put_u64(
        layout.link_edit + 32,
        end_of_segment.next_multiple_of(SEGMENT_PAGE),
    );

    // Everything before the signature is final now, and can be hashed.
    let mut blob = Blob::default();
    blob.u32s(&[
        SUPER_BLOB,
        number(SUPER_BLOB_SIZE + directory)?,
        1,
        0,
        number(SUPER_BLOB_SIZE)?,
    ]);
    blob.u32s(&[
        CODE_DIRECTORY,
        number(directory)?,
        VERSION_WITH_SEGMENT,
        AD_HOC,
        number(CODE_DIRECTORY_SIZE + identifier.len() + 1)?,
        number(CODE_DIRECTORY_SIZE)?,
        0,
        number(pages)?,
        number(begin)?,
    ]);
    blob.0
        .extend([number(HASH)? as u8, SHA_256, 0, PAGE.ilog2() as u8]);
    // No scatter list, no team, no 64-bit code limit.
    blob.u32s(&[0; 4]);
    blob.0.extend([0; 8]);
    for value in [file.u64(layout.text + 40), file.u64(layout.text + 48), 0] {
        blob.0.extend(value.to_be_bytes());
    }
    blob.0.extend(identifier.bytes().chain([0]));
    for page in file.0.chunks(PAGE) {
        blob.0.extend(Sha256::digest(page));
    }
    blob.0.resize(size, 0);
    file.0.extend(blob.0);
    Ok(file.0)
}

fn number(value: usize) -> Result<u32> {
    u32::try_from(value).context("the library is too large to be signed")
}

/// Numbers in big-endian order.
#[derive(Default)]
struct Blob(Vec<u8>);

impl Blob {
    fn u32s(&mut self, values: &[u32]) {
        self.0
            .extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }
}

/// Where things are in a Mach-O file: the offsets of load commands.
struct Layout {
    text: usize,
    link_edit: usize,
    signature: Option<usize>,
    /// The end of the load commands, and the first used byte after them.
    end: usize,
    used: usize,
}

struct File(Vec<u8>);

impl File {
    fn layout(&self) -> Result<Layout> {
        const NOT_MACHO: &str = "it is not a Mach-O library for a 64-bit processor";
        ensure!(self.0.len() >= HEADER && self.u32(0) == MAGIC_64, NOT_MACHO);
        let (mut text, mut link_edit, mut signature, mut used) = (None, None, None, self.0.len());
        let mut at = HEADER;
        for _ in 0..self.u32(16) {
            ensure!(self.0.len() >= at + LINK_COMMAND, NOT_MACHO);
            match self.u32(at) {
                LC_CODE_SIGNATURE => signature = Some(at),
                LC_SEGMENT_64 => {
                    let name = &self.0[at + 8..at + 24];
                    if name.starts_with(b"__TEXT\0") {
                        text = Some(at);
                    } else if name.starts_with(b"__LINKEDIT\0") {
                        link_edit = Some(at);
                    }
                    let sections = (0..self.u32(at + 64) as usize).map(|n| at + 72 + n * 80);
                    let offsets = sections.map(|section| self.u32(section + 48) as usize);
                    used = offsets.filter(|offset| *offset > 0).fold(used, usize::min);
                }
                _ => {}
            }
            at += self.u32(at + 4) as usize;
        }
        Ok(Layout {
            text: text.context(NOT_MACHO)?,
            link_edit: link_edit.context(NOT_MACHO)?,
            signature,
            end: at,
            used,
        })
    }

    /// Puts an empty command for a signature after the others.
    fn add_command(&mut self, layout: &Layout) -> Result<usize> {
        let has_room = layout.end + LINK_COMMAND <= layout.used;
        ensure!(has_room, "its header has no room for a signature");
        self.put_u32(layout.end, LC_CODE_SIGNATURE);
        self.put_u32(layout.end + 4, LINK_COMMAND as u32);
        self.put_u32(16, self.u32(16) + 1);
        self.put_u32(20, self.u32(20) + LINK_COMMAND as u32);
        Ok(layout.end)
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|n| self.0[at + n]))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|n| self.0[at + n]))
    }

    fn put_u32(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A library that has only a text segment with one section, and a link-edit segment.
    fn library() -> Vec<u8> {
        let mut file = File(vec![0; 0x4100]);
        file.put_u32(0, MAGIC_64);
        file.put_u32(16, 2);
        file.put_u32(20, 152 + 72);
        let (text, link_edit) = (HEADER, HEADER + 152);
        for (at, size, name, sections) in [
            (text, 152, &b"__TEXT"[..], 1),
            (link_edit, 72, b"__LINKEDIT", 0),
        ] {
            file.put_u32(at, LC_SEGMENT_64);
            file.put_u32(at + 4, size);
            file.0[at + 8..at + 8 + name.len()].copy_from_slice(name);
            file.put_u32(at + 64, sections);
        }
        file.put_u64(text + 48, 0x4000);
        file.put_u32(text + 72 + 48, 0x1000);
        file.put_u64(link_edit + 40, 0x4000);
        file.put_u64(link_edit + 48, 0x100);
        file.0
    }

    #[test]
    fn every_page_is_hashed_as_it_is_in_the_signed_file() {
        let signed = File(ad_hoc(&library(), "name").unwrap());
        let layout = signed.layout().unwrap();
        let command = layout.signature.unwrap();
        let (begin, size) = (
            signed.u32(command + 8) as usize,
            signed.u32(command + 12) as usize,
        );
        assert_eq!((begin, begin + size), (0x4100, signed.0.len()));
        assert_eq!(signed.u64(layout.link_edit + 48) as usize, 0x100 + size);
        let hashes = &signed.0[begin + SUPER_BLOB_SIZE + CODE_DIRECTORY_SIZE + 5..];
        let pages = signed.0[..begin].chunks(PAGE);
        assert_eq!(pages.len(), 5);
        for (page, hash) in pages.zip(hashes.chunks(HASH)) {
            assert_eq!(Sha256::digest(page).as_slice(), hash);
        }
    }

    #[test]
    fn signing_again_changes_nothing() {
        let signed = ad_hoc(&library(), "name").unwrap();
        assert_eq!(ad_hoc(&signed, "name").unwrap(), signed);
    }

    #[test]
    fn what_cannot_be_signed_is_refused() {
        let error = |library: &[u8]| ad_hoc(library, "name").unwrap_err().to_string();
        assert!(error(b"#!/bin/sh\n").contains("Mach-O"));
        let mut full = File(library());
        full.put_u32(HEADER + 72 + 48, (HEADER + 152 + 72) as u32);
        assert!(error(&full.0).contains("no room"));
    }
}
