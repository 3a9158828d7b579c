//! The type of a channel comes from the first message in the same cell.
//@ cell => E0282
let (tx, rx) = std::sync::mpsc::channel();
//@ cell
let (tx, rx) = std::sync::mpsc::sync_channel(4);
tx.send(vec![1u8, 2])?;
//@ cell
rx.try_recv()
//@ cell
rx.try_recv()
//@ model
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (tx, rx) = std::sync::mpsc::sync_channel(4);
    tx.send(vec![1u8, 2])?;
    println!("{:?}", rx.try_recv());
    println!("{:?}", rx.try_recv());
    Ok(())
}
//@ output
Ok([1, 2])
Err(Empty)
