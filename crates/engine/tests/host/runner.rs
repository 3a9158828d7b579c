//! The process of the tests that runs cells. It reads commands from standard input, one a line: `drop NAME`,
//! or `run 0 OBJECT` and `run 1 OBJECT`, of which the latter loads the object with `RTLD_GLOBAL`. It answers
//! on its original standard output, which it then redirects to the file that its argument names.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use threadbook::cell::{CellFn, ENTRY_POINT, End, Variables};

unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
    fn dup2(from: c_int, to: c_int) -> c_int;
}

const RTLD_NOW: c_int = 2;
const RTLD_GLOBAL: c_int = 0x100;

fn load(object: &str, for_all: bool) -> Result<CellFn, String> {
    let (file, name) = (CString::new(object).unwrap(), CString::new(ENTRY_POINT).unwrap());
    let flags = if for_all { RTLD_NOW | RTLD_GLOBAL } else { RTLD_NOW };
    // SAFETY: the object is one that the engine has compiled; its entry point has this type.
    unsafe {
        let handle = dlopen(file.as_ptr(), flags);
        let symbol = if handle.is_null() { handle } else { dlsym(handle, name.as_ptr()) };
        if symbol.is_null() {
            return Err(std::ffi::CStr::from_ptr(dlerror()).to_string_lossy().into_owned());
        }
        Ok(std::mem::transmute::<*mut c_void, CellFn>(symbol))
    }
}

fn main() {
    let mut answers = File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
    let output = File::create(std::env::args().nth(1).unwrap()).unwrap();
    // SAFETY: both descriptors are open.
    assert_eq!(unsafe { dup2(output.as_raw_fd(), 1) }, 1);
    let mut variables = Variables::default();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            ["drop", name] => {
                variables.remove(name).map_or_else(|panic| format!("panic {panic}"), |()| "ok".into())
            }
            ["run", for_all, object] => match load(object, for_all == "1") {
                Err(error) => format!("not loaded: {error}"),
                Ok(cell) => match cell(&mut variables) {
                    End::Done => "ok".into(),
                    End::Returned(index) => format!("returned {index}"),
                    End::Failed(error) => format!("error {}", error.text),
                    End::Panicked(panic) => {
                        let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
                        format!(
                            "panic {}",
                            text.or(panic.downcast_ref::<String>().cloned()).unwrap_or_default()
                        )
                    }
                },
            },
            _ => format!("no order: {line}"),
        };
        std::io::stdout().flush().unwrap();
        writeln!(answers, "{}", answer.replace('\n', " ")).unwrap();
    }
}
