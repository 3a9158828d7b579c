//! An item sees no variable of the session.
//@ cell
let rate = 3u32;
//@ cell => E0425: rate
fn pay(n: u32) -> u32 { n * rate }
//@ cell => E0425: rate
const TWICE: u32 = rate * 2;
//@ cell
fn pay(n: u32, rate: u32) -> u32 { n * rate }
//@ cell
pay(5, rate)
//@ model
fn pay(n: u32, rate: u32) -> u32 { n * rate }
fn main() {
    let rate = 3u32;
    println!("{:?}", pay(5, rate));
}
//@ output
15
