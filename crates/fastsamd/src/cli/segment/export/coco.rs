//! COCO's instance annotations (<https://cocodataset.org/#format-data>), one file for all inputs.
//!
//! Masks are run lengths, exact, or polygons, one for each part. `iscrowd` is 0 in both cases: it tells groups
//! from objects, and not masks from polygons. `score` is there as COCO's results have it.

use configuration::MaskFormat;
use fastsam::encode::rle::Encoder;
use serde::Serialize;
use tensors::Classes;

use super::{Found, Outlines, name};
use crate::cli::own;

/// The file, as it grows.
#[derive(Debug, Serialize)]
pub(in crate::cli::segment) struct Coco {
    info: Info,
    licenses: [(); 0],
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
    #[serde(skip)]
    encoder: Encoder,
}

#[derive(Debug, Serialize)]
struct Info {
    description: &'static str,
    version: &'static str,
    /// By this fastsamd knows the file again.
    contributor: &'static str,
}

#[derive(Debug, Serialize)]
struct Image {
    id: usize,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize)]
struct Annotation {
    id: usize,
    image_id: usize,
    category_id: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<Segmentation>,
    area: u32,
    bbox: [u32; 4],
    iscrowd: u8,
    score: f32,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Segmentation {
    Rle { size: [u32; 2], counts: String },
    Counts { size: [u32; 2], counts: Vec<u32> },
    Polygons(Vec<Vec<u32>>),
}

#[derive(Debug, Serialize)]
struct Category {
    id: usize,
    name: String,
    supercategory: &'static str,
}

impl Coco {
    /// A file without pictures.
    pub(in crate::cli::segment) fn new() -> Self {
        Self {
            info: Info {
                description: "Segments found by fastsamd",
                version: env!("CARGO_PKG_VERSION"),
                contributor: own::CONTRIBUTOR,
            },
            licenses: [],
            images: Vec::new(),
            annotations: Vec::new(),
            categories: Vec::new(),
            encoder: Encoder::new(),
        }
    }

    /// Adds a picture and its segments. Categories are the network's classes, from 1.
    pub(in crate::cli::segment) fn add(
        &mut self,
        file_name: String,
        found: &Found<'_>,
        format: MaskFormat,
        outlines: &mut Outlines,
    ) {
        if self.categories.len() < found.classes.count() {
            self.categories = categories(found.classes);
        }
        let image_id = self.images.len() + 1;
        self.images.push(Image {
            id: image_id,
            file_name,
            width: found.size.width,
            height: found.size.height,
        });
        for (_, segment) in &found.segments {
            let segmentation = match format {
                MaskFormat::Rle => {
                    let mut counts = Vec::new();
                    self.encoder.encode(&segment.mask, &mut counts);
                    Some(Segmentation::Rle {
                        size: [found.size.height, found.size.width],
                        counts: String::from_utf8_lossy(&counts).into_owned(),
                    })
                }
                MaskFormat::Counts => {
                    let mut counts = Vec::new();
                    self.encoder.lengths(&segment.mask, &mut counts);
                    Some(Segmentation::Counts {
                        size: [found.size.height, found.size.width],
                        counts,
                    })
                }
                MaskFormat::Polygon => {
                    let parts = outlines.of_parts(&segment.mask);
                    let flat = parts.into_iter().map(|part| part.into_flattened());
                    Some(Segmentation::Polygons(flat.collect()))
                }
                MaskFormat::None => None,
            };
            let bbox = segment.bbox;
            self.annotations.push(Annotation {
                id: self.annotations.len() + 1,
                image_id,
                category_id: usize::from(segment.class) + 1,
                segmentation,
                area: segment.area,
                bbox: [bbox.x, bbox.y, bbox.width, bbox.height],
                iscrowd: 0,
                score: segment.score,
            });
        }
    }

    /// The file's text.
    pub(in crate::cli::segment) fn text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

fn categories(classes: &Classes) -> Vec<Category> {
    let category = |class| Category {
        id: class + 1,
        name: name(classes, class),
        supercategory: "",
    };
    (0..classes.count()).map(category).collect()
}
