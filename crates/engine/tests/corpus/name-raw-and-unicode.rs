//! Raw identifiers and names in other scripts are names like any other.
//@ cell
let r#type = "t";
let größe = 3;
let 名前 = "x";
fn naïve(r#in: u8) -> u8 { r#in + 1 }
struct Straße { nr: u8 }
//@ cell
println!("{} {größe} {名前} {type}", r#type);
let r#match = naïve(4);
//@ cell
(r#match, Straße { nr: 7 }.nr)
//@ model
fn naïve(r#in: u8) -> u8 { r#in + 1 }
struct Straße { nr: u8 }
fn main() {
    let r#type = "t";
    let größe = 3;
    let 名前 = "x";
    println!("{} {größe} {名前} {type}", r#type);
    let r#match = naïve(4);
    println!("{:?}", (r#match, Straße { nr: 7 }.nr));
}
//@ output
t 3 x t
(5, 7)
