//! Texts in C arrays.

use std::ffi::c_char;

/// The text in a C array, up to its NUL or its end.
pub(crate) fn text(array: &[c_char]) -> String {
    let bytes: Vec<u8> = array
        .iter()
        .map(|c| c.to_ne_bytes()[0])
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text in a C array with its length beside it; some firmware pads with spaces.
pub(crate) fn counted_text(array: &[c_char], length: u8) -> String {
    let array = array.get(..usize::from(length)).unwrap_or(array);
    text(array).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_at_their_nul_or_with_the_array() {
        let array = |text: &str| {
            text.bytes()
                .map(|b| c_char::from_ne_bytes([b]))
                .collect::<Vec<_>>()
        };
        assert_eq!(text(&array("abc\0def")), "abc");
        assert_eq!(text(&array("abc")), "abc");
        assert_eq!(counted_text(&array("Hailo-8   rest"), 10), "Hailo-8");
        assert_eq!(counted_text(&array("short"), 200), "short");
    }
}
