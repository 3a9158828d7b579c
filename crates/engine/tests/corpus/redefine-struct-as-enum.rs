//! A type may change its kind: struct, enum, union and alias share one name.
//@ cell
struct Shape { side: f64 }
let s = Shape { side: 1.0 };
//@ cell => dropped: s
#[derive(Debug)]
enum Shape { Square(f64), Circle { radius: f64 } }
//@ cell
let s = Shape::Circle { radius: 2.0 };
//@ cell
s
//@ cell => dropped: s
type Shape = (f64, f64);
//@ cell
let s: Shape = (1.0, 2.0);
//@ cell
s
//@ model
mod second {
    #[derive(Debug)]
    pub enum Shape { Square(f64), Circle { radius: f64 } }
}
type Shape = (f64, f64);
fn main() {
    println!("{:?}", second::Shape::Circle { radius: 2.0 });
    let s: Shape = (1.0, 2.0);
    println!("{:?}", s);
}
//@ output
Circle { radius: 2.0 }
(1.0, 2.0)
