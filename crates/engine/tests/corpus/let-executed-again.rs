//! A cell that computes a variable from itself does so at each execution.
//@ cell
let n = 1;
//@ cell twice
let n = n * 2;
println!("{n}");
//@ cell twice
let n = n * 2;
println!("{n}");
//@ cell twice
let n = n * 2;
println!("{n}");
//@ cell
n
//@ model
fn main() {
    let n = 1;
    let n = n * 2;
    println!("{n}");
    let n = n * 2;
    println!("{n}");
    let n = n * 2;
    println!("{n}");
    println!("{:?}", n);
}
//@ output
2
4
8
8
