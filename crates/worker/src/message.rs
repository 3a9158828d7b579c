//! A value on its way to another process that is no call and no answer.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{CodecError, decode, encode};
use crate::descriptors::{self, Descriptor};

/// A value as bytes, and the open files in it.
///
/// The caller brings both to the other process.
///
/// ```
/// use threadbook_worker::Message;
///
/// let message = Message::new(&vec!["a".to_owned()])?;
/// assert_eq!(message.read::<Vec<String>>()?, ["a"]);
/// # Ok::<(), threadbook_worker::CodecError>(())
/// ```
#[derive(Debug)]
pub struct Message {
    /// The value, as [`encode`] writes it.
    pub bytes: Vec<u8>,
    /// Each [`Descriptor`] in the value, once.
    pub descriptors: Vec<Descriptor>,
}

impl Message {
    /// The message that holds `value`.
    ///
    /// # Errors
    ///
    /// If the value's own `Serialize` refuses.
    pub fn new<T: Serialize + 'static>(value: &T) -> Result<Message, CodecError> {
        let mut bytes = Vec::new();
        let (encoded, descriptors) = descriptors::collect(|| encode(value, &mut bytes));
        encoded.map(|()| Message { bytes, descriptors })
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// If it is no `T`.
    pub fn read<T: DeserializeOwned + 'static>(self) -> Result<T, CodecError> {
        descriptors::provide(self.descriptors, || decode(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn open_files_come_with_the_value() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let value = (1_u8, vec![Descriptor::from(OwnedFd::from(writer))]);
        let message = Message::new(&value).unwrap();
        drop(value);
        assert_eq!(message.descriptors.len(), 1);
        let (number, files) = message.read::<(u8, Vec<Descriptor>)>().unwrap();
        for file in files {
            std::io::Write::write_all(&mut std::fs::File::from(file.into_owned().unwrap()), &[number])
                .unwrap();
        }
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
        assert_eq!(read, [1]);
        assert!(Message::new(&1_u8).unwrap().read::<Descriptor>().is_err());
    }

    #[test]
    fn an_open_file_may_be_optional_and_occur_often() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let file = Descriptor::from(OwnedFd::from(writer));
        let message = Message::new(&(None::<Descriptor>, vec![Some(file); 1000])).unwrap();
        assert_eq!(message.descriptors.len(), 1);
        let (none, all) = message.read::<(Option<Descriptor>, Vec<Option<Descriptor>>)>().unwrap();
        assert!(none.is_none() && all.len() == 1000 && all.iter().all(Option::is_some));
    }

    #[test]
    fn a_panic_while_a_value_is_read_leaves_nothing_behind() {
        struct Panics;
        impl<'de> serde::Deserialize<'de> for Panics {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Panics, D::Error> {
                panic!("on purpose")
            }
        }
        let (mut reader, writer) = std::io::pipe().unwrap();
        let message = Message::new(&Descriptor::from(OwnedFd::from(writer))).unwrap();
        assert!(std::panic::catch_unwind(|| message.read::<Panics>().is_ok()).is_err());
        // The file was closed.
        assert_eq!(std::io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
    }
}
