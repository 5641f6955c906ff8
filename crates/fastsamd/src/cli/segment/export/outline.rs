//! Masks as closed lines without holes.

use fastsam::{Mask, encode::polygon::Simplifier};

/// A closed line, `[x, y]` on pixel borders.
pub(in crate::cli::segment) type Outline = Vec<[u32; 2]>;

/// How many pairs of points are compared for one mask's cuts; a cut may lie anywhere, and short ones are only nicer.
const MOST_COMPARISONS: usize = 1 << 22;

/// Makes outlines of masks.
#[derive(Debug, Default)]
pub(in crate::cli::segment) struct Outlines {
    simplifier: Simplifier,
    tolerance: f64,
}

impl Outlines {
    /// Outlines that stray at most so many pixels from the masks' borders; with 0 not at all.
    pub(in crate::cli::segment) fn new(tolerance: f64) -> Self {
        Self {
            simplifier: Simplifier::new(),
            tolerance,
        }
    }

    /// An outline for each part of the mask, with its holes.
    pub(super) fn of_parts(&mut self, mask: &Mask) -> Vec<Outline> {
        let mut parts: Vec<Outline> = Vec::new();
        let mut left = MOST_COMPARISONS;
        self.simplifier.rings(mask, self.tolerance, |ring| {
            let corners = ring.points.as_chunks::<2>().0;
            match parts.get_mut(ring.part as usize) {
                Some(outline) => join(outline, corners, &mut left),
                // Parts are met in the order of their numbers, each with its outline first.
                None => parts.push(corners.to_vec()),
            }
        });
        parts
    }

    /// One outline for the whole mask.
    pub(super) fn of_all(&mut self, mask: &Mask) -> Outline {
        let mut parts = self.of_parts(mask).into_iter();
        let mut whole = parts.next().unwrap_or_default();
        let mut left = MOST_COMPARISONS;
        for part in parts {
            join(&mut whole, &part, &mut left);
        }
        whole
    }
}

/// Joins a ring to an outline, by a cut from the outline's nearest point to the ring's first one and back.
fn join(outline: &mut Outline, ring: &[[u32; 2]], left: &mut usize) {
    let Some(&first) = ring.first() else { return };
    let distance = |[x, y]: &[u32; 2]| {
        let [dx, dy] = [x.abs_diff(first[0]), y.abs_diff(first[1])].map(u64::from);
        dx * dx + dy * dy
    };
    let looked_at = outline.len().min(*left).max(1);
    *left -= looked_at.min(*left);
    let nearest = (0..looked_at.min(outline.len())).min_by_key(|&i| distance(&outline[i]));
    let Some(nearest) = nearest else { return };
    let cut = [first, outline[nearest]];
    outline.splice(nearest + 1..nearest + 1, ring.iter().copied().chain(cut));
}

#[cfg(test)]
mod tests {
    use frame::Size;

    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let size = Size::new(rows[0].len() as u32, rows.len() as u32);
        let bitmap: Vec<u8> = rows
            .iter()
            .flat_map(|row| row.bytes().map(|pixel| u8::from(pixel == b'#')))
            .collect();
        Mask::from_bitmap(size, &bitmap).unwrap()
    }

    /// The pixels whose centres the lines enclose an odd number of times.
    fn filled(size: Size, outlines: &[Outline]) -> Mask {
        let inside = |x: u32, y: u32| {
            let crossings = outlines.iter().flat_map(|outline| {
                let next = outline.iter().cycle().skip(1);
                outline.iter().zip(next).filter(move |(a, b)| {
                    let spans = (a[1] <= y) != (b[1] <= y);
                    // Twice the way along the side down to the pixel's centre; cuts are slanted.
                    let [ax, ay, bx, by] = [a[0], a[1], b[0], b[1]].map(f64::from);
                    let (cx, cy) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                    spans && ax + (cy - ay) / (by - ay) * (bx - ax) < cx
                })
            });
            crossings.count() % 2 == 1
        };
        let pixels = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
        let bitmap: Vec<u8> = pixels.map(|(x, y)| u8::from(inside(x, y))).collect();
        Mask::from_bitmap(size, &bitmap).unwrap()
    }

    #[test]
    fn outlines_have_exactly_the_masks_pixels() {
        let cases: [(&str, &[&str], usize); 4] = [
            ("a block", &["....", ".##.", ".##."], 1),
            (
                "holes",
                &["#######", "#.##..#", "####..#", "#.#####", "#######"],
                1,
            ),
            (
                "parts, one with an island in its hole",
                &["#####.#", "#...#.#", "#.#.#..", "#...#.#", "#####.."],
                4,
            ),
            ("corners that touch", &["#.#.", ".#.#", "#.#."], 6),
        ];
        for (name, rows, parts) in cases {
            let mask = mask(rows);
            let found = Outlines::new(0.0).of_parts(&mask);
            assert_eq!(found.len(), parts, "{name}");
            assert_eq!(filled(mask.size(), &found), mask, "{name}");
            let whole = Outlines::new(0.0).of_all(&mask);
            assert_eq!(filled(mask.size(), &[whole]), mask, "{name}, joined");
        }
    }

    #[test]
    fn a_mask_of_noise_is_done_soon() {
        let size = Size::new(500, 500);
        let bitmap: Vec<u8> = (0..500 * 500)
            .map(|i| u8::from(i / 500 % 2 == 0 && i % 2 == 0))
            .collect();
        let mask = Mask::from_bitmap(size, &bitmap).unwrap();
        let whole = Outlines::new(0.0).of_all(&mask);
        assert_eq!(whole.len(), 250 * 250 * 4 + 2 * (250 * 250 - 1));
    }
}
