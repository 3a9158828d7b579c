//! A kept variable outlives its cell, and a value that is not kept drops at the end of its cell.
//@ cell
struct Noisy(u8);
impl Drop for Noisy { fn drop(&mut self) { println!("drop {}", self.0) } }
//@ cell => kept-not: lend
let one = Noisy(1);
let lend = { let two = Noisy(2); move || { let all = &two; all.0 } };
println!("{}", lend() + one.0);
//@ cell
println!("next cell");
drop(one);
//@ cell
std::mem::forget(Noisy(3));
let shared = std::rc::Rc::new(Noisy(4));
let other = shared.clone();
//@ cell
drop(shared);
println!("one left");
drop(other);
//@ model
struct Noisy(u8);
impl Drop for Noisy { fn drop(&mut self) { println!("drop {}", self.0) } }
fn main() {
    let one = Noisy(1);
    {
        let lend = { let two = Noisy(2); move || { let all = &two; all.0 } };
        println!("{}", lend() + one.0);
    }
    println!("next cell");
    drop(one);
    std::mem::forget(Noisy(3));
    let shared = std::rc::Rc::new(Noisy(4));
    let other = shared.clone();
    drop(shared);
    println!("one left");
    drop(other);
}
//@ output
3
drop 2
next cell
drop 1
one left
drop 4
