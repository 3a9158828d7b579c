//! A `let` from a block, `if`, `match` or loop has the type of that expression.
//@ cell
let a = { let t = 4; t * t };
let b = if a > 10 { "large" } else { "small" };
let c = match b { "large" => Some(a), _ => None };
let mut n = 0;
let d = loop { n += 1; if n * n > 50 { break n } };
let e = 'find: { for i in 2..a { if a % i == 0 { break 'find i } } 0 };
//@ cell
(a, b, c, d, e)
//@ model
fn main() {
    let a = { let t = 4; t * t };
    let b = if a > 10 { "large" } else { "small" };
    let c = match b { "large" => Some(a), _ => None };
    let mut n = 0;
    let d = loop { n += 1; if n * n > 50 { break n } };
    let e = 'find: { for i in 2..a { if a % i == 0 { break 'find i } } 0 };
    println!("{:?}", (a, b, c, d, e));
}
//@ output
(16, "large", Some(16), 8, 2)
