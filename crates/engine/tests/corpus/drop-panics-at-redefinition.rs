//! A `Drop` that panics when its type is redefined spoils neither the new type nor the other variables.
//@ cell
struct Bad(u8);
impl Drop for Bad { fn drop(&mut self) { println!("drop {}", self.0); panic!("in drop") } }
let n = 5u16;
let bad = Bad(1);
//@ cell => dropped: bad
#[derive(Debug)]
struct Bad { n: u16 }
impl Drop for Bad { fn drop(&mut self) { println!("good") } }
//@ cell
Bad { n }
//@ model
fn main() { println!("drop 1\nBad {{ n: 5 }}\ngood"); }
//@ output
drop 1
Bad { n: 5 }
good
