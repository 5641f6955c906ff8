//! Answers from a recording, whatever the input.
