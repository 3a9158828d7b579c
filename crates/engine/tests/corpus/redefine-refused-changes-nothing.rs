//! A refused cell leaves items and variables as they were, also those that it would have replaced.
//@ cell
#[derive(Debug)]
struct P { x: i32 }
let p = P { x: 1 };
fn get(p: &P) -> i32 { p.x }
static N: u8 = 3;
//@ cell => E0308
#[derive(Debug)]
struct P { x: String }
fn get(p: &P) -> usize { p.x.len() }
static N: u8 = 4;
let p: P = 5;
//@ cell
(get(&p), N, p)
//@ model
#[derive(Debug)]
struct P { x: i32 }
fn get(p: &P) -> i32 { p.x }
static N: u8 = 3;
fn main() {
    let p = P { x: 1 };
    println!("{:?}", (get(&p), N, p));
}
//@ output
(1, 3, P { x: 1 })
