//! Chunks: several items of a map in one call to a process.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};
use threadbook_future::{Future, TaskError, panics};
use threadbook_worker::Bytes;

use crate::executor::Portable;
use crate::map::MapResults;

/// The results of a chunk: the values, as bytes, and which items panicked. A chunk of plain numbers is copied.
#[derive(Serialize, Deserialize)]
pub(crate) struct Chunk {
    values: Bytes,
    panics: VecDeque<(usize, Panic)>,
}

#[derive(Serialize, Deserialize)]
struct Panic {
    message: String,
    location: Option<String>,
}

/// Calls `f` with each item, in the worker. A panic of one item does not affect the others.
pub(crate) fn call_each<F, A, R>(f: F, chunk: Vec<A>) -> Chunk
where
    F: Fn(A) -> R,
    R: Portable,
{
    panics::install_hook();
    let mut values = Vec::with_capacity(chunk.len());
    let mut panics = VecDeque::new();
    let mut items = chunk.into_iter();
    while let Err(error) = panics::catch(&"", || items.by_ref().for_each(|item| values.push(f(item)))) {
        let panic = match error {
            TaskError::Panicked { message, location, .. } => Panic { message, location },
            error => Panic { message: error.to_string(), location: None },
        };
        panics.push_back((values.len() + panics.len(), panic));
    }
    Chunk { values: Bytes::of(values), panics }
}

/// Yields the results of a [`map_chunked`](crate::ProcessPoolExecutor::map_chunked) in the order of the items, waiting
/// for each.
#[must_use = "the calls are made anyway, but their results and errors are lost"]
pub struct ChunkResults<R> {
    chunks: MapResults<Chunk>,
    /// The sizes of the chunks that are to come.
    sizes: VecDeque<usize>,
    now: Ready<R>,
}

impl<R> ChunkResults<R> {
    /// Of the futures of the chunks, each with the number of its items.
    pub(crate) fn new(chunks: Vec<(Future<Chunk>, usize)>) -> ChunkResults<R> {
        let (futures, sizes): (_, VecDeque<_>) = chunks.into_iter().unzip();
        ChunkResults {
            chunks: MapResults::of(futures, None),
            sizes,
            now: Ready::Failed(TaskError::Cancelled, 0),
        }
    }
}

/// The rest of a chunk.
enum Ready<R> {
    Items {
        values: std::vec::IntoIter<R>,
        panics: VecDeque<(usize, Panic)>,
        next: usize,
    },
    /// The error of the chunk, and the number of its items that are left.
    Failed(TaskError, usize),
}

impl<R: Portable> Ready<R> {
    fn new(chunk: Result<Chunk, TaskError>, size: usize) -> Ready<R> {
        let read = chunk.and_then(|Chunk { values, panics }| {
            let values: Vec<R> = values.read().map_err(TaskError::from_error)?;
            Ok(Ready::Items { values: values.into_iter(), panics, next: 0 })
        });
        read.unwrap_or_else(|error| Ready::Failed(error, size))
    }

    fn next(&mut self) -> Option<Result<R, TaskError>> {
        match self {
            Ready::Failed(_, 0) => None,
            Ready::Failed(error, left) => {
                *left -= 1;
                Some(Err(error.clone()))
            }
            Ready::Items { values, panics, next } => {
                *next += 1;
                if panics.front().is_some_and(|(index, _)| index + 1 == *next) {
                    let (_, Panic { message, location }) = panics.pop_front()?;
                    let task = "an item of the map".to_owned();
                    return Some(Err(TaskError::Panicked { message, location, task }));
                }
                values.next().map(Ok)
            }
        }
    }

    fn left(&self) -> usize {
        match self {
            Ready::Failed(_, left) => *left,
            Ready::Items { values, panics, .. } => values.len() + panics.len(),
        }
    }
}

impl<R: Portable> Iterator for ChunkResults<R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(result) = self.now.next() {
                return Some(result);
            }
            let chunk = self.chunks.next()?;
            self.now = Ready::new(chunk, self.sizes.pop_front().unwrap_or_default());
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.now.left() + self.sizes.iter().sum::<usize>();
        (left, Some(left))
    }
}

impl<R: Portable> ExactSizeIterator for ChunkResults<R> {}

impl<R> fmt::Debug for ChunkResults<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkResults({} chunks to come)", self.sizes.len())
    }
}
