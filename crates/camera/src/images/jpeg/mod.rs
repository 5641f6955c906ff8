//! Still JPEG pictures of every structure that people have (ITU-T T.81; T.871 for JFIF).
//!
//! One scan or several, sequential or progressive, any sampling factors that divide each other, restarts, grey, YCbCr, RGB, CMYK and
//! YCCK. The pixels are those of libjpeg-turbo, which OpenCV and most programs read JPEG with: the same integers in the
//! inverse DCT, the same interpolation of chroma, the same guesses at the colours.
//!
//! Invariants: a picture that is cut off, or corrupt where that shows, is an error, never a frame that is grey below; one
//! whose end marker alone is missing is whole; what follows the end (padding, a second picture) does not matter; memory is
//! bounded by the caller's check of the size.
//!
//! Why not a crate: zune-jpeg, behind the image crate, makes garbage of scans of one component each, or panics;
//! jpeg-decoder reads all structures and takes RGB for YCbCr; both are up to 4 levels off libjpeg's pixels, and take a
//! picture that is cut off for a whole one. `scripts/compare-pictures` holds this against OpenCV.

mod colour;
mod idct;
mod picture;
mod scan;
mod tables;

use frame::Size;
use image::metadata::Orientation;

use self::{
    picture::Picture,
    tables::{Hints, Tables},
};
use crate::mjpeg::Flaw;

const CUT: &str = "the JPEG is cut off: its end marker (FF D9) is missing";

/// A decoded picture.
pub(super) struct Decoded {
    pub(super) size: Size,
    /// Three bytes for each pixel.
    pub(super) rgb: Vec<u8>,
    /// How it is to be turned.
    pub(super) orientation: Orientation,
}

/// Decodes a file. `check` is asked whether a picture of this size may be decoded.
pub(super) fn decode(
    bytes: &[u8],
    check: impl FnOnce(Size) -> Result<(), Flaw>,
) -> Result<Decoded, Flaw> {
    let mut check = Some(check);
    let mut rest = bytes
        .strip_prefix(&[0xFF, 0xD8])
        .ok_or("not a JPEG: its start marker (FF D8) is missing")?;
    let (mut tables, mut hints) = (Tables::typical(), Hints::default());
    let mut orientation = Orientation::NoTransforms;
    let mut picture: Option<Picture> = None;
    loop {
        let Some((marker, behind)) = next_marker(rest) else {
            // No end marker: whole all the same if nothing can be missing.
            let whole = picture.filter(Picture::has_every_bit).ok_or(CUT)?;
            return finish(whole, hints, orientation);
        };
        rest = behind;
        match marker {
            0xD9 => {
                let picture = picture.filter(Picture::has_every_component);
                let picture = picture.ok_or("the JPEG is corrupt: it ends before its pixels")?;
                return finish(picture, hints, orientation);
            }
            // A start within, markers without a segment, and restarts that belong nowhere.
            0x01 | 0xD0..=0xD8 => continue,
            _ => {}
        }
        let length = rest
            .first_chunk()
            .map_or(0, |&length| usize::from(u16::from_be_bytes(length)));
        let segment = rest.get(2..length.max(2)).ok_or(CUT)?;
        rest = &rest[length.max(2).min(rest.len())..];
        match marker {
            0xC0..=0xC2 => {
                if picture.is_some() {
                    return Err("a JPEG with two frames, which is corrupt".to_owned());
                }
                let found = Picture::read(segment, marker == 0xC2)?;
                if let Some(check) = check.take() {
                    check(found.size())?;
                }
                picture = Some(found);
            }
            0xC4 => tables.read_huffman(segment)?,
            0xC3 | 0xC5..=0xC7 | 0xC8..=0xCB | 0xCD..=0xCF => return Err(foreign(marker)),
            0xDA => {
                let picture = picture
                    .as_mut()
                    .ok_or("a JPEG whose pixels come before its size")?;
                rest = scan::decode(picture, &tables, segment, rest)?;
            }
            0xDB => tables.read_quantization(segment)?,
            0xDD => {
                let interval = segment.first_chunk().ok_or(CUT)?;
                tables.restart_interval = u16::from_be_bytes(*interval).into();
            }
            0xE0 if segment.starts_with(b"JFIF\0") => hints.is_jfif = true,
            0xE1 => {
                let found = segment
                    .strip_prefix(b"Exif\0\0")
                    .and_then(Orientation::from_exif_chunk);
                // A picture whose Exif block is broken is still a picture.
                orientation = found.unwrap_or(orientation);
            }
            0xEE if segment.starts_with(b"Adobe") => hints.adobe = segment.get(11).copied(),
            _ => {}
        }
    }
}

fn finish(mut picture: Picture, hints: Hints, orientation: Orientation) -> Result<Decoded, Flaw> {
    Ok(Decoded {
        size: picture.size(),
        rgb: colour::to_rgb(&mut picture, hints)?,
        orientation,
    })
}

/// The next marker and what stands behind it. Fill bytes may stand before it, and whatever else should not but does.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF);
    let at = bytes.windows(2).position(is_marker)?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

/// What a JPEG is that nearly nobody writes and nearly nothing reads.
fn foreign(marker: u8) -> Flaw {
    let what = match marker {
        0xC3 => "a lossless JPEG",
        0xC5..=0xC7 => "a hierarchical JPEG",
        0xC9..=0xCB | 0xCD..=0xCF => "a JPEG with arithmetic coding",
        _ => "a JPEG of a kind that the standard has no name for",
    };
    let convert = if what.contains("arithmetic") {
        "jpegtran -optimize IN > OUT.jpg (package libjpeg-turbo-progs)"
    } else {
        "magick IN OUT.png"
    };
    format!("{what}, which fastsamd can't read; convert it, for example with: {convert}")
}

#[cfg(test)]
mod tests;
