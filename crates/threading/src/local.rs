//! Thread-local values.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A value of which every thread has its own, made when the thread first uses it and dropped when the
/// thread ends.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use threadbook_threading::{Local, Thread};
///
/// let count = Arc::new(Local::new(|| 0));
/// count.with(|count| *count += 1);
/// let other = count.clone();
/// Thread::spawn(move || other.with(|count| assert_eq!(*count, 0))).join().unwrap();
/// assert_eq!(count.get(), 1);
/// ```
pub struct Local<T> {
    id: u64,
    initial: Box<dyn Fn() -> T + Send + Sync>,
}

static LOCALS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static VALUES: RefCell<HashMap<u64, Rc<dyn Any>>> = RefCell::default();
}

impl<T: 'static> Local<T> {
    /// A value that is `initial()` at first, in every thread.
    pub fn new(initial: impl Fn() -> T + Send + Sync + 'static) -> Local<T> {
        Local { id: LOCALS.fetch_add(1, Relaxed), initial: Box::new(initial) }
    }

    /// Uses this thread's value.
    ///
    /// # Panics
    ///
    /// If `work` uses the same value again.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let cell = self.cell();
        let mut value = cell.try_borrow_mut().expect("a thread's value cannot be used within its own use");
        work(&mut value)
    }

    /// A clone of this thread's value.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(|value| value.clone())
    }

    /// Replaces this thread's value.
    pub fn set(&self, value: T) {
        self.with(|old| *old = value);
    }

    fn cell(&self) -> Rc<RefCell<T>> {
        let known = VALUES.with_borrow(|values| values.get(&self.id).cloned());
        let any = known.unwrap_or_else(|| {
            // Outside of the borrow: it may use other values.
            let fresh: Rc<dyn Any> = Rc::new(RefCell::new((self.initial)()));
            VALUES.with_borrow_mut(|values| Rc::clone(values.entry(self.id).or_insert(fresh)))
        });
        any.downcast().expect("only this type is stored under this number")
    }
}

/// The other threads' values are dropped when those threads end.
impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        let _ = VALUES.try_with(|values| values.borrow_mut().remove(&self.id));
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|value| write!(f, "Local({value:?} in this thread)"))
    }
}
