//! How many of a mask's pixels lie in a zone: what `scripts/check-zones` judges.
//!
//! Reads JSON lines from stdin, `{"size": [width, height], "polygon": [[x, y], ..], "share": bool, "runs": [[y, start,
//! end], ..]}`, and writes a number for each, or `null` where the zone can't be.
#![allow(clippy::print_stdout, clippy::expect_used)]

use std::io::{BufRead, Write};

use fastsam::{MaskSize, Run, prompt::Canvas};
use frame::{InputSize, Letterbox, Size};
use serde::Deserialize;
use track::{Polygon, Unit};

#[derive(Deserialize)]
struct Case {
    size: [u32; 2],
    polygon: Vec<[f32; 2]>,
    share: bool,
    runs: Vec<[u16; 3]>,
}

fn main() {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line.expect("a line")).expect("a case");
        let unit = if case.share {
            Unit::Share
        } else {
            Unit::Pixels
        };
        let canvas = Canvas {
            letterbox: Letterbox::fit(Size::new(case.size[0], case.size[1]), InputSize::DEFAULT),
            mask_size: MaskSize::Frame,
        };
        let mask: Vec<Run> = case
            .runs
            .iter()
            .map(|&[y, start, end]| Run { y, start, end })
            .collect();
        let area = Polygon::new(case.polygon, unit).map(|zone| zone.rasterize(&canvas));
        let answer = match area {
            Ok(Ok(area)) => area.count(&mask).to_string(),
            Ok(Err(_)) => "0".to_owned(),
            Err(_) => "null".to_owned(),
        };
        writeln!(out, "{answer}").expect("a reader");
    }
}
