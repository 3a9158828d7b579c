//! A mutable variable that was moved can be assigned in a later cell.
//@ cell
let mut s = String::from("old");
//@ cell
let t = s;
//@ cell
s = t + " and new";
//@ cell
s.push('!');
s
//@ model
fn main() {
    let mut s = String::from("old");
    let t = s;
    s = t + " and new";
    s.push('!');
    println!("{:?}", s);
}
//@ output
"old and new!"
