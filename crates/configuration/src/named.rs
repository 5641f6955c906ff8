//! Lists of things with names: not endless, and no name twice.

use std::{fmt, marker::PhantomData};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::quote::quoted;

/// Something that its name tells apart from others of its kind.
pub(crate) trait Named {
    /// What it is, as one and as several.
    const KIND: [&'static str; 2];
    /// How many there may be.
    const MOST: usize;

    fn name(&self) -> &str;

    /// What is wrong with its keys together.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Reads a list; each is checked against those before it where it stands.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Named,
{
    deserializer.deserialize_any(ListVisitor(PhantomData))
}

struct ListVisitor<T>(PhantomData<T>);

impl<T: Named> ListVisitor<T> {
    fn no_list<E: Error>(&self) -> E {
        E::custom(format_args!("expected a list of {}", T::KIND[1]))
    }
}

macro_rules! one_thing_is_no_list {
    ($($method:ident($type:ty))*) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<Vec<T>, E> {
            Err(self.no_list())
        })*
    };
}

impl<'de, T: Deserialize<'de> + Named> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", T::KIND[1])
    }

    // Errors that are made here get the place of the value; the derived ones that of the document.
    one_thing_is_no_list! {
        visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str)
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
        Err(self.no_list())
    }

    // Frigate's form.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
        let [_, several] = T::KIND;
        let name = map.next_key::<String>()?.unwrap_or_default();
        Err(A::Error::custom(format_args!(
            "expected a list of {several}: '- ' before each, and {} as the value of its key 'name'",
            quoted(&name)
        )))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(next) = sequence.next_element_seed(Next { before: &all })? {
            all.push(next);
        }
        Ok(all)
    }
}

/// One more of them.
struct Next<'a, T> {
    before: &'a [T],
}

impl<'de, T: Deserialize<'de> + Named> DeserializeSeed<'de> for Next<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let next = T::deserialize(deserializer)?;
        next.check().map_err(D::Error::custom)?;
        let [one, several] = T::KIND;
        if self.before.len() == T::MOST {
            return Err(D::Error::custom(format_args!(
                "expected at most {} {several}",
                T::MOST
            )));
        }
        let name = next.name();
        if self.before.iter().any(|earlier| earlier.name() == name) {
            return Err(D::Error::custom(format_args!(
                "a second {one} named {}: names tell {several} apart",
                quoted(name)
            )));
        }
        Ok(next)
    }
}
