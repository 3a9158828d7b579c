//! Ranges of each kind are kept and usable as indexes, patterns of `contains` and iterators.
//@ cell
let half = 2..5usize;
let closed = 'a'..='e';
let from = 3usize..;
let to = ..2usize;
let all = ..;
//@ cell
let v = [0, 10, 20, 30, 40, 50];
(&v[half.clone()], &v[from.clone()], &v[to], v[all].len(), closed.contains(&'f'))
//@ cell
half.zip(closed).last()
//@ model
fn main() {
    let half = 2..5usize;
    let closed = 'a'..='e';
    let from = 3usize..;
    let to = ..2usize;
    let all = ..;
    let v = [0, 10, 20, 30, 40, 50];
    println!("{:?}", (&v[half.clone()], &v[from.clone()], &v[to], v[all].len(), closed.contains(&'f')));
    println!("{:?}", half.zip(closed).last());
}
//@ output
([20, 30, 40], [30, 40, 50], [0, 10], 6, false)
Some((4, 'c'))
