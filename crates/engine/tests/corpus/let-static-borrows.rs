//! References to statics, literals and promoted constants are `'static`, so they are kept.
//@ cell
static GREETING: &str = "hello";
static PRIMES: [u32; 4] = [2, 3, 5, 7];
//@ cell
let all = &PRIMES;
let some = &PRIMES[1..3];
let five = &5;
let tail = &GREETING[1..];
let list = &["x", "y"];
let word = GREETING.split('l').next().unwrap();
//@ cell
(all.len(), some, five, tail, list, word)
//@ model
static GREETING: &str = "hello";
static PRIMES: [u32; 4] = [2, 3, 5, 7];
fn main() {
    let all = &PRIMES;
    let some = &PRIMES[1..3];
    let five = &5;
    let tail = &GREETING[1..];
    let list = &["x", "y"];
    let word = GREETING.split('l').next().unwrap();
    println!("{:?}", (all.len(), some, five, tail, list, word));
}
//@ output
(4, [3, 5], 5, "ello", ["x", "y"], "he")
