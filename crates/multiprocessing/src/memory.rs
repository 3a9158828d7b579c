//! Memory that several processes see, in a file without a name.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::NonNull;

use threadbook_worker::Descriptor;

/// The beginning of a file, mapped into this process. The system frees both when the last process is done
/// with them, however it ends.
pub(crate) struct Memory {
    file: Descriptor,
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to no thread; code that follows the pointer is responsible for its accesses.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// New memory of `length` bytes, all zero.
    ///
    /// # Panics
    ///
    /// If the system refuses, most likely because the process has as many open files as it may have.
    pub(crate) fn new(length: usize) -> Memory {
        let made = nameless_file().and_then(|file| {
            file.set_len(length.max(1) as u64)?;
            Memory::map(OwnedFd::from(file).into(), length)
        });
        made.unwrap_or_else(|error| panic!("the system gives no shared memory: {error}"))
    }

    /// The first `length` bytes of a file that another process made.
    pub(crate) fn open(file: Descriptor, length: usize) -> io::Result<Memory> {
        if file.as_file().metadata()?.len() < length as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the shared memory is too short"));
        }
        Memory::map(file, length)
    }

    fn map(file: Descriptor, length: usize) -> io::Result<Memory> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, at a place that the system chooses.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length.max(1),
                access,
                libc::MAP_SHARED,
                file.as_fd().as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Memory { file, address, length })
    }

    /// The file, which may be longer than the mapping.
    pub(crate) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// The file, for another process.
    pub(crate) fn descriptor(&self) -> &Descriptor {
        &self.file
    }

    /// Where the mapping begins; it is aligned to a page.
    pub(crate) fn address(&self) -> *mut u8 {
        self.address.as_ptr()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and no pointer to it is left.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length.max(1)) };
    }
}

/// A file in memory, without a name.
#[cfg(target_os = "linux")]
pub(crate) fn nameless_file() -> io::Result<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: the name, which only debuggers show, ends with a zero.
    let fd = unsafe { libc::memfd_create(c"threadbook".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just made this descriptor for us.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// A file without a name.
#[cfg(not(target_os = "linux"))]
pub(crate) fn nameless_file() -> io::Result<File> {
    tempfile::tempfile()
}
