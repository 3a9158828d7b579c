//! Functions of two cells call each other, also after one of them is corrected.
//@ cell
fn even(n: u32) -> bool { n == 0 || odd(n - 1) }
fn odd(n: u32) -> bool { n != 0 }
//@ cell
even(2)
//@ cell
fn odd(n: u32) -> bool { n != 0 && even(n - 1) }
//@ cell
(even(2), odd(7), even(101))
//@ model
fn even(n: u32) -> bool { n == 0 || odd(n - 1) }
fn odd(n: u32) -> bool { n != 0 && even(n - 1) }
fn main() {
    println!("{:?}", true && 1 != 0);
    println!("{:?}", (even(2), odd(7), even(101)));
}
//@ output
true
(true, true, false)
