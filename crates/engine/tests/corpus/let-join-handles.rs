//! Handles of threads are kept, alone and in a vector, with the results of their closures.
//@ cell
let one = std::thread::spawn(|| (1, "done"));
let many: Vec<_> = (0..3).map(|i| std::thread::spawn(move || i * i)).collect();
//@ cell
one.join().unwrap()
//@ cell
many.into_iter().map(|h| h.join().unwrap()).collect::<Vec<_>>()
//@ model
fn main() {
    let one = std::thread::spawn(|| (1, "done"));
    let many: Vec<_> = (0..3).map(|i| std::thread::spawn(move || i * i)).collect();
    println!("{:?}", one.join().unwrap());
    println!("{:?}", many.into_iter().map(|h| h.join().unwrap()).collect::<Vec<_>>());
}
//@ output
(1, "done")
[0, 1, 4]
