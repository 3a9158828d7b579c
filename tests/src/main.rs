//! `cargo verify`: runs every check of this repository.

fn main() {}
