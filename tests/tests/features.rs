//! rust-analyzer takes minutes to compile, so every command has to compile it, and all else, with the same features.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The names of the packages from registries that cargo compiles for a command.
fn compiled(arguments: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    // In the directory of a package, cargo would select the programs of that package only.
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).args(arguments).args([
        "--locked",
        "--offline",
        "--quiet",
        "--message-format=json",
    ]);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    assert!(text.contains("compiler-artifact"), "{text}");
    let compiled = text.lines().filter(|line| line.contains(r#""fresh":false"#));
    let id = |line: &str| Some(line.split_once(r#""package_id":""#)?.1.split('"').next()?.to_owned());
    compiled.filter_map(id).filter(|id| id.starts_with("registry+")).collect()
}

#[test]
fn no_command_compiles_a_dependency_again() {
    compiled(&["build", "--workspace", "--bins", "--examples"]);
    for program in ["threadbook", "threadbook-analysis", "threadbook-peers", "threadbook-verify"] {
        let again = compiled(&["build", "--bin", program]);
        assert!(again.is_empty(), "for {program}: {again:#?}");
    }
}
