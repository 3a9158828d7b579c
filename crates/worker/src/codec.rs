//! Values as bytes: MessagePack, which holds all serde values, and a shorter form for values that are
//! bytes already.

use std::any::Any;
use std::fmt;

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::descriptors::{self, Descriptor};

/// A value that could not be turned into bytes, or back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub(crate) String);

/// Appends `value` to `bytes`.
///
/// Structures are written with the names of their fields, so `flatten`, `untagged` and
/// `skip_serializing_if` work. One thing is lost: an option whose value looks like none, as
/// in `Some(None)` and `Some(())`, arrives as `None`. (An enum of your own has no such limit.)
///
/// # Errors
///
/// If the value's own `Serialize` refuses.
pub fn encode<T: Serialize + 'static>(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    if let Some(plain) = as_bytes(value) {
        bytes.extend_from_slice(plain);
        return Ok(());
    }
    let mut serializer = rmp_serde::Serializer::new(bytes).with_struct_map();
    value.serialize(&mut serializer).map_err(|error| {
        CodecError(format!("the value of type {} cannot be sent: {error}", std::any::type_name::<T>()))
    })
}

/// The bytes of `value`, as [`encode`] writes them. If it is bytes or text, it is not copied.
///
/// # Errors
///
/// If the value's own `Serialize` refuses.
pub fn into_bytes<T: Serialize + 'static>(value: T) -> Result<Vec<u8>, CodecError> {
    let mut value = Some(value);
    if let Some(same) = same_bytes(&mut value) {
        return Ok(same);
    }
    let mut bytes = Vec::new();
    value.map_or(Ok(()), |value| encode(&value, &mut bytes))?;
    Ok(bytes)
}

/// Reads a value that [`encode`] or [`into_bytes`] wrote. If it is bytes or text, it is not copied.
///
/// # Errors
///
/// If the bytes are not those of a `T`.
pub fn decode<T: DeserializeOwned + 'static>(bytes: Vec<u8>) -> Result<T, CodecError> {
    let mut bytes = Some(bytes);
    let mut plain: Option<T> = None;
    read_plain(&mut plain, &mut bytes)?;
    if let Some(value) = plain {
        return Ok(value);
    }
    rmp_serde::from_slice(&bytes.unwrap_or_default()).map_err(|error| {
        CodecError(format!("what arrived is no value of type {}: {error}", std::any::type_name::<T>()))
    })
}

/// A value that is bytes already, as part of another.
#[derive(Debug)]
pub struct Bytes {
    bytes: Result<Vec<u8>, String>,
    /// The open files of the message that this came with.
    descriptors: Vec<Descriptor>,
}

impl Bytes {
    /// The bytes of `value`. If its `Serialize` fails, [`Bytes::read`] returns the error.
    pub fn of<T: Serialize + 'static>(value: T) -> Bytes {
        Bytes { bytes: into_bytes(value).map_err(|error| error.0), descriptors: Vec::new() }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// If it could not be written, or the bytes are not those of a `T`.
    pub fn read<T: DeserializeOwned + 'static>(self) -> Result<T, CodecError> {
        let bytes = self.bytes.map_err(CodecError)?;
        descriptors::provide(self.descriptors, || decode(bytes))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.bytes {
            Ok(bytes) => serializer.serialize_bytes(bytes),
            Err(error) => serializer.serialize_str(error),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct BytesOrError;

        impl Visitor<'_> for BytesOrError {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes { bytes: Ok(bytes.to_vec()), descriptors: descriptors::incoming() })
            }

            fn visit_str<E>(self, error: &str) -> Result<Bytes, E> {
                Ok(Bytes { bytes: Err(error.to_owned()), descriptors: Vec::new() })
            }
        }

        deserializer.deserialize_any(BytesOrError)
    }
}

/// Takes the value out of `value`, an `Option`, if that is bytes or text.
fn same_bytes(value: &mut dyn Any) -> Option<Vec<u8>> {
    if let Some(bytes) = value.downcast_mut::<Option<Vec<u8>>>() {
        return bytes.take();
    }
    value.downcast_mut::<Option<String>>()?.take().map(String::into_bytes)
}

