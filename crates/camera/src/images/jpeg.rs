//! Whether a JPEG is all there.
//!
//! Decoders fill what is missing of a cut JPEG with grey and say nothing, which suits a browser
//! and not a detector. So the marker structure is walked from the start (ITU-T T.81, annex B) to
//! the end-of-image marker. Searching for that marker's two bytes would not do: the thumbnail in
//! a photo's Exif block has them too.

const PREFIX: u8 = 0xFF;
const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const TEMPORARY: u8 = 0x01;

/// Answers with what is wrong unless the markers lead from the start of the image to its end.
/// What follows the end (padding, a second picture) does not matter.
pub(super) fn check_complete(bytes: &[u8]) -> Result<(), &'static str> {
    const CUT: &str = "the JPEG is cut off: its end marker (FF D9) is missing";

    let mut rest = bytes
        .strip_prefix(&[PREFIX, START_OF_IMAGE])
        .ok_or("not a JPEG: its start marker (FF D8) is missing")?;
    loop {
        let marker;
        (marker, rest) = match rest {
            [] | [PREFIX] => return Err(CUT),
            [PREFIX, marker, rest @ ..] if *marker != PREFIX => (*marker, rest),
            // Fill bytes may stand before a marker; anything else should not, but does.
            [_, behind @ ..] => {
                rest = behind;
                continue;
            }
        };
        if marker == END_OF_IMAGE {
            return Ok(());
        }
        if marker == TEMPORARY || is_restart(marker) {
            continue;
        }
        let [high, low, ..] = rest else {
            return Err(CUT);
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = rest.get(length.max(2)..).ok_or(CUT)?;
        if marker == START_OF_SCAN {
            rest = skip_scan(rest);
        }
    }
}

/// What follows the entropy-coded data: a marker other than a restart, or nothing.
fn skip_scan(data: &[u8]) -> &[u8] {
    let ends = |pair: &[u8]| {
        // A zero after FF makes it data.
        matches!(pair, &[PREFIX, next] if next != 0 && next != PREFIX && !is_restart(next))
    };
    let end = data.windows(2).position(ends).unwrap_or(data.len());
    &data[end..]
}

const fn is_restart(marker: u8) -> bool {
    matches!(marker, 0xD0..=0xD7)
}

#[cfg(test)]
mod tests {
    use super::check_complete;

    #[test]
    fn only_the_images_own_end_counts() {
        let cases: [(&str, &[u8], bool); 11] = [
            ("nothing", &[], false),
            ("start only", &[0xFF, 0xD8], false),
            ("start and end", &[0xFF, 0xD8, 0xFF, 0xD9], true),
            ("fill bytes", &[0xFF, 0xD8, 0xFF, 0xFF, 0xFF, 0xD9], true),
            ("zeros behind", &[0xFF, 0xD8, 0xFF, 0xD9, 0, 0, 0], true),
            (
                "an end inside a segment",
                &[0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD9, 0, 0],
                false,
            ),
            (
                "a segment longer than the file",
                &[0xFF, 0xD8, 0xFF, 0xE1, 0, 60, 0xFF, 0xD9],
                false,
            ),
            (
                "a scan that stops",
                &[0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 2, 0xFF, 0, 3],
                false,
            ),
            (
                "a scan with stuffing and restarts",
                &[
                    0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 0xFF, 0, 0xD9, 0xFF, 0xD3, 2, 0xFF, 0xD9,
                ],
                true,
            ),
            (
                "two scans",
                &[
                    0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 0xFF, 0xC4, 0, 3, 9, 0xFF, 0xDA, 0, 2, 7,
                    0xFF, 0xD9,
                ],
                true,
            ),
            (
                "bytes that are no marker",
                &[0xFF, 0xD8, 0x12, 0x34, 0xFF, 0xD9],
                true,
            ),
        ];
        for (name, bytes, complete) in cases {
            assert_eq!(check_complete(bytes).is_ok(), complete, "{name}");
        }
    }
}
