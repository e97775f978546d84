//! The engine of tokloom: exact byte-level BPE, to train and to use.
//!
//! Data goes one way, and each step is a room:
//!
//! ```text
//! bytes ─pretokenize→ pretokens ─count→ counts ─train→ vocabulary     (make a tokenizer: once)
//! bytes ─pretokenize→ pretokens ─encode→ ids                          (use it: billions of times)
//! ids ─decode→ bytes
//! ```
//!
//! The crate knows no Python, panics on no input, and reads or writes no vocabulary file: [`formats`] turns bytes
//! into vocabularies and back, so that who calls decides where they lie.

pub mod chunks;
pub mod count;
pub mod decode;
pub mod encode;
pub mod error;
pub mod formats;
pub mod learned;
mod memory;
pub mod network;
pub mod pretokenize;
pub mod read;
pub mod segment;
pub mod train;
pub mod vocabulary;

pub use error::{Error, Result};
pub use pretokenize::{Pattern, Pretokenizer};
pub use vocabulary::{AddedToken, Merges, Parts, Vocabulary};
