//! A macro that writes an `impl` for several types may be executed again.
//@ cell
trait Describe { fn describe(&self) -> String; }
//@ cell impls
macro_rules! describe {
    ($($t:ty => $name:literal),*) => { $(impl Describe for $t { fn describe(&self) -> String { format!("{} {self:?}", $name) } })* };
}
describe!(i32 => "number", &str => "text");
//@ cell
[1.describe(), "a".describe()]
//@ cell impls
macro_rules! describe {
    ($($t:ty => $name:literal),*) => { $(impl Describe for $t { fn describe(&self) -> String { format!("{}: {self:?}", $name) } })* };
}
describe!(i32 => "int", &str => "str", bool => "bool");
//@ cell
[1.describe(), "a".describe(), true.describe()]
//@ model
fn main() {
    println!("{:?}", ["number 1", "text \"a\""]);
    println!("{:?}", ["int: 1", "str: \"a\"", "bool: true"]);
}
//@ output
["number 1", "text \"a\""]
["int: 1", "str: \"a\"", "bool: true"]
