//! A leaked box is `'static` and mutable in later cells.
//@ cell
let numbers: &'static mut [i32] = Box::leak(vec![1, 2, 3].into_boxed_slice());
let name = &*String::from("ada").leak();
//@ cell
numbers[0] = 10;
//@ cell
(name, numbers.iter().sum::<i32>())
//@ model
fn main() {
    let numbers: &'static mut [i32] = Box::leak(vec![1, 2, 3].into_boxed_slice());
    let name = &*String::from("ada").leak();
    numbers[0] = 10;
    println!("{:?}", (name, numbers.iter().sum::<i32>()));
}
//@ output
("ada", 15)
