//! `mut` in a pattern holds for its name only.
//@ cell
let (mut count, step) = (0, 5);
//@ cell
count += step;
//@ cell => E0384
step += 1;
//@ cell
(count, step)
//@ model
fn main() {
    let (mut count, step) = (0, 5);
    count += step;
    println!("{:?}", (count, step));
}
//@ output
(5, 5)
