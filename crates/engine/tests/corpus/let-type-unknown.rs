//! A `let` whose type is open at the end of its cell is refused; with the type, or its first use, it is kept.
//@ cell => E0282
let mut list = Vec::new();
//@ cell => E0282
let nothing = None;
//@ cell
let mut list = Vec::new();
list.push(1.5);
let nothing = None::<u8>;
//@ cell
list.push(2.0);
//@ cell
(list, nothing)
//@ model
fn main() {
    let mut list = Vec::new();
    list.push(1.5);
    let nothing = None::<u8>;
    list.push(2.0);
    println!("{:?}", (list, nothing));
}
//@ output
([1.5, 2.0], None)
