//! A future in a box is kept between cells and polled by hand.
//@ cell
use std::{future::{Future, ready}, pin::{Pin, pin}, task::{Context, Poll, Waker}};
struct Countdown(u8);
impl Future for Countdown { type Output = &'static str; fn poll(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<&'static str> { if self.0 == 0 { Poll::Ready("lift-off") } else { self.0 -= 1; Poll::Pending } } }
async fn add(a: u8, b: u8) -> u8 { ready(a).await + b }
//@ cell
let mut job: Pin<Box<dyn Future<Output = String>>> = Box::pin(async { format!("{} {}", Countdown(2).await, add(1, 2).await) });
//@ cell
let pending = job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
//@ cell
job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
//@ cell
(pending, job.as_mut().poll(&mut Context::from_waker(Waker::noop())))
//@ cell
let fut = pin!(add(3, 4));
matches!(fut.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(7))
//@ model
use std::{future::{Future, ready}, pin::{Pin, pin}, task::{Context, Poll, Waker}};
struct Countdown(u8);
impl Future for Countdown { type Output = &'static str; fn poll(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<&'static str> { if self.0 == 0 { Poll::Ready("lift-off") } else { self.0 -= 1; Poll::Pending } } }
async fn add(a: u8, b: u8) -> u8 { ready(a).await + b }
fn main() {
    let mut job: Pin<Box<dyn Future<Output = String>>> = Box::pin(async { format!("{} {}", Countdown(2).await, add(1, 2).await) });
    let pending = job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
    println!("{:?}", job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    println!("{:?}", (pending, job.as_mut().poll(&mut Context::from_waker(Waker::noop()))));
    let fut = pin!(add(3, 4));
    println!("{:?}", matches!(fut.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(7)));
}
//@ output
true
(true, Ready("lift-off 3"))
true
