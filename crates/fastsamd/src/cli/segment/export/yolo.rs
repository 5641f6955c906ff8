//! YOLO's segmentation labels (<https://docs.ultralytics.com/datasets/segment/>): a line for each segment, its class and one
//! polygon in shares of the picture.

use std::fmt::Write;

use super::{Found, Outlines};

/// The file of a picture.
pub(in crate::cli::segment) fn yolo(found: &Found<'_>, outlines: &mut Outlines) -> String {
    let (width, height) = (f64::from(found.size.width), f64::from(found.size.height));
    let mut text = String::new();
    for (_, segment) in &found.segments {
        // Writing to memory can't fail.
        let _ = write!(text, "{}", segment.class);
        for [x, y] in outlines.of_all(&segment.mask) {
            let (x, y) = (f64::from(x) / width, f64::from(y) / height);
            // Finer than a pixel of the largest picture.
            let _ = write!(text, " {x:.6} {y:.6}");
        }
        text.push('\n');
    }
    text
}
