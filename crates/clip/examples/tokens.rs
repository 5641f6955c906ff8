//! Prints the tokens of its arguments, for scripts that make models.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

fn main() -> Result<(), clip::ClipError> {
    let tokens = clip::Tokens::new();
    for text in std::env::args().skip(1) {
        let (numbers, length) = tokens.encode(&text)?;
        println!("{text}: {:?}", &numbers[1..length - 1]);
    }
    Ok(())
}
