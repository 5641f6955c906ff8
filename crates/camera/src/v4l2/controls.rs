//! Exposure, gain, focus, white balance and the light's flicker.
//!
//! Numbers and units are V4L2's (kernel documentation, "Camera Control Reference" and "User
//! Controls"). A value for something that a camera also does by itself first turns that off. A
//! camera that lacks a control, or makes something else of a value, still takes pictures: that is
//! told, not refused.

use std::{borrow::Cow, fmt, io};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

/// By itself, or as told. Written as `auto` or as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The camera finds it.
    Auto,
    /// This much.
    Value(i64),
}

/// What stands for [`Level::Auto`].
const AUTO: &str = "auto";

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Value(value) => serializer.serialize_i64(*value),
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LevelVisitor)
    }
}

struct LevelVisitor;

impl Visitor<'_> for LevelVisitor {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{AUTO} or a whole number")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Level, E> {
        Ok(Level::Value(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Level, E> {
        i64::try_from(value)
            .map(Level::Value)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Level, E> {
        if text == AUTO {
            Ok(Level::Auto)
        } else {
            Err(E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
}

impl JsonSchema for Level {
    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "By itself, or as told.",
            "anyOf": [
                { "type": "string", "const": AUTO },
                { "type": "integer", "format": "int64" },
            ],
        })
    }
}

/// The mains' frequency, which lamps flicker with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PowerLine {
    /// The light doesn't flicker.
    #[serde(rename = "off")]
    Off,
    /// Most of the world.
    #[serde(rename = "50hz")]
    Hz50,
    /// The Americas, and others.
    #[serde(rename = "60hz")]
    Hz60,
    /// The camera finds it.
    #[serde(rename = "auto")]
    Auto,
}

/// What is to be set; the rest stays as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// In units of 100 microseconds.
    pub exposure: Option<Level>,
    /// In units of the camera's own.
    pub gain: Option<Level>,
    /// In units of the camera's own, mostly larger for nearer things.
    pub focus: Option<Level>,
    /// The light's temperature in kelvin.
    pub white_balance: Option<Level>,
    /// Against stripes under lamps.
    pub power_line: Option<PowerLine>,
}

/// What can be asked of a device.
pub(super) trait Knobs {
    fn set(&self, id: u32, value: i64) -> io::Result<()>;
    fn get(&self, id: u32) -> io::Result<i64>;
}

mod id {
    pub(super) const AUTO_WHITE_BALANCE: u32 = 0x0098_090C;
    pub(super) const AUTO_GAIN: u32 = 0x0098_0912;
    pub(super) const GAIN: u32 = 0x0098_0913;
    pub(super) const POWER_LINE_FREQUENCY: u32 = 0x0098_0918;
    pub(super) const WHITE_BALANCE_TEMPERATURE: u32 = 0x0098_091A;
    pub(super) const EXPOSURE_AUTO: u32 = 0x009A_0901;
    pub(super) const EXPOSURE_ABSOLUTE: u32 = 0x009A_0902;
    pub(super) const FOCUS_ABSOLUTE: u32 = 0x009A_090A;
    pub(super) const FOCUS_AUTO: u32 = 0x009A_090C;
}

/// `V4L2_EXPOSURE_APERTURE_PRIORITY`: time by itself; what webcams have for automatic.
const TIME_BY_ITSELF: i64 = 3;
/// `V4L2_EXPOSURE_AUTO`: time and iris by themselves; what others have.
const ALL_BY_ITSELF: i64 = 0;
/// `V4L2_EXPOSURE_MANUAL`.
const MANUAL: i64 = 1;

/// A control with the values that turn its automatic on, the first of which that the camera takes,
/// and off, and the control for the value.
struct Pair {
    name: &'static str,
    automatic: u32,
    on: &'static [i64],
    off: i64,
    value: u32,
}

const EXPOSURE: Pair = Pair {
    name: "exposure",
    automatic: id::EXPOSURE_AUTO,
    on: &[TIME_BY_ITSELF, ALL_BY_ITSELF],
    off: MANUAL,
    value: id::EXPOSURE_ABSOLUTE,
};

const GAIN: Pair = Pair {
    name: "gain",
    automatic: id::AUTO_GAIN,
    on: &[1],
    off: 0,
    value: id::GAIN,
};

const FOCUS: Pair = Pair {
    name: "focus",
    automatic: id::FOCUS_AUTO,
    on: &[1],
    off: 0,
    value: id::FOCUS_ABSOLUTE,
};

const WHITE_BALANCE: Pair = Pair {
    name: "white balance",
    automatic: id::AUTO_WHITE_BALANCE,
    on: &[1],
    off: 0,
    value: id::WHITE_BALANCE_TEMPERATURE,
};

/// Sets what is to be set, and answers with what didn't become as it should, in words.
pub(super) fn apply(controls: &Controls, knobs: &impl Knobs) -> Vec<String> {
    let pairs = [
        (EXPOSURE, controls.exposure),
        (GAIN, controls.gain),
        (FOCUS, controls.focus),
        (WHITE_BALANCE, controls.white_balance),
    ];
    let levels = pairs
        .iter()
        .filter_map(|(pair, level)| Some((pair, (*level)?)));
    let mut notes: Vec<_> = levels
        .filter_map(|(pair, level)| pair.apply(level, knobs))
        .collect();
    if let Some(power_line) = controls.power_line {
        let value = match power_line {
            PowerLine::Off => 0,
            PowerLine::Hz50 => 1,
            PowerLine::Hz60 => 2,
            PowerLine::Auto => 3,
        };
        let name = "power-line frequency";
        notes.extend(set(name, id::POWER_LINE_FREQUENCY, value, knobs));
    }
    notes
}

