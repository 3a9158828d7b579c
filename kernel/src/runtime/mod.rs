//! The process that cells run in.

/// Takes over, and does not return, if this process was started by the engine.
pub fn hook() {}
