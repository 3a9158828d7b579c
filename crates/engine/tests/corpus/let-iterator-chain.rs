//! A chain of iterators needs no type beyond that of `collect`.
//@ cell
let v = vec![3, 1, 2];
//@ cell
let words = v.iter().map(|n| n.to_string()).collect::<Vec<_>>();
//@ cell
let total = words.iter().map(|w| w.len()).sum::<usize>();
let joined = words.join("-");
//@ cell
println!("{total} {joined}");
words
//@ model
fn main() {
    let v = vec![3, 1, 2];
    let words = v.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    let total = words.iter().map(|w| w.len()).sum::<usize>();
    let joined = words.join("-");
    println!("{total} {joined}");
    println!("{:?}", words);
}
//@ output
3 3-1-2
["3", "1", "2"]
