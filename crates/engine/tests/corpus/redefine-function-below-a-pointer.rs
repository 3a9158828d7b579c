//! A function pointer and a boxed closure go on with the code that they were made with.
//@ cell
fn greet() -> &'static str { "hello" }
let f: fn() -> &'static str = greet;
let g: Box<dyn Fn() -> String> = Box::new(|| greet().to_uppercase());
//@ cell
fn greet() -> &'static str { "good day" }
//@ cell
(f(), g(), greet())
//@ model
fn main() { println!("{:?}", ("hello", "HELLO", "good day")); }
//@ output
("hello", "HELLO", "good day")
