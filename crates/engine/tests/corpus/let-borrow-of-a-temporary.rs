//! A reference to a temporary lives in its cell.
//@ cell => kept-not: words
let words = &String::from("a b").to_uppercase();
let owned = words.clone();
println!("{words}");
//@ cell
owned
//@ model
fn main() {
    let words = &String::from("a b").to_uppercase();
    let owned = words.clone();
    println!("{words}");
    println!("{:?}", owned);
}
//@ output
A B
"A B"
