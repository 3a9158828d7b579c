//! A variable whose type is redefined is dropped and named (xeus-cling#335).
//@ cell
#[derive(Debug)]
struct Meters(u32);
//@ cell
let m = Meters(7);
let n = 1;
//@ cell => dropped: m
#[derive(Debug)]
struct Meters(f64);
//@ cell => E0425: m
m
//@ cell
let m = Meters(2.5);
//@ cell
(n, m)
//@ model
#[derive(Debug)]
struct Meters(f64);
fn main() {
    let n = 1;
    let m = Meters(2.5);
    println!("{:?}", (n, m));
}
//@ output
(1, Meters(2.5))
