//! Prompts as they come in, and what of their answers goes beside the chosen segments.
//!
//! An answer is a `masks` message with the chosen segments alone, in the order of the prompt; each
//! keeps the `id` it has among all segments of its frame. `prompt` says which part of the prompt
//! chose which.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Parts of one prompt, at most: more is a mistake, or somebody who wishes us ill.
pub const MAX_PARTS: usize = 1000;

/// Characters of a text, at most; the text model looks at 77 words at most.
pub const MAX_TEXT: usize = 1000;

/// What is wanted of a frame. Points, boxes, ids and text may stand together: whatever one of them
/// chooses is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prompt {
    /// Positions, all together one question: what lies under those labelled 1 and under none of
    /// those labelled 0.
    #[serde(deserialize_with = "parts", skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
    /// The points' labels, where they don't stand with the points: 1 wanted, 0 not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<u8>,
    /// Boxes `[x1, y1, x2, y2]`, each a question of its own: which mask fills it best.
    #[serde(deserialize_with = "parts", skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<[f64; 4]>,
    /// Objects, by the `id` that they have in `masks`.
    #[serde(deserialize_with = "parts", skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<u64>,
    /// Words for what is wanted.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Which of the masks under a point.
    pub select: Select,
    /// A mask must fill a box with at least this intersection over union.
    #[schemars(range(min = 0, max = 1))]
    pub min_iou: f64,
    /// A mask must resemble the text with at least this cosine; by default as the daemon is
    /// configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 1))]
    pub min_similarity: Option<f64>,
    /// Coordinates from 0 to 1 across the frame instead of pixels.
    pub normalized: bool,
    /// The union of what was chosen is wanted too.
    pub union: bool,
}

/// Which of the masks under a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Select {
    /// The smallest: the object, not what it stands on.
    #[default]
    Smallest,
    /// The one of the best score.
    Best,
    /// All of them.
    All,
}

/// A position: `[x, y]`, or `[x, y, label]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Rightwards.
    pub x: f64,
    /// Downwards.
    pub y: f64,
    /// 1 wanted, 0 not; wanted where it is left out.
    pub label: Option<u8>,
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.label {
            Some(label) => (self.x, self.y, label).serialize(serializer),
            None => (self.x, self.y).serialize(serializer),
        }
    }
}

/// Why numbers are no point.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PointError {
    /// There are neither two nor three of them.
    #[error("a point is [x, y] or [x, y, label]")]
    Count,
    /// The third one is no label.
    #[error("label {0}: expected 1 for wanted or 0 for not")]
    Label(f64),
}

impl TryFrom<&[f64]> for Point {
    type Error = PointError;

    fn try_from(numbers: &[f64]) -> Result<Self, PointError> {
        let (x, y, label) = match *numbers {
            [x, y] => (x, y, None),
            [x, y, 0.0] => (x, y, Some(0)),
            [x, y, 1.0] => (x, y, Some(1)),
            [_, _, other] => return Err(PointError::Label(other)),
            _ => return Err(PointError::Count),
        };
        Ok(Self { x, y, label })
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<f64>::deserialize(deserializer)?;
        Self::try_from(&numbers[..]).map_err(D::Error::custom)
    }
}

impl JsonSchema for Point {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Point".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "[x, y] or [x, y, label]",
            "type": "array",
            "items": { "type": "number" },
            "minItems": 2,
            "maxItems": 3
        })
    }
}

fn parts<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let parts = Vec::deserialize(deserializer)?;
    if parts.len() > MAX_PARTS {
        return Err(D::Error::custom(format_args!(
            "{} of them: expected at most {MAX_PARTS}",
            parts.len()
        )));
    }
    Ok(parts)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let length = text.as_deref().map_or(0, |text| text.chars().count());
    if length > MAX_TEXT {
        return Err(D::Error::custom(format_args!(
            "a text of {length} characters: expected at most {MAX_TEXT}"
        )));
    }
    if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
        return Err(D::Error::custom("the text is empty"));
    }
    Ok(text)
}

