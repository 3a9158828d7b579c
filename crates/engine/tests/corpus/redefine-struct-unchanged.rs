//! The same definition executed again changes no type, so the variables of that type are kept.
//@ cell point
#[derive(Debug, Clone)]
struct Point { x: i32, y: i32 }
impl Point { fn swap(&self) -> Point { Point { x: self.y, y: self.x } } }
//@ cell
let p = Point { x: 1, y: 2 };
//@ cell point
#[derive(Debug, Clone)]
struct Point { x: i32, y: i32 }
impl Point { fn swap(&self) -> Point { Point { x: self.y, y: self.x } } }
//@ cell
p.swap()
//@ model
#[derive(Debug, Clone)]
struct Point { x: i32, y: i32 }
impl Point { fn swap(&self) -> Point { Point { x: self.y, y: self.x } } }
fn main() {
    let p = Point { x: 1, y: 2 };
    println!("{:?}", p.swap());
}
//@ output
Point { x: 2, y: 1 }
