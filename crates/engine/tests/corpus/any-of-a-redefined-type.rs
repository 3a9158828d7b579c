//! An `Any` of the old definition is not of the new type, directly and through a field.
//@ cell
use std::any::Any;
struct Inner(u8);
struct Outer { inner: Inner }
let inner: Box<dyn Any> = Box::new(Inner(1));
let outer: Box<dyn Any> = Box::new(Outer { inner: Inner(2) });
//@ cell
(inner.is::<Inner>(), outer.is::<Outer>())
//@ cell
struct Inner(String);
//@ cell
(inner.is::<Inner>(), outer.is::<Outer>())
//@ cell
let outer: Box<dyn Any> = Box::new(Outer { inner: Inner("new".into()) });
outer.downcast_ref::<Outer>().map(|o| &o.inner.0)
//@ model
fn main() { println!("(true, true)\n(false, false)\nSome(\"new\")"); }
//@ output
(true, true)
(false, false)
Some("new")
