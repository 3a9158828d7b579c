//! An own trait gives methods to types of std, and an own type to a foreign trait (no orphan rule between cells).
//@ cell
struct Celsius(f64);
//@ cell
trait Shout { fn shout(&self) -> String; }
impl Shout for str { fn shout(&self) -> String { self.to_uppercase() + "!" } }
impl<T: Shout + ?Sized> Shout for [Box<T>] { fn shout(&self) -> String { self.iter().map(|t| t.shout()).collect() } }
//@ cell
impl From<Celsius> for f64 { fn from(c: Celsius) -> f64 { c.0 } }
impl PartialEq<Celsius> for f64 { fn eq(&self, c: &Celsius) -> bool { *self == c.0 } }
//@ cell => E0117
impl std::fmt::Display for Vec<u8> { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { Ok(()) } }
//@ cell
("hi".shout(), [Box::<str>::from("a"), "b".into()].shout(), f64::from(Celsius(1.5)), 2.0 == Celsius(2.0))
//@ model
struct Celsius(f64);
trait Shout { fn shout(&self) -> String; }
impl Shout for str { fn shout(&self) -> String { self.to_uppercase() + "!" } }
impl<T: Shout + ?Sized> Shout for [Box<T>] { fn shout(&self) -> String { self.iter().map(|t| t.shout()).collect() } }
impl From<Celsius> for f64 { fn from(c: Celsius) -> f64 { c.0 } }
impl PartialEq<Celsius> for f64 { fn eq(&self, c: &Celsius) -> bool { *self == c.0 } }
fn main() {
    println!("{:?}", ("hi".shout(), [Box::<str>::from("a"), "b".into()].shout(), f64::from(Celsius(1.5)), 2.0 == Celsius(2.0)));
}
//@ output
("HI!", "A!B!", 1.5, true)
