//! The value of a cell is its last expression, of any form; a statement has none.
//@ cell
let n = 3;
if n > 2 { "big" } else { "small" }
//@ cell
match n { 3 => [1; 2].to_vec(), _ => vec![] }
//@ cell
{ let t = n; t * t }
//@ cell
unsafe { *(&raw const n) }
//@ cell
-n
//@ cell
vec! { n, n }
//@ cell
(1..=n)
    .map(|k| k * 2)
    // a comment between
    .collect::<Vec<_>>()
//@ cell
n + 1; // no value
//@ cell
n == 3 && !false // the value of the cell
//@ cell
'a'..'c'
//@ cell
if n > 5 { println!("big") }
//@ cell
|| n;
"" /* empty */
//@ model
fn main() {
    let n = 3;
    println!("{:?}", if n > 2 { "big" } else { "small" });
    println!("{:?}", match n { 3 => [1; 2].to_vec(), _ => vec![] });
    println!("{:?}", { let t = n; t * t });
    println!("{:?}", unsafe { *(&raw const n) });
    println!("{:?}", -n);
    println!("{:?}", vec! { n, n });
    println!("{:?}", (1..=n)
        .map(|k| k * 2)
        // a comment between
        .collect::<Vec<_>>());
    n + 1;
    println!("{:?}", n == 3 && !false);
    println!("{:?}", 'a'..'c');
    if n > 5 { println!("big") }
    || n;
    println!("{:?}", "" /* empty */);
}
//@ output
"big"
[1, 1]
9
3
-3
[3, 3]
[2, 4, 6]
true
'a'..'c'
""
