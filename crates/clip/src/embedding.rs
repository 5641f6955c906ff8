//! A direction in the space that pictures and words share.

use crate::ClipError;

/// An embedding of length 1; or of length 0, which resembles nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// Scales what an encoder gave to length 1.
    ///
    /// # Errors
    /// [`ClipError::NotFinite`].
    pub fn new(values: &[f32]) -> Result<Self, ClipError> {
        let length = dot(values, values).sqrt();
        if !length.is_finite() {
            return Err(ClipError::NotFinite);
        }
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        Ok(Self(
            values
                .iter()
                .map(|value| (f64::from(*value) * scale) as f32)
                .collect(),
        ))
    }

    /// The direction between several: their sum, scaled to length 1. `None` of none, or where they
    /// differ in dimension.
    pub fn mean(embeddings: &[Self]) -> Option<Self> {
        let mut sum = embeddings.first()?.0.to_vec();
        for embedding in &embeddings[1..] {
            if embedding.dimension() != sum.len() {
                return None;
            }
            for (sum, value) in sum.iter_mut().zip(&embedding.0) {
                *sum += value;
            }
        }
        Self::new(&sum).ok()
    }

    /// How many numbers it has.
    pub fn dimension(&self) -> usize {
        self.0.len()
    }

    /// Its numbers.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The cosine of the angle to another, from -1 to 1; 0 to one of length 0.
    ///
    /// # Errors
    /// [`ClipError::Dimensions`] where they are of different encoders, `self` being the text's.
    pub fn cosine(&self, image: &Self) -> Result<f64, ClipError> {
        if self.dimension() != image.dimension() {
            return Err(ClipError::Dimensions {
                text: self.dimension(),
                image: image.dimension(),
            });
        }
        Ok(dot(&self.0, &image.0).clamp(-1.0, 1.0))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cosine_is_that_of_directions() {
        let of = |values: &[f32]| Embedding::new(values).unwrap();
        let right = of(&[2.0, 0.0]);
        for (other, cosine) in [
            ([5.0, 0.0], 1.0),
            ([0.0, 3.0], 0.0),
            ([-1.0, 0.0], -1.0),
            ([1.0, 1.0], 0.5_f64.sqrt()),
            ([0.0, 0.0], 0.0),
        ] {
            let found = right.cosine(&of(&other)).unwrap();
            assert!((found - cosine).abs() < 1e-6, "{other:?}: {found}");
        }
        assert!(right.cosine(&of(&[1.0])).is_err());
        let between = Embedding::mean(&[of(&[1.0, 0.0]), of(&[0.0, 7.0])]).unwrap();
        assert!((between.values()[0] - between.values()[1]).abs() < 1e-6);
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        for value in [f32::NAN, f32::INFINITY] {
            assert!(Embedding::new(&[1.0, value]).is_err());
        }
    }

    proptest! {
        #[test]
        fn cosines_are_cosines(
            a in prop::collection::vec(-1e18_f32..1e18, 8),
            b in prop::collection::vec(-1e18_f32..1e18, 8),
        ) {
            let (a, b) = (Embedding::new(&a).unwrap(), Embedding::new(&b).unwrap());
            let cosine = a.cosine(&b).unwrap();
            prop_assert!((-1.0..=1.0).contains(&cosine));
            prop_assert_eq!(cosine, b.cosine(&a).unwrap());
        }
    }
}
