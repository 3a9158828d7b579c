//! `_` binds nothing, and a name with an underscore is a variable like any other.
//@ cell
let _ = String::from("gone");
let _quiet = 5usize;
let (_, kept) = ("left", "right");
//@ cell
_quiet + kept.len()
//@ cell => syntax
_ + 1
//@ model
fn main() {
    let _ = String::from("gone");
    let _quiet = 5usize;
    let (_, kept) = ("left", "right");
    println!("{:?}", _quiet + kept.len());
}
//@ output
10
