//! A variable may pass through a function that takes and returns it, at each execution.
//@ cell
fn more(mut v: Vec<u32>) -> Vec<u32> { v.push(v.len() as u32); v }
let v = vec![0u32];
//@ cell again
let v = more(v);
//@ cell again
let v = more(v);
//@ cell
v
//@ model
fn more(mut v: Vec<u32>) -> Vec<u32> { v.push(v.len() as u32); v }
fn main() {
    let v = vec![0u32];
    let v = more(v);
    let v = more(v);
    println!("{:?}", v);
}
//@ output
[0, 1, 2]
