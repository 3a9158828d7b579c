//! A macro is usable within modules, and a module's macro by its path.
//@ cell
macro_rules! square { ($e:expr) => { $e * $e } }
mod maths {
    pub fn nine() -> i32 { square!(3) }
    macro_rules! cube { ($e:expr) => { $e * square!($e) } }
    pub(crate) use cube;
}
//@ cell
maths::nine() + maths::cube!(2)
//@ cell
use maths::cube as third_power;
third_power!(3)
//@ model
macro_rules! square { ($e:expr) => { $e * $e } }
mod maths {
    pub fn nine() -> i32 { square!(3) }
    macro_rules! cube { ($e:expr) => { $e * square!($e) } }
    pub(crate) use cube;
}
use maths::cube as third_power;
fn main() {
    println!("{:?}", maths::nine() + maths::cube!(2));
    println!("{:?}", third_power!(3));
}
//@ output
17
27
