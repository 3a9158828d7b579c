//! An inherent `impl` of the same cell is replaced as a whole; a method that it lost is gone.
//@ cell
struct Counter { n: u32 }
//@ cell impl
impl Counter {
    fn up(&mut self) { self.n += 1 }
    fn reset(&mut self) { self.n = 0 }
}
//@ cell
let mut c = Counter { n: 5 };
c.up();
//@ cell impl
impl Counter {
    fn up(&mut self) { self.n += 10 }
}
//@ cell
c.up();
//@ cell => E0599: reset
c.reset();
//@ cell
c.n
//@ model
struct Counter { n: u32 }
impl Counter {
    fn up(&mut self) { self.n += 10 }
}
fn main() {
    let mut c = Counter { n: 5 };
    c.n += 1;
    c.up();
    println!("{:?}", c.n);
}
//@ output
16
