//! `std::sync::atomic`. All operations are sequentially consistent; weaker orderings are noted.

use std::fmt;
use std::panic::Location;
use std::sync::atomic as real;

use crate::run::{Handle, Kind, ObjectId, Operation, Run, in_run, step};

pub use ::std::sync::atomic::{Ordering, compiler_fence};

const SEQ_CST: Ordering = Ordering::SeqCst;

/// Notes an ordering that is explored as if it were `SeqCst`.
fn note(run: &mut Run, place: &'static Location<'static>, ordering: Ordering) {
    let name = match ordering {
        Ordering::Relaxed => "Relaxed",
        Ordering::Acquire => "Acquire",
        Ordering::Release => "Release",
        Ordering::AcqRel => "AcqRel",
        _ => return,
    };
    if let Some(weak) = &mut run.weak {
        weak.insert((place, name));
    }
}

fn announce(
    run: &mut Run,
    handle: &Handle,
    verb: &'static str,
    place: &'static Location<'static>,
    ordering: Ordering,
) -> Result<Operation, String> {
    note(run, place, ordering);
    Ok(Operation::on(handle.id(run)?, verb, place))
}

fn show(run: &mut Run, id: ObjectId, value: &dyn fmt::Debug) {
    if run.record.is_some() {
        run.objects[id].value = Some(format!("{value:?}"));
    }
}

/// As [`std::sync::atomic::fence`].
#[track_caller]
pub fn fence(order: Ordering) {
    let place = Location::caller();
    in_run(|run| note(run, place, order));
    super::super::pause::pause(place, "fence", false);
}

macro_rules! atomic {
    ($name:ident $(<$param:ident>)?, $value:ty, $real:ty) => {
        #[doc = concat!("As [`std::sync::atomic::", stringify!($name), "`].")]
        pub struct $name $(<$param>)? {
            handle: Handle,
            value: $real,
        }

        impl $(<$param>)? $name $(<$param>)? {
            /// As std's.
            #[track_caller]
            pub const fn new(value: $value) -> Self {
                Self { handle: Handle::new(Kind::Atomic), value: <$real>::new(value) }
            }

            /// As std's.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                let place = Location::caller();
                step(
                    |run| announce(run, &self.handle, "load", place, order),
                    |run, _| {
                        let value = self.value.load(SEQ_CST);
                        if let Ok(id) = self.handle.id(run) {
                            show(run, id, &value);
                            run.say(id, || format!("= {value:?}"));
                        }
                        value
                    },
                )
            }

            /// As std's.
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                self.update("store", Location::caller(), order, |_| value);
            }

            /// As std's.
            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.update("swap", Location::caller(), order, |_| value)
            }

            /// As std's.
            ///
            /// # Errors
            ///
            /// The value, if it is another.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                _failure: Ordering,
            ) -> Result<$value, $value> {
                self.exchange("compare_exchange", Location::caller(), success, current, new)
            }

            /// As std's, without spurious failures.
            ///
            /// # Errors
            ///
            /// The value, if it is another.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                _failure: Ordering,
            ) -> Result<$value, $value> {
                self.exchange("compare_exchange_weak", Location::caller(), success, current, new)
            }

            /// As std's: a load, and then exchanges until one succeeds.
            ///
            /// # Errors
            ///
            /// The value for which the function has returned `None`.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set_order: Ordering,
                fetch_order: Ordering,
                mut function: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut before = self.load(fetch_order);
                while let Some(next) = function(before) {
                    match self.compare_exchange_weak(before, next, set_order, fetch_order) {
                        Ok(value) => return Ok(value),
                        Err(other) => before = other,
                    }
                }
                Err(before)
            }

            /// As std's.
            pub fn get_mut(&mut self) -> &mut $value {
                self.value.get_mut()
            }

            /// As std's.
            pub fn into_inner(self) -> $value {
                self.value.into_inner()
            }

            fn update(
                &self,
                verb: &'static str,
                place: &'static Location<'static>,
                order: Ordering,
                function: impl FnOnce($value) -> $value,
            ) -> $value {
                step(
                    |run| Ok(announce(run, &self.handle, verb, place, order)?.writing()),
                    |run, _| {
                        let before = self.value.load(SEQ_CST);
                        let after = function(before);
                        self.value.store(after, SEQ_CST);
                        if let Ok(id) = self.handle.id(run) {
                            show(run, id, &after);
                            run.say(id, || match verb {
                                "store" => format!("{after:?}"),
                                _ => format!("{before:?} → {after:?}"),
                            });
                        }
                        before
                    },
                )
            }

            fn exchange(
                &self,
                verb: &'static str,
                place: &'static Location<'static>,
                order: Ordering,
                current: $value,
                new: $value,
            ) -> Result<$value, $value> {
                step(
                    |run| announce(run, &self.handle, verb, place, order),
                    |run, _| {
                        let result = self.value.compare_exchange(current, new, SEQ_CST, SEQ_CST);
                        if let Ok(id) = self.handle.id(run) {
                            let value = self.value.load(SEQ_CST);
                            show(run, id, &value);
                            match result {
                                Ok(before) => {
                                    run.touch(id, true);
                                    run.say(id, || format!("{before:?} → {new:?}"));
                                }
                                Err(other) => run.say(id, || format!("fails: it is {other:?}")),
                            }
                        }
                        result
                    },
                )
            }
        }

        impl $(<$param>)? From<$value> for $name $(<$param>)? {
            #[track_caller]
            fn from(value: $value) -> Self {
                Self::new(value)
            }
        }

        impl $(<$param>)? fmt::Debug for $name $(<$param>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.value.fmt(f)
            }
        }
    };
}

