//! `Any` and `TypeId` agree between cells as long as the definition is the same.
//@ cell
use std::any::{Any, TypeId};
#[derive(Debug, PartialEq)]
struct Point(i32);
let things: Vec<Box<dyn Any>> = vec![Box::new(Point(1)), Box::new("text"), Box::new(2.5)];
let id = TypeId::of::<Point>();
//@ cell
fn unrelated() {}
//@ cell
things.iter().map(|t| (t.is::<Point>(), t.is::<&str>(), t.downcast_ref::<f64>())).collect::<Vec<_>>()
//@ cell
id == TypeId::of::<Point>()
//@ model
use std::any::{Any, TypeId};
#[derive(Debug, PartialEq)]
struct Point(i32);
fn main() {
    let things: Vec<Box<dyn Any>> = vec![Box::new(Point(1)), Box::new("text"), Box::new(2.5)];
    let id = TypeId::of::<Point>();
    println!("{:?}", things.iter().map(|t| (t.is::<Point>(), t.is::<&str>(), t.downcast_ref::<f64>())).collect::<Vec<_>>());
    println!("{:?}", id == TypeId::of::<Point>());
}
//@ output
[(true, false, None), (false, true, None), (false, false, Some(2.5))]
true
