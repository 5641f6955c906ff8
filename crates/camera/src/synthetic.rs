//! Moving, overlapping, textured objects with known ground truth.
