//! A refused `impl` leaves the one before it in place.
//@ cell
struct Dog;
impl std::fmt::Display for Dog {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "a dog") }
}
//@ cell => E0425
impl std::fmt::Display for Dog {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "a {}", nme) }
}
//@ cell => E0046
impl std::fmt::Display for Dog {}
//@ cell
Dog.to_string()
//@ model
struct Dog;
impl std::fmt::Display for Dog {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "a dog") }
}
fn main() { println!("{:?}", Dog.to_string()); }
//@ output
"a dog"
