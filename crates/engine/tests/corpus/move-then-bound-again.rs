//! A variable that a cell has moved is bound again, with another type, by a cell that uses its name elsewhere, too.
//@ cell
let thread = std::thread::spawn(|| 7);
//@ cell
thread.join().unwrap()
//@ cell
let thread = std::thread::spawn(|| "seven");
//@ cell
let joined = thread.join().unwrap();
joined
//@ cell
let words = vec![String::from("a")];
//@ cell
drop(words);
//@ cell
words = vec![String::from("b"), String::from("c")];
let words = words.len();
//@ cell
words + 1
//@ model
fn main() {
    let thread = std::thread::spawn(|| 7);
    println!("{:?}", thread.join().unwrap());
    let thread = std::thread::spawn(|| "seven");
    let joined = thread.join().unwrap();
    println!("{:?}", joined);
    let words = vec![String::from("a")];
    drop(words);
    let words;
    words = vec![String::from("b"), String::from("c")];
    let words = words.len();
    println!("{:?}", words + 1);
}
//@ output
7
"seven"
3
