//! A borrow of a variable lives in its cell; the variable is kept with its changes.
//@ cell
let mut v = vec![1, 2, 3];
//@ cell => kept-not: first
let first = &mut v[0];
*first += 10;
let sum = v.iter().sum::<i32>();
//@ cell
(&v, sum)
//@ cell => E0425: first
*first
//@ model
fn main() {
    let mut v = vec![1, 2, 3];
    let first = &mut v[0];
    *first += 10;
    let sum = v.iter().sum::<i32>();
    println!("{:?}", (&v, sum));
}
//@ output
([11, 2, 3], 16)
