//! A module is replaced as a whole.
//@ cell
mod shapes {
    pub fn area(w: u32) -> u32 { w }
    pub fn old() -> u32 { 1 }
    #[derive(Debug)] pub struct Dot(pub u8);
}
//@ cell
let dot = shapes::Dot(1);
shapes::area(2) + shapes::old()
//@ cell => dropped: dot
mod shapes {
    pub fn area(w: u32) -> u32 { w * w }
    #[derive(Debug)] pub struct Dot(pub String);
}
//@ cell => E0425: old
shapes::old()
//@ cell
(shapes::area(3), shapes::Dot("x".into()))
//@ model
mod shapes {
    pub fn area(w: u32) -> u32 { w * w }
    #[derive(Debug)] pub struct Dot(pub String);
}
fn main() {
    println!("{:?}", 3);
    println!("{:?}", (shapes::area(3), shapes::Dot("x".into())));
}
//@ output
3
(9, Dot("x"))
