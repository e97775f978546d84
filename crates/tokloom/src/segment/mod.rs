//! A table of spans of at most sixteen bytes; a text is cut into the fewest of them.
//!
//! All 256 bytes are spans, so there is always a way. Of the ways with the fewest tokens, the one is taken that at each
//! place from the left has the longest token.

mod automaton;
mod fewest;
mod ids;
mod rows;
mod table;
mod trie;

pub use table::{LONGEST, Spans};

#[cfg(test)]
mod tests;
