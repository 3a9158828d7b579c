//! A bound that a type does not meet is refused; `Send` holds for threads of a cell.
//@ cell
fn show<T: std::fmt::Display>(t: T) -> String { format!("<{t}>") }
struct Plain;
let rc = std::rc::Rc::new(1);
//@ cell => E0277
show(Plain)
//@ cell => E0277
std::thread::spawn(move || println!("{rc}")).join().unwrap();
//@ cell => E0277: Debug
Plain
//@ cell
impl std::fmt::Display for Plain { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str("plain") } }
//@ cell
(show(Plain), rc)
//@ model
fn show<T: std::fmt::Display>(t: T) -> String { format!("<{t}>") }
struct Plain;
impl std::fmt::Display for Plain { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str("plain") } }
fn main() {
    let rc = std::rc::Rc::new(1);
    println!("{:?}", (show(Plain), rc));
}
//@ output
("<plain>", 1)
