//! Iterators whose types have names go on in the next cell where they stopped.
//@ cell
let mut letters = "abc".chars().peekable();
let mut numbers = vec![1, 2, 3].into_iter();
let mut steps = (0..10).step_by(3).rev();
let mut pairs = [1, 2].into_iter().zip(["x", "y"]);
//@ cell
letters.next();
numbers.next_back();
steps.next();
pairs.next();
//@ cell
(letters.peek(), numbers.as_slice(), steps.next(), pairs.next())
//@ cell
letters.collect::<String>()
//@ model
fn main() {
    let mut letters = "abc".chars().peekable();
    let mut numbers = vec![1, 2, 3].into_iter();
    let mut steps = (0..10).step_by(3).rev();
    let mut pairs = [1, 2].into_iter().zip(["x", "y"]);
    letters.next();
    numbers.next_back();
    steps.next();
    pairs.next();
    println!("{:?}", (letters.peek(), numbers.as_slice(), steps.next(), pairs.next()));
    println!("{:?}", letters.collect::<String>());
}
//@ output
(Some('b'), [1, 2], Some(6), Some((2, "y")))
"bc"
