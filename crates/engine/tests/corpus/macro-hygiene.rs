//! A macro sees no variable but its arguments, and its own variables do not leak.
//@ cell
let x = 1;
//@ cell
macro_rules! double { ($e:expr) => {{ let x = 10; $e * x }} }
//@ cell
double!(x + 1)
//@ cell
x
//@ cell
macro_rules! peek { () => { x } }
//@ cell => E0425: x
peek!()
//@ model
macro_rules! double { ($e:expr) => {{ let x = 10; $e * x }} }
fn main() {
    let x = 1;
    println!("{:?}", double!(x + 1));
    println!("{:?}", x);
}
//@ output
20
1
