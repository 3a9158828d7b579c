//! `std::sync::{Once, OnceLock, LazyLock}`.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Mutex;

use crate::run::{Handle, Kind, Operation, Wait, change, step};

/// As [`std::sync::Once`].
pub struct Once {
    handle: Handle,
}

/// As [`std::sync::OnceState`].
#[derive(Debug)]
pub struct OnceState {
    is_poisoned: bool,
}

impl OnceState {
    /// As std's.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }
}

/// How an initialisation begins.
enum Begin {
    Done,
    Poisoned,
    Mine { was_poisoned: bool },
}

/// Notes the end of an initialisation; poisons it if it has panicked.
struct Running<'a> {
    once: &'a Once,
    place: &'static Location<'static>,
    is_done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        change(
            |run| Ok(Operation::on(self.once.handle.id(run)?, "initialised", self.place).writing()),
            |run| {
                if let Ok(id) = self.once.handle.id(run) {
                    run.objects[id].holder = None;
                    run.objects[id].is_closed = self.is_done;
                    run.objects[id].is_poisoned = !self.is_done;
                }
            },
        );
    }
}

impl Once {
    /// As std's.
    #[track_caller]
    pub const fn new() -> Once {
        Once { handle: Handle::new(Kind::Once) }
    }

    /// As std's.
    ///
    /// # Panics
    ///
    /// If an earlier initialisation has panicked.
    #[track_caller]
    pub fn call_once(&self, function: impl FnOnce()) {
        let place = Location::caller();
        let run = |_: &OnceState| {
            function();
            Ok::<_, Infallible>(())
        };
        self.run("call_once", place, false, run).unwrap_or_else(|never| match never {});
    }

    /// As std's.
    #[track_caller]
    pub fn call_once_force(&self, function: impl FnOnce(&OnceState)) {
        let place = Location::caller();
        let run = |state: &OnceState| {
            function(state);
            Ok::<_, Infallible>(())
        };
        self.run("call_once_force", place, true, run).unwrap_or_else(|never| match never {});
    }

    /// As std's.
    #[track_caller]
    pub fn is_completed(&self) -> bool {
        let place = Location::caller();
        step(
            |run| Ok(Operation::on(self.handle.id(run)?, "is_completed", place)),
            |run, _| self.handle.id(run).is_ok_and(|id| run.objects[id].is_closed),
        )
    }

    /// As std's.
    #[track_caller]
    pub fn wait(&self) {
        let place = Location::caller();
        while !self.is_completed_at(place) {
            super::super::pause::yield_at(place, "wait");
        }
    }

    fn is_completed_at(&self, place: &'static Location<'static>) -> bool {
        step(
            |run| Ok(Operation::on(self.handle.id(run)?, "wait", place)),
            |run, _| self.handle.id(run).is_ok_and(|id| run.objects[id].is_closed),
        )
    }

    /// Runs the initialisation unless it is done. One that fails is as if it had not begun.
    fn run<E>(
        &self,
        verb: &'static str,
        place: &'static Location<'static>,
        ignores_poison: bool,
        function: impl FnOnce(&OnceState) -> Result<(), E>,
    ) -> Result<(), E> {
        let begin = step(
            |run| Ok(Operation::on(self.handle.id(run)?, verb, place).after(Wait::Initialised)),
            |run, _| {
                let me = run.current;
                let Ok(object) = self.handle.id(run).map(|id| &mut run.objects[id]) else {
                    return Begin::Done;
                };
                if object.is_closed {
                    return Begin::Done;
                }
                if object.is_poisoned && !ignores_poison {
                    return Begin::Poisoned;
                }
                object.holder = Some(me);
                Begin::Mine { was_poisoned: object.is_poisoned }
            },
        );
        match begin {
            Begin::Done => Ok(()),
            Begin::Poisoned => panic!("Once instance has previously been poisoned"),
            Begin::Mine { was_poisoned } => {
                let mut running = Running { once: self, place, is_done: false };
                let result = function(&OnceState { is_poisoned: was_poisoned });
                running.is_done = result.is_ok();
                drop(running);
                if result.is_err() {
                    crate::run::with_run(|run| {
                        if let Ok(id) = self.handle.id(run) {
                            run.objects[id].is_poisoned = false;
                        }
                    });
                }
                result
            }
        }
    }
}

impl Default for Once {
    #[track_caller]
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// As [`std::sync::OnceLock`].
pub struct OnceLock<T> {
    once: Once,
    value: ::std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// As std's.
    #[track_caller]
    pub const fn new() -> OnceLock<T> {
        OnceLock { once: Once::new(), value: ::std::sync::OnceLock::new() }
    }

    /// As std's.
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        let place = Location::caller();
        step(
            |run| Ok(Operation::on(self.once.handle.id(run)?, "get", place)),
            |run, _| {
                let value = self.value.get();
                if let Ok(id) = self.once.handle.id(run) {
                    run.say(id, || if value.is_some() { "= Some(..)".into() } else { "= None".into() });
                }
                value
            },
        )
    }

    /// As std's.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// The value, if there is one already.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let place = Location::caller();
        let mut value = Some(value);
        let done = self.once.run("set", place, true, |_| {
            if let Some(value) = value.take() {
                let _ = self.value.set(value);
            }
            Ok::<_, Infallible>(())
        });
        done.unwrap_or_else(|never| match never {});
        value.map_or(Ok(()), Err)
    }

    /// As std's.
    #[track_caller]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.make("get_or_init", Location::caller(), make)
    }

    fn make(&self, verb: &'static str, place: &'static Location<'static>, make: impl FnOnce() -> T) -> &T {
        let done = self.once.run(verb, place, true, |_| {
            let _ = self.value.set(make());
            Ok::<_, Infallible>(())
        });
        done.unwrap_or_else(|never| match never {});
        match self.value.get() {
            Some(value) => value,
            None => unreachable!("an initialisation that has ended has set the value"),
        }
    }

    /// As std's.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

impl<T> Default for OnceLock<T> {
    #[track_caller]
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    #[track_caller]
    fn from(value: T) -> OnceLock<T> {
        let lock = OnceLock::new();
        let _ = lock.set(value);
        lock
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// As [`std::sync::LazyLock`].
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    make: Mutex<Option<F>>,
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// As std's.
    #[track_caller]
    pub const fn new(make: F) -> LazyLock<T, F> {
        LazyLock { value: OnceLock::new(), make: Mutex::new(Some(make)) }
    }

    /// As std's.
    ///
    /// # Panics
    ///
    /// If the initialisation panics, or has.
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        let make = || {
            let make = this.make.lock().map(|mut make| make.take()).ok().flatten();
            match make {
                Some(make) => make(),
                None => panic!("LazyLock instance has previously been poisoned"),
            }
        };
        this.value.make("force", Location::caller(), make)
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    #[track_caller]
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
