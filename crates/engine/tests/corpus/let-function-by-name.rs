//! A variable that holds a function by its name is kept.
//@ cell
fn double(n: i32) -> i32 { n * 2 }
let f = double;
let parse = str::parse::<u8>;
//@ cell
f(21)
//@ cell
parse("7")
//@ model
fn double(n: i32) -> i32 { n * 2 }
fn main() {
    let f = double;
    let parse = str::parse::<u8>;
    println!("{:?}", f(21));
    println!("{:?}", parse("7"));
}
//@ output
42
Ok(7)
