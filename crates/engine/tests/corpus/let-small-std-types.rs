//! Types from all corners of std are kept: non-zero numbers, `Wrapping`, `Cow`, paths, times, markers.
//@ cell
use std::{borrow::Cow, marker::PhantomData, num::{NonZeroU32, Wrapping}, path::{Path, PathBuf}, time::{Duration, Instant}};
let n = NonZeroU32::new(3).unwrap();
let w = Wrapping(250u8) + Wrapping(10);
let text = String::from_utf8_lossy(b"plain");
let owned: Cow<str> = Cow::Owned("owned".to_string());
let mut path = PathBuf::from("/tmp").join("a.txt");
let short = Path::new("b.rs");
let pause = Duration::from_millis(1500);
let start = Instant::now();
let mark = PhantomData::<Vec<u8>>;
let order = 1.cmp(&2);
//@ cell
path.set_extension("rs");
let later = start + pause;
//@ cell
(n.get(), w.0, &text, &owned, &path, short.extension(), pause, later > start, mark, order)
//@ model
use std::{borrow::Cow, marker::PhantomData, num::{NonZeroU32, Wrapping}, path::{Path, PathBuf}, time::{Duration, Instant}};
fn main() {
    let n = NonZeroU32::new(3).unwrap();
    let w = Wrapping(250u8) + Wrapping(10);
    let text = String::from_utf8_lossy(b"plain");
    let owned: Cow<str> = Cow::Owned("owned".to_string());
    let mut path = PathBuf::from("/tmp").join("a.txt");
    let short = Path::new("b.rs");
    let pause = Duration::from_millis(1500);
    let start = Instant::now();
    let mark = PhantomData::<Vec<u8>>;
    let order = 1.cmp(&2);
    path.set_extension("rs");
    let later = start + pause;
    println!("{:?}", (n.get(), w.0, &text, &owned, &path, short.extension(), pause, later > start, mark, order));
}
//@ output
(3, 4, "plain", "owned", "/tmp/a.rs", Some("rs"), 1.5s, true, PhantomData<alloc::vec::Vec<u8>>, Less)
