//! Code within strings, comments and macros defines nothing, and shadows nothing.
//@ cell
fn real() -> u8 { 1 }
let s = "fn real() -> u8 { 2 }  let n = 3; }}} \" ;";
// fn real() -> u8 { 3 }
/* struct Hidden; /* nested */ let real = 4; */
let t = stringify!(let real = 5;);
let c = ';'; let life: &'static str = "'a";
//@ cell
real()
//@ cell => E0425: n
n
//@ cell => E0425: Hidden
Hidden
//@ cell
(s.len(), t, c, life)
//@ model
fn real() -> u8 { 1 }
fn main() {
    let s = "fn real() -> u8 { 2 }  let n = 3; }}} \" ;";
    let t = stringify!(let real = 5;);
    let c = ';'; let life: &'static str = "'a";
    println!("{:?}", real());
    println!("{:?}", (s.len(), t, c, life));
}
//@ output
1
(41, "let real = 5;", ';', "'a")
