//! Boxed closures are kept with their captured variables.
//@ cell
let base = 10;
let add: Box<dyn Fn(i32) -> i32> = Box::new(move |n| n + base);
let mut calls = 0;
let mut next: Box<dyn FnMut() -> u32> = Box::new(move || { calls += 1; calls });
let steps: Vec<(&str, Box<dyn Fn(f64) -> f64 + Send>)> = vec![("half", Box::new(|x| x / 2.0)), ("root", Box::new(f64::sqrt))];
//@ cell
next();
next();
add(5)
//@ cell
for (name, step) in &steps { println!("{name} {}", step(9.0)); }
(next(), calls)
//@ model
fn main() {
    let base = 10;
    let add: Box<dyn Fn(i32) -> i32> = Box::new(move |n| n + base);
    let mut calls = 0;
    let mut next: Box<dyn FnMut() -> u32> = Box::new(move || { calls += 1; calls });
    let steps: Vec<(&str, Box<dyn Fn(f64) -> f64 + Send>)> = vec![("half", Box::new(|x| x / 2.0)), ("root", Box::new(f64::sqrt))];
    next();
    next();
    println!("{:?}", add(5));
    for (name, step) in &steps { println!("{name} {}", step(9.0)); }
    println!("{:?}", (next(), calls));
}
//@ output
15
half 4.5
root 3
(3, 0)
