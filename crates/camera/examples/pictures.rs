//! Reads paths from standard input and writes each picture's pixels beside it, as `PATH.rgb`: what
//! `scripts/compare-pictures` holds against OpenCV's.
//!
//! A line of standard output for each path: `PATH\tWIDTH\tHEIGHT\tCAUSE`, the cause being empty where there is a picture.

use std::{
    fs,
    io::{self, BufRead, Write},
    path::Path,
};

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for path in io::stdin().lock().lines() {
        let path = path?;
        match camera::images::load(Path::new(&path)) {
            Ok(frame) => {
                fs::write(format!("{path}.rgb"), &frame.data)?;
                writeln!(
                    output,
                    "{path}\t{}\t{}\t",
                    frame.size.width, frame.size.height
                )?;
            }
            Err(error) => writeln!(output, "{path}\t0\t0\t{error}")?,
        }
    }
    Ok(())
}
