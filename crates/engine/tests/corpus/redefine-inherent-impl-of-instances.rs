//! Inherent `impl`s of two instances of a generic type do not replace each other.
//@ cell
struct Boxed<T>(T);
//@ cell
impl Boxed<i32> { fn name(&self) -> String { format!("number {}", self.0) } }
//@ cell
impl Boxed<&str> { fn name(&self) -> String { format!("text {}", self.0) } }
//@ cell
impl<T> Boxed<T> { fn into(self) -> T { self.0 } }
//@ cell
(Boxed(1).name(), Boxed("a").name(), Boxed('c').into())
//@ model
struct Boxed<T>(T);
impl Boxed<i32> { fn name(&self) -> String { format!("number {}", self.0) } }
impl Boxed<&str> { fn name(&self) -> String { format!("text {}", self.0) } }
impl<T> Boxed<T> { fn into(self) -> T { self.0 } }
fn main() { println!("{:?}", (Boxed(1).name(), Boxed("a").name(), Boxed('c').into())); }
//@ output
("number 1", "text a", 'c')
