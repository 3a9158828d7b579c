//! A trait that gains a method with a default keeps its `impl`s.
//@ cell
trait Area { fn area(&self) -> f64; }
struct Square(f64);
//@ cell square
impl Area for Square { fn area(&self) -> f64 { self.0 * self.0 } }
//@ cell
Square(2.0).area()
//@ cell
trait Area { fn area(&self) -> f64; fn double(&self) -> f64 { 2.0 * self.area() } }
//@ cell
Square(2.0).double()
//@ cell square
impl Area for Square { fn area(&self) -> f64 { self.0 * self.0 } fn double(&self) -> f64 { -1.0 } }
//@ cell
Square(2.0).double()
//@ model
trait Area { fn area(&self) -> f64; fn double(&self) -> f64 { 2.0 * self.area() } }
struct Square(f64);
impl Area for Square { fn area(&self) -> f64 { self.0 * self.0 } fn double(&self) -> f64 { -1.0 } }
fn main() {
    println!("{:?}", 4.0);
    println!("{:?}", 8.0);
    println!("{:?}", Square(2.0).double());
}
//@ output
4.0
8.0
-1.0
