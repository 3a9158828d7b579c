//! A constant that is the length of a field is a part of the type.
//@ cell
const LEN: usize = 2;
//@ cell
#[derive(Debug, Default)]
struct Buffer { bytes: [u16; LEN] }
let b = Buffer::default();
let plain = [0; LEN];
//@ cell => dropped: b
const LEN: usize = 4;
//@ cell
(Buffer::default(), plain)
//@ model
const LEN: usize = 4;
#[derive(Debug, Default)]
struct Buffer { bytes: [u16; LEN] }
fn main() {
    let plain = [0; 2];
    println!("{:?}", (Buffer::default(), plain));
}
//@ output
(Buffer { bytes: [0, 0, 0, 0] }, [0, 0])
