//! The companion's sockets, as the cell process finds them in its environment.

use crate::environment::VERSION;
use std::fmt;
use std::os::fd::RawFd;
use std::str::FromStr;

/// The descriptors of the companion's sockets: `2:<messages>:<inbox>`, where 2 is [`VERSION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompanionSockets {
    /// The companion sends messages here.
    pub messages: RawFd,
    /// The companion reads commands here.
    pub inbox: RawFd,
}

/// The supervisor speaks another version of the wire, or has set no valid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherVersion(String);

impl fmt::Display for CompanionSockets {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{VERSION}:{}:{}", self.messages, self.inbox)
    }
}

impl FromStr for CompanionSockets {
    type Err = OtherVersion;

    fn from_str(value: &str) -> Result<CompanionSockets, OtherVersion> {
        let sockets = || {
            let (version, descriptors) = value.split_once(':')?;
            let (messages, inbox) = descriptors.split_once(':')?;
            let is_descriptor = |descriptor: &RawFd| *descriptor >= 0;
            let descriptor = |text: &str| text.parse().ok().filter(is_descriptor);
            let sockets = CompanionSockets { messages: descriptor(messages)?, inbox: descriptor(inbox)? };
            (version.parse() == Ok(VERSION)).then_some(sockets)
        };
        sockets().ok_or_else(|| OtherVersion(value.to_owned()))
    }
}

impl fmt::Display for OtherVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let OtherVersion(value) = self;
        write!(
            formatter,
            "this kernel and its companion crate are of different versions ({value:?} is not version {VERSION} of \
             the wire), so values are shown as text; mend it with: cargo threadbook install"
        )
    }
}

impl std::error::Error for OtherVersion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sockets_are_found_again() {
        let sockets = CompanionSockets { messages: 7, inbox: 8 };
        assert_eq!(sockets.to_string(), format!("{VERSION}:7:8"));
        assert_eq!(sockets.to_string().parse(), Ok(sockets));
    }

    #[test]
    fn a_newer_and_an_older_version_and_garbage_are_refused_with_a_sentence() {
        let (older, newer) = (VERSION - 1, VERSION + 1);
        // The first version had one descriptor, and later ones may have more.
        let values =
            [format!("{older}:7"), format!("{older}:7:8"), format!("{newer}:7:8"), format!("{newer}:7:8:9")];
        let garbage = ["", "2", "2:", "2:7", "2:7:x", "2:-1:8", "2:7:8:9", ":7:8", "two:7:8"];
        for value in values.iter().map(String::as_str).chain(garbage) {
            let error = value.parse::<CompanionSockets>().unwrap_err().to_string();
            assert!(error.contains(&format!("{value:?}")) && error.contains("mend it with"), "{error}");
        }
    }
}
