//! A `use` that names the type of a field is a part of the type.
//@ cell
use std::collections::HashMap as Map;
//@ cell
#[derive(Debug, Default)]
struct Index { words: Map<String, u32> }
let mut index = Index::default();
index.words.insert("z".into(), 1);
//@ cell => dropped: index
use std::collections::BTreeMap as Map;
//@ cell
let mut index = Index::default();
for w in ["b", "a"] { *index.words.entry(w.to_string()).or_default() += 1 }
//@ cell
index
//@ model
use std::collections::BTreeMap as Map;
#[derive(Debug, Default)]
struct Index { words: Map<String, u32> }
fn main() {
    let mut index = Index::default();
    for w in ["b", "a"] { *index.words.entry(w.to_string()).or_default() += 1 }
    println!("{:?}", index);
}
//@ output
Index { words: {"a": 1, "b": 1} }
