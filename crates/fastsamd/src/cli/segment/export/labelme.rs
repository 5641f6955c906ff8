//! labelme's annotations (<https://github.com/wkentaro/labelme>): polygons, of which those of one segment are a group.

use std::path::Path;

use serde::Serialize;

use super::{Found, Outlines, outline::Outline};

/// The version of labelme whose files these are.
const VERSION: &str = "5.5.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    version: &'static str,
    flags: Empty,
    shapes: Vec<Shape>,
    image_path: &'a str,
    image_data: Option<&'static str>,
    image_height: u32,
    image_width: u32,
    /// By this fastsamd knows the file again; labelme keeps what it does not know.
    fastsamd: Origin<'a>,
}

#[derive(Serialize)]
struct Origin<'a> {
    input: &'a str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Shape {
    label: String,
    points: Outline,
    group_id: Option<u64>,
    description: String,
    shape_type: &'static str,
    flags: Empty,
}

/// The file of a picture. `folder` is where it goes, from which the picture is named.
pub(in crate::cli::segment) fn labelme(
    found: &Found<'_>,
    folder: Option<&Path>,
    outlines: &mut Outlines,
) -> anyhow::Result<String> {
    let mut shapes = Vec::new();
    for &(number, segment) in &found.segments {
        let parts = outlines.of_parts(&segment.mask);
        let is_group = parts.len() > 1;
        shapes.extend(parts.into_iter().map(|points| Shape {
            label: found.name(segment.class),
            points,
            group_id: is_group.then_some(number),
            description: format!("{:.3}", segment.score),
            shape_type: "polygon",
            flags: Empty {},
        }));
    }
    let path = Path::new(found.address);
    let beside = folder.and_then(|folder| path.strip_prefix(folder).ok()?.to_str());
    Ok(serde_json::to_string(&File {
        version: VERSION,
        flags: Empty {},
        shapes,
        image_path: beside.unwrap_or(found.address),
        image_data: None,
        image_height: found.size.height,
        image_width: found.size.width,
        fastsamd: Origin {
            input: found.address,
        },
    })?)
}
