//! Overflow, division by zero and casts that fail panic as in a debug build.
//@ cell
let top = u8::MAX;
let zero = "".len();
//@ cell => panic: attempt to add with overflow
top + 1
//@ cell => panic: attempt to divide by zero
10 / zero
//@ cell => panic: attempt to subtract with overflow
zero - 1
//@ cell => panic: attempt to negate with overflow
-i32::MIN.max(i32::MIN + zero as i32)
//@ cell => panic: TryFromIntError
let n: i8 = top.try_into().unwrap();
//@ cell
(top.wrapping_add(1), top.checked_add(1), top as i8, zero.saturating_sub(1))
//@ model
fn main() {
    let top = u8::MAX;
    let zero = "".len();
    println!("{:?}", (top.wrapping_add(1), top.checked_add(1), top as i8, zero.saturating_sub(1)));
}
//@ output
(0, None, -1, 0)
