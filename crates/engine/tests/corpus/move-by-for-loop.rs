//! A `for` loop over a vector uses it up, over a reference it does not.
//@ cell
let v = vec!["a".to_string(), "b".to_string()];
//@ cell
for s in &v { print!("{s} "); }
//@ cell
for s in v { println!("{s}"); }
//@ cell => E0382: v
v
//@ model => E0382
fn main() {
    let v = vec!["a".to_string(), "b".to_string()];
    for s in &v { print!("{s} "); }
    for s in v { println!("{s}"); }
    println!("{:?}", v);
}
