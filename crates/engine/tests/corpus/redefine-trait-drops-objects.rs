//! A redefined trait takes its trait objects along, also those of a trait below it and those in collections.
//@ cell
trait Named { fn name(&self) -> String; }
trait Pet: Named { fn legs(&self) -> u32 { 4 } }
struct Cat;
impl Named for Cat { fn name(&self) -> String { "cat".into() } }
impl Pet for Cat {}
//@ cell
let named: Vec<Box<dyn Named>> = vec![Box::new(Cat)];
let pet: Box<dyn Pet> = Box::new(Cat);
let cat = Cat;
//@ cell => dropped: named, pet
trait Named { fn upper(&self) -> String { self.name().to_uppercase() } fn name(&self) -> String; }
//@ cell
let pet: Box<dyn Pet> = Box::new(cat);
//@ cell
(pet.upper(), pet.legs())
//@ model
trait Named { fn upper(&self) -> String { self.name().to_uppercase() } fn name(&self) -> String; }
trait Pet: Named { fn legs(&self) -> u32 { 4 } }
struct Cat;
impl Named for Cat { fn name(&self) -> String { "cat".into() } }
impl Pet for Cat {}
fn main() {
    let pet: Box<dyn Pet> = Box::new(Cat);
    println!("{:?}", (pet.upper(), pet.legs()));
}
//@ output
("CAT", 4)
