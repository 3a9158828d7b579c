//! A variable that its own cell moves is not kept, and the cell runs.
//@ cell
let text = String::from("abc");
let h = std::thread::spawn(move || text.len());
let inner = vec![1];
let outer = vec![inner];
//@ cell
(h.join().unwrap(), outer)
//@ cell => E0382: text
text
//@ model => E0382
fn main() {
    let text = String::from("abc");
    let h = std::thread::spawn(move || text.len());
    println!("{:?}", text);
    h.join().unwrap();
}
