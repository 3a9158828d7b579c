//! Items of a cell may stand after the statements that use them.
//@ cell
let area = Rect { w: 2, h: SIDE }.area();
impl Rect { fn area(&self) -> u32 { scale(self.w * self.h) } }
const SIDE: u32 = 3;
struct Rect { w: u32, h: u32 }
println!("{area} {}", double!(area));
fn scale(n: u32) -> u32 { double!(n) + 1 }
macro_rules! double { ($e:expr) => { $e * 2 } }
//@ cell
area
//@ model
macro_rules! double { ($e:expr) => { $e * 2 } }
impl Rect { fn area(&self) -> u32 { scale(self.w * self.h) } }
const SIDE: u32 = 3;
struct Rect { w: u32, h: u32 }
fn scale(n: u32) -> u32 { double!(n) + 1 }
fn main() {
    let area = Rect { w: 2, h: SIDE }.area();
    println!("{area} {}", double!(area));
    println!("{:?}", area);
}
//@ output
13 26
13
