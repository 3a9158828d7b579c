//! The process pool.

mod builder;
mod chunk;
mod driver;
mod pool;

pub use self::builder::ProcessPoolBuilder;
pub use self::chunk::ChunkResults;
pub use self::driver::StartMethod;
pub use self::pool::ProcessPoolExecutor;
