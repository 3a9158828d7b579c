//! A corrected macro holds for the functions of earlier cells and for the macros that use it.
//@ cell
macro_rules! unit { () => { "m" } }
macro_rules! show { ($n:expr) => { format!("{} {}", $n, unit!()) } }
fn far() -> String { show!(1000) }
//@ cell
far()
//@ cell
macro_rules! unit { () => { "km" } }
//@ cell
(far(), show!(3))
//@ model
macro_rules! unit { () => { "km" } }
macro_rules! show { ($n:expr) => { format!("{} {}", $n, unit!()) } }
fn far() -> String { show!(1000) }
fn main() {
    println!("{:?}", "1000 m");
    println!("{:?}", (far(), show!(3)));
}
//@ output
"1000 m"
("1000 km", "3 km")
