//! Names of tasks, small enough to be copied into every event.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use threadbook_base::Mutex;
use threadbook_base::fork::{self, Rank};

/// How many different names are kept. A name beyond that shows as the task's number: names live as long
/// as the process, so a loop that invents a name per task must not fill the memory.
const MAX_NAMES: usize = 65_536;

/// A name that was stored once and is then passed around as a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NameId(pub(crate) u32);

struct Names {
    ids: BTreeMap<&'static str, u32>,
    texts: Vec<&'static str>,
}

static NAMES: Mutex<Names> = Mutex::new(Names { ids: BTreeMap::new(), texts: Vec::new() });

impl NameId {
    /// No name: the task shows as `task 3`.
    pub const NONE: NameId = NameId(0);

    /// The id of `name`, which is stored if it is new.
    pub fn new(name: &str) -> NameId {
        fork::protect(Rank::Names, || Box::new(NAMES.lock()), || ());
        let mut names = NAMES.lock();
        if let Some(id) = names.ids.get(name) {
            return NameId(*id);
        }
        if names.texts.len() >= MAX_NAMES {
            return NameId::NONE;
        }
        let text: &'static str = Box::leak(name.to_owned().into_boxed_str());
        names.texts.push(text);
        let id = names.texts.len() as u32;
        names.ids.insert(text, id);
        NameId(id)
    }

    /// The name that a function of type `F` goes by: `wait_on_bob` for a function, none for a closure.
    #[inline]
    pub fn of_type<F: ?Sized>() -> NameId {
        // One entry a thread: a loop that submits one function, which is what loops do, pays for a
        // comparison of two words.
        thread_local! {
            static LAST: Cell<(usize, usize, NameId)> = const { Cell::new((0, 0, NameId::NONE)) };
        }
        let path = std::any::type_name::<F>();
        let key = (path.as_ptr() as usize, path.len());
        let last = LAST.with(Cell::get);
        if (last.0, last.1) == key {
            return last.2;
        }
        let id = short_name(path).map_or(NameId::NONE, NameId::new);
        LAST.with(|cell| cell.set((key.0, key.1, id)));
        id
    }

    /// The text, unless there is none.
    pub fn text(self) -> Option<&'static str> {
        let index = self.0.checked_sub(1)?;
        NAMES.lock().texts.get(index as usize).copied()
    }
}

/// `ctx::wait_on_bob` is `wait_on_bob`; a closure has no name of its own.
fn short_name(path: &str) -> Option<&str> {
    if path.contains("{{closure}}")
        || path.contains("dyn ")
        || path.starts_with("fn(")
        || path.starts_with(['&', '(', '<'])
    {
        return None;
    }
    let generic = path.find('<').unwrap_or(path.len());
    let plain = &path[..generic];
    let name = plain.rsplit("::").next().unwrap_or(plain);
    (!name.is_empty() && !plain.starts_with("alloc::boxed::")).then_some(name)
}

/// A task as an event names it: its number in its pool and, if it has one, its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaskLabel {
    /// The first task of a pool is number 1.
    pub number: u64,
    /// The name, which [`TaskLabel`] shows instead of the number.
    pub name: NameId,
}

impl fmt::Display for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.text() {
            Some(text) => f.write_str(text),
            None => write!(f, "task {}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_on_bob() {}

    fn id_of<F>(_: F) -> NameId {
        NameId::of_type::<F>()
    }

    #[test]
    fn functions_have_names_and_closures_have_not() {
        assert_eq!(id_of(wait_on_bob).text(), Some("wait_on_bob"));
        assert_eq!(id_of(|| 1).text(), None);
        assert_eq!(id_of(wait_on_bob), id_of(wait_on_bob));
        assert_eq!(short_name("a::b::work<i32>"), Some("work"));
        assert_eq!(short_name("alloc::boxed::Box<dyn FnOnce()>"), None);
        assert_eq!(short_name("fn() -> i32"), None);
    }

    #[test]
    fn a_label_shows_the_name_or_else_the_number() {
        let named = TaskLabel { number: 3, name: NameId::new("alice") };
        assert_eq!(named.to_string(), "alice");
        assert_eq!(TaskLabel { number: 3, name: NameId::NONE }.to_string(), "task 3");
    }
}
