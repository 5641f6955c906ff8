//! Segments in the forms of other programs: COCO's, YOLO's and labelme's.
//!
//! All of them know polygons without holes alone. A hole is therefore joined to its outline by a cut of no width, there and
//! back, which changes no pixel under any fill rule that these programs have.

mod coco;
mod labelme;
mod outline;
mod yolo;

use fastsam::Segment;
use frame::Size;
use tensors::Classes;

pub(super) use coco::Coco;
pub(super) use labelme::labelme;
pub(super) use outline::Outlines;
pub(super) use yolo::yolo;

/// What was found in one input.
pub(super) struct Found<'a> {
    /// Its absolute path.
    pub(super) address: &'a str,
    /// Columns and rows of the picture, and of the masks.
    pub(super) size: Size,
    pub(super) classes: &'a Classes,
    /// Each with its number, in the order of the message.
    pub(super) segments: Vec<(u64, &'a Segment)>,
}

impl Found<'_> {
    /// What a class is called; FastSAM knows one without a name.
    fn name(&self, class: u16) -> String {
        name(self.classes, class.into())
    }
}

fn name(classes: &Classes, class: usize) -> String {
    match classes.name(class) {
        _ if !classes.are_told_apart() => "object".to_owned(),
        Some(name) => name.to_owned(),
        None => format!("class {class}"),
    }
}
