//! A value on its way to another process that is no call and no answer.

use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{CodecError, decode, encode};
use crate::descriptors;

/// A value as bytes, and the open files in it.
///
/// How both come to the other process is the business of whoever sends them.
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
    /// A duplicate of each [`Descriptor`](crate::Descriptor) in the value, in their order.
    pub descriptors: Vec<OwnedFd>,
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
    use super::*;
    use crate::Descriptor;

    #[test]
    fn open_files_come_with_the_value() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let value = (1_u8, vec![Descriptor::from(OwnedFd::from(writer))]);
        let message = Message::new(&value).unwrap();
        drop(value);
        assert_eq!(message.descriptors.len(), 1);
        let (number, files) = message.read::<(u8, Vec<Descriptor>)>().unwrap();
        for file in files {
            std::io::Write::write_all(&mut std::fs::File::from(OwnedFd::from(file)), &[number]).unwrap();
        }
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
        assert_eq!(read, [1]);
        assert!(Message::new(&1_u8).unwrap().read::<Descriptor>().is_err());
    }
}
