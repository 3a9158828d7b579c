//! The types of numbers in a [`Value`](crate::Value) or an [`Array`](crate::Array).

use std::fmt::Debug;
use std::sync::atomic::*;

/// A number, or `bool`: the integers and floating-point numbers of up to 64 bits.
///
/// A processor reads and writes these at one stroke, so no other process ever sees half a value, and none can be
/// killed halfway.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot lie in memory that processes share",
    note = "a Value or an Array holds numbers of up to 64 bits, or bool; send anything else through a Queue or a Pipe"
)]
pub trait Number: Cell + Default + Debug + Send + Sync + 'static {}

/// How a number lies in shared memory.
///
/// # Safety
///
/// Any bytes that a `Cell` wrote, and zeros, must be a value.
pub unsafe trait Cell: Copy {
    /// Reads the number.
    ///
    /// # Safety
    ///
    /// `at` must point to a `Self`, aligned, that lives for the call and is used by these functions only.
    unsafe fn load(at: *mut Self) -> Self;

    /// Writes.
    ///
    /// # Safety
    ///
    /// As [`Cell::load`].
    unsafe fn store(at: *mut Self, value: Self);

    /// Writes `new` if the number is `old`; returns the present number otherwise.
    ///
    /// # Safety
    ///
    /// As [`Cell::load`].
    unsafe fn exchange(at: *mut Self, old: Self, new: Self) -> Result<Self, Self>;

    /// Whether both are the same, bit for bit.
    fn is_same(self, other: Self) -> bool;
}

macro_rules! cells {
    ($($type:ty as $bits:ty, $atomic:ty, $to:expr, $from:expr;)*) => {
        $(
            impl Number for $type {}

            // SAFETY: each value is one of the atomic type.
            unsafe impl Cell for $type {
                unsafe fn load(at: *mut Self) -> Self {
                    // SAFETY: the caller promises it; the atomic type has the same size and alignment.
                    $from(unsafe { <$atomic>::from_ptr(at.cast()) }.load(Ordering::SeqCst))
                }

                unsafe fn store(at: *mut Self, value: Self) {
                    // SAFETY: as above.
                    unsafe { <$atomic>::from_ptr(at.cast()) }.store($to(value), Ordering::SeqCst)
                }

                unsafe fn exchange(at: *mut Self, old: Self, new: Self) -> Result<Self, Self> {
                    // SAFETY: as above.
                    let atomic = unsafe { <$atomic>::from_ptr(at.cast()) };
                    let order = Ordering::SeqCst;
                    atomic.compare_exchange($to(old), $to(new), order, order).map($from).map_err($from)
                }

                fn is_same(self, other: Self) -> bool {
                    let (own, other): ($bits, $bits) = ($to(self), $to(other));
                    own == other
                }
            }
        )*
    };
}

cells! {
    bool as bool, AtomicBool, |value| value, |bits| bits;
    i8 as i8, AtomicI8, |value| value, |bits| bits;
    u8 as u8, AtomicU8, |value| value, |bits| bits;
    i16 as i16, AtomicI16, |value| value, |bits| bits;
    u16 as u16, AtomicU16, |value| value, |bits| bits;
    i32 as i32, AtomicI32, |value| value, |bits| bits;
    u32 as u32, AtomicU32, |value| value, |bits| bits;
    i64 as i64, AtomicI64, |value| value, |bits| bits;
    u64 as u64, AtomicU64, |value| value, |bits| bits;
    isize as isize, AtomicIsize, |value| value, |bits| bits;
    usize as usize, AtomicUsize, |value| value, |bits| bits;
    f32 as u32, AtomicU32, f32::to_bits, f32::from_bits;
    f64 as u64, AtomicU64, f64::to_bits, f64::from_bits;
}
