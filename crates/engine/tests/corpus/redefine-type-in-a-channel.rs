//! A channel, a handle of a thread and a function pointer that carry a redefined type are dropped.
//@ cell
struct Job(u8);
fn work(j: Job) -> u8 { j.0 }
//@ cell
let (tx, rx) = std::sync::mpsc::channel::<Job>();
let h = std::thread::spawn(|| Job(1));
let f: fn(Job) -> u8 = work;
let done = 0usize;
//@ cell => dropped: tx, rx, h, f
struct Job(String);
//@ cell => E0425
tx
//@ cell
done + Job("abc".into()).0.len()
//@ model
struct Job(String);
fn main() {
    println!("{:?}", Job("abc".into()).0.len());
}
//@ output
3
