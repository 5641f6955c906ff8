//! Masks for tests: painted ones, and arbitrary ones for properties.

use frame::Size;
use proptest::prelude::*;

use crate::Mask;

/// A mask from rows of text, in which `#` is foreground.
pub(crate) fn mask(rows: &[&str]) -> Mask {
    let size = Size::new(rows[0].len() as u32, rows.len() as u32);
    let bitmap: Vec<u8> = rows
        .iter()
        .flat_map(|row| row.bytes().map(|pixel| u8::from(pixel == b'#')))
        .collect();
    Mask::from_bitmap(size, &bitmap).expect("rows of one length")
}

/// Noise of any density and boxes put over each other, so that there are islands in holes, lines
/// one pixel wide, and foreground at every border.
pub(crate) fn any_mask() -> impl Strategy<Value = Mask> {
    let noise = (0.0..1.0_f64).prop_flat_map(|density| {
        sized(move |size| {
            prop::collection::vec(
                prop::bool::weighted(density).prop_map(u8::from),
                size.pixels(),
            )
        })
    });
    let boxes = sized(|size| {
        let side = |length: u32| (0..length, 1..=length);
        prop::collection::vec((side(size.width), side(size.height)), 0..8).prop_map(
            move |rectangles| {
                let mut bitmap = vec![0; size.pixels()];
                for ((x, width), (y, height)) in rectangles {
                    for y in y..(y + height).min(size.height) {
                        for x in x..(x + width).min(size.width) {
                            bitmap[(y * size.width + x) as usize] ^= 1;
                        }
                    }
                }
                bitmap
            },
        )
    });
    prop_oneof![noise, boxes]
}

fn sized<S: Strategy<Value = Vec<u8>>>(bitmap: impl Fn(Size) -> S) -> impl Strategy<Value = Mask> {
    (1..24_u32, 1..24_u32).prop_flat_map(move |(width, height)| {
        let size = Size::new(width, height);
        bitmap(size).prop_map(move |bitmap| {
            Mask::from_bitmap(size, &bitmap).expect("the bitmap has this size")
        })
    })
}

/// The pixel at `x, y`; `None` outside.
pub(crate) fn pixel(mask: &Mask, x: i64, y: i64) -> Option<bool> {
    let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
    (x < mask.size().width && y < mask.size().height).then(|| mask.contains(x, y))
}

/// Parts of equal pixels, each with its pixels in reading order: flood filling, for comparison.
pub(crate) fn parts(mask: &Mask, foreground: bool, eight: bool) -> Vec<Vec<[i64; 2]>> {
    let (width, height) = (i64::from(mask.size().width), i64::from(mask.size().height));
    let mut seen = vec![false; mask.size().pixels()];
    let mut parts = Vec::new();
    for start in 0..width * height {
        let mut part = Vec::new();
        let mut pending = vec![[start % width, start / width]];
        while let Some([x, y]) = pending.pop() {
            if pixel(mask, x, y) != Some(foreground)
                || std::mem::replace(&mut seen[(y * width + x) as usize], true)
            {
                continue;
            }
            part.push([x, y]);
            for [dx, dy] in NEIGHBOURS {
                if eight || dx == 0 || dy == 0 {
                    pending.push([x + dx, y + dy]);
                }
            }
        }
        if !part.is_empty() {
            part.sort_by_key(|&[x, y]| [y, x]);
            parts.push(part);
        }
    }
    parts
}

/// Parts of the background that don't reach the picture's border.
pub(crate) fn holes(mask: &Mask) -> Vec<Vec<[i64; 2]>> {
    let (width, height) = (i64::from(mask.size().width), i64::from(mask.size().height));
    let mut holes = parts(mask, false, false);
    holes.retain(|part| {
        part.iter()
            .all(|&[x, y]| x > 0 && y > 0 && x + 1 < width && y + 1 < height)
    });
    holes
}

/// The eight neighbours of a pixel, from the right one on, counter-clockwise in the picture.
pub(crate) const NEIGHBOURS: [[i64; 2]; 8] = [
    [1, 0],
    [1, -1],
    [0, -1],
    [-1, -1],
    [-1, 0],
    [-1, 1],
    [0, 1],
    [1, 1],
];
