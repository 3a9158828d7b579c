//! A trait object whose methods return a redefined type is dropped.
//@ cell
struct Reply(u8);
//@ cell
trait Ask { fn ask(&self) -> Reply; }
struct Yes;
impl Ask for Yes { fn ask(&self) -> Reply { Reply(true.into()) } }
//@ cell
let it: Box<dyn Ask> = Box::new(Yes);
//@ cell
it.ask().0
//@ cell => dropped: it
struct Reply(u64);
//@ cell
let it: Box<dyn Ask> = Box::new(Yes);
it.ask().0 + u64::from(u32::MAX)
//@ model
struct Reply(u64);
trait Ask { fn ask(&self) -> Reply; }
struct Yes;
impl Ask for Yes { fn ask(&self) -> Reply { Reply(true.into()) } }
fn main() {
    println!("{:?}", 1);
    let it: Box<dyn Ask> = Box::new(Yes);
    println!("{:?}", it.ask().0 + u64::from(u32::MAX));
}
//@ output
1
4294967296
