//! A macro that names the type of a field is a part of the type.
//@ cell
macro_rules! id { () => { u8 } }
//@ cell
#[derive(Debug)]
struct User { id: id!(), name: String }
let u = User { id: 7, name: "ada".into() };
//@ cell => dropped: u
macro_rules! id { () => { u64 } }
//@ cell
User { id: u64::MAX, name: "alan".into() }
//@ model
macro_rules! id { () => { u64 } }
#[derive(Debug)]
struct User { id: id!(), name: String }
fn main() {
    println!("{:?}", User { id: u64::MAX, name: "alan".into() });
}
//@ output
User { id: 18446744073709551615, name: "alan" }
