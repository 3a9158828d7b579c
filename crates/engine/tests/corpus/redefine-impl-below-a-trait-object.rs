//! A trait object goes on with the code that it was made with; a new one has the new code.
//@ cell
trait Speak { fn speak(&self) -> String; }
struct Dog(String);
//@ cell impl
impl Speak for Dog { fn speak(&self) -> String { format!("wuf {}", self.0) } }
//@ cell
let old: Box<dyn Speak> = Box::new(Dog("a".into()));
//@ cell impl
impl Speak for Dog { fn speak(&self) -> String { format!("woof {}", self.0) } }
//@ cell
let new: Box<dyn Speak> = Box::new(Dog("b".into()));
[old.speak(), new.speak()]
//@ model
fn main() { println!("{:?}", ["wuf a", "woof b"]); }
//@ output
["wuf a", "woof b"]
