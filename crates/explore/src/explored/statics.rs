//! Statics: each run begins with new ones.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::run::in_run;

/// A static whose value is made at its first use in a run.
pub struct Static<T: 'static> {
    make: fn() -> T,
    /// So that no two statics have one address.
    _place: u8,
}

impl<T: 'static> Static<T> {
    /// The static, and the function that makes its value.
    pub const fn new(make: fn() -> T) -> Static<T> {
        Static { make, _place: 0 }
    }
}

impl<T: 'static> Deref for Static<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let key = std::ptr::from_ref(self).addr();
        let find = || {
            in_run(|run| {
                let statics = run.statics.iter().find(|(other, _)| *other == key);
                statics.and_then(|(_, value)| value.clone())
            })
        };
        let value = find().unwrap_or_else(|| {
            let value: Rc<dyn std::any::Any> = Rc::new((self.make)());
            in_run(|run| run.statics.push((key, Some(value.clone()))));
            value
        });
        match value.downcast_ref::<T>() {
            // SAFETY: the run keeps the value until it ends, when no thread of it goes on. The engine makes these
            // statics for the code of a run alone, and no later cell can name the values that remain.
            Some(value) => unsafe { &*std::ptr::from_ref(value) },
            None => unreachable!("a static has one type"),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Static<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