impl Pair {
    fn apply(&self, level: Level, knobs: &impl Knobs) -> Option<String> {
        match level {
            Level::Auto => {
                let tried = self.on.iter().map(|on| knobs.set(self.automatic, *on));
                let taken = tried.into_iter().any(|outcome| outcome.is_ok());
                (!taken).then(|| format!("no automatic {} here", self.name))
            }
            Level::Value(value) => {
                // A camera without an automatic has nothing to turn off.
                let _ = knobs.set(self.automatic, self.off);
                set(self.name, self.value, value, knobs)
            }
        }
    }
}

/// Sets a value, and looks what became of it.
fn set(name: &str, id: u32, value: i64, knobs: &impl Knobs) -> Option<String> {
    match knobs.set(id, value) {
        Ok(()) => match knobs.get(id) {
            Ok(found) if found != value => Some(format!("{name} {value} became {found}")),
            _ => None,
        },
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Some(format!("no {name} of {value} here"))
        }
        Err(error) => Some(format!("{name} {value} was refused: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap};

    use super::*;

    /// A camera with these controls and the values that they take; others are brought into it.
    #[derive(Default)]
    struct Camera {
        ranges: BTreeMap<u32, (i64, i64)>,
        /// Values inside of a range that a menu lacks.
        gaps: Vec<(u32, i64)>,
        values: RefCell<BTreeMap<u32, i64>>,
        history: RefCell<Vec<(u32, i64)>>,
    }

    impl Knobs for Camera {
        fn set(&self, id: u32, value: i64) -> io::Result<()> {
            let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
            let (least, most) = *self.ranges.get(&id).ok_or_else(invalid)?;
            if self.gaps.contains(&(id, value)) {
                return Err(invalid());
            }
            self.values
                .borrow_mut()
                .insert(id, value.clamp(least, most));
            self.history.borrow_mut().push((id, value));
            Ok(())
        }

        fn get(&self, id: u32) -> io::Result<i64> {
            let value = self.values.borrow().get(&id).copied();
            value.ok_or_else(|| io::ErrorKind::InvalidInput.into())
        }
    }

    fn webcam() -> Camera {
        Camera {
            ranges: BTreeMap::from([
                (id::EXPOSURE_AUTO, (0, 3)),
                (id::EXPOSURE_ABSOLUTE, (3, 2047)),
                (id::GAIN, (0, 255)),
                (id::AUTO_WHITE_BALANCE, (0, 1)),
                (id::WHITE_BALANCE_TEMPERATURE, (2000, 6500)),
                (id::POWER_LINE_FREQUENCY, (0, 2)),
            ]),
            gaps: vec![(id::EXPOSURE_AUTO, 0), (id::EXPOSURE_AUTO, 2)],
            ..Camera::default()
        }
    }

    #[test]
    fn what_is_set_and_what_is_told() {
        let auto = Some(Level::Auto);
        let value = |value| Some(Level::Value(value));
        let none = Controls::default;
        type Case<'a> = (Controls, &'a [(u32, i64)], &'a [&'a str]);
        let cases: [Case<'_>; 10] = [
            (none(), &[], &[]),
            (
                Controls {
                    exposure: auto,
                    ..none()
                },
                &[(id::EXPOSURE_AUTO, 3)],
                &[],
            ),
            (
                Controls {
                    exposure: value(100),
                    ..none()
                },
                &[(id::EXPOSURE_AUTO, 1), (id::EXPOSURE_ABSOLUTE, 100)],
                &[],
            ),
            // It has no automatic gain, which is none's business with a value.
            (
                Controls {
                    gain: value(9),
                    ..none()
                },
                &[(id::GAIN, 9)],
                &[],
            ),
            (
                Controls {
                    gain: value(900),
                    ..none()
                },
                &[(id::GAIN, 900)],
                &["gain 900 became 255"],
            ),
            (
                Controls {
                    gain: auto,
                    ..none()
                },
                &[],
                &["no automatic gain here"],
            ),
            (
                Controls {
                    focus: value(5),
                    ..none()
                },
                &[],
                &["no focus of 5 here"],
            ),
            (
                Controls {
                    white_balance: value(4000),
                    ..none()
                },
                &[
                    (id::AUTO_WHITE_BALANCE, 0),
                    (id::WHITE_BALANCE_TEMPERATURE, 4000),
                ],
                &[],
            ),
            (
                Controls {
                    power_line: Some(PowerLine::Hz50),
                    ..none()
                },
                &[(id::POWER_LINE_FREQUENCY, 1)],
                &[],
            ),
            (
                Controls {
                    power_line: Some(PowerLine::Auto),
                    white_balance: auto,
                    ..none()
                },
                &[(id::AUTO_WHITE_BALANCE, 1), (id::POWER_LINE_FREQUENCY, 3)],
                &["power-line frequency 3 became 2"],
            ),
        ];
        for (controls, history, notes) in cases {
            let camera = webcam();
            assert_eq!(apply(&controls, &camera), notes, "{controls:?}");
            assert_eq!(*camera.history.borrow(), history, "{controls:?}");
        }
    }

    #[test]
    fn automatic_exposure_is_what_the_camera_calls_so() {
        let mut camera = webcam();
        camera.gaps = vec![(id::EXPOSURE_AUTO, 3)];
        let controls = Controls {
            exposure: Some(Level::Auto),
            ..Controls::default()
        };
        assert!(apply(&controls, &camera).is_empty());
        assert_eq!(*camera.history.borrow(), [(id::EXPOSURE_AUTO, 0)]);
    }
}
