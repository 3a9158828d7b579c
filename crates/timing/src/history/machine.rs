//! The identity of a machine: times of another machine are not compared.

use serde::{Deserialize, Serialize};

/// The properties of a machine that its times depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// A hash of its name, its processor's name and its system.
    pub id: String,
    /// Its processor and system, to be shown.
    pub about: String,
    /// The number of available processors.
    pub processors: usize,
}

impl Machine {
    /// The current machine.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_timing::Machine;
    ///
    /// assert_eq!(Machine::this().id, Machine::this().id);
    /// ```
    pub fn this() -> Machine {
        let about = format!("{}, {}", processor_name(), std::env::consts::OS);
        let id = format!("{:016x}", hash(&format!("{}\n{about}", host_name())));
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        Machine { id, about, processors }
    }
}

/// The processor's name if Linux reports it, otherwise its architecture.
fn processor_name() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut names = told.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    });
    names.next().unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Empty if it is unknown.
fn host_name() -> String {
    let mut name = [0_u8; 256];
    // SAFETY: the system writes at most the passed length, which is that of the buffer.
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } != 0;
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    if failed { String::new() } else { String::from_utf8_lossy(&name[..length]).into_owned() }
}

/// FNV-1a: the same in every build, for as long as the files live.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
