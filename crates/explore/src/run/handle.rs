//! The link from a value of the program to the object that stands for it in a run.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::object::{Kind, Object, ObjectId};
use super::state::Run;

/// An explored object's own part: which object of which run it is.
///
/// The upper half is the number of the run, and zero until a run has used it.
#[derive(Debug)]
pub(crate) struct Handle {
    id: AtomicU64,
    kind: Kind,
    made: &'static Location<'static>,
}

impl Handle {
    #[track_caller]
    pub(crate) const fn new(kind: Kind) -> Handle {
        Handle { id: AtomicU64::new(0), kind, made: Location::caller() }
    }

    /// Where the program made it.
    pub(crate) fn made(&self) -> &'static Location<'static> {
        self.made
    }

    /// Its place in a run, where it begins with the first use.
    ///
    /// # Errors
    ///
    /// If another run has used it.
    pub(crate) fn id(&self, run: &mut Run) -> Result<ObjectId, String> {
        let id = self.id.load(Relaxed);
        match (id >> 32) as u32 {
            0 => {
                let new = run.add(Object::new(self.kind, self.made));
                self.id.store(u64::from(run.number) << 32 | new as u64, Relaxed);
                Ok(new)
            }
            number if number == run.number => Ok((id & u64::from(u32::MAX)) as ObjectId),
            _ => Err(format!(
                "the {} that line {} makes was made outside of the closure, so it keeps its value from schedule to \
                 schedule; make it in the closure",
                self.kind.noun(),
                self.made.line()
            )),
        }
    }
}
