//! A function of a later cell takes the place of the earlier one, also for the functions that call it.
//@ cell
fn greet() -> &'static str { "hello" }
fn twice() -> String { format!("{0} {0}", greet()) }
//@ cell
twice()
//@ cell
fn greet() -> &'static str { "good day" }
//@ cell
twice()
//@ model
mod old {
    pub fn greet() -> &'static str { "hello" }
}
fn greet() -> &'static str { "good day" }
fn main() {
    println!("{:?}", format!("{0} {0}", old::greet()));
    println!("{:?}", format!("{0} {0}", greet()));
}
//@ output
"hello hello"
"good day good day"