/// Types whose vectors are copied as they are. The other process runs on the same machine, so the order of
/// bytes is the same. (None of this is generic, so a notebook's cell need not compile it.)
macro_rules! plain_types {
    ($($type:ty),*) => {
        fn as_bytes(value: &dyn Any) -> Option<&[u8]> {
            $(if let Some(vector) = value.downcast_ref::<Vec<$type>>() {
                // SAFETY: numbers have no padding, and a byte needs no alignment.
                return Some(unsafe {
                    std::slice::from_raw_parts(vector.as_ptr().cast(), std::mem::size_of_val(&vector[..]))
                });
            })*
            let text = value.downcast_ref::<String>().map(String::as_bytes);
            text.or_else(|| value.downcast_ref::<Vec<u8>>().map(Vec::as_slice))
        }

        /// Fills `value`, an `Option` of the type to read, and takes the bytes, if it is a plain type.
        fn read_plain(value: &mut dyn Any, bytes: &mut Option<Vec<u8>>) -> Result<(), CodecError> {
            if let Some(same) = value.downcast_mut::<Option<Vec<u8>>>() {
                *same = bytes.take();
            } else if let Some(text) = value.downcast_mut::<Option<String>>() {
                let read = bytes.take().map(String::from_utf8).transpose();
                *text = read.map_err(|error| CodecError(error.to_string()))?;
            }
            $(else if let Some(vector) = value.downcast_mut::<Option<Vec<$type>>>() {
                const SIZE: usize = size_of::<$type>();
                let bytes = bytes.take().unwrap_or_default();
                let (numbers, rest) = bytes.as_chunks::<SIZE>();
                if !rest.is_empty() {
                    return Err(CodecError(format!("{} bytes are no numbers of {SIZE} bytes", bytes.len())));
                }
                *vector = Some(numbers.iter().map(|number| <$type>::from_ne_bytes(*number)).collect());
            })*
            Ok(())
        }
    };
}

plain_types!(i8, u16, i16, u32, i32, u64, i64, usize, isize, f32, f64);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: T) {
        let mut bytes = Vec::new();
        encode(&value, &mut bytes).unwrap();
        assert_eq!(decode::<T>(bytes.clone()).unwrap(), value);
        assert_eq!(into_bytes(value).unwrap(), bytes);
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Flat {
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        absent: Option<u8>,
        last: (u8, char),
    }

    #[test]
    fn whatever_serde_describes_comes_back() {
        there_and_back(());
        there_and_back(u128::MAX);
        there_and_back(f64::MIN_POSITIVE);
        there_and_back(Some(Some(3)));
        there_and_back(None::<Option<u8>>);
        there_and_back(vec![Ok::<u8, String>(1), Err("no".into())]);
        there_and_back(vec![Either::Number(-1), Either::Text("x".into())]);
        there_and_back(Flat { rest: BTreeMap::from([("a".into(), 1)]), absent: None, last: (2, 'ü') });
        there_and_back(serde_json::json!({"a": [1, null, {"b": 1.5}], "c": "é"}));
        there_and_back(std::time::Duration::from_nanos(1_234_567_890_123));
    }

    #[test]
    fn plain_vectors_and_text_come_back() {
        there_and_back(Vec::<u8>::new());
        there_and_back(vec![1.5_f64, f64::INFINITY]);
        there_and_back(vec![u64::MAX, 0]);
        there_and_back(vec![-1_i16]);
        there_and_back("née 🦀".to_owned());
        there_and_back(vec!["a".to_owned()]);
    }

    #[test]
    fn garbage_is_an_error() {
        arbtest::arbtest(|random| {
            let bytes: Vec<u8> = random.arbitrary()?;
            let _ = decode::<Flat>(bytes.clone());
            let _ = decode::<Vec<Either>>(bytes.clone());
            let _ = decode::<serde_json::Value>(bytes.clone());
            let _ = decode::<String>(bytes.clone());
            let is_whole = bytes.len().is_multiple_of(4);
            assert_eq!(decode::<Vec<u32>>(bytes).is_ok(), is_whole);
            Ok(())
        });
    }
}
