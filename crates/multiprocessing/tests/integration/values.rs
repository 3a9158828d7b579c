//! The cases of CPython's `_test_multiprocessing` about shared values and arrays, each named after its original,
//! and what is ours.
//!
//! Left out are cases about raw values, which is what these are, and structures of C.

use crate::common::{LONG, ended};
use arbtest::arbtest;
use std::fmt::Debug;
use threadbook_multiprocessing::{Array, Number, Process, Value};

#[test]
fn value() {
    fn case<T>(first: T, second: T)
    where
        T: Number + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
    {
        let value = Value::new(first);
        assert_eq!(value.get(), first);
        let set = |(value, second): (Value<T>, T)| value.set(second);
        let process = Process::new(set, (value.clone(), second)).daemon(true);
        process.start().unwrap();
        assert_eq!(ended(&process), Some(0));
        assert_eq!(value.get(), second);
    }
    case(4343_i32, 24234);
    case(3.625, -4.25);
    case(-232_i16, 234);
    case(1_i64 << 33, 1 << 34);
    case(b'x', b'y');
    case(false, true);
    case(1.5_f32, f32::MAX);
    case(usize::MAX, 0);
}

#[test]
fn array() {
    fn sum_up(seq: &mut [i32]) {
        for i in 1..seq.len() {
            seq[i] += seq[i - 1];
        }
    }
    let mut seq = vec![680, 626, 934, 821, 150, 233, 548, 982, 714, 831];
    let array = Array::new(&seq);
    assert_eq!((array.len(), array.get(3)), (seq.len(), Some(seq[3])));
    assert_eq!(array.to_vec()[2..7], seq[2..7]);
    array.update(|all| all[4..8].copy_from_slice(&[1, 2, 3, 4])).unwrap();
    seq[4..8].copy_from_slice(&[1, 2, 3, 4]);
    assert_eq!(array.to_vec(), seq);
    sum_up(&mut seq);
    let process = Process::new(|array: Array<i32>| array.update(sum_up), array.clone()).daemon(true);
    process.start().unwrap();
    assert_eq!(ended(&process), Some(0));
    assert_eq!(array.to_vec(), seq);
}

#[test]
fn array_from_size() {
    for _ in 0..3 {
        let array = Array::new(&[0; 10]);
        assert_eq!(array.to_vec(), [0; 10]);
        for index in 0..10 {
            array.set(index, index as i32).unwrap();
        }
        assert!(array.to_vec().into_iter().eq(0..10));
    }
    let nothing = Array::<u8>::new(&[]);
    let process = Process::spawn(|nothing: Array<u8>| assert!(nothing.is_empty()), nothing).unwrap();
    assert_eq!(ended(&process), Some(0));
}

#[test]
fn getobj_getlock() {
    let array = Array::new(&[1, 2]);
    let guard = array.lock().lock().unwrap();
    let said = array.update(|_| ()).unwrap_err().to_string();
    assert!(said.contains("this thread holds the lock already"), "{said}");
    drop(guard);
    array.update(|all| all[0] = 3).unwrap();
    assert_eq!(array.to_vec(), [3, 2]);
}

#[test]
fn an_index_beyond_the_end_is_told() {
    let array = Array::new(&[1.5, 2.5]);
    assert_eq!(array.get(2), None);
    let said = array.set(2, 0.0).unwrap_err().to_string();
    assert_eq!(said, "the array has 2 numbers, and none at index 2");
    assert!(array.update_at(7, |n| n).is_err());
    assert_eq!(array.update_at(1, |n| n * 2.0), Ok(5.0));
    assert_eq!(format!("{array:?} {:?}", Value::new(3)), "Array([1.5, 5.0]) Value(3)");
}

#[test]
fn no_update_is_lost() {
    const EACH: u64 = 2_000;
    type Shared = (Value<u64>, Value<f64>, Array<u32>);
    let shared: Shared = (Value::new(0), Value::new(0.0), Array::new(&[0; 4]));
    let count = |(count, total, array): Shared| {
        for n in 0..EACH {
            count.update(|n| n + 1);
            total.update(|n| n + 0.5);
            array.update_at(n as usize % 2, |n| n + 1).unwrap();
            array.update(|all| all[2..].iter_mut().for_each(|n| *n += 1)).unwrap();
        }
    };
    let processes: Vec<Process> = (0..3).map(|_| Process::spawn(count, shared.clone()).unwrap()).collect();
    assert!(processes.iter().all(|process| ended(process) == Some(0)));
    let (count, total, array) = shared;
    assert_eq!((count.get(), total.get()), (3 * EACH, 1.5 * EACH as f64));
    let all = 3 * EACH as u32;
    assert_eq!(array.to_vec(), [all / 2, all / 2, all, all]);
}

#[test]
fn an_update_that_panics_changes_nothing() {
    let array = Array::new(&[1, 2, 3]);
    let change = |array: Array<i32>| {
        let _ = array.update(|all| {
            all.fill(9);
            panic!("on purpose");
        });
    };
    let process = Process::spawn(change, array.clone()).unwrap();
    assert!(process.join_timeout(LONG).unwrap());
    assert_eq!(array.to_vec(), [1, 2, 3]);
    array.update(|all| all[0] = 4).unwrap();
    assert_eq!(array.to_vec(), [4, 2, 3]);
}

#[test]
fn an_array_is_an_array() {
    fn check<T: Number + PartialEq + Debug>(mut model: Vec<T>, steps: &[(u8, T)]) {
        let array = Array::new(&model);
        let other: Array<T> = threadbook_worker::Message::new(&array).unwrap().read().unwrap();
        for (index, value) in steps {
            let index = usize::from(*index);
            assert_eq!(other.set(index, *value).is_ok(), index < model.len());
            if let Some(there) = model.get_mut(index) {
                *there = *value;
            }
            assert_eq!(array.get(index), model.get(index).copied());
        }
        assert_eq!(array.to_vec(), model);
    }
    arbtest(|random| {
        check::<u8>(random.arbitrary()?, &random.arbitrary::<Vec<_>>()?);
        check::<bool>(random.arbitrary()?, &random.arbitrary::<Vec<_>>()?);
        check::<i16>(random.arbitrary()?, &random.arbitrary::<Vec<_>>()?);
        check::<i64>(random.arbitrary()?, &random.arbitrary::<Vec<_>>()?);
        Ok(())
    })
    .budget_ms(1_000);
}
