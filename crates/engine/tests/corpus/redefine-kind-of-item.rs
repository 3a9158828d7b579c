//! An item takes the place of one of another kind in the same namespace, and of none in another.
//@ cell
const SIZE: u32 = 1;
fn shape() -> u32 { 1 }
mod shape { pub fn name() -> &'static str { "mod" } }
macro_rules! shape { () => { "macro" } }
//@ cell
#[allow(non_snake_case)]
fn SIZE() -> u32 { 2 }
//@ cell
fn shape() -> u32 { 3 }
//@ cell
(SIZE(), shape(), shape::name(), shape!())
//@ cell
struct shape(u8);
//@ cell
(shape(4).0, shape!())
//@ model
#[allow(non_snake_case)]
fn SIZE() -> u32 { 2 }
macro_rules! shape { () => { "macro" } }
fn main() {
    println!("{:?}", (SIZE(), 3, "mod", shape!()));
    println!("{:?}", (4, "macro"));
}
//@ output
(2, 3, "mod", "macro")
(4, "macro")
