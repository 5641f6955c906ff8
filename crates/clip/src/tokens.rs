//! From words to the numbers that CLIP's text encoder reads.
//!
//! Byte pair encoding with the vocabulary of OpenAI's models (49,408 tokens, lower case), between a
//! mark for the start and one for the end, filled up with zeros to 77 as OpenAI's tokenizer does. What
//! is behind the end is never looked at; but models find the end as the largest token, and engines
//! differ in which of several they take.

use instant_clip_tokenizer::{Token, Tokenizer};

use crate::ClipError;

/// Tokens that the encoder reads, marks among them.
pub(crate) const CONTEXT: usize = 77;

/// Makes tokens of texts.
pub struct Tokens {
    tokenizer: Tokenizer,
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

impl Tokens {
    /// A tokenizer with its vocabulary, which takes some milliseconds.
    pub fn new() -> Self {
        Self {
            tokenizer: Tokenizer::new(),
        }
    }

    /// The tokens of a text in any language (English is what the models know), and how many of
    /// them there are up to the end mark. Control characters count as blanks; a mark's name within
    /// the text is read as what it is, letters.
    ///
    /// # Errors
    /// [`ClipError::NoWords`], [`ClipError::TooLong`]: the rest of a long text would be ignored.
    pub fn encode(&self, text: &str) -> Result<([i32; CONTEXT], usize), ClipError> {
        let text = tidy(text);
        let mut words = Vec::new();
        self.tokenizer.encode(&text, &mut words);
        let marks = [self.tokenizer.start_of_text(), self.tokenizer.end_of_text()];
        if words.iter().any(|word| marks.contains(word)) {
            words.clear();
            self.tokenizer.encode(&text.replace('<', "< "), &mut words);
        }
        if words.is_empty() {
            return Err(ClipError::NoWords);
        }
        if words.len() > CONTEXT - 2 {
            return Err(ClipError::TooLong {
                tokens: words.len(),
                most: CONTEXT - 2,
            });
        }
        let number = |token: Token| i32::from(token.to_u16());
        let [start, end] = marks.map(number);
        let mut tokens = [0; CONTEXT];
        tokens[0] = start;
        for (place, word) in tokens[1..].iter_mut().zip(&words) {
            *place = number(*word);
        }
        tokens[words.len() + 1] = end;
        Ok((tokens, words.len() + 2))
    }
}

/// One blank between words, none around them, nothing that can't be seen.
pub(crate) fn tidy(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_the_tokens_of_openai_s_tokenizer() {
        let tokens = Tokens::new();
        for (text, expected) in [
            ("Hi there", &[49406, 1883, 997, 49407][..]),
            ("  hi\n\tTHERE \u{7}", &[49406, 1883, 997, 49407]),
            (
                "a photo of a red car",
                &[49406, 320, 1125, 539, 320, 736, 1615, 49407],
            ),
        ] {
            let (found, length) = tokens.encode(text).unwrap();
            assert_eq!(&found[..length], expected, "{text}");
            assert!(found[length..].iter().all(|&token| token == 0));
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_reason() {
        let tokens = Tokens::new();
        for empty in ["", " \n ", "\u{0}\u{1b}\u{85}"] {
            assert!(matches!(tokens.encode(empty), Err(ClipError::NoWords)));
        }
        let long = "word ".repeat(76);
        let error = tokens.encode(&long).unwrap_err().to_string();
        assert_eq!(
            error,
            "a text of 76 tokens: expected at most 75, about 50 words"
        );
        assert!(tokens.encode(&"word ".repeat(75)).is_ok());
    }

    #[test]
    fn names_of_marks_are_letters() {
        let tokens = Tokens::new();
        for text in [
            "<end_of_text>",
            "a dog <End_Of_Text> cat",
            "x<start_of_text><end_of_text>",
        ] {
            let (found, length) = tokens.encode(text).unwrap();
            assert!(length > 5, "{text}: {length}");
            let within = &found[1..length - 1];
            assert!(within.iter().all(|&token| token < found[0]), "{text}");
        }
    }

    #[test]
    fn texts_in_any_language_have_tokens() {
        let tokens = Tokens::new();
        for text in [
            "rotes Auto",
            "красная машина",
            "赤い車",
            "🚗",
            "\u{202e}x",
            "!?",
        ] {
            let (_, length) = tokens.encode(text).unwrap();
            assert!((3..=CONTEXT).contains(&length), "{text}");
        }
    }
}
