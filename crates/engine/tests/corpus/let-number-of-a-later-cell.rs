//! A later cell does not choose the type of an integer of an earlier cell.
//@ cell
let n = 7;
//@ cell => E0308
let wide: u64 = n;
//@ cell
let wide = n as u64 + (1 << 40);
//@ cell
std::mem::size_of_val(&n)
//@ cell
wide
//@ model
fn main() {
    let n = 7;
    let wide = n as u64 + (1 << 40);
    println!("{:?}", std::mem::size_of_val(&n));
    println!("{:?}", wide);
}
//@ output
4
1099511627783
