//! An `impl` executed again takes its own place (evcxr#260).
//@ cell
trait Speak { fn speak(&self) -> String; }
struct Dog;
//@ cell impl
impl Speak for Dog { fn speak(&self) -> String { "woof".into() } }
impl Dog { fn name(&self) -> &str { "Rex" } }
//@ cell impl
impl Speak for Dog { fn speak(&self) -> String { "woof".into() } }
impl Dog { fn name(&self) -> &str { "Rex" } }
//@ cell
impl Speak for Dog { fn speak(&self) -> String { "woof".into() } }
//@ cell
Dog.name().to_string() + ": " + &Dog.speak()
//@ model
trait Speak { fn speak(&self) -> String; }
struct Dog;
impl Speak for Dog { fn speak(&self) -> String { "woof".into() } }
impl Dog { fn name(&self) -> &str { "Rex" } }
fn main() { println!("{:?}", Dog.name().to_string() + ": " + &Dog.speak()); }
//@ output
"Rex: woof"
