//! A thread goes on with the code that it was started with.
//@ cell
use std::sync::mpsc::channel;
fn price(n: u32) -> u32 { n * 2 }
let (ask, asked) = channel::<u32>();
let (answer, answered) = channel::<u32>();
let worker = std::thread::spawn(move || for n in asked { answer.send(price(n)).unwrap() });
//@ cell
ask.send(1)?;
answered.recv()?
//@ cell
fn price(n: u32) -> u32 { n * 3 }
//@ cell
ask.send(1)?;
(answered.recv()?, price(1))
//@ cell
drop(ask);
worker.join().is_ok()
//@ model
fn main() { println!("2\n(2, 3)\ntrue"); }
//@ output
2
(2, 3)
true
