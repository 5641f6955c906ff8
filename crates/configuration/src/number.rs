//! Numbers inside bounds. An error says which, and what is no part of a number.

use std::{
    fmt::{self, Display},
    ops::RangeInclusive,
};

use serde::de::{Deserializer, Error, Visitor};

use crate::quote::quoted;

/// A type of numbers that settings have.
pub(crate) trait Number: Copy + PartialOrd + Display {
    /// What a number of this type is called.
    const KIND: &'static str;

    /// The number of this type, if it has one.
    fn from_whole(whole: i128) -> Option<Self>;

    /// The same for a number with fractions.
    fn from_real(real: f64) -> Option<Self>;
}

macro_rules! whole {
    ($($type:ty)*) => {
        $(impl Number for $type {
            const KIND: &'static str = "a whole number";

            fn from_whole(whole: i128) -> Option<Self> {
                whole.try_into().ok()
            }

            fn from_real(_: f64) -> Option<Self> {
                None
            }
        })*
    };
}
whole!(u8 u16 u32 u64 usize);

impl Number for f64 {
    const KIND: &'static str = "a number";

    fn from_whole(whole: i128) -> Option<Self> {
        Some(whole as f64)
    }

    fn from_real(real: f64) -> Option<Self> {
        Some(real)
    }
}

/// A number inside bounds, both included. NaN is inside none.
pub(crate) fn within<'de, D, T>(deserializer: D, bounds: RangeInclusive<T>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Number,
{
    deserializer.deserialize_any(Within { bounds })
}

/// A number inside bounds, or none.
pub(crate) fn optional_within<'de, D, T>(
    deserializer: D,
    bounds: RangeInclusive<T>,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Number,
{
    deserializer.deserialize_option(OrNone(Within { bounds }))
}

struct Within<T> {
    bounds: RangeInclusive<T>,
}

impl<T: Number> Within<T> {
    fn inside<E: Error>(&self, value: Option<T>, written: impl Display) -> Result<T, E> {
        match value {
            Some(value) if self.bounds.contains(&value) => Ok(value),
            _ => Err(E::custom(format_args!(
                "{written} is out of range: expected {} to {}",
                self.bounds.start(),
                self.bounds.end()
            ))),
        }
    }

    fn expected<E: Error>(&self) -> E {
        E::custom(format_args!("expected {self}"))
    }
}

impl<T: Number> Display for Within<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} from {} to {}",
            T::KIND,
            self.bounds.start(),
            self.bounds.end()
        )
    }
}

impl<T: Number> Visitor<'_> for Within<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt(f)
    }

    fn visit_i64<E: Error>(self, whole: i64) -> Result<T, E> {
        self.visit_i128(whole.into())
    }

    fn visit_u64<E: Error>(self, whole: u64) -> Result<T, E> {
        self.visit_i128(whole.into())
    }

    fn visit_i128<E: Error>(self, whole: i128) -> Result<T, E> {
        self.inside(T::from_whole(whole), whole)
    }

    fn visit_f64<E: Error>(self, real: f64) -> Result<T, E> {
        match T::from_real(real) {
            None => Err(self.expected()),
            value => self.inside(value, real),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let text = text.trim();
        if let Ok(whole) = text.parse::<i128>() {
            return self.visit_i128(whole);
        }
        if let Ok(real) = text.parse::<f64>()
            && real.is_finite()
        {
            return self.visit_f64(real);
        }
        let digits = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(0);
        let (number, unit) = text.split_at(digits);
        let is_unit = matches!(
            unit.trim(),
            "%" | "ms" | "s" | "sec" | "m" | "min" | "h" | "px" | "fps" | "Hz" | "hz" | "B" | "kB"
        );
        if !number.is_empty() && is_unit {
            return Err(E::custom(format_args!(
                "{}: expected {self}, without a unit",
                quoted(text)
            )));
        }
        if let Some((width, height)) = text.split_once('x')
            && [width, height]
                .iter()
                .all(|side| side.parse::<u32>().is_ok())
        {
            return Err(E::custom(format_args!(
                "{}: expected one number, as in 'width: {width}' and 'height: {height}'",
                quoted(text)
            )));
        }
        Err(self.expected())
    }
}

struct OrNone<T>(Within<T>);

impl<'de, T: Number> Visitor<'de> for OrNone<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or null", self.0)
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_any(self.0).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{IntoDeserializer, value::Error};

    use super::*;

    fn read<'de, D: IntoDeserializer<'de, Error>>(value: D) -> Result<u16, String> {
        within(value.into_deserializer(), 5..=3600).map_err(|error: Error| error.to_string())
    }

    #[test]
    fn a_number_is_told_what_it_may_be() {
        assert_eq!(read(30u64), Ok(30));
        assert_eq!(read(" 30 "), Ok(30));
        let range = "is out of range: expected 5 to 3600";
        assert_eq!(read(4u64), Err(format!("4 {range}")));
        assert_eq!(read(70_000u64), Err(format!("70000 {range}")));
        assert_eq!(read(-1i64), Err(format!("-1 {range}")));
        let kind = "expected a whole number from 5 to 3600";
        assert_eq!(read(30.5f64), Err(kind.into()));
        assert_eq!(read("many"), Err(kind.into()));
        assert!(
            read("30s")
                .unwrap_err()
                .ends_with(": expected a whole number from 5 to 3600, without a unit")
        );
        assert!(
            read("1280x720")
                .unwrap_err()
                .contains("'width: 1280' and 'height: 720'")
        );
        assert!(read(true).unwrap_err().contains(kind));
    }

    #[test]
    fn nothing_is_inside_bounds_only_where_it_may_be() {
        let none = optional_within::<_, f64>(().into_deserializer(), 0.0..=1.0);
        assert_eq!(none.map_err(|error: Error| error.to_string()), Ok(None));
        let nan = within::<_, f64>(f64::NAN.into_deserializer(), 0.0..=1.0);
        let nan = nan.map_err(|error: Error| error.to_string());
        assert_eq!(nan, Err("NaN is out of range: expected 0 to 1".into()));
    }
}
