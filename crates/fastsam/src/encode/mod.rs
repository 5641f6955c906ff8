//! Masks as others read them: COCO's run lengths and polygons.

pub mod polygon;
pub mod rings;
pub mod rle;
mod transpose;
