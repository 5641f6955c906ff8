//! What is watched for in a camera's pictures: zones, lines, and what is to be ignored.
//!
//! Coordinates are pixels of the frame. Where all of a shape lie between 0 and 1 they are shares of its width
//! and height: as pixels, nothing would fit into such a shape.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use track::{Anchor, GeometryError, Inside, Line, Polygon, Tripwire, Unit};

use crate::{
    check::{self, bounded},
    named::Named,
    number,
};

/// Zones or lines of a camera, at most: each costs its time on every frame.
pub const MAX_AREAS: usize = 32;

/// How long an object must be seen, stand or be gone before that is an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tracking {
    /// Seconds that an object must be seen before it has appeared. Default: 0.5, longer than most noise lasts.
    #[serde(deserialize_with = "seconds")]
    #[schemars(range(min = 0, max = 3600))]
    pub appear_after_s: f64,
    /// Seconds that an object may be hidden and still be the same one; then it has left. Default: 5,
    /// longer than most things stay behind others.
    #[serde(deserialize_with = "lost_after_s")]
    #[schemars(range(min = 0.1, max = 3600))]
    pub lost_after_s: f64,
    /// Seconds without movement after which an object stands still. Default: 2.
    #[serde(deserialize_with = "seconds")]
    #[schemars(range(min = 0, max = 3600))]
    pub still_after_s: f64,
}

bounded!(seconds: f64, 0.0..=3600.0);
bounded!(lost_after_s: f64, 0.1..=3600.0);
bounded!(share: f64, 0.01..=1.0);

impl Default for Tracking {
    fn default() -> Self {
        Self {
            appear_after_s: 0.5,
            lost_after_s: 5.0,
            still_after_s: 2.0,
        }
    }
}

impl Tracking {
    /// When ids begin and end.
    pub fn settings(&self) -> track::Settings {
        track::Settings {
            lost_for: Duration::from_secs_f64(self.lost_after_s),
            ..track::Settings::default()
        }
    }

    /// What is watched for with these zones, lines and ignored areas.
    pub fn watch(&self, zones: &[Zone], lines: &[Crossing], ignored: &[Corners]) -> track::Watch {
        track::Watch {
            zones: zones.iter().map(Zone::track).collect(),
            lines: lines.iter().map(Crossing::track).collect(),
            ignored: ignored.iter().map(|corners| corners.0.clone()).collect(),
            appear_after: Duration::from_secs_f64(self.appear_after_s),
            still_after: Duration::from_secs_f64(self.still_after_s),
        }
    }
}

/// The corners of an area: a polygon whose sides do not cross.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "Vec<[f64; 2]>")]
pub struct Corners(Polygon);

impl Serialize for Corners {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.corners().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Corners {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let corners = Vec::<[f32; 2]>::deserialize(deserializer)?;
        let unit = unit(&corners);
        Polygon::new(corners, unit)
            .map(Self)
            .map_err(|error| D::Error::custom(advice(error)))
    }
}

/// What coordinates are measured in.
fn unit(points: &[[f32; 2]]) -> Unit {
    let is_share = |coordinate: &f32| (0.0..=1.0).contains(coordinate);
    if points.iter().flatten().all(is_share) {
        Unit::Share
    } else {
        Unit::Pixels
    }
}

fn advice(error: GeometryError) -> String {
    match error {
        GeometryError::OutOfRange { .. } => {
            format!("{error}, or shares of the frame where all lie between 0 and 1")
        }
        other => other.to_string(),
    }
}

/// An area in which objects are counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its name in topics and events; no two zones of a camera may share one.
    #[serde(deserialize_with = "check::topic_level")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,64}$"))]
    pub name: String,
    /// Its corners, `[[x, y], [x, y], [x, y], ...]`, one after the other around it: in pixels, or all of them
    /// between 0 and 1 as shares of the frame's width and height.
    pub polygon: Corners,
    /// An object is inside when at least this share of its mask is. Default: 0.5.
    #[serde(default = "half", deserialize_with = "share")]
    #[schemars(range(min = 0.01, max = 1))]
    pub min_overlap: f64,
    /// Judge a point of the mask's box instead of the mask: `centre`, `bottom` (the middle of the lower side)
    /// or `top`.
    #[serde(default)]
    pub point: Option<Point>,
    /// Seconds that an object must be inside, or outside, before it has entered or left. Default: 0.5.
    #[serde(default = "half", deserialize_with = "seconds")]
    #[schemars(range(min = 0, max = 3600))]
    pub inertia_s: f64,
    /// Seconds that an object must stay to loiter. Default: null, nobody asks.
    #[serde(default, deserialize_with = "optional_seconds")]
    #[schemars(range(min = 0, max = 86_400))]
    pub loiter_s: Option<f64>,
    /// Objects of fewer pixels are not inside. Default: 0.
    #[serde(default)]
    pub min_area: u32,
    /// Objects of more pixels are not inside. Default: null, no limit.
    #[serde(default)]
    pub max_area: Option<u32>,
}

/// A point of a mask's box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Point {
    /// The middle.
    #[default]
    Centre,
    /// The middle of the lower side: where something stands.
    Bottom,
    /// The middle of the upper side.
    Top,
}

