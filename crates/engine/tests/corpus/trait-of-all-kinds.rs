//! Traits with defaults, associated types and constants, supertraits, generics and blanket `impl`s over several cells.
//@ cell
trait Shape { const SIDES: u32; type Unit: std::fmt::Debug + Default; fn area(&self) -> f64; fn unit(&self) -> Self::Unit { Self::Unit::default() } }
trait Solid: Shape { fn volume(&self, h: f64) -> f64 { self.area() * h } }
//@ cell
impl<T: Shape> Solid for T {}
//@ cell
struct Square(f64);
impl Shape for Square { const SIDES: u32 = 4; type Unit = char; fn area(&self) -> f64 { self.0 * self.0 } }
//@ cell
fn sides<S: Solid>(_: &S) -> u32 { S::SIDES }
trait Twice { fn twice(self) -> Self; }
impl<T: Clone + std::ops::Add<Output = T>> Twice for T { fn twice(self) -> T { self.clone() + self } }
//@ cell
let s = Square(2.0);
(s.volume(3.0), sides(&s), s.unit(), 4.twice(), 1.5.twice())
//@ model
trait Shape { const SIDES: u32; type Unit: std::fmt::Debug + Default; fn area(&self) -> f64; fn unit(&self) -> Self::Unit { Self::Unit::default() } }
trait Solid: Shape { fn volume(&self, h: f64) -> f64 { self.area() * h } }
impl<T: Shape> Solid for T {}
struct Square(f64);
impl Shape for Square { const SIDES: u32 = 4; type Unit = char; fn area(&self) -> f64 { self.0 * self.0 } }
fn sides<S: Solid>(_: &S) -> u32 { S::SIDES }
trait Twice { fn twice(self) -> Self; }
impl<T: Clone + std::ops::Add<Output = T>> Twice for T { fn twice(self) -> T { self.clone() + self } }
fn main() {
    let s = Square(2.0);
    println!("{:?}", (s.volume(3.0), sides(&s), s.unit(), 4.twice(), 1.5.twice()));
}
//@ output
(12.0, 4, '\0', 8, 3.0)
