//! All names of a nested pattern are variables of the session.
//@ cell
let (a, (b, [c, .., d]), e @ 1..=9) = (1, ("two", [3, 4, 5, 6]), 7) else { panic!("no match") };
//@ cell
let (q, r) = (17 / 5, 17 % 5);
let [first, rest @ ..] = [10, 20, 30];
//@ cell
println!("{a} {b} {c} {d} {e}");
println!("{q} {r} {first}");
rest
//@ model
fn main() {
    let (a, (b, [c, .., d]), e @ 1..=9) = (1, ("two", [3, 4, 5, 6]), 7) else { panic!("no match") };
    let (q, r) = (17 / 5, 17 % 5);
    let [first, rest @ ..] = [10, 20, 30];
    println!("{a} {b} {c} {d} {e}");
    println!("{q} {r} {first}");
    println!("{:?}", rest);
}
//@ output
1 two 3 6 7
3 2 10
[20, 30]
