//! A closure is usable in its cell; its other variables are kept (evcxr#205).
//@ cell
let mut log = vec![0u128];
//@ cell => kept-not: brew
let brew = |ms: u64| std::time::Duration::from_millis(ms);
let short = brew(5);
log.push(short.as_millis());
//@ cell => kept-not: note
let mut note = |n| log.push(n);
note(1);
note(2);
//@ cell => kept-not: make, add
let make = |a: u32| move |b: u32| a + b;
let add = make(1);
let three = add(2);
//@ cell
(log, short, three)
//@ cell => E0425: brew
brew(1)
//@ model
fn main() {
    let mut log = vec![0u128];
    let brew = |ms: u64| std::time::Duration::from_millis(ms);
    let short = brew(5);
    log.push(short.as_millis());
    let mut note = |n| log.push(n);
    note(1);
    note(2);
    let make = |a: u32| move |b: u32| a + b;
    let add = make(1);
    let three = add(2);
    println!("{:?}", (log, short, three));
}
//@ output
([0, 5, 1, 2], 5ms, 3)
