//! A variable with the name of a function hides it in later cells, and not in functions.
//@ cell
fn area() -> u32 { 6 }
fn report() -> String { format!("area {}", area()) }
//@ cell
let area = area();
//@ cell
(area + 1, report())
//@ cell => E0618
area()
//@ cell
crate::area() * 2
//@ model
fn area() -> u32 { 6 }
fn report() -> String { format!("area {}", area()) }
fn main() {
    let area = area();
    println!("{:?}", (area + 1, report()));
    println!("{:?}", crate::area() * 2);
}
//@ output
(7, "area 6")
12
