//! Vocabularies as files of other projects: bytes in, [`Parts`](crate::vocabulary::Parts) out, and back.

pub mod huggingface;
pub mod tiktoken;
