//! Futures that are done, each in its way.

use threadbook_executor::{Future, Promise};

pub fn cancelled() -> Future<i32> {
    let (_promise, future) = Promise::new();
    assert!(future.cancel());
    future
}

pub fn failed() -> Future<i32> {
    let (promise, future) = Promise::new();
    promise.set_exception("trouble");
    future
}

pub fn successful() -> Future<i32> {
    let (promise, future) = Promise::new();
    promise.set_result(42);
    future
}
