//! The soak, with fewer tasks; `cargo run --example soak` runs all of it.

#[path = "../../examples/soak.rs"]
#[allow(dead_code)]
mod example;

#[test]
fn forty_thousand_tasks_are_all_accounted_for() {
    assert!(example::run_all(40_000), "see above");
}
