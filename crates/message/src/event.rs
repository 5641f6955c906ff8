//! What happens to objects: the payload of `<camera>/events`.
//!
//! Events of a camera are numbered. They come in order, each once; one whose acknowledgement was lost with
//! the connection comes twice, with the same number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened to an object in front of a camera. Coordinates are those of the `masks` message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Version of this message: 1.
    pub schema: u32,
    /// Name of the node.
    pub node: String,
    /// Name of the camera.
    pub camera: String,
    /// Counts the camera's events from 1 since the daemon started.
    pub number: u64,
    /// What happened.
    pub event: EventKind,
    /// The object, as in `masks`. Absent where events were lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The zone that was entered, left or stayed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The line that was crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Which way it was crossed, seen from the line's first point looking to its second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Crossing>,
    /// When it was certain: the capture of the frame that it is reported with. RFC 3339, UTC, milliseconds.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// When it began: the first frame of the new state, or the last in which something gone was seen.
    #[schemars(extend("format" = "date-time"))]
    pub since: String,
    /// Number of the frame that it is reported with.
    pub sequence: u64,
    /// How the object was seen last before; absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Sighting>,
    /// How it is seen now; absent where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Sighting>,
    /// The standing text prompt that names the object best, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Named>,
    /// How many events were lost before this one. Only where some were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The object is there.
    Appeared,
    /// The object is gone. The last of its events.
    Left,
    /// The object is in a zone.
    Entered,
    /// The object is no longer in a zone.
    Exited,
    /// The object has crossed a line.
    Crossed,
    /// The object has stayed in a zone for the zone's time.
    Loitering,
    /// The object stands still.
    Still,
    /// The object that stood still moves.
    Moving,
    /// Events were lost, as the broker was away for too long: `count` says how many.
    Lost,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Appeared,
        Self::Left,
        Self::Entered,
        Self::Exited,
        Self::Crossed,
        Self::Loitering,
        Self::Still,
        Self::Moving,
        Self::Lost,
    ];

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Left => "left",
            Self::Entered => "entered",
            Self::Exited => "exited",
            Self::Crossed => "crossed",
            Self::Loitering => "loitering",
            Self::Still => "still",
            Self::Moving => "moving",
            Self::Lost => "lost",
        }
    }
}

/// A way across a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// From the left to the right.
    LeftToRight,
    /// From the right to the left.
    RightToLeft,
}

/// An object as it was seen in one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// When: RFC 3339, UTC, milliseconds.
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// Number of the frame.
    pub sequence: u64,
    /// The mask's box: `[x, y, width, height]` in whole pixels.
    pub bbox: [u32; 4],
    /// Pixels of the mask.
    pub area: u32,
    /// Confidence, 0 to 1.
    pub score: f32,
}

/// A text that names an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// Name of the standing prompt.
    pub prompt: String,
    /// Its text.
    pub text: String,
    /// How alike picture and text are: the cosine of their embeddings.
    pub similarity: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_laid_out_as_the_contract_says() {
        let sighting = |sequence| Sighting {
            at: "2026-11-22T10:00:00.123Z".into(),
            sequence,
            bbox: [1, 2, 3, 4],
            area: 12,
            score: 0.5,
        };
        let event = Event {
            schema: 1,
            node: "garden".into(),
            camera: "cam0".into(),
            number: 9,
            event: EventKind::Entered,
            id: Some(7),
            zone: Some("porch".into()),
            line: None,
            direction: None,
            at: "2026-11-22T10:00:00.123Z".into(),
            since: "2026-11-22T09:59:59.623Z".into(),
            sequence: 42,
            before: Some(sighting(27)),
            after: Some(sighting(42)),
            text: None,
            count: None,
        };
        let text = serde_json::to_string(&event).unwrap();
        let expected = concat!(
            r#"{"schema":1,"node":"garden","camera":"cam0","number":9,"event":"entered","id":7,"zone":"porch","#,
            r#""at":"2026-11-22T10:00:00.123Z","since":"2026-11-22T09:59:59.623Z","sequence":42,"#,
            r#""before":{"at":"2026-11-22T10:00:00.123Z","sequence":27,"bbox":[1,2,3,4],"area":12,"score":0.5},"#,
            r#""after":{"at":"2026-11-22T10:00:00.123Z","sequence":42,"bbox":[1,2,3,4],"area":12,"score":0.5}}"#
        );
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        let crossing = serde_json::to_string(&Crossing::LeftToRight).unwrap();
        assert_eq!(crossing, r#""left_to_right""#);
    }
}
