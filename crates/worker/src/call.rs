//! Calls of a worker, and its answers.

use serde::Serialize;
use serde::de::DeserializeOwned;
use threadbook_trace::Ticks;

use crate::codec::{CodecError, decode, into_bytes};
use crate::descriptors::{self, Descriptor};
use crate::fn_address::{self, Entry, FnAddress};
use crate::frame::{Frame, Kind, put_text, take_number, take_text};

/// A function and its argument, ready to be sent to a worker.
#[derive(Debug)]
pub struct Call {
    pub(crate) frame: Frame,
}

impl Call {
    /// A call of `f` with `argument`.
    ///
    /// # Errors
    ///
    /// If the argument's own `Serialize` refuses.
    ///
    /// A function that captures something is refused by the compiler: another process has no way to it. So is
    /// a pointer to a function, which could be any.
    pub fn new<F, A, R>(f: F, argument: A) -> Result<Call, CodecError>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        const { Sizeless::<F>::CHECKED };
        let _ = f;
        let address = fn_address::of(entry::<F, A, R>).ok_or_else(|| {
            CodecError(format!("the system does not know where {} lies", std::any::type_name::<F>()))
        })?;
        let mut head = Vec::with_capacity(address.object.len() + 16);
        put_text(&mut head, &address.object);
        head.extend(address.offset.to_le_bytes());
        let (body, descriptors) = descriptors::collect(|| into_bytes(argument));
        Ok(Call { frame: Frame { descriptors, ..Frame::new(Kind::Call, head, body?) } })
    }

    /// The same call, after which the worker ends: with exit code 0 if the function returns, 1 if it panics.
    pub fn and_exit(mut self) -> Call {
        self.frame.kind = Kind::Run;
        self
    }

    /// How many bytes have to be sent.
    pub fn size(&self) -> usize {
        self.frame.head.len() + self.frame.body.len()
    }

    /// The address of the function, from the head of a frame.
    pub(crate) fn address(head: &[u8]) -> Option<FnAddress> {
        let (object, rest) = take_text(head)?;
        let (offset, _) = take_number(rest)?;
        Some(FnAddress { object: object.into(), offset })
    }
}

/// A type without a size. The compiler reports each type that has one, once.
struct Sizeless<F>(std::marker::PhantomData<F>);

impl<F> Sizeless<F> {
    const CHECKED: () = assert!(
        size_of::<F>() == 0,
        "a function that is to run in another process cannot capture variables, and cannot be a pointer: name a `fn`, \
         or write a closure that gets all it needs as its argument"
    );
}

/// The function that a worker calls.
fn entry<F, A, R>(argument: Vec<u8>) -> Result<Vec<u8>, CodecError>
where
    F: Fn(A) -> R + Copy + Send + Sync,
    A: DeserializeOwned + 'static,
    R: Serialize + 'static,
{
    const { Sizeless::<F>::CHECKED };
    // SAFETY: the type has no size and can be copied, and the caller of `Call::new` had a value of it.
    let f: F = unsafe { std::mem::zeroed() };
    let argument = decode(argument)?;
    descriptors::release();
    into_bytes(f(argument))
}

// `fn_address` returns one of these.
const _: fn() -> Entry = || entry::<fn(()), (), ()>;

/// The outcome of a call.
#[derive(Debug)]
pub enum Answer {
    /// It returned.
    Returned {
        /// When the worker began with it.
        started: Ticks,
        /// When the worker was done.
        finished: Ticks,
        /// The value; [`decode`] reads it.
        value: Vec<u8>,
        /// Open files that are part of the value.
        descriptors: Vec<Descriptor>,
    },
    /// It panicked.
    Panicked {
        /// When the worker began with it.
        started: Ticks,
        /// When it panicked.
        finished: Ticks,
        /// The message of the panic.
        message: String,
        /// The location, as [`describe`](threadbook_base::location::describe) has it, if known.
        location: Option<String>,
    },
    /// There could be no call, or its value could not be sent. This is why.
    Failed(String),
}

impl Answer {
    /// Reads the value, with the open files in it.
    ///
    /// # Errors
    ///
    /// If it is no `R`.
    pub fn read<R: DeserializeOwned + 'static>(
        value: Vec<u8>,
        descriptors: Vec<Descriptor>,
    ) -> Result<R, CodecError> {
        descriptors::provide(descriptors, || decode(value))
    }

    pub(crate) fn from_frame(frame: Frame) -> Option<Answer> {
        let Frame { kind, head, body, descriptors, .. } = frame;
        if kind == Kind::Failed {
            return Some(Answer::Failed(String::from_utf8_lossy(&body).into_owned()));
        }
        let (started, rest) = take_number(&head)?;
        let (finished, _) = take_number(rest)?;
        let (started, finished) = (Ticks::from_number(started), Ticks::from_number(finished));
        match kind {
            Kind::Returned => Some(Answer::Returned { started, finished, value: body, descriptors }),
            Kind::Panicked => {
                let (location, message) = take_text(&body)?;
                let location = Some(location.to_owned()).filter(|location| !location.is_empty());
                let message = String::from_utf8_lossy(message).into_owned();
                Some(Answer::Panicked { started, finished, message, location })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(n: u64) -> u64 {
        n * n
    }

    #[test]
    fn a_call_says_where_its_function_lies() {
        let Frame { head, body, .. } = Call::new(square, 7).unwrap().frame;
        let address = Call::address(&head).unwrap();
        assert_eq!(decode::<u64>(body.clone()).unwrap(), 7);
        // SAFETY: the address is that of a function of this process.
        let entry = unsafe { fn_address::Loader::default().find(&address) }.unwrap();
        assert_eq!(decode::<u64>(entry(body).unwrap()).unwrap(), 49);
    }
}
