//! Addresses of functions in a form that other processes understand: a loaded object, and an offset in it.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_void};
use std::sync::{Arc, LazyLock};

use threadbook_base::Mutex;
use threadbook_base::fork::{self, Rank};
use threadbook_base::location::{LoadedObject, object_of};

/// A function that decodes its argument, calls, and encodes the result.
pub(crate) type Entry = fn(Vec<u8>) -> Result<Vec<u8>, crate::CodecError>;

/// The address of a function. The object is empty if it is the one that this crate itself lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FnAddress {
    pub(crate) object: Arc<str>,
    pub(crate) offset: u64,
}

/// The object that this crate lies in.
pub(crate) fn own_object() -> Option<LoadedObject> {
    object_of(own_object as *const () as usize)
}

/// The address of `entry`.
pub(crate) fn of(entry: Entry) -> Option<FnAddress> {
    // The dynamic linker searches a list for this, and in a notebook the list is long.
    static KNOWN: LazyLock<Mutex<HashMap<usize, FnAddress>>> = LazyLock::new(Mutex::default);
    fork::protect(Rank::Addresses, || Box::new(KNOWN.lock()), || ());
    let address = entry as usize;
    let mut known = KNOWN.lock();
    if let Some(place) = known.get(&address) {
        return Some(place.clone());
    }
    let object = object_of(address)?;
    let is_own = own_object().is_some_and(|own| own.base == object.base);
    let path = if is_own { String::new() } else { object.path };
    let place = FnAddress { object: path.into(), offset: (address - object.base) as u64 };
    known.insert(address, place.clone());
    Some(place)
}

/// Loads objects, once each, and finds functions in them.
#[derive(Default)]
pub(crate) struct Loader {
    bases: HashMap<Arc<str>, usize>,
}

impl Loader {
    /// The function at `address`.
    ///
    /// # Safety
    ///
    /// [`of`] must have returned the address, in a process of the same program.
    pub(crate) unsafe fn find(&mut self, address: &FnAddress) -> Result<Entry, String> {
        let base = match self.bases.get(&address.object) {
            Some(base) => *base,
            None => {
                let base = load(&address.object)?;
                self.bases.insert(address.object.clone(), base);
                base
            }
        };
        // SAFETY: the caller promises that there is an `Entry` at this address.
        Ok(unsafe { std::mem::transmute::<usize, Entry>(base + address.offset as usize) })
    }
}

fn load(object: &str) -> Result<usize, String> {
    if object.is_empty() {
        return own_object().map(|own| own.base).ok_or_else(|| "the program cannot find itself".into());
    }
    let path = CString::new(object).map_err(|error| error.to_string())?;
    // SAFETY: the object was loaded in the other process, so its initialisers are harmless. It is never
    // unloaded.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY) };
    if handle.is_null() {
        // SAFETY: after a failure `dlerror` gives a string, which is copied before another call.
        let reason = unsafe { CStr::from_ptr(libc::dlerror()) }.to_string_lossy().into_owned();
        return Err(format!("the code of the function could not be loaded: {reason}"));
    }
    base_of(handle, object)
}

/// The address at which an object was loaded.
fn base_of(handle: *mut c_void, object: &str) -> Result<usize, String> {
    #[cfg(target_os = "linux")]
    {
        // The first field of what a handle points to is the difference between the addresses in the file
        // and those in memory; for a shared object that is where it begins. (`link_map` in <link.h>.)
        let mut map: *mut usize = std::ptr::null_mut();
        // SAFETY: the handle is one of `dlopen`, and the answer is a pointer to a `link_map`.
        let status = unsafe { libc::dlinfo(handle, libc::RTLD_DI_LINKMAP, (&raw mut map).cast()) };
        if status == 0 && !map.is_null() {
            // SAFETY: as above.
            return Ok(unsafe { *map });
        }
        Err(format!("the dynamic linker does not say where {object} begins"))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = handle;
        loaded_images()
            .find(|(path, _)| path == object)
            .map(|(_, base)| base)
            .ok_or_else(|| format!("the dynamic linker does not say where {object} begins"))
    }
}

#[cfg(target_os = "macos")]
fn loaded_images() -> impl Iterator<Item = (String, usize)> {
    // SAFETY: these two may be called at any time; an index that is too large gives null.
    (0..unsafe { libc::_dyld_image_count() }).filter_map(|index| unsafe {
        let name = libc::_dyld_get_image_name(index);
        let header = libc::_dyld_get_image_header(index);
        (!name.is_null()).then(|| (CStr::from_ptr(name).to_string_lossy().into_owned(), header as usize))
    })
}
