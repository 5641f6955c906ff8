//! Texts, and files of texts' embeddings: taken, or refused with a line.

#![no_main]

use std::sync::LazyLock;

use clip::{ClipError, Known, Tokens};
use libfuzzer_sys::fuzz_target;

static TOKENS: LazyLock<Tokens> = LazyLock::new(Tokens::new);

fuzz_target!(|bytes: &[u8]| {
    if let Err(line) = Known::from_json(bytes) {
        assert!(!line.contains(['\n', '\r']), "{line}");
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match TOKENS.encode(text) {
        Ok((tokens, length)) => {
            let (words, rest) = tokens.split_at(length);
            let marks = [words[0], words[length - 1]];
            assert_eq!(marks, [49406, 49407]);
            assert!(
                words[1..length - 1]
                    .iter()
                    .all(|word| !marks.contains(word)),
                "{text:?}"
            );
            assert!(rest.iter().all(|&token| token == 0));
        }
        Err(ClipError::NoWords) => assert!(
            text.chars().all(|c| c.is_whitespace() || c.is_control()),
            "{text:?}"
        ),
        Err(ClipError::TooLong { tokens, most }) => assert!(tokens > most),
        Err(error) => panic!("{error}"),
    }
});
