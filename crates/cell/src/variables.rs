//! The variables that persist between cells.

use std::any::type_name;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// The variables of a session, by name.
///
/// A cell takes the variables that it names, which moves them onto its stack, and puts back those that it has not
/// moved elsewhere. A variable that is replaced or removed is dropped by the code of the cell that made it.
#[derive(Default)]
pub struct Variables {
    entries: HashMap<String, Entry>,
}

/// A boxed value of erased type, with its drop function.
struct Entry {
    value: NonNull<()>,
    drop: unsafe fn(NonNull<()>),
    type_name: &'static str,
}

impl Entry {
    fn new<T: 'static>(value: T) -> Entry {
        let value = NonNull::from(Box::leak(Box::new(value))).cast();
        Entry { value, drop: drop_box::<T>, type_name: type_name::<T>() }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: `value` is a leaked box of the type of `drop`, and has no other owner.
        unsafe { (self.drop)(self.value) }
    }
}

/// # Safety
///
/// `value` is a leaked `Box<T>` without another owner.
unsafe fn drop_box<T>(value: NonNull<()>) {
    // SAFETY: guaranteed by the caller.
    drop(unsafe { Box::from_raw(value.cast::<T>().as_ptr()) });
}

impl Variables {
    /// Moves a variable out.
    ///
    /// # Panics
    ///
    /// Panics if there is no such variable, or one of another type: generated code names only the variables that the
    /// engine has recorded, with the types that rustc has reported for them.
    pub fn take<T: 'static>(&mut self, name: &str) -> T {
        let entry = std::mem::ManuallyDrop::new(self.take_entry(name, type_name::<T>()));
        // SAFETY: the value is a leaked box of a type of this name. The engine drops a variable before it lets a cell
        // redefine a type that it contains, so one name means one type.
        *unsafe { Box::from_raw(entry.value.cast::<T>().as_ptr()) }
    }

    /// Stores a variable, in the place of an earlier one of its name.
    pub fn put<T: 'static>(&mut self, name: &str, value: T) {
        self.insert(name, Entry::new(value));
    }

    /// Stores a variable again that the cell had taken, unless the cell has put a new one of its name.
    pub fn put_back<T: 'static>(&mut self, name: &str, value: T) {
        self.insert_if_missing(name, Entry::new(value));
    }

    // These are not generic, so that they are compiled here, once, and not in every cell.

    #[inline(never)]
    fn insert(&mut self, name: &str, entry: Entry) {
        self.entries.insert(name.to_owned(), entry);
    }

    #[inline(never)]
    fn insert_if_missing(&mut self, name: &str, entry: Entry) {
        self.entries.entry(name.to_owned()).or_insert(entry);
    }

    #[inline(never)]
    fn take_entry(&mut self, name: &str, type_name: &str) -> Entry {
        let Some(entry) = self.entries.get(name) else {
            panic!("the variable `{name}` is lost; define it again");
        };
        // The `TypeId` of an unchanged type changes when another type of the session is redefined; its name does not.
        assert!(
            entry.type_name == type_name,
            "the variable `{name}` is a `{}`, not a `{type_name}`; define it again",
            entry.type_name,
        );
        self.entries.remove(name).expect("it was there a moment ago")
    }

    /// Drops a variable.
    ///
    /// # Errors
    ///
    /// The message of the panic, if its destructor panics. The variable is gone then as well.
    pub fn remove(&mut self, name: &str) -> Result<(), String> {
        let entry = self.entries.remove(name);
        catch_unwind(AssertUnwindSafe(|| drop(entry))).map_err(|panic| message(&*panic))
    }

    /// Removes a variable without running its destructor.
    pub fn forget(&mut self, name: &str) {
        std::mem::forget(self.entries.remove(name));
    }

    /// The names of all variables, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.entries.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn a_variable_is_the_same_value_when_it_is_taken() {
        let mut variables = Variables::default();
        let words = vec![String::from("a")];
        let address = words.as_ptr();
        variables.put("words", words);
        assert_eq!(variables.names(), ["words"]);
        let words: Vec<String> = variables.take("words");
        assert_eq!((words.as_ptr(), words[0].as_str()), (address, "a"));
        assert_eq!(variables.names(), Vec::<&str>::new());
    }

    #[test]
    fn replacing_and_removing_drop_once() {
        let shared = Rc::new(());
        let mut variables = Variables::default();
        variables.put("a", shared.clone());
        variables.put("a", shared.clone());
        assert_eq!(Rc::strong_count(&shared), 2);
        variables.put_back("a", shared.clone());
        assert_eq!(Rc::strong_count(&shared), 2, "the one that was there stays");
        assert_eq!(variables.remove("a"), Ok(()));
        assert_eq!(variables.remove("a"), Ok(()));
        assert_eq!(Rc::strong_count(&shared), 1);
    }

    #[test]
    #[should_panic(expected = "is a `i32`, not a `u32`")]
    fn another_type_is_refused() {
        let mut variables = Variables::default();
        variables.put("n", 5_i32);
        variables.take::<u32>("n");
    }

    #[test]
    fn a_destructor_that_panics_is_an_error() {
        struct Fuse;
        impl Drop for Fuse {
            fn drop(&mut self) {
                panic!("bang");
            }
        }
        let mut variables = Variables::default();
        variables.put("fuse", Fuse);
        assert_eq!(variables.remove("fuse"), Err("bang".into()));
        assert_eq!(variables.names(), Vec::<&str>::new());
    }
}
