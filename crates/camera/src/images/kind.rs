//! What a file is, by its first bytes: names lie.

use image::ImageFormat;

/// Bytes that tell.
pub(super) const START: usize = 64;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    /// What the image crate reads.
    Readable(ImageFormat),
    /// A picture, or something like one, that can't be read.
    Foreign {
        name: &'static str,
        /// What makes something of it that can.
        convert: &'static str,
    },
}

const fn foreign(name: &'static str, convert: &'static str) -> Kind {
    Kind::Foreign { name, convert }
}

/// What a file is that starts so.
pub(super) fn of(start: &[u8]) -> Option<Kind> {
    let at_8 = start.get(8..12).unwrap_or_default();
    let kinds: [(&[u8], Kind); 13] = [
        (b"\xff\xd8", Kind::Jpeg),
        (b"\x89PNG\r\n\x1a\n", Kind::Readable(ImageFormat::Png)),
        (b"GIF8", Kind::Readable(ImageFormat::Gif)),
        (b"BM", Kind::Readable(ImageFormat::Bmp)),
        (b"II*\0", Kind::Readable(ImageFormat::Tiff)),
        (b"MM\0*", Kind::Readable(ImageFormat::Tiff)),
        (
            b"\xff\x0a",
            foreign(
                "a JPEG XL picture",
                "djxl IN OUT.png (package libjxl-tools)",
            ),
        ),
        (
            b"\0\0\0\x0cJXL ",
            foreign(
                "a JPEG XL picture",
                "djxl IN OUT.png (package libjxl-tools)",
            ),
        ),
        (
            b"\0\0\0\x0cjP  ",
            foreign(
                "a JPEG 2000 picture",
                "opj_decompress -i IN -o OUT.png (package libopenjp2-tools)",
            ),
        ),
        (
            b"8BPS",
            foreign("a Photoshop file", "magick 'IN[0]' OUT.png"),
        ),
        (
            b"%PDF",
            foreign("a PDF file", "pdftoppm -png IN OUT (package poppler-utils)"),
        ),
        (
            b"<svg",
            foreign(
                "an SVG drawing",
                "rsvg-convert IN > OUT.png (package librsvg2-bin)",
            ),
        ),
        (
            b"II+\0",
            foreign(
                "a BigTIFF picture",
                "tiffcp -4 IN OUT.tif (package libtiff-tools)",
            ),
        ),
    ];
    let known = kinds
        .iter()
        .find(|(signature, _)| start.starts_with(signature));
    if let Some(&(_, kind)) = known {
        return Some(kind);
    }
    if start.starts_with(b"RIFF") && at_8 == b"WEBP" {
        return Some(Kind::Readable(ImageFormat::WebP));
    }
    // ISO base media files: a box of type `ftyp` with the brand, and the brands that it is compatible with.
    if start.get(4..8) == Some(b"ftyp") {
        let mut brands = start[8..].as_chunks::<4>().0.iter();
        let convert = "heif-convert IN OUT.jpg (package libheif-examples)";
        return Some(match at_8 {
            b"avif" | b"avis" => AVIF,
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => {
                foreign("a HEIC picture", convert)
            }
            b"mif1" | b"msf1" if brands.any(|brand| brand == b"avif") => AVIF,
            b"mif1" | b"msf1" => foreign("a HEIF picture", convert),
            _ => foreign("a film or a raw photo", "ffmpeg -i IN -frames:v 1 OUT.png"),
        });
    }
    None
}

const AVIF: Kind = foreign(
    "an AVIF picture",
    "avifdec IN OUT.png (package libavif-bin)",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let name = |start: &[u8]| match of(start) {
            Some(Kind::Foreign { name, .. }) => name,
            Some(Kind::Jpeg) => "jpeg",
            Some(Kind::Readable(_)) => "readable",
            None => "nothing",
        };
        for (start, expected) in [
            (&b"\xff\xd8\xff\xe0"[..], "jpeg"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "readable"),
            (b"RIFF\x10\0\0\0AVI LIST", "nothing"),
            (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0miafavif", "an AVIF picture"),
            (b"\0\0\0\x1cftypheic\0\0\0\0", "a HEIC picture"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0miafheic", "a HEIF picture"),
            (b"\0\0\0\x1cftypisom\0\0\0\0", "a film or a raw photo"),
            (b"ftyp", "nothing"),
            (b"\0\0\0\x1cftyp", "a film or a raw photo"),
            (b"", "nothing"),
        ] {
            assert_eq!(name(start), expected, "{start:?}");
        }
    }
}
