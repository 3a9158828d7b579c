//! A `static mut` keeps its value.
//@ cell
static mut TOTAL: u32 = 1;
//@ cell
unsafe { TOTAL += 1; }
//@ cell
fn double() { unsafe { TOTAL *= 2 } }
double();
//@ cell
unsafe { TOTAL }
//@ model
static mut TOTAL: u32 = 1;
fn double() { unsafe { TOTAL *= 2 } }
fn main() {
    unsafe { TOTAL += 1; }
    double();
    println!("{:?}", unsafe { TOTAL });
}
//@ output
4
