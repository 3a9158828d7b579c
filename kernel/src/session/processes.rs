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

    #[test]
    fn children_are_ended_and_the_spared_one_is_not() {
        let mut compiler = Command::new("sleep").arg("60").spawn().unwrap();
        let mut spared = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children(std::process::id()).contains(&compiler.id()));
        end_compilers(Some(spared.id()));
        assert!(!compiler.wait().unwrap().success());
        assert!(spared.try_wait().unwrap().is_none());
        spared.kill().unwrap();
        spared.wait().unwrap();
    }
}
