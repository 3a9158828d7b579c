//! Pointers to functions and to closures without captures are kept.
//@ cell
fn double(n: i32) -> i32 { n * 2 }
fn longer<'a>(a: &'a str, b: &'a str) -> &'a str { if b.len() > a.len() { b } else { a } }
//@ cell
let f: fn(i32) -> i32 = double;
let g: fn(i32) -> i32 = |n| n + 1;
let pick: for<'a> fn(&'a str, &'a str) -> &'a str = longer;
let table: [(&str, fn(f64) -> f64); 2] = [("sin", f64::sin), ("abs", f64::abs)];
//@ cell
println!("{}", pick("ab", "abc"));
table.iter().map(|(name, f)| format!("{name} {:.1}", f(-0.0))).collect::<Vec<_>>()
//@ cell
g(f(20))
//@ model
fn double(n: i32) -> i32 { n * 2 }
fn longer<'a>(a: &'a str, b: &'a str) -> &'a str { if b.len() > a.len() { b } else { a } }
fn main() {
    let f: fn(i32) -> i32 = double;
    let g: fn(i32) -> i32 = |n| n + 1;
    let pick: for<'a> fn(&'a str, &'a str) -> &'a str = longer;
    let table: [(&str, fn(f64) -> f64); 2] = [("sin", f64::sin), ("abs", f64::abs)];
    println!("{}", pick("ab", "abc"));
    println!("{:?}", table.iter().map(|(name, f)| format!("{name} {:.1}", f(-0.0))).collect::<Vec<_>>());
    println!("{:?}", g(f(20)));
}
//@ output
abc
["sin -0.0", "abs 0.0"]
41
