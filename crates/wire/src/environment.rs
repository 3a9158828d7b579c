//! The version of the wire, and the environment variables by which its ends find each other.

/// The version of this protocol.
pub const VERSION: u32 = 2;

/// The environment variable with the companion's sockets.
pub const COMPANION_VARIABLE: &str = "THREADBOOK_WIRE";

/// The environment variable in which the supervisor finds the path of the kernel's socket.
pub const KERNEL_VARIABLE: &str = "THREADBOOK_KERNEL_SOCKET";

/// The environment variable that makes a process of the kernel's program a supervisor.
pub const SUPERVISOR_VARIABLE: &str = "THREADBOOK_SUPERVISOR";

/// The environment variable that names the companion's library. The cell process loads it before the first cell.
pub const LIBRARY_VARIABLE: &str = "THREADBOOK_COMPANION";

/// The environment variable with the directories of the dynamic loader. The loader reads it when a process starts, so the
/// cell process removes it before user code starts others.
pub const LIBRARY_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
