//! The call stack of a thread, for the kernel, which maps addresses in a shared object to lines of cells.
//!
//! Only addresses are recorded here. In a program that panics often, a look-up of the lines would cost more
//! than the panics.

use serde::Serialize;
use std::ffi::{c_int, c_void};
use std::path::PathBuf;
use threadbook_base::location::object_of;

/// The maximum number of recorded calls, the innermost ones.
const MAX_CALLS: usize = 256;

/// An address in a shared object: the object, and the offset from its base.
#[derive(Serialize)]
pub struct Address {
    pub object: PathBuf,
    pub offset: usize,
}

impl Address {
    /// Resolves an address of this process.
    pub fn of(address: *const u8) -> Option<Address> {
        let object = object_of(address.addr())?;
        Some(Address { offset: address.addr().wrapping_sub(object.base), object: object.path.into() })
    }
}

/// The calls on this thread's stack, the innermost first, as far as they are in loaded objects.
pub fn calls() -> Vec<Address> {
    let mut calls = Vec::new();
    // SAFETY: the callback receives the vector that is passed here, and no other code uses it meanwhile.
    unsafe { _Unwind_Backtrace(note, (&raw mut calls).cast()) };
    calls
}

// The unwinder's interface in the C++ ABI: <https://itanium-cxx-abi.github.io/cxx-abi/abi-eh.html>. The
// standard library is linked to it.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        callback: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

const GO_ON: c_int = 0;
const STOP: c_int = 5;

extern "C" fn note(context: *mut c_void, calls: *mut c_void) -> c_int {
    // SAFETY: the data is the vector of `calls`, and the context is the unwinder's own.
    let (calls, after) = unsafe { (&mut *calls.cast::<Vec<Address>>(), _Unwind_GetIP(context)) };
    // The return address is after the call.
    calls.extend(Address::of(std::ptr::without_provenance(after.wrapping_sub(1))));
    if calls.len() < MAX_CALLS { GO_ON } else { STOP }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn deep(n: usize) -> Vec<Address> {
        let calls = if n == 0 { calls() } else { deep(n - 1) };
        std::hint::black_box(n);
        calls
    }

    #[test]
    fn calls_are_in_this_program_and_not_too_many() {
        let own = std::env::current_exe().unwrap();
        let shallow = deep(3);
        assert!(shallow.len() > 4 && shallow.len() < MAX_CALLS);
        let ours = shallow.iter().filter(|call| call.object.file_name() == own.file_name()).count();
        assert!(ours > 4, "{ours} of {}", shallow.len());
        assert_eq!(deep(2 * MAX_CALLS).len(), MAX_CALLS);
    }

    #[test]
    fn what_is_nowhere_has_no_address() {
        assert!(Address::of(std::ptr::without_provenance(16)).is_none());
    }
}
