//! Trait objects in boxes, `Rc`s and collections are kept.
//@ cell
use std::{collections::BTreeMap, fmt::{Debug, Display}, rc::Rc};
let things: Vec<Box<dyn Display>> = vec![Box::new(1), Box::new("two"), Box::new(3.5)];
let shared: Rc<dyn Debug> = Rc::new(Some('x'));
let by_name = BTreeMap::from([("n", Box::new(1u8) as Box<dyn Debug + Send + Sync>), ("s", Box::new("s"))]);
//@ cell
for t in &things { print!("{t} "); }
println!("{shared:?}");
by_name
//@ model
use std::{collections::BTreeMap, fmt::{Debug, Display}, rc::Rc};
fn main() {
    let things: Vec<Box<dyn Display>> = vec![Box::new(1), Box::new("two"), Box::new(3.5)];
    let shared: Rc<dyn Debug> = Rc::new(Some('x'));
    let by_name = BTreeMap::from([("n", Box::new(1u8) as Box<dyn Debug + Send + Sync>), ("s", Box::new("s"))]);
    for t in &things { print!("{t} "); }
    println!("{shared:?}");
    println!("{:?}", by_name);
}
//@ output
1 two 3.5 Some('x')
{"n": 1, "s": "s"}
