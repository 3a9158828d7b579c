//! `std::thread_local!`: a value for each thread of a run.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use crate::run::in_run;

/// As [`std::thread::LocalKey`].
pub struct LocalKey<T: 'static> {
    make: fn() -> T,
    /// So that no two keys have one address.
    _place: u8,
}

/// As [`std::thread::AccessError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl std::error::Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(make: fn() -> T) -> LocalKey<T> {
        LocalKey { make, _place: 0 }
    }

    /// The value of the current thread.
    fn value(&'static self) -> Result<Rc<T>, AccessError> {
        let key = std::ptr::from_ref(self).addr();
        let known = in_run(|run| {
            let task = &run.tasks[run.current];
            task.locals.iter().find(|(other, _)| *other == key).map(|(_, value)| value.clone())
        });
        let value = match known {
            Some(value) => value.ok_or(AccessError)?,
            None => {
                let value: Rc<dyn std::any::Any> = Rc::new((self.make)());
                let kept = value.clone();
                in_run(|run| {
                    let me = run.current;
                    run.tasks[me].locals.push((key, Some(kept)));
                });
                value
            }
        };
        value.downcast().map_err(|_| AccessError)
    }

    /// As std's.
    ///
    /// # Panics
    ///
    /// If the value is being dropped.
    pub fn with<R>(&'static self, function: impl FnOnce(&T) -> R) -> R {
        match self.try_with(function) {
            Ok(result) => result,
            Err(error) => {
                panic!("cannot access a thread-local value during or after its destruction: {error}")
            }
        }
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If the value is being dropped.
    pub fn try_with<R>(&'static self, function: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        Ok(function(&*self.value()?))
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// As std's.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// As std's.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// As std's.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// As std's.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// As std's.
    pub fn with_borrow<R>(&'static self, function: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| function(&cell.borrow()))
    }

    /// As std's.
    pub fn with_borrow_mut<R>(&'static self, function: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| function(&mut cell.borrow_mut()))
    }

    /// As std's.
    pub fn set(&'static self, value: T) {
        self.with(|cell| *cell.borrow_mut() = value);
    }

    /// As std's.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// As std's.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// As [`std::thread_local!`], with a value for each thread of each run.
#[doc(hidden)]
#[macro_export]
macro_rules! explored_thread_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = const $init:block $(; $($rest:tt)*)?) => {
        $(#[$attr])* $vis static $name: $crate::std::thread::LocalKey<$t> =
            $crate::std::thread::LocalKey::new(|| $init);
        $($crate::explored_thread_local! { $($rest)* })?
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr $(; $($rest:tt)*)?) => {
        $(#[$attr])* $vis static $name: $crate::std::thread::LocalKey<$t> =
            $crate::std::thread::LocalKey::new(|| $init);
        $($crate::explored_thread_local! { $($rest)* })?
    };
}

pub use explored_thread_local as thread_local;
