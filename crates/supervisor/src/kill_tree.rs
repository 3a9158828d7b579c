//! Ends the descendants of a process: the compilers of an engine that does not end, and the processes that user code has
//! left behind. There are no handles to them, so they are found by their parents. On a system that does not list children,
//! nothing is ended.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Ends all descendants of a process by SIGKILL, except its child `spare` and the descendants of that.
pub fn end_children(process: u32, spare: Option<u32>) {
    for child in children(process).into_iter().filter(|child| Some(*child) != spare) {
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

    fn is_alive(process: u32) -> bool {
        std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    /// The children of `process`, once there are as many.
    fn wait_for_children(process: u32, count: usize) -> Vec<u32> {
        loop {
            let children = children(process);
            if children.len() == count {
                return children;
            }
            std::thread::yield_now();
        }
    }

    // A shell stands for the kernel: other tests of this process have children, too.
    #[test]
    fn children_are_ended_with_theirs_and_one_is_spared() {
        let script = "sleep 60 & sh -c 'sleep 60 & wait' & wait";
        let mut kernel = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let [supervisor, compiler] = wait_for_children(kernel.id(), 2)[..] else { unreachable!() };
        let linker = wait_for_children(compiler, 1)[0];
        end_children(kernel.id(), Some(supervisor));
        while is_alive(compiler) || is_alive(linker) {
            std::thread::yield_now();
        }
        assert!(is_alive(supervisor) && is_alive(kernel.id()));
        end_with_children(kernel.id());
        assert!(!kernel.wait().unwrap().success());
        while is_alive(supervisor) {
            std::thread::yield_now();
        }
    }
}
