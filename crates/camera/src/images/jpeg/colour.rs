//! From components to RGB, as libjpeg-turbo and OpenCV do it.
//!
//! Components at half the picture's resolution are interpolated by triangles: a sample's own value counts three
//! quarters and its nearest neighbour's one, along each halved side. Others are repeated. YCbCr becomes RGB by ITU-R BT.601 in 16
//! binary digits. CMYK is taken as Adobe writes it, inverted, whatever the file says: so OpenCV does, and so
//! nearly all files are.

use super::{
    picture::{Component, Picture},
    tables::Hints,
};
use crate::mjpeg::Flaw;

/// What the components mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// The picture's pixels, three bytes each.
pub(super) fn to_rgb(picture: &mut Picture, hints: Hints) -> Result<Vec<u8>, Flaw> {
    let space = space(picture, hints);
    picture.components.iter_mut().for_each(Component::complete);
    let size = picture.size();
    let width = size.width as usize;
    let mut rgb = vec![0; 3 * size.pixels()];
    // A row of each component, and room for what sampling factors add at its end.
    let mut rows = vec![vec![0; width + 8]; picture.components.len()];
    let mut sums = Vec::new();
    for (y, pixels) in rgb.chunks_exact_mut(3 * width).enumerate() {
        for (component, row) in picture.components.iter().zip(&mut rows) {
            upsample(component, picture.most, y, row, &mut sums);
        }
        let pixels = pixels.as_chunks_mut::<3>().0.iter_mut();
        for (x, pixel) in pixels.enumerate() {
            *pixel = match (space, &rows[..]) {
                (Space::Grey, [grey, ..]) => [grey[x]; 3],
                (Space::Rgb, [red, green, blue, ..]) => [red[x], green[x], blue[x]],
                (Space::YCbCr, [luma, blue, red, ..]) => from_ycbcr(luma[x], blue[x], red[x]),
                (Space::Cmyk, [cyan, magenta, yellow, black]) => {
                    [cyan[x], magenta[x], yellow[x]].map(|ink| shaded(ink, black[x]))
                }
                (Space::Ycck, [luma, blue, red, black]) => {
                    from_ycbcr(luma[x], blue[x], red[x]).map(|level| shaded(255 - level, black[x]))
                }
                _ => return Err("a JPEG of an unknown number of colours".to_owned()),
            };
        }
    }
    Ok(rgb)
}

/// Nobody writes down what the colours are; everybody guesses alike.
fn space(picture: &Picture, hints: Hints) -> Space {
    let ids: Vec<u8> = picture
        .components
        .iter()
        .map(|component| component.id)
        .collect();
    match (ids.len(), hints.adobe) {
        (1, _) => Space::Grey,
        (3, _) if hints.is_jfif => Space::YCbCr,
        (3, Some(0)) => Space::Rgb,
        (3, None) if ids == *b"RGB" => Space::Rgb,
        (3, _) => Space::YCbCr,
        (_, None | Some(0)) => Space::Cmyk,
        _ => Space::Ycck,
    }
}

/// Fills `out` with a row of the picture, as wide as the picture.
fn upsample(
    component: &Component,
    most: (usize, usize),
    y: usize,
    out: &mut [u8],
    sums: &mut Vec<u32>,
) {
    let by = (most.0 / component.factors.0, most.1 / component.factors.1);
    let is_wide = component.size.0 > 2;
    let own = component.row(y / by.1);
    // The row that a halved component's row lies next to: its own for the first and the last.
    let near = if y.is_multiple_of(2) {
        component.row((y / by.1).saturating_sub(1))
    } else {
        component.row(y / by.1 + 1)
    };
    match by {
        (1, 1) => out[..own.len()].copy_from_slice(own),
        (2, 1) if is_wide => {
            sums.clear();
            sums.extend(own.iter().map(|&sample| u32::from(sample)));
            widen(sums, out, [1, 2], 2);
        }
        (1, 2) => {
            let bias = if y.is_multiple_of(2) { 1 } else { 2 };
            for ((out, &own), &near) in out.iter_mut().zip(own).zip(near) {
                *out = ((3 * u32::from(own) + u32::from(near) + bias) >> 2) as u8;
            }
        }
        (2, 2) if is_wide => {
            sums.clear();
            sums.extend(
                own.iter()
                    .zip(near)
                    .map(|(&own, &near)| 3 * u32::from(own) + u32::from(near)),
            );
            widen(sums, out, [8, 7], 4);
        }
        (across, _) => {
            for (out, &sample) in out.chunks_mut(across).zip(own) {
                out.fill(sample);
            }
        }
    }
}

/// Interpolates a row to twice its width. `digits` are to be dropped, with these roundings at left and right halves.
fn widen(row: &[u32], out: &mut [u8], [left, right]: [u32; 2], digits: u32) {
    let last = row.len() - 1;
    for (i, pair) in out.chunks_mut(2).take(row.len()).enumerate() {
        let own = row[i];
        let halves = [
            3 * own + row[i.saturating_sub(1)] + left,
            3 * own + row[(i + 1).min(last)] + right,
        ];
        for (out, half) in pair.iter_mut().zip(halves) {
            *out = (half >> digits) as u8;
        }
    }
}

/// YCbCr to RGB.
fn from_ycbcr(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (luma, blue, red) = (i32::from(luma), i32::from(blue) - 128, i32::from(red) - 128);
    [
        luma + ((91_881 * red + HALF) >> 16),
        luma + ((-46_802 * red - 22_554 * blue + HALF) >> 16),
        luma + ((116_130 * blue + HALF) >> 16),
    ]
    .map(|level| level.clamp(0, 255) as u8)
}

/// What an inverted ink leaves of an inverted black.
fn shaded(ink: u8, black: u8) -> u8 {
    let (ink, black) = (u32::from(ink), u32::from(black));
    (black - (((255 - ink) * black) >> 8)) as u8
}
