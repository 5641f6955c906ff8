//! Goes on behind a mistake, so that all of a document's are found and not only the first.
//!
//! Serde ends at the first error. So the document is read again and again, each time without the
//! entries of maps and lists in which a mistake was found before. An entry is known by its path: the
//! position within each map and list around it. An error in something that holds a skipped entry is
//! only a consequence (a key that is missing since it was skipped), and is not reported.

use std::{cell::RefCell, collections::BTreeSet, fmt};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// Reads something as often as it takes to know its mistakes, at most `most` of them.
///
/// `read` gets the sieve that it has to put around its deserializer ([`Sieve::over`]).
pub(crate) fn all_mistakes<T, E>(
    most: usize,
    mut read: impl FnMut(&Sieve) -> Result<T, E>,
) -> Result<T, Vec<E>> {
    let mut sieve = Sieve::default();
    let mut mistakes = Vec::new();
    loop {
        let error = match read(&sieve) {
            Ok(value) if mistakes.is_empty() => return Ok(value),
            Ok(_) => return Err(mistakes),
            Err(error) => error,
        };
        sieve.place.borrow_mut().clear();
        let place = sieve.failed.take();
        let follows = sieve
            .skipped
            .iter()
            .any(|skipped| skipped.starts_with(place.as_deref().unwrap_or(&[])));
        if !follows {
            mistakes.push(error);
        }
        // What has no place, and what was skipped already, is in the way of all that follows.
        let goes_on = place.is_some_and(|place| sieve.skipped.insert(place));
        if !goes_on || mistakes.len() >= most {
            return Err(mistakes);
        }
    }
}

/// What is passed over, and where reading stands.
#[derive(Default)]
pub(crate) struct Sieve {
    skipped: BTreeSet<Vec<usize>>,
    place: RefCell<Vec<usize>>,
    /// The innermost entry in which the latest error arose.
    failed: RefCell<Option<Vec<usize>>>,
}

impl Sieve {
    /// A deserializer that passes over what is to be skipped.
    pub(crate) fn over<D>(&self, deserializer: D) -> Sifted<'_, D> {
        Sifted {
            inner: deserializer,
            sieve: self,
        }
    }

    /// Whether the entry at this position is passed over.
    fn skips(&self, position: usize) -> bool {
        let mut place = self.place.borrow_mut();
        place.push(position);
        let skips = self.skipped.contains(&*place);
        place.pop();
        skips
    }

    /// Reads something of the entry at this position.
    fn enter<T, E>(&self, position: usize, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.place.borrow_mut().push(position);
        let outcome = read();
        if outcome.is_err() {
            let mut failed = self.failed.borrow_mut();
            if failed.is_none() {
                *failed = Some(self.place.borrow().clone());
            }
        }
        self.place.borrow_mut().pop();
        outcome
    }
}

/// A deserializer, a visitor or a seed under a sieve.
pub(crate) struct Sifted<'s, T> {
    inner: T,
    sieve: &'s Sieve,
}

/// The entries of a map or a list under a sieve.
struct Entries<'s, A> {
    inner: A,
    sieve: &'s Sieve,
    position: usize,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while self.sieve.skips(self.position) {
            let skip = || self.inner.next_entry::<IgnoredAny, IgnoredAny>();
            if self.sieve.enter(self.position, skip)?.is_none() {
                return Ok(None);
            }
            self.position += 1;
        }
        self.sieve
            .enter(self.position, || self.inner.next_key_seed(seed))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let seed = self.sieve.over(seed);
        let value = self
            .sieve
            .enter(self.position, || self.inner.next_value_seed(seed));
        self.position += 1;
        value
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        while self.sieve.skips(self.position) {
            let skip = || self.inner.next_element::<IgnoredAny>();
            if self.sieve.enter(self.position, skip)?.is_none() {
                return Ok(None);
            }
            self.position += 1;
        }
        let seed = self.sieve.over(seed);
        let element = self
            .sieve
            .enter(self.position, || self.inner.next_element_seed(seed));
        self.position += 1;
        element
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Sifted<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(self.sieve.over(deserializer))
    }
}

/// Methods that hand the visitor on under the sieve.
macro_rules! under_the_sieve {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($argument,)* self.sieve.over(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Sifted<'_, D> {
    type Error = D::Error;

    under_the_sieve! {
        deserialize_any() deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf()
        deserialize_option() deserialize_unit() deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq() deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Methods that hand a value on as it is.
macro_rules! as_it_is {
    ($($method:ident($type:ty))*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Sifted<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    as_it_is! {
        visit_bool(bool)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
        visit_char(char) visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(self.sieve.over(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.inner
            .visit_newtype_struct(self.sieve.over(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Entries {
            inner: sequence,
            sieve: self.sieve,
            position: 0,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Entries {
            inner: map,
            sieve: self.sieve,
            position: 0,
        })
    }

    // The keys of a variant are not told apart: no section is a variant of a derived enum.
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(variant)
    }
}
