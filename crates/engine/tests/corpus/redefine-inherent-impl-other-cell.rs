//! An inherent `impl` of another cell replaces the methods of the same name, and the others stay.
//@ cell
struct Circle(f64);
impl Circle {
    const SIDES: u32 = 0;
    fn new(r: f64) -> Self { Circle(r) }
    fn area(&self) -> f64 { 3.0 * self.0 * self.0 }
}
//@ cell
impl Circle { fn area(&self) -> f64 { 3.25 * self.0 * self.0 } }
//@ cell
impl Circle { fn double(self) -> Self { Circle(self.0 * 2.0) } }
//@ cell
(Circle::new(2.0).area(), Circle::new(1.0).double().area(), Circle::SIDES)
//@ model
struct Circle(f64);
impl Circle {
    const SIDES: u32 = 0;
    fn new(r: f64) -> Self { Circle(r) }
    fn area(&self) -> f64 { 3.25 * self.0 * self.0 }
    fn double(self) -> Self { Circle(self.0 * 2.0) }
}
fn main() { println!("{:?}", (Circle::new(2.0).area(), Circle::new(1.0).double().area(), Circle::SIDES)); }
//@ output
(13.0, 13.0, 0)