/// Which part of a prompt chose which segment. Numbers are the segments' `id`s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What the points chose together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<u64>>,
    /// What each box chose, in the prompt's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<BoxChoice>,
    /// Those of the ids that are seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<u64>,
    /// What the text chose, the most alike first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Vec<TextChoice>>,
}

impl Choice {
    /// The same with other numbers for the segments.
    #[must_use]
    pub fn renumbered(mut self, number: impl Fn(u64) -> u64) -> Self {
        let points = self.points.iter_mut().flatten();
        let boxes = self.boxes.iter_mut().filter_map(|one| one.segment.as_mut());
        let texts = self.text.iter_mut().flatten().map(|one| &mut one.segment);
        for segment in points.chain(boxes).chain(&mut self.ids).chain(texts) {
            *segment = number(*segment);
        }
        self
    }
}

/// What a box chose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoxChoice {
    /// The segment; none where no mask fills the box well enough.
    pub segment: Option<u64>,
    /// The best intersection over union of box and mask there is.
    pub iou: f64,
}

/// What a text chose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TextChoice {
    /// The segment.
    pub segment: u64,
    /// How alike picture and text are: the cosine of their embeddings.
    pub similarity: f64,
}

/// Whether a standing prompt has something to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It has.
    Found,
    /// Nothing matches.
    Lost,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Found => "found",
            Self::Lost => "lost",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Prompt, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn prompts_are_read_in_each_form() {
        let prompt = read(r#"{"points": [[1, 2], [3.5, 4, 0]], "boxes": [[0, 0, 5, 5]]}"#).unwrap();
        assert_eq!(prompt.points[0].label, None);
        assert_eq!(prompt.points[1].label, Some(0));
        assert_eq!(prompt.select, Select::Smallest);
        let again: Prompt = serde_json::from_str(&serde_json::to_string(&prompt).unwrap()).unwrap();
        assert_eq!(again, prompt);
        assert_eq!(read("{}").unwrap(), Prompt::default());
    }

    #[test]
    fn all_numbers_of_a_choice_are_changed() {
        let choice = Choice {
            points: Some(vec![0, 1]),
            boxes: vec![
                BoxChoice {
                    segment: Some(2),
                    iou: 0.5,
                },
                BoxChoice {
                    segment: None,
                    iou: 0.0,
                },
            ],
            ids: vec![3],
            text: Some(vec![TextChoice {
                segment: 4,
                similarity: 0.3,
            }]),
        };
        let text = serde_json::to_string(&choice.renumbered(|id| id + 10)).unwrap();
        assert_eq!(
            text,
            r#"{"points":[10,11],"boxes":[{"segment":12,"iou":0.5},{"segment":null,"iou":0.0}],"ids":[13],"text":[{"segment":14,"similarity":0.3}]}"#
        );
    }

    #[test]
    fn what_is_no_prompt_is_refused_with_its_reason() {
        let many = format!(r#"{{"boxes": [{}]}}"#, vec!["[0,0,1,1]"; 1001].join(","));
        let long = format!(r#"{{"text": "{}"}}"#, "a".repeat(1001));
        for (text, reason) in [
            (r#"{"points": [[1]]}"#, "a point is"),
            (r#"{"points": [[1, 2, 3]]}"#, "label 3"),
            (r#"{"points": [["a", 2]]}"#, "invalid type"),
            (r#"{"boxes": [[1, 2, 3]]}"#, "invalid length"),
            (r#"{"select": "largest"}"#, "smallest"),
            (r#"{"point": [[1, 2]]}"#, "unknown field"),
            (r#"{"text": "  "}"#, "empty"),
            (&many, "at most 1000"),
            (&long, "at most 1000"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(
            read(&format!(
                r#"{{"boxes": [{}]}}"#,
                vec!["[0,0,1,1]"; 1000].join(",")
            ))
            .is_ok()
        );
    }
}
