//! Generic and `const` functions are replaced as others are.
//@ cell
fn largest<T: PartialOrd + Copy>(list: &[T]) -> T { list[0] }
const fn side() -> usize { 2 }
fn board() -> [[u8; side()]; side()] { [[7; side()]; side()] }
//@ cell
(largest(&[1, 3, 2]), largest(&[0.5]), board())
//@ cell
fn largest<T: PartialOrd + Copy>(list: &[T]) -> T {
    let mut top = list[0];
    for &item in list { if item > top { top = item } }
    top
}
const fn side() -> usize { 3 }
//@ cell
(largest(&[1, 3, 2]), largest(&['x']), board())
//@ model
fn largest<T: PartialOrd + Copy>(list: &[T]) -> T {
    let mut top = list[0];
    for &item in list { if item > top { top = item } }
    top
}
const fn side() -> usize { 3 }
fn board() -> [[u8; side()]; side()] { [[7; side()]; side()] }
fn main() {
    println!("{:?}", (1, 0.5, [[7u8; 2]; 2]));
    println!("{:?}", (largest(&[1, 3, 2]), largest(&['x']), board()));
}
//@ output
(1, 0.5, [[7, 7], [7, 7]])
(3, 'x', [[7, 7, 7], [7, 7, 7], [7, 7, 7]])
