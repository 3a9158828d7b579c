//! The fields that a cell did not move are usable in later cells.
//@ cell
let pair = (String::from("left"), String::from("right"));
//@ cell
let left = pair.0;
//@ cell
pair.1
//@ cell => E0382
pair.0
//@ model
fn main() {
    let pair = (String::from("left"), String::from("right"));
    let _left = pair.0;
    println!("{:?}", pair.1);
}
//@ output
"right"
