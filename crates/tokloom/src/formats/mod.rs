//! Vocabularies as files of other projects: bytes in, [`Parts`](crate::vocabulary::Parts) out, and back.
//!
//! Nothing here opens a file. `origin` is the path (or whatever the bytes came from), for the messages.

pub mod compiled;
mod export;
mod foreign;
pub mod huggingface;
pub mod tiktoken;

pub use export::{to_huggingface, to_tiktoken, token_table};

/// Ids are below this: 2^31, so that they fit into the signed 32 bits that many libraries keep them in.
const ID_LIMIT: u64 = 1 << 31;
