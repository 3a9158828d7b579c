//! Variables whose type reaches a redefined type through fields and collections are dropped.
//@ cell
#[derive(Debug)]
struct Wheel(u8);
//@ cell
#[derive(Debug)]
struct Car { wheels: Vec<Wheel> }
//@ cell
let car = Car { wheels: vec![Wheel(1)] };
let count = car.wheels.len();
//@ cell => dropped: car
#[derive(Debug)]
struct Wheel(String);
//@ cell
let car = Car { wheels: vec![Wheel("front".into())] };
//@ cell
(car, count)
//@ model
#[derive(Debug)]
struct Wheel(String);
#[derive(Debug)]
struct Car { wheels: Vec<Wheel> }
fn main() {
    let car = Car { wheels: vec![Wheel("front".into())] };
    println!("{:?}", (car, 1));
}
//@ output
(Car { wheels: [Wheel("front")] }, 1)
