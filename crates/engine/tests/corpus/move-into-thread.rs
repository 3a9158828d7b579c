//! A variable moved into a thread can be given anew (evcxr#428).
//@ cell
let data = vec![1, 2, 3];
//@ cell
let h = std::thread::spawn(move || data.len());
//@ cell => E0382: data
data.len()
//@ cell
let data = h.join().unwrap();
//@ cell
data
//@ model
fn main() {
    let data = vec![1, 2, 3];
    let h = std::thread::spawn(move || data.len());
    let data = h.join().unwrap();
    println!("{:?}", data);
}
//@ output
3
