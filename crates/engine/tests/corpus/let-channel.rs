//! Both ends of a channel are kept; the receiver sees the end of the last sender.
//@ cell
use std::sync::mpsc;
let (tx, rx) = mpsc::channel::<(u32, String)>();
//@ cell
let tx2 = tx.clone();
tx.send((1, "one".into()))?;
//@ cell
let sender = std::thread::spawn(move || { tx2.send((2, "two".into())).unwrap(); });
//@ cell
sender.join().unwrap();
drop(tx);
//@ cell
rx.iter().collect::<Vec<_>>()
//@ cell
rx.recv().is_err()
//@ model
use std::sync::mpsc;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (tx, rx) = mpsc::channel::<(u32, String)>();
    let tx2 = tx.clone();
    tx.send((1, "one".into()))?;
    let sender = std::thread::spawn(move || { tx2.send((2, "two".into())).unwrap(); });
    sender.join().unwrap();
    drop(tx);
    println!("{:?}", rx.iter().collect::<Vec<_>>());
    println!("{:?}", rx.recv().is_err());
    Ok(())
}
//@ output
[(1, "one"), (2, "two")]
true
