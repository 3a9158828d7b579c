//! The soak, with fewer tasks; `cargo run --example soak` runs all of it.

#[path = "../../examples/soak.rs"]
#[allow(dead_code)]
mod soak;

#[test]
fn forty_thousand_tasks_are_all_accounted_for() {
    assert!(soak::run_all(40_000), "see above");
}
