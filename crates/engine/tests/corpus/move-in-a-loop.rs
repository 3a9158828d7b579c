//! A move within a loop is refused in its cell; nothing changes.
//@ cell
let s = String::from("kept");
//@ cell => E0382
for _ in 0..2 { drop(s); }
//@ cell
s
//@ model
fn main() {
    let s = String::from("kept");
    println!("{:?}", s);
}
//@ output
"kept"
