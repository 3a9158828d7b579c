//! A cell may redefine a type and make the variable of that type anew, as often as it is executed.
//@ cell meters
#[derive(Debug)]
struct Meters(u32);
let m = Meters(7);
//@ cell meters => dropped: m
#[derive(Debug)]
struct Meters(f64);
let m = Meters(7.5);
//@ cell
m
//@ cell meters => dropped: m
#[derive(Debug)]
struct Meters { value: f64, unit: &'static str }
let m = Meters { value: 7.5, unit: "m" };
//@ cell
m
//@ model
mod second {
    #[derive(Debug)]
    pub struct Meters(pub f64);
}
#[derive(Debug)]
struct Meters { value: f64, unit: &'static str }
fn main() {
    println!("{:?}", second::Meters(7.5));
    println!("{:?}", Meters { value: 7.5, unit: "m" });
}
//@ output
Meters(7.5)
Meters { value: 7.5, unit: "m" }
