//! A corrected `impl` takes the place of that for the same trait and type, from the same cell and from another (evcxr#260).
//@ cell
trait Speak { fn speak(&self) -> String; }
struct Dog;
//@ cell impl
impl Speak for Dog { fn speak(&self) -> String { "wuf".into() } }
//@ cell
Dog.speak()
//@ cell impl
impl Speak for Dog { fn speak(&self) -> String { "woof".into() } }
//@ cell
Dog.speak()
//@ cell
impl Speak for Dog { fn speak(&self) -> String { "bark".into() } }
//@ cell
Dog.speak()
//@ model
fn main() {
    println!("{:?}", "wuf");
    println!("{:?}", "woof");
    println!("{:?}", "bark");
}
//@ output
"wuf"
"woof"
"bark"
