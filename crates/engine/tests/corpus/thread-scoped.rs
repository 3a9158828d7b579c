//! Scoped threads borrow and change variables of earlier cells.
//@ cell
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
let data = vec![1u32, 2, 3, 4];
let total = AtomicU32::new(0);
let mut halves = [0u32; 2];
//@ cell
std::thread::scope(|s| {
    for n in &data { let total = &total; s.spawn(move || total.fetch_add(*n, Relaxed)); }
    for (half, part) in halves.iter_mut().zip(data.chunks(2)) { s.spawn(move || *half = part.iter().sum()); }
});
//@ cell
let longest = std::thread::scope(|s| s.spawn(|| data.iter().max()).join().unwrap().copied());
//@ cell
(total, halves, data.len(), longest)
//@ model
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
fn main() {
    let data = vec![1u32, 2, 3, 4];
    let total = AtomicU32::new(0);
    let mut halves = [0u32; 2];
    std::thread::scope(|s| {
        for n in &data { let total = &total; s.spawn(move || total.fetch_add(*n, Relaxed)); }
        for (half, part) in halves.iter_mut().zip(data.chunks(2)) { s.spawn(move || *half = part.iter().sum()); }
    });
    let longest = std::thread::scope(|s| s.spawn(|| data.iter().max()).join().unwrap().copied());
    println!("{:?}", (total, halves, data.len(), longest));
}
//@ output
(10, [3, 7], 4, Some(4))
