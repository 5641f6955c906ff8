//! Answers for `scripts/check-contours`: reads masks on stdin, writes one JSON line for each.
//!
//! A mask is a request line `WIDTH HEIGHT CLOSE OPEN MIN_ISLAND MAX_HOLE`, then its pixels, one
//! byte each, row-major. The contours, components, holes and run lengths are those of the mask as
//! it comes; `cleaned` is the RLE of what the clean-up makes of it.

use std::io::{BufRead, BufWriter, Read, Write};

use fastsam::cleanup::{Cleaner, Cleanup};
use fastsam::component::Labeler;
use fastsam::contour::Tracer;
use fastsam::encode::rle;
use fastsam::{Connectivity, Contours, Mask};
use frame::Size;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = std::io::stdin().lock();
    let mut output = BufWriter::new(std::io::stdout().lock());
    let (mut tracer, mut contours) = (Tracer::new(), Contours::default());
    let (mut labeler, mut encoder, mut cleaner) =
        (Labeler::new(), rle::Encoder::new(), Cleaner::new());
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let numbers = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>()?;
        let &[width, height, close, open, min_island, max_hole] = numbers.as_slice() else {
            return Err(format!("expected six numbers, found {line:?}").into());
        };
        line.clear();
        let size = Size::new(width, height);
        let mut bitmap = vec![0; size.pixels()];
        input.read_exact(&mut bitmap)?;
        let mut mask = Mask::from_bitmap(size, &bitmap).ok_or("a mask has 16-bit sides")?;

        tracer.trace(&mask, &mut contours);
        let chains: Vec<_> = contours.iter().collect();
        let mut areas = |connectivity| {
            let components = labeler.label(&mask, connectivity);
            components.iter().map(|one| one.area).collect::<Vec<_>>()
        };
        let (four, eight) = (areas(Connectivity::Four), areas(Connectivity::Eight));
        let holes: Vec<_> = labeler.holes(&mask).iter().map(|one| one.area).collect();
        let mut counts = Vec::new();
        encoder.encode(&mask, &mut counts);
        let counts = String::from_utf8(counts)?;
        if rle::decode(size, &counts)? != mask {
            return Err(format!("{counts} does not decode to its mask").into());
        }
        let cleanup = Cleanup {
            close,
            open,
            min_island,
            max_hole,
        };
        cleaner.apply(&cleanup, &mut mask);
        let mut cleaned = Vec::new();
        encoder.encode(&mask, &mut cleaned);
        let answer = serde_json::json!({
            "contours": chains,
            "components4": four,
            "components8": eight,
            "holes": holes,
            "counts": counts,
            "cleaned": String::from_utf8(cleaned)?,
        });
        writeln!(output, "{answer}")?;
    }
    Ok(output.flush()?)
}
