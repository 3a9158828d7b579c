//! A variable that its cell declares first and assigns later is kept.
//@ cell
let limit;
let hot = true;
if hot { limit = 30 } else { limit = 10 }
//@ cell
limit
//@ cell => E0282
let later;
//@ model
fn main() {
    let limit;
    let hot = true;
    if hot { limit = 30 } else { limit = 10 }
    println!("{:?}", limit);
}
//@ output
30
