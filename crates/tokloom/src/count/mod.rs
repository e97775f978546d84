//! pretokens → how often each occurs: threads, a memory budget, exact 64-bit sums.
//!
//! A [`Counter`] takes documents and gives [`PretokenCounts`], which can be saved, loaded, added, and trained from.
//! The same counts come out whatever the threads, the order of the documents, the sizes of the batches, and the
//! memory.

mod counter;
mod counts;
mod file;
pub(crate) mod merge;
mod pieces;
mod runs;
mod stored;
pub(crate) mod table;
mod tally;
#[cfg(test)]
mod tests;
mod workers;

pub use counter::Counter;
pub use counts::PretokenCounts;
pub use stored::{Counted, StoredCounts};

/// What a long call does now and then, at least ten times a second or so: it gets the number of bytes counted so
/// far, and may return an error ([`Error::Interrupted`](crate::Error::Interrupted)) to end the call.
pub type Tick<'a> = &'a mut dyn FnMut(u64) -> crate::Result<()>;
