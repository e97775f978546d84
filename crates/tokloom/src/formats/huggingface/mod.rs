//! `tokenizer.json` of Hugging Face's tokenizers, byte-level BPE.
//!
//! [`read`] takes what the engine does exactly and refuses everything else by name; [`write()`] gives a file that
//! `tokenizers` opens with the same ids, and [`write_config`] what `AutoTokenizer` wants beside it.

mod added;
mod alphabet;
mod config;
mod model;
mod post_processor;
mod pre_tokenizer;
mod read;
mod section;
mod write;

#[cfg(test)]
mod tests;

pub use config::{ConfigTokens, write_config};
pub use read::read;
pub use write::{View, write};
