//! Variables of types in nested modules are kept.
//@ cell
mod shop {
    pub mod stock {
        #[derive(Debug)]
        pub struct Item { pub name: &'static str, count: u32 }
        impl Item { pub fn new(name: &'static str) -> Item { Item { name, count: 1 } } }
        pub enum Size { Small, Large }
    }
    pub use stock::Item;
}
//@ cell
let item = shop::Item::new("tea");
let size = shop::stock::Size::Large;
//@ cell
println!("{}", item.name);
matches!(size, shop::stock::Size::Large)
//@ cell
item
//@ model
mod shop {
    pub mod stock {
        #[derive(Debug)]
        pub struct Item { pub name: &'static str, count: u32 }
        impl Item { pub fn new(name: &'static str) -> Item { Item { name, count: 1 } } }
        pub enum Size { Small, Large }
    }
    pub use stock::Item;
}
fn main() {
    let item = shop::Item::new("tea");
    let size = shop::stock::Size::Large;
    println!("{}", item.name);
    println!("{:?}", matches!(size, shop::stock::Size::Large));
    println!("{:?}", item);
}
//@ output
tea
true
Item { name: "tea", count: 1 }
