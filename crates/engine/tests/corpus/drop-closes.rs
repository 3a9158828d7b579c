//! A dropped value is closed: a listener's address is free, and a receiver's senders fail.
//@ cell
use std::net::TcpListener;
let listener = TcpListener::bind("127.0.0.1:0")?;
let address = listener.local_addr()?;
let (tx, rx) = std::sync::mpsc::channel();
tx.send(1)?;
//@ cell
TcpListener::bind(address).is_err()
//@ cell
drop((listener, rx));
//@ cell
let listener = TcpListener::bind(address)?;
//@ cell => error: closed channel
tx.send(2)?;
//@ model
use std::net::TcpListener;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (tx, rx) = std::sync::mpsc::channel();
    tx.send(1)?;
    println!("{:?}", TcpListener::bind(address).is_err());
    drop((listener, rx));
    let listener = TcpListener::bind(address)?;
    let _ = (|| -> Result<(), Box<dyn std::error::Error>> {
        tx.send(2)?;
        Ok(())
    })();
    Ok(())
}
//@ output
true
