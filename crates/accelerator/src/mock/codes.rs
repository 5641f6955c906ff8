//! Codes that tell regions apart: unit vectors over the prototypes, no two of them alike.
//!
//! First the prototypes themselves, one each. Then the rows of a Walsh-Hadamard matrix and their
//! negatives, which are at right angles but for 1/31, and have no large entry. Last, for pictures
//! no camera takes, pseudo-random vectors, as many as there can be regions.

use std::array;

use super::regions::MAX_REGIONS;
use tensors::PROTOTYPE_CHANNELS;

/// Entries of a code: prototype 0 is everyone's.
pub(super) const CODE_LENGTH: usize = PROTOTYPE_CHANNELS - 1;
/// No two codes' scalar product is larger: less than the one half at which a mask ends.
const MOST_ALIKE: f32 = 0.45;

pub(super) type Code = [f32; CODE_LENGTH];

/// As many codes as there can be regions; the first [`CODE_LENGTH`] are one prototype each.
#[derive(Debug)]
pub(super) struct Codes(Vec<Code>);

impl Default for Codes {
    fn default() -> Self {
        let mut codes: Vec<Code> = (0..CODE_LENGTH)
            .map(|own| array::from_fn(|entry| if entry == own { 1.0 } else { 0.0 }))
            .collect();
        for row in 0..PROTOTYPE_CHANNELS {
            let code = walsh(row);
            codes.push(code);
            codes.push(code.map(|entry| -entry));
        }
        let mut random = Random(1);
        while codes.len() < MAX_REGIONS {
            let code = random.unit_vector();
            if codes
                .iter()
                .all(|other| likeness(&code, other) <= MOST_ALIKE)
            {
                codes.push(code);
            }
        }
        Self(codes)
    }
}

impl Codes {
    /// The `n`-th code.
    pub(super) fn get(&self, n: usize) -> &Code {
        &self.0[n]
    }
}

fn likeness(a: &Code, b: &Code) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A row of the Walsh-Hadamard matrix without its first column, in which all rows are the same.
fn walsh(row: usize) -> Code {
    let length = (CODE_LENGTH as f32).sqrt();
    array::from_fn(|entry| {
        let odd = (row & (entry + 1)).count_ones() % 2 == 1;
        if odd { -1.0 / length } else { 1.0 / length }
    })
}

/// SplitMix64 (Steele et al. 2014): a few lines, and the same everywhere.
struct Random(u64);

impl Random {
    /// From -1 to 1.
    fn number(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn unit_vector(&mut self) -> Code {
        let code: Code = array::from_fn(|_| self.number());
        let length = likeness(&code, &code).sqrt();
        code.map(|entry| entry / length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_codes_are_alike() {
        let codes = Codes::default();
        for i in 0..MAX_REGIONS {
            for j in 0..MAX_REGIONS {
                let alike = likeness(codes.get(i), codes.get(j));
                if i == j {
                    assert!((alike - 1.0).abs() < 1e-5, "{i}: {alike}");
                } else {
                    assert!(alike <= MOST_ALIKE, "{i} and {j}: {alike}");
                }
            }
        }
    }

    #[test]
    fn codes_before_the_random_ones_are_nearly_at_right_angles() {
        let codes = Codes::default();
        for i in 0..CODE_LENGTH + 2 * PROTOTYPE_CHANNELS {
            for j in 0..i {
                let alike = likeness(codes.get(i), codes.get(j));
                assert!(alike < 0.2, "{i} and {j}: {alike}");
            }
        }
    }
}
