//! A spawned rustc that waits for the next cell.
//!
//! In a small cell's compilation, rustc's own start-up is a noticeable part. rustc reads its source from
//! standard input, so that it can start earlier and wait. Every object is compiled this way, whether its
//! rustc had to wait or not.
//!
//! *Invariant:* a process is used only if its result is the same as that of a new one. If the process of the
//! engine is killed, the input ends, and rustc exits after compiling an empty crate.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::interrupt::Interrupt;
use crate::rustc::{Compiler, Emit, Output, finish};

/// A rustc that waits for the source of an object. It ends when this is dropped.
pub(crate) struct Standby {
    compiler: Compiler,
    generation: u64,
    process: Child,
    /// The name of its files before the first dot. The object is renamed when it is complete.
    name: String,
    /// The identity of the directory at the spawn, if it could be read.
    directory: Option<(u64, u64)>,
    is_ok: bool,
}

impl Standby {
    pub(crate) fn start(compiler: &Compiler, generation: u64) -> io::Result<Standby> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("next-{}-{count}", std::process::id());
        let directory = identity(&compiler.directory);
        let process =
            compiler.start(generation, Emit::Object, &format!("{name}{}", Emit::Object.suffix()))?;
        Ok(Standby { compiler: compiler.clone(), generation, process, name, directory, is_ok: false })
    }

    /// Whether it is running, and equivalent to a new one.
    fn fits(&mut self, compiler: &Compiler, generation: u64) -> bool {
        self.compiler == *compiler
            && self.generation == generation
            && self.directory == identity(&compiler.directory)
            && matches!(self.process.try_wait(), Ok(None))
    }

    /// Compiles `code` to the object of this name.
    fn compile(mut self, name: &str, code: &str, interrupt: &Interrupt) -> io::Result<Output> {
        let output = finish(&mut self.process, code, interrupt)?;
        if output.is_ok {
            fs::rename(self.compiler.object(&self.name), self.compiler.object(name))?;
            self.is_ok = true;
        }
        Ok(output)
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if self.is_ok {
            return;
        }
        // rustc leaves its temporary files behind when it is killed.
        let prefix = format!("{}.", self.name);
        for file in fs::read_dir(&self.compiler.directory).into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

/// The identity of a directory, which differs from that of a replacement at the same path. The process that
/// runs in it prevents reuse of the inode number.
fn identity(directory: &Path) -> Option<(u64, u64)> {
    fs::metadata(directory).ok().map(|data| (data.dev(), data.ino()))
}

/// Spawns a rustc in advance. If that fails, the next compilation reports the error.
pub(crate) fn prepare(standby: &Mutex<Option<Standby>>, compiler: &Compiler, generation: u64) {
    let mut standby = lock(standby);
    if !standby.as_mut().is_some_and(|standby| standby.fits(compiler, generation)) {
        *standby = Standby::start(compiler, generation).ok();
    }
}

/// Compiles an object with the waiting rustc, or with a new one if that does not fit.
pub(crate) fn compile(
    standby: &Mutex<Option<Standby>>,
    compiler: &Compiler,
    generation: u64,
    name: &str,
    code: &str,
    interrupt: &Interrupt,
) -> io::Result<Output> {
    let standby = lock(standby).take();
    if let Some(mut standby) = standby
        && standby.fits(compiler, generation)
    {
        let output = standby.compile(name, code, interrupt)?;
        // A process that has ended without a message or an interrupt is replaced by a new one.
        if output.is_ok || !output.messages.is_empty() || interrupt.is_requested() {
            return Ok(output);
        }
    }
    Standby::start(compiler, generation)?.compile(name, code, interrupt)
}

fn lock(standby: &Mutex<Option<Standby>>) -> MutexGuard<'_, Option<Standby>> {
    standby.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn compiler(directory: &Path) -> Compiler {
        Compiler { rustc: "rustc".into(), arguments: Vec::new(), directory: directory.to_owned() }
    }

    fn ends(standby: &mut Standby) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            if standby.process.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    #[test]
    fn rustc_ends_with_its_input() {
        let directory = tempfile::tempdir().unwrap();
        let mut first = Standby::start(&compiler(directory.path()), 0).unwrap();
        // A process that is started later does not keep the input open.
        let mut second = Standby::start(&compiler(directory.path()), 0).unwrap();
        drop(first.process.stdin.take());
        assert!(ends(&mut first));
        assert!(matches!(second.process.try_wait(), Ok(None)));
    }

    #[test]
    fn a_process_that_is_killed_at_the_last_moment_is_known_to_be() {
        let directory = tempfile::tempdir().unwrap();
        let mut standby = Standby::start(&compiler(directory.path()), 0).unwrap();
        assert!(standby.fits(&compiler(directory.path()), 0));
        standby.process.kill().unwrap();
        assert!(ends(&mut standby));
        let output = standby.compile("cell", "pub fn f() {}", &Interrupt::default()).unwrap();
        assert!(!output.is_ok && output.messages.is_empty());
    }

    #[test]
    fn one_fits_what_it_was_started_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("objects");
        fs::create_dir(&path).unwrap();
        let mut standby = Standby::start(&compiler(&path), 1).unwrap();
        assert!(standby.fits(&compiler(&path), 1));
        assert!(!standby.fits(&compiler(&path), 2));
        let others = [
            Compiler { rustc: "/bin/rustc".into(), ..compiler(&path) },
            Compiler { arguments: vec!["-O".into()], ..compiler(&path) },
            compiler(directory.path()),
        ];
        for other in others {
            assert!(!standby.fits(&other, 1), "{other:?}");
        }
        // The directory is another one of that name.
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(!standby.fits(&compiler(&path), 1));
    }

    #[test]
    fn files_of_one_that_is_killed_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let standby = Standby::start(&compiler(directory.path()), 0).unwrap();
        let others = ["cell_1.so".to_owned(), format!("{}0.so", standby.name)];
        for file in others.iter().chain(&[format!("{}.cell.0.rcgu.o", standby.name)]) {
            fs::write(directory.path().join(file), "").unwrap();
        }
        drop(standby);
        let mut left: Vec<_> = fs::read_dir(&directory).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["cell_1.so", "cell_source.rs", &others[1]]);
    }
}
