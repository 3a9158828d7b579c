//! The calls of a thread, for the kernel, which knows the cells that the code in a shared object was compiled from.
//!
//! Only addresses are taken here. To find the lines would cost a program that panics often, and that does not ask for
//! them, more than the panics do.

use std::ffi::{c_int, c_void};
use threadbook_wire::CodeAddress;
use threadbook_worker::object_of;

/// The number of innermost calls that are returned.
const MAX_CALLS: usize = 256;

/// The shared object and the offset of an address of this process.
pub fn code_address(address: *const u8) -> Option<CodeAddress> {
    let object = object_of(address.addr())?;
    let offset = address.addr().wrapping_sub(object.base) as u64;
    Some(CodeAddress { offset, object: object.path.into() })
}

/// The calls of this thread that are in loaded objects, the innermost first.
pub fn calls() -> Vec<CodeAddress> {
    let mut calls = Vec::new();
    // SAFETY: the callback gets the vector that is handed over here, and nothing else uses it meanwhile.
    unsafe { _Unwind_Backtrace(note, (&raw mut calls).cast()) };
    calls
}

// The unwinder's, as the C++ ABI has it: <https://itanium-cxx-abi.github.io/cxx-abi/abi-eh.html>. The standard library
// is linked to it.
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
    let (calls, after) = unsafe { (&mut *calls.cast::<Vec<CodeAddress>>(), _Unwind_GetIP(context)) };
    // A call returns to what comes after it.
    calls.extend(code_address(std::ptr::without_provenance(after.wrapping_sub(1))));
    if calls.len() < MAX_CALLS { GO_ON } else { STOP }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn deep(n: usize) -> Vec<CodeAddress> {
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
        assert!(code_address(std::ptr::without_provenance(16)).is_none());
    }
}
