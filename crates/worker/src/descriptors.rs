//! Open files that travel beside the bytes of a value.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// As many as the system lets pass in one message, less a few.
pub(crate) const MOST: usize = 200;

/// An open file that can be part of a value for another process, which gets a duplicate.
///
/// It can only be serialised as part of an argument or a result, not by itself.
#[derive(Debug)]
pub struct Descriptor(OwnedFd);

impl Descriptor {
    /// Another one for the same open file.
    ///
    /// # Errors
    ///
    /// When the process has as many open files as it may have.
    pub fn try_clone(&self) -> std::io::Result<Descriptor> {
        Ok(Descriptor(self.0.try_clone()?))
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Descriptor {
        Descriptor(fd)
    }
}

impl From<Descriptor> for OwnedFd {
    fn from(descriptor: Descriptor) -> OwnedFd {
        descriptor.0
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

thread_local! {
    /// What the value that is being encoded has brought; `None` if there is no such value.
    static OUTGOING: RefCell<Option<Vec<OwnedFd>>> = const { RefCell::new(None) };
    /// What has come with the value that is being decoded.
    static INCOMING: RefCell<VecDeque<OwnedFd>> = const { RefCell::new(VecDeque::new()) };
}

/// Calls `encode` and returns the descriptors that it met as well.
pub(crate) fn collect<T>(encode: impl FnOnce() -> T) -> (T, Vec<OwnedFd>) {
    // An encoding within an encoding has descriptors of its own.
    let before = OUTGOING.replace(Some(Vec::new()));
    let value = encode();
    (value, OUTGOING.replace(before).unwrap_or_default())
}

/// Calls `decode`, which finds these descriptors.
pub(crate) fn provide<T>(descriptors: Vec<OwnedFd>, decode: impl FnOnce() -> T) -> T {
    let before = INCOMING.replace(descriptors.into());
    let value = decode();
    INCOMING.replace(before);
    value
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let copy = self.0.try_clone().map_err(S::Error::custom)?;
        let added = OUTGOING.with_borrow_mut(|outgoing| {
            let outgoing = outgoing.as_mut().ok_or("an open file can only be sent to another process")?;
            if outgoing.len() == MOST {
                return Err("too many open files in one value");
            }
            outgoing.push(copy);
            Ok(())
        });
        added.map_err(S::Error::custom)?;
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Descriptor, D::Error> {
        <()>::deserialize(deserializer)?;
        let next = INCOMING.with_borrow_mut(VecDeque::pop_front);
        next.map(Descriptor).ok_or_else(|| D::Error::custom("an open file did not come with the value"))
    }
}
