//! An enum gains a variant; a `match` of an earlier cell is refused until it names that variant.
//@ cell colour
#[derive(Clone, Copy)]
enum Colour { Red, Green }
//@ cell name
fn name(c: Colour) -> &'static str { match c { Colour::Red => "red", Colour::Green => "green" } }
//@ cell
name(Colour::Green)
//@ cell colour
#[derive(Clone, Copy)]
enum Colour { Red, Green, Blue(u8) }
//@ cell => E0004
name(Colour::Red)
//@ cell name
fn name(c: Colour) -> &'static str { match c { Colour::Red => "red", Colour::Green => "green", Colour::Blue(_) => "blue" } }
//@ cell
[name(Colour::Red), name(Colour::Blue(9))]
//@ model
#[derive(Clone, Copy)]
enum Colour { Red, Green, Blue(u8) }
fn name(c: Colour) -> &'static str { match c { Colour::Red => "red", Colour::Green => "green", Colour::Blue(_) => "blue" } }
fn main() {
    println!("{:?}", name(Colour::Green));
    println!("{:?}", [name(Colour::Red), name(Colour::Blue(9))]);
}
//@ output
"green"
["red", "blue"]
