//! Open files that travel beside the bytes of a value.
//!
//! In the bytes stands a number: the file's place among those that travel. A file that occurs several times in a
//! value travels once.

use std::cell::RefCell;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread::LocalKey;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// As many as the system lets pass in one message, less a few.
pub(crate) const MAX_DESCRIPTORS: usize = 200;

/// An open file that can be part of a value for another process, which gets a duplicate.
///
/// A clone is the same one. It can only be serialised as part of an argument or a result, not by itself.
#[derive(Clone, Debug)]
pub struct Descriptor(Arc<File>);

impl Descriptor {
    /// The open file, by ownership; a duplicate of it if there are other clones.
    ///
    /// # Errors
    ///
    /// When the process has as many open files as it may have.
    pub fn into_owned(self) -> std::io::Result<OwnedFd> {
        Ok(Arc::try_unwrap(self.0).or_else(|shared| shared.try_clone())?.into())
    }

    /// The open file as a file, for those for which that makes sense.
    pub fn as_file(&self) -> &File {
        &self.0
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Descriptor {
        Descriptor(Arc::new(fd.into()))
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

type Files = RefCell<Option<Vec<Descriptor>>>;

thread_local! {
    /// The files of the value that is being encoded; `None` if there is no such value.
    static OUTGOING: Files = const { RefCell::new(None) };
    /// The files that came with the value that is being decoded.
    static INCOMING: Files = const { RefCell::new(None) };
}

/// Restores the previous descriptors after an encoding or decoding, also when that panics.
struct Restore {
    place: &'static LocalKey<Files>,
    before: Option<Vec<Descriptor>>,
}

impl Restore {
    /// An encoding within an encoding has descriptors of its own, and so has a decoding.
    fn after(place: &'static LocalKey<Files>, now: Vec<Descriptor>) -> Restore {
        Restore { place, before: place.replace(Some(now)) }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.place.replace(self.before.take());
    }
}

/// Calls `encode` and returns the descriptors that it met as well.
pub(crate) fn collect<T>(encode: impl FnOnce() -> T) -> (T, Vec<Descriptor>) {
    let _restore = Restore::after(&OUTGOING, Vec::new());
    let value = encode();
    (value, OUTGOING.take().unwrap_or_default())
}

/// Calls `decode`, which finds these descriptors.
pub(crate) fn provide<T>(descriptors: Vec<Descriptor>, decode: impl FnOnce() -> T) -> T {
    let _restore = Restore::after(&INCOMING, descriptors);
    decode()
}

/// Marks the value as decoded: from now on only the value has its files.
pub(crate) fn release() {
    INCOMING.take();
}

/// The files that came with the value that is being decoded, for a part of it that is decoded later.
pub(crate) fn incoming() -> Vec<Descriptor> {
    INCOMING.with_borrow(|incoming| incoming.clone().unwrap_or_default())
}

/// The place of a descriptor among those that travel.
fn add(descriptor: &Descriptor) -> Result<u32, &'static str> {
    OUTGOING.with_borrow_mut(|outgoing| {
        let outgoing = outgoing.as_mut().ok_or("an open file can only be sent to another process")?;
        let known = outgoing.iter().rposition(|other| Arc::ptr_eq(&other.0, &descriptor.0));
        if known.is_none() && outgoing.len() == MAX_DESCRIPTORS {
            return Err("too many open files in one value");
        }
        Ok(known.unwrap_or_else(|| {
            outgoing.push(descriptor.clone());
            outgoing.len() - 1
        }) as u32)
    })
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A number and no unit: else an option of this would be read as nothing.
        serializer.serialize_u32(add(self).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Descriptor, D::Error> {
        let place = u32::deserialize(deserializer)? as usize;
        let found = INCOMING.with_borrow(|incoming| incoming.as_ref()?.get(place).cloned());
        found.ok_or_else(|| D::Error::custom("an open file did not come with the value"))
    }
}