impl From<Point> for Anchor {
    fn from(point: Point) -> Self {
        match point {
            Point::Centre => Self::Centre,
            Point::Bottom => Self::BottomCentre,
            Point::Top => Self::TopCentre,
        }
    }
}

fn half() -> f64 {
    0.5
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    number::optional_within(deserializer, 0.0..=86_400.0)
}

impl Named for Zone {
    const KIND: [&'static str; 2] = ["zone", "zones"];
    const MOST: usize = MAX_AREAS;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), String> {
        Self::check(self)
    }
}

impl Zone {
    /// What is wrong with its keys together.
    pub fn check(&self) -> Result<(), String> {
        let max_area = self.max_area.unwrap_or(u32::MAX);
        if self.min_area > max_area {
            return Err(format!(
                "min_area {} is above max_area {max_area}: no object fits",
                self.min_area
            ));
        }
        Ok(())
    }

    fn track(&self) -> track::Zone {
        track::Zone {
            inside: match self.point {
                Some(point) => Inside::Point(point.into()),
                None => Inside::Share(self.min_overlap as f32),
            },
            inertia: Duration::from_secs_f64(self.inertia_s),
            loiter: self.loiter_s.map(Duration::from_secs_f64),
            min_area: self.min_area,
            max_area: self.max_area.unwrap_or(u32::MAX),
            ..track::Zone::new(self.polygon.0.clone())
        }
    }
}

/// A line that objects cross.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// Its name in events; no two lines of a camera may share one.
    #[serde(deserialize_with = "check::topic_level")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,64}$"))]
    pub name: String,
    /// Its ends, `[[x, y], [x, y]]`: in pixels, or all between 0 and 1 as shares of the frame. Seen from the first
    /// end looking to the second, objects cross it `left_to_right` or `right_to_left`.
    pub ends: Ends,
    /// The point of a mask's box that crosses it: `centre` (default), `bottom` or `top`.
    #[serde(default)]
    pub point: Point,
}

/// The two ends of a line.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(with = "[[f64; 2]; 2]")]
pub struct Ends(Line);

impl Serialize for Ends {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.ends().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ends {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ends = Vec::<[f32; 2]>::deserialize(deserializer)?;
        let &[from, to] = &ends[..] else {
            return Err(D::Error::custom(format_args!(
                "{} points: a line has two ends, [[x, y], [x, y]]",
                ends.len()
            )));
        };
        Line::new(from, to, unit(&ends))
            .map(Self)
            .map_err(|error| D::Error::custom(advice(error)))
    }
}

impl Named for Crossing {
    const KIND: [&'static str; 2] = ["line", "lines"];
    const MOST: usize = MAX_AREAS;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Crossing {
    fn track(&self) -> Tripwire {
        Tripwire {
            line: self.ends.0,
            anchor: self.point.into(),
        }
    }
}

/// The areas to be ignored.
pub(crate) fn ignored<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Corners>, D::Error> {
    let all = Vec::<Corners>::deserialize(d)?;
    if all.len() > MAX_AREAS {
        return Err(D::Error::custom(format_args!(
            "expected at most {MAX_AREAS} areas"
        )));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> Result<Zone, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn shapes_are_in_pixels_or_in_shares() {
        let shares = zone(r#"{"name": "a", "polygon": [[0, 0], [1, 0], [0.5, 1]]}"#).unwrap();
        let pixels = zone(r#"{"name": "a", "polygon": [[0, 0], [100, 0], [0.5, 1]]}"#).unwrap();
        let polygon = |corners: [[f32; 2]; 3], unit| Polygon::new(corners.to_vec(), unit).unwrap();
        assert_eq!(
            shares.polygon.0,
            polygon([[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]], Unit::Share)
        );
        assert_eq!(
            pixels.polygon.0,
            polygon([[0.0, 0.0], [100.0, 0.0], [0.5, 1.0]], Unit::Pixels)
        );
        // As it is shown, it is read again.
        let again = serde_json::to_string(&shares).unwrap();
        assert_eq!(zone(&again).unwrap(), shares);
    }

    #[test]
    fn what_is_no_shape_is_refused_with_its_reason() {
        let many = format!("[{}]", vec!["[1, 2]"; 10_000].join(","));
        for (polygon, reason) in [
            ("[[0, 0], [1, 1]]", "2 corners make no area"),
            ("[[0, 0], [1, 1], [1, 0], [0, 1]]", "cross"),
            ("[[0, 0], [9, 0], [-1, 9]]", "corner 3 is at -1, 9"),
            ("[[0, 0], [9, 0], [9, 0], [0, 9]]", "the same point"),
            ("[[0, 0], [9, 0], [1e39, 9]]", ""),
            ("[[0, 0, 5], [9, 0], [1, 9]]", ""),
            (many.as_str(), "too many"),
        ] {
            let error = zone(&format!(r#"{{"name": "a", "polygon": {polygon}}}"#)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        for (ends, reason) in [
            ("[[0, 0]]", "1 points"),
            ("[[3, 4], [3, 4]]", "the same point"),
        ] {
            let text = format!(r#"{{"name": "a", "ends": {ends}}}"#);
            let error = serde_json::from_str::<Crossing>(&text).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
