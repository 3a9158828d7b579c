//! Numbers that processes share.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use threadbook_executor::TaskError;
use threadbook_worker::Descriptor;

use crate::lock::Lock;
use crate::memory::Memory;
use crate::number::Number;

/// A number that processes share.
///
/// A clone is the same value; so is the one that another process receives. Each method is one atomic step, so
/// no lock is needed; to keep several values consistent, hold a [`Lock`].
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Process, Value};
///
/// let count = Value::new(0_u64);
/// let processes: Vec<Process> = (0..2)
///     .map(|_| {
///         let work = |count: Value<u64>| (0..1000).for_each(|_| _ = count.update(|n| n + 1));
///         Process::spawn(work, count.clone())
///     })
///     .collect::<Result<_, _>>()?;
/// for process in processes {
///     process.join()?;
/// }
/// assert_eq!(count.get(), 2000);
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Value`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Value).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Value<T: Number> {
    cells: Cells<T>,
}

impl<T: Number> Value<T> {
    /// A value that is `value` at first.
    ///
    /// # Panics
    ///
    /// If the system gives no shared memory, most likely because the process has as many open files as it may
    /// have: each value is one.
    pub fn new(value: T) -> Value<T> {
        Value { cells: Cells::new(&[value]) }
    }

    /// The number now.
    pub fn get(&self) -> T {
        self.cells.load(0)
    }

    /// Replaces the number.
    pub fn set(&self, value: T) {
        self.cells.store(0, value);
    }

    /// Replaces the number by the result of `change`, and returns that. If another thread was faster, `change`
    /// is called again.
    pub fn update(&self, change: impl FnMut(T) -> T) -> T {
        self.cells.update(0, change)
    }
}

impl<T: Number> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?})", self.get())
    }
}

/// Numbers that processes share; how many does not change.
///
/// A clone is the same array; so is the one that another process receives. Each number is read or written atomically.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Array, Process};
///
/// let numbers = Array::new(&[1.0, 2.0, 3.0]);
/// let halve = |numbers: Array<f64>| numbers.update(|all| all.iter_mut().for_each(|n| *n /= 2.0));
/// assert_eq!(Process::spawn(halve, numbers.clone())?.join()?, 0);
/// assert_eq!(numbers.to_vec(), [0.5, 1.0, 1.5]);
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Array`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Array).
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Array<T: Number> {
    cells: Cells<T>,
    lock: Lock,
}

impl<T: Number> Array<T> {
    /// An array of these numbers; `&vec![0; 1000]` makes one of a size.
    ///
    /// # Panics
    ///
    /// If the system gives no shared memory, most likely because the process has as many open files as it may
    /// have: each array is two.
    pub fn new(values: &[T]) -> Array<T> {
        Array { cells: Cells::new(values), lock: Lock::new() }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.cells.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at `index`, if the array is that long.
    pub fn get(&self, index: usize) -> Option<T> {
        (index < self.len()).then(|| self.cells.load(index))
    }

    /// Replaces the number at `index`.
    ///
    /// # Errors
    ///
    /// If there is no such index.
    pub fn set(&self, index: usize, value: T) -> Result<(), TaskError> {
        self.check(index)?;
        self.cells.store(index, value);
        Ok(())
    }

    /// Replaces the number at `index` by the result of `change`, and returns that. If another thread was
    /// faster, `change` is called again.
    ///
    /// # Errors
    ///
    /// If there is no such index.
    pub fn update_at(&self, index: usize, change: impl FnMut(T) -> T) -> Result<T, TaskError> {
        self.check(index)?;
        Ok(self.cells.update(index, change))
    }

    /// Changes any of the numbers while no other thread is in `update`, and returns the result of `change`.
    ///
    /// The numbers that were changed are written at the end; if `change` panics, none is.
    ///
    /// # Errors
    ///
    /// Those of [`Lock::lock`]: if a process was killed in `update`, or this is called in the closure of another
    /// one, or interrupted.
    pub fn update<R>(&self, change: impl FnOnce(&mut [T]) -> R) -> Result<R, TaskError> {
        let _guard = self.lock.lock()?;
        let before = self.to_vec();
        let mut after = before.clone();
        let result = change(&mut after);
        for (index, (old, new)) in before.into_iter().zip(after).enumerate() {
            if !old.is_same(new) {
                self.cells.store(index, new);
            }
        }
        Ok(result)
    }

    /// The numbers, one after the other. To see them all at one time, use [`Array::update`].
    pub fn to_vec(&self) -> Vec<T> {
        (0..self.len()).map(|index| self.cells.load(index)).collect()
    }

    /// The lock that [`Array::update`] holds.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    fn check(&self, index: usize) -> Result<(), TaskError> {
        let length = self.len();
        let error =
            || TaskError::from_error(format!("the array has {length} numbers, and none at index {index}"));
        if index < length { Ok(()) } else { Err(error()) }
    }
}

impl<T: Number> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Array({:?})", self.to_vec())
    }
}

/// Numbers in a row in shared memory.
struct Cells<T> {
    memory: Arc<Memory>,
    count: usize,
    number: PhantomData<fn(T) -> T>,
}

impl<T: Number> Cells<T> {
    fn new(values: &[T]) -> Cells<T> {
        let memory = Arc::new(Memory::new(size_of_val(values)));
        let cells = Cells { memory, count: values.len(), number: PhantomData };
        for (index, value) in values.iter().enumerate() {
            cells.store(index, *value);
        }
        cells
    }

    fn at(&self, index: usize) -> *mut T {
        assert!(index < self.count);
        // SAFETY: the memory is that long.
        unsafe { self.memory.address().cast::<T>().add(index) }
    }

    fn load(&self, index: usize) -> T {
        // SAFETY: there is a number, aligned because a mapping is, and no other code uses the memory.
        unsafe { T::load(self.at(index)) }
    }

    fn store(&self, index: usize, value: T) {
        // SAFETY: as above.
        unsafe { T::store(self.at(index), value) };
    }

    fn update(&self, index: usize, mut change: impl FnMut(T) -> T) -> T {
        let mut old = self.load(index);
        loop {
            let new = change(old);
            // SAFETY: as above.
            match unsafe { T::exchange(self.at(index), old, new) } {
                Ok(_) => return new,
                Err(other) => old = other,
            }
        }
    }
}

impl<T> Clone for Cells<T> {
    fn clone(&self) -> Cells<T> {
        Cells { memory: self.memory.clone(), count: self.count, number: PhantomData }
    }
}

impl<T> Serialize for Cells<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.count, self.memory.descriptor()).serialize(serializer)
    }
}

impl<'de, T: Number> Deserialize<'de> for Cells<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cells<T>, D::Error> {
        let (count, file) = <(usize, Descriptor)>::deserialize(deserializer)?;
        let length = count.checked_mul(size_of::<T>()).ok_or_else(|| D::Error::custom("too many numbers"))?;
        let memory = Arc::new(Memory::open(file, length).map_err(D::Error::custom)?);
        Ok(Cells { memory, count, number: PhantomData })
    }
}
