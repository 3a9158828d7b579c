//! The engine takes ten minutes to build, so all commands have to build it with the same features.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates, each with its features, that cargo builds for these packages.
fn crates(packages: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}"]).args(packages);
    let output = tree.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn a_kernel_that_is_built_alone_has_the_crates_of_the_workspace() {
    let all = crates(&["--workspace"]);
    assert!(all.iter().any(|name| name.starts_with("ra_ap_ide ")), "{all:?}");
    // To run it, for its tests, and for stock's kernel.
    let alone: [&[&str]; 3] = [
        &["--package", "threadbook-kernel", "--edges", "normal,build"],
        &["--package", "threadbook-kernel"],
        &["--package", "threadbook-peers"],
    ];
    for packages in alone {
        let others: Vec<_> = crates(packages).difference(&all).cloned().collect();
        assert!(others.is_empty(), "{packages:?} brings other features than the workspace: {others:#?}");
    }
}
