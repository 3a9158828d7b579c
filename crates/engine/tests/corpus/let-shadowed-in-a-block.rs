//! A `let` in an inner block is not a variable of the session.
//@ cell
let n = 1;
{
    let n = 2;
    let inner = n * 10;
    println!("{inner}");
}
//@ cell
n
//@ cell => E0425: inner
inner
//@ model
fn main() {
    let n = 1;
    {
        let n = 2;
        let inner = n * 10;
        println!("{inner}");
    }
    println!("{:?}", n);
}
//@ output
20
1
