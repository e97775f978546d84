//! bytes → pretokens: the stretches of text that no token crosses.

mod pattern;

pub use pattern::{Gaps, Pattern, Split};

use crate::error::Result;

/// A compiled [`Pattern`]. Cheap to share between threads; every method takes `&self`.
pub struct Pretokenizer {}

impl Pretokenizer {
    /// Compiles a pattern: a known one becomes its hand-written scanner, any other is run by the regex library.
    pub fn new(_pattern: &Pattern) -> Result<Self> {
        todo!()
    }

    /// Calls `each` with every pretoken of `bytes`, in order; together they are `bytes`.
    ///
    /// Where `bytes` isn't UTF-8, each valid run is split as if the text ended with it, and each maximal invalid run
    /// is one pretoken.
    pub fn split(&self, _bytes: &[u8], _each: impl FnMut(&[u8])) -> Result<()> {
        todo!()
    }

    /// Like [`Self::split`], for the beginning of a text that goes on: calls `each` only with the pretokens that
    /// nothing which may follow can change, and returns how many bytes these are. What is left must come again, in
    /// front of what follows.
    ///
    /// A pattern that is not a hand-written scanner can't be trusted before the end: none of the text is split.
    pub fn split_prefix(&self, _bytes: &[u8], _each: impl FnMut(&[u8])) -> Result<usize> {
        todo!()
    }

    /// A place near the end of `bytes` (the beginning of a text that goes on) where the text may be cut in two, each
    /// part then split as a text of its own with the same result as the whole, whatever follows. `None`: no such
    /// place is known (or the pattern is not a hand-written scanner).
    pub fn cut(&self, _bytes: &[u8]) -> Result<Option<usize>> {
        todo!()
    }
}