macro_rules! integers {
    ($($name:ident $value:ty),*) => { $(
        atomic!($name, $value, real::$name);

        impl $name {
            /// As std's.
            #[track_caller]
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_add", Location::caller(), order, |before| before.wrapping_add(value))
            }

            /// As std's.
            #[track_caller]
            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_sub", Location::caller(), order, |before| before.wrapping_sub(value))
            }

            /// As std's.
            #[track_caller]
            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_and", Location::caller(), order, |before| before & value)
            }

            /// As std's.
            #[track_caller]
            pub fn fetch_nand(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_nand", Location::caller(), order, |before| !(before & value))
            }

            /// As std's.
            #[track_caller]
            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_or", Location::caller(), order, |before| before | value)
            }

            /// As std's.
            #[track_caller]
            pub fn fetch_xor(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_xor", Location::caller(), order, |before| before ^ value)
            }

            /// As std's.
            #[track_caller]
            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_max", Location::caller(), order, |before| before.max(value))
            }

            /// As std's.
            #[track_caller]
            pub fn fetch_min(&self, value: $value, order: Ordering) -> $value {
                self.update("fetch_min", Location::caller(), order, |before| before.min(value))
            }
        }

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                Self::new(0)
            }
        }
    )* };
}

integers!(
    AtomicI8 i8, AtomicI16 i16, AtomicI32 i32, AtomicI64 i64, AtomicIsize isize,
    AtomicU8 u8, AtomicU16 u16, AtomicU32 u32, AtomicU64 u64, AtomicUsize usize
);

atomic!(AtomicBool, bool, real::AtomicBool);
atomic!(AtomicPtr<T>, *mut T, real::AtomicPtr<T>);

impl AtomicBool {
    /// As std's.
    #[track_caller]
    pub fn fetch_and(&self, value: bool, order: Ordering) -> bool {
        self.update("fetch_and", Location::caller(), order, |before| before & value)
    }

    /// As std's.
    #[track_caller]
    pub fn fetch_nand(&self, value: bool, order: Ordering) -> bool {
        self.update("fetch_nand", Location::caller(), order, |before| !(before & value))
    }

    /// As std's.
    #[track_caller]
    pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        self.update("fetch_or", Location::caller(), order, |before| before | value)
    }

    /// As std's.
    #[track_caller]
    pub fn fetch_xor(&self, value: bool, order: Ordering) -> bool {
        self.update("fetch_xor", Location::caller(), order, |before| before ^ value)
    }

    /// As std's.
    #[track_caller]
    pub fn fetch_not(&self, order: Ordering) -> bool {
        self.update("fetch_not", Location::caller(), order, |before| !before)
    }
}

impl Default for AtomicBool {
    #[track_caller]
    fn default() -> Self {
        Self::new(false)
    }
}

impl<T> Default for AtomicPtr<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(std::ptr::null_mut())
    }
}
