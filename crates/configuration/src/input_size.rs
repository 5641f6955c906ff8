//! The size of a network's input: `640`, or `[640, 384]`, its width and height.

use std::{borrow::Cow, fmt};

use frame::{InputSize, InputSizeError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

pub(crate) fn serialize<S: Serializer>(size: &InputSize, serializer: S) -> Result<S::Ok, S::Error> {
    let (width, height) = (size.width(), size.height());
    if width == height {
        width.serialize(serializer)
    } else {
        [width, height].serialize(serializer)
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<InputSize, D::Error> {
    deserializer.deserialize_any(Sides)
}

/// The same where it may be left out.
pub(crate) mod optional {
    use frame::InputSize;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        size: &Option<InputSize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match size {
            Some(size) => super::serialize(size, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<InputSize>, D::Error> {
        #[derive(Deserialize)]
        struct Given(#[serde(deserialize_with = "super::deserialize")] InputSize);

        Ok(Option::<Given>::deserialize(deserializer)?.map(|Given(size)| size))
    }
}

/// What may be written.
pub(crate) struct Sides;

impl<'de> Visitor<'de> for Sides {
    type Value = InputSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a side, such as 640, or [width, height]")
    }

    fn visit_u64<E: Error>(self, side: u64) -> Result<InputSize, E> {
        let side = side_of(side);
        InputSize::new(side, side).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, side: i64) -> Result<InputSize, E> {
        self.visit_u64(u64::try_from(side).unwrap_or(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sides: A) -> Result<InputSize, A::Error> {
        let missing = |count| A::Error::invalid_length(count, &self);
        let width: u64 = sides.next_element()?.ok_or_else(|| missing(0))?;
        let height: u64 = sides.next_element()?.ok_or_else(|| missing(1))?;
        if sides.next_element::<u64>()?.is_some() {
            return Err(missing(3));
        }
        let size: Result<_, InputSizeError> = InputSize::new(side_of(width), side_of(height));
        size.map_err(A::Error::custom)
    }
}

/// A side beyond all bounds stays one.
fn side_of(side: u64) -> u32 {
    u32::try_from(side).unwrap_or(u32::MAX)
}

impl JsonSchema for Sides {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "InputSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let largest = InputSize::LARGEST.width();
        let side = json_schema!({
            "type": "integer", "minimum": 32, "maximum": largest, "multipleOf": 32,
        });
        json_schema!({ "anyOf": [
            side,
            { "type": "array", "items": side, "minItems": 2, "maxItems": 2 },
        ] })
    }
}
