//! The handle of a thread that always panics needs no type.
//@ cell
let h = std::thread::spawn(|| panic!("x"));
//@ cell
h.join().is_err()
//@ model
fn main() {
    let h = std::thread::spawn(|| panic!("x"));
    println!("{:?}", h.join().is_err());
}
//@ output
true
