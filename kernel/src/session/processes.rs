//! Ends the compiler when a cell is interrupted while it is being compiled.
//!
//! The engine starts cargo as a child of this process and gives no handle to it, so it is found by its
//! parent. Where the system does not tell, compilation goes on to its end and the cell does not run.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Ends all children of this process, and theirs, except the process `spare`.
pub fn end_compilers(spare: Option<u32>) {
    for child in children(std::process::id()).into_iter().filter(|child| Some(*child) != spare) {
        end_with_children(child);
    }
}

fn end_with_children(process: u32) {
    let children = children(process);
    let _ = kill(Pid::from_raw(process as i32), Signal::SIGKILL);
    children.into_iter().for_each(end_with_children);
}

fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::process::Command;

    // Only of a process of its own: other tests of this process have children, too.
    #[test]
    fn a_process_is_ended_with_its_children() {
        let mut compiler = Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        while children(compiler.id()).is_empty() {
            std::thread::yield_now();
        }
        assert!(children(std::process::id()).contains(&compiler.id()));
        let linker = children(compiler.id())[0];
        end_with_children(compiler.id());
        assert!(!compiler.wait().unwrap().success());
        assert!(!children(std::process::id()).contains(&compiler.id()));
        let alive =
            || std::fs::read_to_string(format!("/proc/{linker}/stat")).is_ok_and(|s| !s.contains(") Z "));
        while alive() {
            std::thread::yield_now();
        }
    }
}
