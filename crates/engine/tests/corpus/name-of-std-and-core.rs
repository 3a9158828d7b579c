//! Variables and modules may have the names that generated code would use.
//@ cell
let std = 1;
let core = 2;
let store = 3;
let main = 4;
let cell = 5;
//@ cell
let alloc = std + core + store + main + cell;
let x = std::cmp::max(alloc, core);
//@ cell
mod core { pub fn temperature() -> u32 { 300 } }
fn main() { println!("main {}", core::temperature()); }
//@ cell
main();
//@ cell
#[derive(Debug, Clone, PartialEq)] struct Sample { t: u32 }
(x, store, crate::main(), Sample { t: core::temperature() })
//@ model
mod core { pub fn temperature() -> u32 { 300 } }
fn other_main() { println!("main {}", core::temperature()); }
#[derive(Debug, Clone, PartialEq)] struct Sample { t: u32 }
fn main() {
    other_main();
    println!("{:?}", (15, 3, other_main(), Sample { t: core::temperature() }));
}
//@ output
main 300
main 300
(15, 3, (), Sample { t: 300 })
