//! Temporaries and inner variables of a cell drop at the same points as in a program.
//@ cell
struct Noisy(&'static str);
impl Drop for Noisy { fn drop(&mut self) { println!("drop {}", self.0) } }
//@ cell
{ let _a = Noisy("a"); let _b = Noisy("b"); let _ = Noisy("at once"); println!("block"); }
Noisy("temporary").0.len();
println!("end");
//@ cell
let kept = Noisy("kept");
let mut slot = Some(Noisy("first"));
//@ cell
slot = None;
slot.replace(Noisy("second"));
//@ cell
println!("before");
drop((kept, slot));
println!("after");
//@ model
struct Noisy(&'static str);
impl Drop for Noisy { fn drop(&mut self) { println!("drop {}", self.0) } }
fn main() {
    { let _a = Noisy("a"); let _b = Noisy("b"); let _ = Noisy("at once"); println!("block"); }
    Noisy("temporary").0.len();
    println!("end");
    let kept = Noisy("kept");
    let mut slot = Some(Noisy("first"));
    slot = None;
    slot.replace(Noisy("second"));
    println!("before");
    drop((kept, slot));
    println!("after");
}
//@ output
drop at once
block
drop b
drop a
drop temporary
end
drop first
before
drop kept
drop second
after
