//! The collections of std are kept without their types.
//@ cell
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::cmp::Reverse;
//@ cell
let mut ages = HashMap::from([("ada", 36), ("alan", 41)]);
let sorted: BTreeMap<_, _> = ages.iter().map(|(k, v)| (k.to_string(), v * 2)).collect();
let seen = [1, 2, 2].into_iter().collect::<HashSet<_>>();
let set = BTreeSet::from_iter("hello".chars());
let mut queue = VecDeque::from(vec!['x']);
let mut heap = BinaryHeap::from([Reverse((5, "five")), Reverse((1, "one"))]);
//@ cell
*ages.entry("ada").or_insert(0) += 1;
queue.push_front('w');
heap.push(Reverse((3, "three")));
//@ cell
(ages["ada"], &sorted, seen.len(), &set, &queue)
//@ cell
heap.pop().map(|Reverse(top)| top)
//@ model
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::cmp::Reverse;
fn main() {
    let mut ages = HashMap::from([("ada", 36), ("alan", 41)]);
    let sorted: BTreeMap<_, _> = ages.iter().map(|(k, v)| (k.to_string(), v * 2)).collect();
    let seen = [1, 2, 2].into_iter().collect::<HashSet<_>>();
    let set = BTreeSet::from_iter("hello".chars());
    let mut queue = VecDeque::from(vec!['x']);
    let mut heap = BinaryHeap::from([Reverse((5, "five")), Reverse((1, "one"))]);
    *ages.entry("ada").or_insert(0) += 1;
    queue.push_front('w');
    heap.push(Reverse((3, "three")));
    println!("{:?}", (ages["ada"], &sorted, seen.len(), &set, &queue));
    println!("{:?}", heap.pop().map(|Reverse(top)| top));
}
//@ output
(37, {"ada": 72, "alan": 82}, 2, {'e', 'h', 'l', 'o'}, ['w', 'x'])
Some((1, "one"))
